"""Latent points: a split's latents in three dimensions, for the viewer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from grounding._errors import UserError
from grounding._streams import generator, stream_seed
from grounding.data.splits import SplitName, Splits
from grounding.metrics.neighbors import nearest
from grounding.projection.umap import umap_embedding

FloatArray = npt.NDArray[np.float32]
PROJECTION = "umap_3d"
MIN_POINTS = 5  # UMAP needs two more than it has dimensions


@dataclass(frozen=True)
class EmbeddingOptions:
    """How latents become points.

    Attributes:
        max_points: at most this many, drawn by the seed; 0 for all.
        l2_normalize: scale latents to unit length before neighbours are searched.
        umap_n_neighbors: neighbours that UMAP keeps together, at least 2.
        umap_min_dist: how close UMAP packs points, in [0, 1].
    """

    max_points: int
    l2_normalize: bool
    umap_n_neighbors: int
    umap_min_dist: float


@dataclass(frozen=True, eq=False)
class Embedding:
    """Chosen latents and where they lie in three dimensions.

    Attributes:
        indices: int64 (N,), ascending positions in the split.
        latents: float32 (N, D) as encoded.
        searched: float32 (N, D), the latents that distances are measured on: of unit length with
            `l2_normalize`.
        points: float32 (N, 3).
        neighbors: int64 (N, K), rows of the K nearest, the point itself among them.
    """

    indices: Tensor
    latents: Tensor
    searched: Tensor
    points: FloatArray
    neighbors: Tensor


def embed(indices: Tensor, latents: Tensor, options: EmbeddingOptions, seed: int) -> Embedding:
    """Lay latents out in three dimensions by UMAP.

    Args:
        indices: int64 (N,), what `choose_points` gave.
        latents: float32 (N, D), finite, of the images at these positions.
        options: UMAP's numbers.
        seed: decides how UMAP starts.

    Raises:
        UserError: fewer points than UMAP can lay out.
    """
    latents = latents.detach().cpu()
    searched = F.normalize(latents) if options.l2_normalize else latents
    count = min(options.umap_n_neighbors, len(indices))
    if count < MIN_POINTS:
        raise UserError(
            f"UMAP cannot lay out {len(indices)} points with {options.umap_n_neighbors} "
            f"neighbours; both must be at least {MIN_POINTS}"
        )
    found = nearest(searched, searched, count)
    points = umap_embedding(
        searched.numpy(),
        n_neighbors=count,
        min_dist=options.umap_min_dist,
        seed=stream_seed(seed, "umap") % 2**32,
        neighbors=(found.indices.numpy(), found.distances.numpy()),
    )
    return Embedding(indices, latents, searched, points, found.indices)


def choose_points(count: int, max_points: int, seed: int) -> Tensor:
    """Ascending indices of at most max_points of count points, drawn by the seed; 0 means all."""
    if max_points == 0 or max_points >= count:
        return torch.arange(count)
    drawn = torch.randperm(count, generator=generator(seed, "points"))
    return drawn[:max_points].sort().values


def latent_points(
    embedding: Embedding,
    splits: Splits,
    split: SplitName,
    options: EmbeddingOptions,
    reconstruction_errors: Tensor,
) -> dict[str, Any]:
    """The part of `*_latent_points.json` that describes the points.

    Besides what the file's contract asks for, each point has two numbers that the viewer can
    colour by: `reconstruction_error` and `neighbor_label_agreement`.

    Args:
        embedding: N points of the split.
        splits: where labels come from.
        split: which one was embedded.
        options: what made the embedding.
        reconstruction_errors: float32 (N,).
    """
    labels = splits.named(split).labels[embedding.indices]
    return {
        "num_points": len(embedding.indices),
        "latent_dim": embedding.latents.shape[1],
        "projection": PROJECTION,
        "umap_n_neighbors": options.umap_n_neighbors,
        "umap_min_dist": options.umap_min_dist,
        "l2_normalized": options.l2_normalize,
        "image_shape": list(splits.image_shape),
        "points": rounded(embedding.points),
        "labels": labels.tolist(),
        "indices": embedding.indices.tolist(),
        "reconstruction_error": rounded(reconstruction_errors),
        "neighbor_label_agreement": rounded(label_agreement(embedding.neighbors, labels)),
    }


def label_agreement(neighbors: Tensor, labels: Tensor) -> Tensor:
    """Share of each point's nearest latents that have its label, float32 (N,) in [0, 1].

    Args:
        neighbors: int64 (N, K), K >= 2, rows of the nearest, the point itself left out if it is
            among them.
        labels: int64 (N,).
    """
    is_other = neighbors != torch.arange(len(neighbors))[:, None]
    agrees = (labels[neighbors] == labels[:, None]) & is_other
    return agrees.sum(dim=1) / is_other.sum(dim=1)


def rounded(values: FloatArray | Tensor) -> list[Any]:
    """Nested lists of numbers with 7 significant digits, about the precision of float32."""
    array = np.asarray(values, dtype=np.float64)
    flat = [float(f"{value:.7g}") for value in array.ravel().tolist()]
    return _nested(flat, array.shape)


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    for size in reversed(shape[1:]):
        flat = [flat[start : start + size] for start in range(0, len(flat), size)]
    return flat
