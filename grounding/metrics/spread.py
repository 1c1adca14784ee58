"""What several measurements of one thing come to."""

from __future__ import annotations

import math
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
    """Mean, standard deviation (n - 1) and range; None if there are no values.

    Sums are exact, so that equal values have no deviation.

    Raises:
        ValueError: a value is not finite.
    """
    if not all(map(math.isfinite, values)):
        raise ValueError(f"values are {list(values)}, expected finite numbers")
    count = len(values)
    if not count:
        return None
    low, high = min(values), max(values)
    # A rounded quotient may lie just outside the values that it is the mean of.
    mean = min(max(math.fsum(values) / count, low), high)
    deviation = None
    if count > 1:
        squares = math.fsum((value - mean) ** 2 for value in values)
        deviation = math.sqrt(squares / (count - 1))
    return Spread(mean, deviation, low, high, count)
