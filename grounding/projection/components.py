"""Principal components: the straight directions along which points vary most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


def principal_components(points: ArrayLike, count: int) -> PCA:
    """The principal components of some points, in float64.

    Args:
        points: (N, D), finite.
        count: directions wanted, at least 1; fewer come back if min(N, D) is less.

    Returns:
        scikit-learn's; its `transform` gives the coordinates of points (M, D) along the directions,
        those of largest variance first.
    """
    from sklearn.decomposition import PCA

    points_ND = np.asarray(points, dtype=np.float64)
    fitted = PCA(min(count, *points_ND.shape), svd_solver="covariance_eigh")
    # Variances are divided by N - 1, and by the variance of all.
    several = points_ND.repeat(2, axis=0) if len(points_ND) == 1 else points_ND
    with np.errstate(invalid="ignore"):
        return fitted.fit(several)
