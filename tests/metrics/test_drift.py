import math

import pytest
import torch

from grounding.metrics.drift import regrounding_drift


def test_a_space_that_stays_where_it_is_has_none():
    starts, ends = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    assert regrounding_drift(starts, ends, lambda z: z) == 0


def test_drift_is_in_lengths_of_the_path():
    starts = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    ends = torch.tensor([[0.0, 10.0], [4.0, 5.0]])  # 10 and 5 long
    moved = torch.tensor([3.0, 4.0])  # by 5
    assert regrounding_drift(starts, ends, lambda z: z + moved) == pytest.approx((0.5 + 1) / 2)


def test_points_are_taken_along_the_straight_path():
    """Halving moves z by |z| / 2: on the way from 0 to 8 that is t * 4, so t / 2 of the length."""
    starts, ends = torch.tensor([[0.0]]), torch.tensor([[8.0]])
    assert regrounding_drift(starts, ends, lambda z: z / 2) == pytest.approx(0.25)
    assert regrounding_drift(starts, ends, lambda z: z / 2, [0.9]) == pytest.approx(0.45)


def test_paths_without_a_length_are_left_out():
    starts = torch.tensor([[1.0], [0.0]])
    ends = torch.tensor([[1.0], [2.0]])
    assert regrounding_drift(starts, ends, lambda z: z + 1) == pytest.approx(0.5)
    assert math.isnan(regrounding_drift(starts, starts, lambda z: z))


@pytest.mark.parametrize(("shape", "positions"), [((2, 3), [0.5]), ((2,), [0.5]), ((2, 2), [])])
def test_what_does_not_fit_is_refused(shape, positions):
    with pytest.raises(ValueError, match="expected"):
        regrounding_drift(torch.zeros(2, 2), torch.zeros(shape), lambda z: z, positions)
