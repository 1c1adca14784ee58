"""How far apart classes lie for their size: three ratios of the same sums."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grounding import _registry as register
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
        """Class means (K, D) relative to the first point, and deviations from them (N, D)."""
        points = self.points.double()
        # Taken from a point of its own, the mean of equal points is exact, and a scatter of 0 is 0.
        first_KD = points[self.one_hot.argmax(dim=1)]
        shifted = points - first_KD[self.labels]
        shift_KD = self.one_hot @ shifted / self.sizes[:, None]
        return first_KD - points[0] + shift_KD, shifted - shift_KD[self.labels]

    def scatters(self) -> tuple[float, float]:
        """Between-class and within-class sums of squared distances."""
        means, deviations = self.means()
        centre = self.sizes @ means / self.sizes.sum()
        between = self.sizes @ (means - centre).square().sum(dim=1)
        return float(between), float(deviations.square().sum())


@register.metric("fisher_ratio", title="Fisher ratio", better="higher", tables=(), place=27)
def fisher_ratio(z: Array, labels: Array) -> float:
    """Between-class over within-class scatter.

    ``sum_c n_c |m_c - m|^2 / sum_i |z_i - m_(y_i)|^2``, >= 0: the sums of squared distances of the
    class means to the mean of all, and of the points to their class mean. inf if every point lies
    on its class mean and the means differ; 0 if all points are one.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    return _ratio(*Classes(z, labels).scatters())


@register.metric(
    "calinski_harabasz", title="Calinski-Harabasz", digits=1, better="higher", tables=(), place=22
)
def calinski_harabasz(z: Array, labels: Array) -> float:
    """Between-class over within-class scatter, per degree of freedom.

    ``fisher_ratio * (N - K) / (K - 1)`` with K classes; 0 if no class has a second point. Calinski
    and Harabasz 1974.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    classes = Classes(z, labels)
    between, within = classes.scatters()
    count = len(classes.sizes)
    return _ratio(between * (len(classes.labels) - count), within * (count - 1))


@register.metric("davies_bouldin", title="Davies-Bouldin", better="lower", tables=(), place=23)
def davies_bouldin(z: Array, labels: Array) -> float:
    """Overlap of classes, 0 is best.

    The mean over classes of the largest ``(s_i + s_j) / |m_i - m_j|``; m are the class means, s the
    mean distances to them. Two classes with the same mean are not separated at all: the value is
    inf. Davies and Bouldin 1979.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    classes = Classes(z, labels)
    means, deviations = classes.means()
    spreads = classes.one_hot @ deviations.norm(dim=1) / classes.sizes
    apart = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist")
    ratios = (spreads[:, None] + spreads) / apart
    ratios = torch.where(apart == 0, math.inf, ratios)
    return float(ratios.fill_diagonal_(-math.inf).amax(dim=1).mean())


def _ratio(between: float, within: float) -> float:
    """Quotient of the two; inf if only the latter is 0, and 0 if both are."""
    if within == 0:
        return math.inf if between > 0 else 0.0
    return between / within
