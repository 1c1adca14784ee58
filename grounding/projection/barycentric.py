"""Place new points in an embedding, at the weighted mean of their nearest references."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SOFTENING = 1e-6

Float64 = NDArray[np.float64]


def barycentric_weights(distances: NDArray[np.floating[Any]]) -> Float64:
    """Weights 1 / (d + 1e-6), each row scaled to sum 1.

    Args:
        distances: (Q, k) from each query to its k references, k >= 1, finite and at least 0, in
            the unit of the latents.

    Returns:
        (Q, k) float64, each above 0.

    Raises:
        ValueError: another shape, or a distance that is negative or not finite.
    """
    if distances.ndim != 2 or distances.shape[1] < 1:
        raise ValueError(f"distances have shape {distances.shape}, expected (Q, k) with k >= 1")
    if not (np.isfinite(distances).all() and (distances >= 0).all()):
        raise ValueError("distances hold a value that is negative or not finite")
    weights = 1.0 / (distances.astype(np.float64) + SOFTENING)
    normalised: Float64 = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def barycentric_projection(
    distances: NDArray[np.floating[Any]],
    indices: NDArray[np.integer[Any]],
    points: NDArray[np.floating[Any]],
) -> Float64:
    """Project queries into an embedding by their nearest references.

    Args:
        distances: (Q, k) as for `barycentric_weights`.
        indices: (Q, k) integers in 0..N - 1, the references that the distances belong to.
        points: (N, P) the references' places in the embedding, finite.

    Returns:
        (Q, P) float64, each inside the convex hull of its k references' places.

    Raises:
        ValueError: shapes that do not fit, an index outside 0..N - 1, or a value not allowed.
    """
    if indices.shape != distances.shape:
        raise ValueError(f"indices have shape {indices.shape}, distances {distances.shape}")
    if points.ndim != 2 or not np.isfinite(points).all():
        raise ValueError(f"points have shape {points.shape}, expected (N, P), all finite")
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"indices have type {indices.dtype}, expected integers")
    if indices.size and not (indices.min() >= 0 and indices.max() < len(points)):
        raise ValueError(f"indices hold a value outside 0 to {len(points) - 1}")
    weights_Qk = barycentric_weights(distances)
    places_QkP = points.astype(np.float64)[indices]
    projected: Float64 = np.einsum("qk,qkp->qp", weights_Qk, places_QkP)
    return projected
