"""Points by class: what all ratios of the scatter between classes and within them are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grounding.metrics.arrays import Array, NotMeasurable, as_labels, as_points


class Classes:
    """Points and their labels, renumbered to 0..K - 1.

    Attributes:
        points: (N, D).
        labels: (N,) int64 in 0..K - 1.
        one_hot: (K, N) float64.
        sizes: (K,) float64, at least 1.

    Raises:
        ValueError: numbers of points and labels differ, or non-finite points.
        NotMeasurable: there are fewer than two classes.
    """

    def __init__(self, points: Array, labels: Array) -> None:
        self.points, given = as_points(points), as_labels(labels)
        if given.shape != self.points.shape[:1]:
            raise ValueError(
                f"points have shape {tuple(self.points.shape)} and labels {tuple(given.shape)}, "
                "expected (N, D) and (N,)"
            )
        found, self.labels = torch.unique(given.to(self.points.device), return_inverse=True)
        if len(found) < 2:
            raise NotMeasurable(f"labels hold {len(found)} class, at least 2 are needed")
        rows = torch.arange(len(found), device=self.points.device)
        self.one_hot = (rows[:, None] == self.labels).double()
        self.sizes = self.one_hot.sum(dim=1)

    def means(self) -> tuple[Tensor, Tensor]:
        """Class means (K, D) relative to the median, and deviations from them (N, D).

        Of points that lie far from 0 and near each other, differences keep their digits so; and one
        point that is far from all others takes nobody else's.
        """
        points = self.points.double()
        # Taken from a point of its own, the mean of equal points is exact, and a scatter of 0 is 0.
        first_KD = points[self.one_hot.argmax(dim=1)]
        shifted = points - first_KD[self.labels]
        shift_KD = self.one_hot @ shifted / self.sizes[:, None]
        return first_KD - points.median(dim=0).values + shift_KD, shifted - shift_KD[self.labels]

    def scatters(self) -> tuple[float, float]:
        """Between-class and within-class sums of squared distances."""
        means, deviations = self.means()
        centre = self.sizes @ means / self.sizes.sum()
        between = self.sizes @ (means - centre).square().sum(dim=1)
        return float(between), float(deviations.square().sum())


def ratio(between: float, within: float) -> float:
    """Quotient of the two; inf if only the latter is 0, and 0 if both are."""
    if within == 0:
        return math.inf if between > 0 else 0.0
    return between / within
