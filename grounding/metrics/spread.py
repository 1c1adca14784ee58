"""What several measurements of one thing come to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Mean and spread of some values.

    Attributes:
        mean: of the values.
        standard_deviation: with n - 1 in the denominator; None for a single value.
        minimum: the least value.
        maximum: the greatest value.
        count: how many values there are.
    """

    mean: float
    standard_deviation: float | None
    minimum: float
    maximum: float
    count: int


def spread(values: Sequence[float]) -> Spread | None:
    """Mean, standard deviation (n - 1) and range, by exact sums; None if there are no values.

    Raises:
        ValueError: a value is not finite.
    """
    if not all(map(math.isfinite, values)):
        raise ValueError(f"values are {list(values)}, expected finite numbers")
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.mean(values), deviation, min(values), max(values), len(values))
