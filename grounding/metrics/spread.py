"""What several measurements of one thing come to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from grounding.metrics.anchors import CONFIDENCE


@dataclass(frozen=True)
class Spread:
    """Mean and spread of some values.

    Attributes:
        mean: of the values.
        standard_deviation: with n - 1 in the denominator; None for a single value.
        minimum: the least value.
        maximum: the greatest value.
        count: how many values there are.
        margin: half the 95 % interval of the mean, by Student's t with n - 1 degrees of freedom;
            None for a single value.
    """

    mean: float
    standard_deviation: float | None
    minimum: float
    maximum: float
    count: int
    margin: float | None = None


def spread(values: Sequence[float]) -> Spread | None:
    """Mean with its interval, standard deviation and range, by exact sums; None of no values.

    Raises:
        ValueError: a value is not finite.
    """
    if not all(map(math.isfinite, values)):
        raise ValueError(f"values are {list(values)}, expected finite numbers")
    if not values:
        return None
    mean, count = statistics.mean(values), len(values)
    deviation = margin = None
    if count > 1:
        from scipy.special import stdtrit

        deviation = statistics.stdev(values)
        margin = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(count)
    return Spread(mean, deviation, min(values), max(values), count, margin)
