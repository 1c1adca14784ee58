"""Anchors: a random sample of points that stands for all of them, and how far it may be off."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Up to here all pairs are measured: the two sets of MNIST together, in minutes on two cores. The
# pairs grow with the square of the points, so that twice as many would take four times as long.
EXACT_POINTS = 70_000
DEFAULT_ANCHORS = 10_000
# The interval below takes the mean for normally distributed; fewer anchors do not make it so.
LEAST_ANCHORS = 100

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


def choose_anchors(points: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` of the indices 0..points - 1, each set equally likely, ascending; (count,) int64.

    Raises:
        ValueError: unless 1 <= count <= points.
    """
    if not 1 <= count <= points:
        raise ValueError(f"count is {count}, allowed: 1 to {points}, the points there are")
    return torch.randperm(points, generator=generator)[:count].sort().values


def check_anchors(anchors: Tensor, points: int) -> None:
    """Raise ValueError unless anchors (M,) are at least two different indices of the points."""
    if anchors.ndim != 1 or anchors.dtype != torch.int64 or len(anchors) < 2:
        raise ValueError(
            f"anchors are {anchors.dtype} of shape {tuple(anchors.shape)}, expected (M >= 2,) int64"
        )
    low, high = (int(value) for value in anchors.aminmax())
    if low < 0 or high >= points:
        raise ValueError(f"anchors are from {low} to {high}, allowed: 0 to {points - 1}")
    if len(anchors.unique()) < len(anchors):
        raise ValueError("anchors hold a point twice")


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
