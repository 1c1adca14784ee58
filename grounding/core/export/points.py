"""Latent points: a split's latents in three dimensions, for the viewer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.core.errors import UserError
from grounding.core.evaluation.neighbors import nearest
from grounding.core.projection.umap import umap_embedding
from grounding.core.randomness import generator, stream_seed

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
    """

    indices: Tensor
    latents: Tensor
    searched: Tensor
    points: FloatArray


def embed(latents: Tensor, options: EmbeddingOptions, seed: int) -> Embedding:
    """Choose latents and lay them out in three dimensions by UMAP.

    Args:
        latents: float32 (N, D).
        options: how many, and UMAP's numbers.
        seed: decides which points are drawn and how UMAP starts.

    Raises:
        UserError: fewer points than UMAP can lay out, or latents that are not finite.
    """
    latents = latents.detach().cpu()
    if not latents.isfinite().all():
        raise UserError("some latents are not finite; the checkpoint's training diverged")
    indices = choose_points(len(latents), options.max_points, seed)
    chosen = latents[indices]
    searched = F.normalize(chosen) if options.l2_normalize else chosen
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
    return Embedding(indices, chosen, searched, points)


def choose_points(count: int, max_points: int, seed: int) -> Tensor:
    """Ascending indices of at most max_points of count points, drawn by the seed; 0 means all."""
    if max_points == 0 or max_points >= count:
        return torch.arange(count)
    drawn = torch.randperm(count, generator=generator(seed, "points"))
    return drawn[:max_points].sort().values


def latent_points(
    embedding: Embedding, labels: Tensor, options: EmbeddingOptions
) -> dict[str, Any]:
    """The part of `*_latent_points.json` that describes the points.

    Args:
        embedding: N points.
        labels: int64, of the whole split.
        options: what made the embedding.
    """
    return {
        "num_points": len(embedding.indices),
        "latent_dim": embedding.latents.shape[1],
        "projection": PROJECTION,
        "umap_n_neighbors": options.umap_n_neighbors,
        "umap_min_dist": options.umap_min_dist,
        "l2_normalized": options.l2_normalize,
        "points": rounded(embedding.points),
        "labels": labels[embedding.indices].tolist(),
        "indices": embedding.indices.tolist(),
    }


def rounded(values: FloatArray | Tensor) -> list[Any]:
    """Nested lists of numbers with 7 significant digits, about the precision of float32."""
    array = np.asarray(values, dtype=np.float64)
    flat = [float(f"{value:.7g}") for value in array.ravel().tolist()]
    return _nested(flat, array.shape)


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    for size in reversed(shape[1:]):
        flat = [flat[start : start + size] for start in range(0, len(flat), size)]
    return flat
