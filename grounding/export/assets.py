"""Interactive assets: everything but the models that the playground needs, in one JSON file."""

from typing import Any

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data.splits import SplitName, Splits, to_unit
from grounding.export.points import PROJECTION, Embedding, EmbeddingOptions, rounded

PROJECTION_METHOD = "knn_barycentric"


def interactive_assets(
    embedding: Embedding,
    splits: Splits,
    split: SplitName,
    options: EmbeddingOptions,
    projection_k: int,
) -> dict[str, Any]:
    """The part of `*_interactive_assets.json` that the playground computes with.

    Args:
        embedding: N references of the split.
        splits: where labels and digit samples come from.
        split: which one was embedded.
        options: what made the embedding.
        projection_k: neighbours that a probe is placed between, 1 to N.

    Raises:
        UserError: projection_k is out of range, or a digit has no image.
    """
    count = len(embedding.indices)
    if not 1 <= projection_k <= count:
        raise UserError(
            f"--projection-k {projection_k} is not in 1 to {count}, the number of points"
        )
    return {
        "num_points": count,
        "latent_dim": embedding.latents.shape[1],
        "projection": PROJECTION,
        "projection_method": PROJECTION_METHOD,
        "projection_k": projection_k,
        "umap_n_neighbors": options.umap_n_neighbors,
        "umap_min_dist": options.umap_min_dist,
        "l2_normalized": options.l2_normalize,
        "image_shape": list(splits.image_shape),
        "reference_points": rounded(embedding.points),
        "reference_latents": rounded(embedding.searched),
        "reference_latents_raw": rounded(embedding.latents),
        "reference_labels": splits.named(split).labels[embedding.indices].tolist(),
        "reference_indices": embedding.indices.tolist(),
        "digit_samples": rounded(digit_samples(splits, split)),
    }


def digit_samples(splits: Splits, split: SplitName) -> Tensor:
    """One image of each digit, float32 (classes, C * H * W) in [0, 1]: the first of the split.

    A digit that the split lacks is taken from the test, validation or training split.

    Raises:
        UserError: no split has an image of some digit.
    """
    samples = []
    for digit in range(splits.num_classes):
        for name in dict.fromkeys((split, "test", "val", "train")):
            candidates = splits.named(name)
            found = torch.nonzero(candidates.labels == digit)
            if len(found):
                samples.append(to_unit(candidates.images[found[0, 0]]).flatten())
                break
        else:
            raise UserError(
                f"no split has an image of digit {digit}; raise data.test_samples or "
                "data.val_samples"
            )
    return torch.stack(samples)
