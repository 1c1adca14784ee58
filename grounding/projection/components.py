"""Principal components: the straight directions along which points vary most."""

from typing import NamedTuple

import torch
from torch import Tensor


class Components(NamedTuple):
    """A linear projection fitted to points.

    Attributes:
        mean: (D,) float64.
        directions: (D, C) float64, orthonormal columns, those of largest variance first.
    """

    mean: Tensor
    directions: Tensor

    def project(self, points: Tensor) -> Tensor:
        """Coordinates (N, C) float64 of points (N, D) along the directions."""
        return (points.double() - self.mean) @ self.directions


def principal_components(points: Tensor, count: int) -> Components:
    """The principal components of some points (Pearson, 1901; Hotelling, 1933).

    Directions are the right singular vectors of the centred points. They are taken from the
    triangular factor of a QR decomposition, which has the same ones and at most D rows.

    Args:
        points: (N, D), finite.
        count: directions wanted, C >= 1; fewer come back if min(N, D) is less.

    Raises:
        ValueError: the shape or the count is another.
    """
    if points.ndim != 2 or not len(points) or count < 1:
        raise ValueError(
            f"points have shape {tuple(points.shape)}, expected (N >= 1, D); count is {count}, "
            "expected at least 1"
        )
    exact = points.double()
    mean = exact.mean(0)
    triangular = torch.linalg.qr(exact - mean, mode="r").R
    directions = torch.linalg.svd(triangular, full_matrices=False).Vh[:count].T
    return Components(mean, directions)
