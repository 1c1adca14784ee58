import pytest

from grounding.metrics import Spread, spread


def test_by_hand():
    found = spread([1.0, 2.0, 6.0])  # squares 4 + 1 + 9 = 14, by 2
    assert (found.mean, found.minimum, found.maximum, found.count) == (3.0, 1.0, 6.0, 3)
    assert found.standard_deviation == pytest.approx(7**0.5)
    assert spread([0.25]) == Spread(0.25, None, 0.25, 0.25, 1)
    assert found.margin == pytest.approx(4.302653 * (7 / 3) ** 0.5)  # t at 0.975, 2 degrees
    assert spread([0.1] * 10) == Spread(0.1, 0.0, 0.1, 0.1, 10, 0.0)  # exactly
    assert spread([]) is None
    with pytest.raises(ValueError, match="expected finite numbers"):
        spread([0.5, float("nan")])
