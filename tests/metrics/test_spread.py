import pytest

from grounding.metrics.spread import Spread, spread


def test_by_hand():
    found = spread([1.0, 2.0, 6.0])  # squares 4 + 1 + 9 = 14, by 2
    assert (found.mean, found.minimum, found.maximum, found.count) == (3.0, 1.0, 6.0, 3)
    assert found.standard_deviation == pytest.approx(7**0.5)


def test_one_value_has_no_deviation_and_none_have_nothing():
    assert spread([0.25]) == Spread(0.25, None, 0.25, 0.25, 1)
    assert spread([]) is None


def test_equal_values_have_a_deviation_of_zero():
    found = spread([0.1] * 10)
    assert (found.mean, found.standard_deviation) == (0.1, 0.0)


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="expected finite numbers"):
        spread([0.5, float("nan")])
