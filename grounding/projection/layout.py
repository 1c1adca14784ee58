"""Latents as points in three dimensions, whatever their number and dimension."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from grounding.projection.components import principal_components
from grounding.projection.umap import Float32, umap_embedding

DIMENSIONS = 3
FEWEST_FOR_UMAP = DIMENSIONS + 2


class Layout(NamedTuple):
    """Where points lie in three dimensions, and how they got there.

    Attributes:
        points: (N, 3) float32, finite.
        projection: "latent": the latents themselves, in their unit; "pca_3d": their principal
            components, in the same unit; "umap_3d": UMAP, in no particular unit.
    """

    points: Float32
    projection: Literal["latent", "pca_3d", "umap_3d"]


def layout(
    z: ArrayLike,
    *,
    n_neighbors: int = 30,
    min_dist: float = 0.1,
    seed: int = 0,
    neighbors: tuple[ArrayLike, ArrayLike] | None = None,
) -> Layout:
    """Lay points out in three dimensions.

    Points of up to three dimensions stay as they are, with zeros for what they lack. Others are
    laid out by UMAP or, where there are fewer than five, along their principal axes: between so
    few points these keep all distances.

    Args:
        z: (N, D) points, N >= 1, finite in float32.
        n_neighbors: as for `umap_embedding`, to which this and all that follow matter only.
        min_dist: as there.
        seed: as there.
        neighbors: as there.

    Raises:
        ValueError: points of another shape or not finite, or a number that UMAP cannot have.
    """
    z_ND = np.ascontiguousarray(z, dtype=np.float32)
    if z_ND.ndim != 2 or 0 in z_ND.shape:
        raise ValueError(f"z has shape {z_ND.shape}, expected (N, D), N and D at least 1")
    if not np.isfinite(z_ND).all():
        row = int(np.argmin(np.isfinite(z_ND).all(axis=1)))
        raise ValueError(f"z is not finite in float32, first at point {row}")
    count, dimensions = z_ND.shape
    if dimensions <= DIMENSIONS:
        return Layout(_padded(z_ND), "latent")
    if count < FEWEST_FOR_UMAP:
        along = principal_components(z_ND, DIMENSIONS).transform(z_ND).astype(np.float32)
        return Layout(_padded(along), "pca_3d")
    points = umap_embedding(
        z_ND, n_neighbors=n_neighbors, min_dist=min_dist, seed=seed, neighbors=neighbors
    )
    return Layout(points, "umap_3d")


def _padded(points: Float32) -> Float32:
    """(N, d <= 3) -> (N, 3)."""
    return np.pad(points, ((0, 0), (0, DIMENSIONS - points.shape[1])))
