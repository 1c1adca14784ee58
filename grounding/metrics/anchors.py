"""Anchors: a random sample of points that stands for all of them, and how far it may be off."""

from __future__ import annotations

import math

from torch import Tensor

# Up to here all pairs are measured: the two sets of MNIST together, in minutes on two cores. The
# pairs grow with the square of the points, so that twice as many would take four times as long.
EXACT_POINTS = 70_000
DEFAULT_ANCHORS = 10_000

CONFIDENCE = 0.95
QUANTILE = 1.959963984540054  # of the standard normal distribution, at (1 + CONFIDENCE) / 2


def anchor_count(points: int, asked: int | None) -> int | None:
    """How many anchors to take, or None to measure every point.

    Args:
        points: how many there are.
        asked: anchors asked for, 0 for every point; None decides by the number of points.
    """
    if asked is None:
        asked = DEFAULT_ANCHORS if points > EXACT_POINTS else 0
    return asked if 0 < asked < points else None


def mean_margin(values: Tensor, points: int) -> float:
    """Half the 95 % confidence interval of a mean over `points`, from a sample of them.

    ``1.96 * s / sqrt(m) * sqrt(1 - m / n)``: the normal approximation for a sample without
    replacement, s the standard deviation of the sample, the last root the correction for a finite
    population. 0 if every point was taken. Cochran, Sampling Techniques, 1977, section 2.8.

    Args:
        values: (m,) float64, m >= 2, a simple random sample.
        points: n >= m.
    """
    m = len(values)
    return QUANTILE * float(values.std()) * math.sqrt((1 - m / points) / m)
