"""Whether experiments differ over the same seeds: paired differences, and how sure they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from grounding.metrics import spread


@dataclass(frozen=True)
class Difference:
    """A metric of one row of a comparison less that of another, over the seeds that both have.

    Attributes:
        first: name of the one.
        second: name of the other.
        mean: of the differences.
        margin: half the 95 % interval of the mean, by Student's t.
        seeds: how many.
        p: two-sided, of the paired t test that the mean is 0.
        p_holm: the same, corrected for all differences that were tested together.
    """

    first: str
    second: str
    mean: float
    margin: float
    seeds: int
    p: float
    p_holm: float


def differences(
    rows: Mapping[str, Mapping[int, float]], experiments: Collection[str]
) -> list[Difference]:
    """Experiments less each other and less all else, where two seeds or more are in common.

    Args:
        rows: by name, values of one metric by seed; the experiments first.
        experiments: names of those that are; what is none is not compared with its like.
    """
    found = []
    names = list(rows)
    pairs = ((first, second) for place, first in enumerate(names) if first in experiments
             for second in names[place + 1 :])  # fmt: skip
    for first, second in pairs:
        common = [seed for seed in rows[first] if seed in rows[second]]
        apart = spread([rows[first][seed] - rows[second][seed] for seed in common])
        if apart is not None and apart.margin is not None:
            p = p_value(apart.mean, apart.standard_deviation or 0.0, apart.count)
            found.append((first, second, apart.mean, apart.margin, apart.count, p))
    corrected = holm([p for *_, p in found])
    return [Difference(*one, p_holm) for one, p_holm in zip(found, corrected, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the same order.

    The i-th smallest of m is multiplied by m + 1 - i, and none is less than one before it. Whoever
    calls a difference real where this is below 0.05 errs anywhere in 5 % of such comparisons at
    most. Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = largest
    return corrected


def p_value(mean: float, deviation: float, count: int) -> float:
    """Two-sided p value of the t test that some values have mean 0."""
    from scipy.special import stdtr

    if not deviation:
        return 0.0 if mean else 1.0
    return 2 * float(stdtr(count - 1, -abs(mean) / (deviation / sqrt(count))))
