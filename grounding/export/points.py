"""Latent points: a split's latents in three dimensions, for the viewer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from grounding._streams import generator, stream_seed
from grounding.data import Split
from grounding.metrics import NotMeasurable, nearest
from grounding.metrics.arrays import unit_length
from grounding.metrics.neighbors import check_k
from grounding.metrics.pairs import point_values
from grounding.projection import layout

FloatArray = npt.NDArray[np.float32]
SHOWN_NEIGHBORS = 8  # of each point, in the viewer


@dataclass(frozen=True)
class EmbeddingOptions:
    """How latents become points.

    Attributes:
        max_points: at most this many, drawn by the seed; 0 for all.
        l2_normalize: scale latents to unit length before neighbours are searched. Latents of one
            or two numbers are left as they are: hardly anything of them would be left.
        umap_n_neighbors: neighbours that UMAP keeps together, the point itself among them, at
            least 2.
        umap_min_dist: how close UMAP packs points, in [0, 1].
    """

    max_points: int = 5000
    l2_normalize: bool = True
    umap_n_neighbors: int = 30
    umap_min_dist: float = 0.1


@dataclass(frozen=True, eq=False)
class Embedding:
    """Chosen latents and where they lie in three dimensions.

    Attributes:
        indices: int64 (N,), ascending positions in the split.
        latents: float32 (N, D) as encoded.
        searched: float32 (N, D), the latents that distances are measured on: of unit length with
            `l2_normalized`.
        l2_normalized: whether they are.
        points: float32 (N, 3).
        projection: "umap_3d"; "latent" where the latents themselves are drawn.
        neighbors: int64 (N, K), the K nearest others of each in the searched latents, nearest
            first; K is `SHOWN_NEIGHBORS`, or N - 1 if that is less.
    """

    indices: Tensor
    latents: Tensor
    searched: Tensor
    l2_normalized: bool
    points: FloatArray
    projection: str
    neighbors: Tensor


def embed(indices: Tensor, latents: Tensor, options: EmbeddingOptions, seed: int) -> Embedding:
    """Lay latents out in three dimensions.

    Args:
        indices: int64 (N,), what `choose_points` gave.
        latents: float32 (N, D), finite, of the images at these positions.
        options: UMAP's numbers.
        seed: decides how UMAP starts.
    """
    latents = latents.detach().cpu()
    normalize = options.l2_normalize and latents.shape[1] > 2
    searched = unit_length(latents) if normalize else latents
    k = min(options.umap_n_neighbors, len(indices)) - 1
    wanted = min(max(k, SHOWN_NEIGHBORS), len(indices) - 1)
    distances, neighbors = torch.zeros(len(indices), 0), torch.zeros(len(indices), 0).long()
    if wanted > 0:
        distances, neighbors = nearest(searched, searched, wanted, exclude_self=True)
    points, projection = layout(
        searched.numpy(),
        n_neighbors=max(2, k + 1),
        min_dist=options.umap_min_dist,
        seed=stream_seed(seed, "umap") % 2**32,
        neighbors=(neighbors[:, :k].numpy(), distances[:, :k].numpy()),
    )
    shown = neighbors[:, :SHOWN_NEIGHBORS]
    return Embedding(indices, latents, searched, normalize, points, projection, shown)


def choose_points(count: int, max_points: int, seed: int) -> Tensor:
    """Ascending indices of at most max_points of count points, drawn by the seed; 0 means all."""
    if max_points == 0 or max_points >= count:
        return torch.arange(count)
    drawn = torch.randperm(count, generator=generator(seed, "points"))
    return drawn[:max_points].sort().values


def latent_points(
    embedding: Embedding,
    split: Split,
    options: EmbeddingOptions,
    latents: Tensor,
    k: int,
    reconstruction_errors: Tensor | None = None,
) -> dict[str, Any]:
    """The part of `*_latent_points.json` that describes the points.

    Besides what the file's contract asks for, each point has numbers that the viewer can colour
    by: `reconstruction_error`, and what it adds to the metric `neighbor_label_agreement`;
    `neighbors` are the rows of its nearest others among the latents.

    Args:
        embedding: N points of the split.
        split: the images that were embedded.
        options: what made the embedding.
        latents: float32 (M, D), of all images of the split.
        k: neighbours among them.
        reconstruction_errors: float32 (N,); None if the decoder is not trained.
    """
    values: dict[str, Any] = {
        **_described(embedding, split, options),
        "points": rounded(embedding.points),
        "labels": point_labels(split, embedding.indices),
        "indices": embedding.indices.tolist(),
    }
    if reconstruction_errors is not None:
        values["reconstruction_error"] = rounded(reconstruction_errors)
    if embedding.neighbors.shape[1]:
        values["neighbors"] = embedding.neighbors.tolist()
    if split.labels is not None:
        try:
            check_k(k, len(latents) - 1)
            found = point_values(latents, labels=split.labels, k=k, anchors=embedding.indices)
        except NotMeasurable:
            return values
        values["k_neighbors"] = k
        values["neighbor_label_agreement"] = rounded(found["neighbor_label_agreement"].cpu())
    return values


def interactive_assets(
    embedding: Embedding, split: Split, options: EmbeddingOptions, projection_k: int
) -> dict[str, Any]:
    """The part of `*_interactive_assets.json` that the playground computes with, less its samples.

    Args:
        embedding: N references of the split.
        split: the images that were embedded.
        options: what made the embedding.
        projection_k: neighbours that a probe is placed between, 1 to N.
    """
    return {
        **_described(embedding, split, options),
        "projection_method": "knn_barycentric",
        "projection_k": projection_k,
        "reference_points": rounded(embedding.points),
        "reference_latents": rounded(embedding.searched),
        "reference_latents_raw": rounded(embedding.latents),
        "reference_labels": point_labels(split, embedding.indices),
        "reference_indices": embedding.indices.tolist(),
    }


def placed(z: Tensor, embedding: Embedding, k: int) -> FloatArray:
    """Where other latents are in a layout: between the nearest of its references, (M, 3) float32.

    As the playground places a probe: the mean of the k points, weighted by 1 / (distance + 1e-6).

    Args:
        z: (M, D), finite.
        embedding: the layout of N references.
        k: how many of them, 1 to N.
    """
    z = z.detach().cpu().float()
    searched = unit_length(z) if embedding.l2_normalized else z
    distances, indices = nearest(searched, embedding.searched, k)
    weights_MK = 1 / (distances.double() + 1e-6)
    weights_MK /= weights_MK.sum(dim=1, keepdim=True)
    points_MK3 = torch.from_numpy(embedding.points).double()[indices]
    return np.asarray((weights_MK[:, :, None] * points_MK3).sum(dim=1), dtype=np.float32)


def point_labels(split: Split, indices: Tensor) -> list[int]:
    """The labels of some images of a split; 0 for all where there are none."""
    if split.labels is None:
        return [0] * len(indices)
    return [int(label) for label in split.labels[indices]]


def rounded(values: FloatArray | Tensor) -> list[Any]:
    """Nested lists of numbers with 7 significant digits, about the precision of float32."""
    array = np.asarray(values, dtype=np.float64)
    flat: list[Any] = [float(f"{value:.7g}") for value in array.ravel().tolist()]
    for size in reversed(array.shape[1:]):
        flat = [flat[start : start + size] for start in range(0, len(flat), size)]
    return flat


def _described(embedding: Embedding, split: Split, options: EmbeddingOptions) -> dict[str, Any]:
    shape = list(split.images.shape[1:])  # zeros where there are no images
    return {
        "num_points": len(embedding.indices),
        "split_size": len(split.images),
        "latent_dim": embedding.latents.shape[1],
        "projection": embedding.projection,
        # UMAP takes no more than that.
        "umap_n_neighbors": min(options.umap_n_neighbors, max(2, len(embedding.indices) - 1)),
        "umap_min_dist": options.umap_min_dist,
        "l2_normalized": embedding.l2_normalized,
        **({"image_shape": shape} if all(shape) else {}),
        **({"has_labels": False} if split.labels is None else {}),  # those in the file mean nothing
    }
