"""Paired differences over seeds, against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from grounding.studies.differences import differences, holm

RNG = np.random.default_rng(0)
ROWS = {
    name: dict(enumerate((0.9 + shift + 0.01 * RNG.normal(size=5)).tolist()))
    for name, shift in (("a", 0.0), ("b", 0.03), ("c", 0.001), ("control", -0.2), ("other", 0.1))
}


def test_a_paired_t_test_by_scipy():
    found = differences(ROWS, ["a", "b", "c"])
    pairs = ["a b", "a c", "a control", "a other", "b c", "b control", "b other", "c control"]
    assert [f"{one.first} {one.second}" for one in found] == [*pairs, "c other"]
    for one in found:
        x, y = ([ROWS[name][seed] for seed in range(5)] for name in (one.first, one.second))
        expected = ttest_rel(x, y)
        interval = expected.confidence_interval()
        assert one.p == pytest.approx(expected.pvalue)
        assert one.mean == pytest.approx(np.mean(x) - np.mean(y))
        assert one.mean - one.margin == pytest.approx(interval.low)
        assert one.mean + one.margin == pytest.approx(interval.high)
        assert one.p <= one.p_holm <= 1


def test_only_seeds_in_common_count_and_two_are_needed():
    rows = {"a": {0: 1.0, 1: 2.0, 2: 5.0}, "b": {1: 1.0, 2: 4.0, 3: 0.0}, "c": {0: 1.0, 9: 2.0}}
    (one,) = differences(rows, ["a", "b", "c"])
    assert (one.first, one.second, one.mean, one.seeds) == ("a", "b", 1.0, 2)
    assert (one.margin, one.p, one.p_holm) == (0, 0, 0)  # both by exactly as much
    same = differences({"a": {0: 1.0, 1: 2.0}, "b": {0: 1.0, 1: 2.0}}, ["a"])
    assert same[0].p == 1


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1; the third is not less than the second.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
