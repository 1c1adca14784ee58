"""Layouts of the same points, turned so that what has not changed stays where it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grounding.projection.umap import Float32


def laid_on(points: ArrayLike, target: ArrayLike) -> Float32:
    """A layout moved and turned, mirrored where that fits better, so that it lies on another best.

    Of a layout only distances mean anything, and they stay. Source: orthogonal Procrustes problem,
    Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31
    (1966).

    Args:
        points: (N, 3), finite.
        target: (N, 3), finite; row i is the same thing in both.

    Returns:
        (N, 3) float32.
    """
    own, goal = (np.asarray(layout, dtype=np.float64) for layout in (points, target))
    middle, center = own.mean(axis=0), goal.mean(axis=0)
    u, _, vt = np.linalg.svd((goal - center).T @ (own - middle))
    return np.asarray((own - middle) @ (u @ vt).T + center, dtype=np.float32)
