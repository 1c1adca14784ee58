"""How well labelled classes are separated in a space, by euclidean distance.

Every function takes points (N, D) float32 or float64 and integer labels (N,), ignores labels that
do not occur, calculates in float64 and raises ValueError for fewer than two classes, shapes that do
not fit, or non-finite points.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import threshold

from grounding.metrics.distances import Block, Distances


class Classes:
    """Labels renumbered to 0..K - 1.

    Attributes:
        labels: (N,) int64 in 0..K - 1.
        one_hot: (K, N) float64.
        sizes: (K,) float64, at least 1.
    """

    def __init__(self, points: Tensor, labels: Tensor) -> None:
        if points.ndim != 2 or labels.shape != points.shape[:1] or points.numel() == 0:
            raise ValueError(
                f"points have shape {tuple(points.shape)} and labels {tuple(labels.shape)}, "
                "expected (N, D) and (N,)"
            )
        found, self.labels = torch.unique(labels, return_inverse=True)
        if len(found) < 2:
            raise ValueError(f"labels hold {len(found)} class, at least 2 are needed")
        rows = torch.arange(len(found), device=points.device)
        self.one_hot = (rows[:, None] == self.labels).double()
        self.sizes = self.one_hot.sum(dim=1)


def silhouette(points: Tensor, labels: Tensor, *, block_bytes: int | None = None) -> float:
    """Mean of ``(b - a) / max(a, b)``, in [-1, 1]; 1 is best.

    a is a point's mean distance to the others of its class, b the least mean distance to another
    class. A point alone in its class counts 0, and so does one with a = b = 0. Rousseeuw 1987.
    """
    classes = Classes(points, labels)
    itself = torch.arange(len(points), device=points.device)
    distances = Distances(
        points, points, itself=itself, dtype=torch.float64, block_bytes=block_bytes
    )
    found = torch.empty(len(points), dtype=torch.float64, device=points.device)

    def measure(start: int, stop: int) -> None:
        found[start:stop] = silhouette_in_block(distances.block(start, stop), classes)

    distances.each_block(measure, None)
    return float(found.mean())


def silhouette_in_block(block: Block, classes: Classes) -> Tensor:
    """Silhouettes (B,) of a float64 block's queries, each one of the references; overwrites it.

    Raises:
        ValueError: if self pairs are not excluded.
    """
    if block.itself is None:
        raise ValueError("the block's queries are not known to be references")
    indistinct = float(block.tolerance.amax())  # from 0, by the block's values
    sums_KB = classes.one_hot.new_empty(len(classes.sizes), len(block.squared))
    for rows in block.tiles():
        distances = block.squared[rows].scatter_(1, block.itself[rows, None], 0)
        threshold(distances, indistinct, 0, inplace=True).sqrt_()
        torch.mm(classes.one_hot, distances.T, out=sums_KB[:, rows])
    own_1B = classes.labels[block.itself][None]
    size_B = classes.sizes[own_1B[0]]
    a_B = sums_KB.gather(0, own_1B)[0] / (size_B - 1).clamp(min=1)
    b_B = (sums_KB / classes.sizes[:, None]).scatter_(0, own_1B, math.inf).amin(dim=0)
    silhouettes = ((b_B - a_B) / torch.maximum(a_B, b_B)).nan_to_num_(nan=0.0)
    return torch.where(size_B > 1, silhouettes, 0.0)


def calinski_harabasz(points: Tensor, labels: Tensor) -> float:
    """``(between / (K - 1)) / (within / (N - K))`` of the scatters of `fisher_ratio`, >= 0.

    inf if every point lies on its class mean and the means differ; 0 if all points are one.
    Calinski and Harabasz 1974.
    """
    classes = Classes(points, labels)
    between, within = _scatters(points, classes)
    free = len(points) - len(classes.sizes)
    return _ratio(between * free, within * (len(classes.sizes) - 1))


def davies_bouldin(points: Tensor, labels: Tensor) -> float:
    """Mean over classes of the largest ``(s_i + s_j) / |m_i - m_j|``, >= 0; 0 is best.

    m are the class means, s the mean distances to them. Two classes with the same mean are not
    separated at all: the value is inf. Davies and Bouldin 1979.
    """
    classes = Classes(points, labels)
    means, deviations = _class_means(points, classes)
    spreads = classes.one_hot @ deviations.norm(dim=1) / classes.sizes
    apart = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist")
    ratios = (spreads[:, None] + spreads) / apart
    ratios = torch.where(apart == 0, math.inf, ratios)
    return float(ratios.fill_diagonal_(-math.inf).amax(dim=1).mean())


def fisher_ratio(points: Tensor, labels: Tensor) -> float:
    """Between-class over within-class scatter, >= 0.

    ``sum_c n_c |m_c - m|^2 / sum_i |x_i - m_(y_i)|^2``: the sums of squared distances of the class
    means to the mean of all, and of the points to their class mean. inf if every point lies on its
    class mean and the means differ; 0 if all points are one.
    """
    return _ratio(*_scatters(points, Classes(points, labels)))


def _class_means(points: Tensor, classes: Classes) -> tuple[Tensor, Tensor]:
    """Class means (K, D) relative to the first point, and deviations from them (N, D), float64."""
    if not bool(torch.isfinite(points).all()):
        raise ValueError("points hold a value that is not finite")
    points = points.detach().double()
    # Taken from a point of its own, the mean of equal points is exact, and a scatter of 0 is 0.
    first_KD = points[classes.one_hot.argmax(dim=1)]
    shifted = points - first_KD[classes.labels]
    shift_KD = classes.one_hot @ shifted / classes.sizes[:, None]
    return first_KD - points[0] + shift_KD, shifted - shift_KD[classes.labels]


def _scatters(points: Tensor, classes: Classes) -> tuple[float, float]:
    """Between-class and within-class sums of squared distances."""
    means, deviations = _class_means(points, classes)
    centre = classes.sizes @ means / classes.sizes.sum()
    between = classes.sizes @ (means - centre).square().sum(dim=1)
    return float(between), float(deviations.square().sum())


def _ratio(between: float, within: float) -> float:
    if within == 0:
        return math.inf if between > 0 else 0.0
    return between / within
