import math

import pytest
import torch

from grounding.dynamics import regrounding_drift
from grounding.dynamics.drift import PAIRS
from grounding.metrics import Space, measure


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


def test_paths_without_a_length_are_left_out():
    starts = torch.tensor([[1.0], [0.0]])
    ends = torch.tensor([[1.0], [2.0]])
    assert regrounding_drift(starts, ends, lambda z: z + 1) == pytest.approx(0.5)
    assert math.isnan(regrounding_drift(starts, starts, lambda z: z))


def test_the_drift_of_a_space_is_that_between_pairs_of_its_test_images():
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    moved = []

    def decode(latents):
        moved.append(latents)
        return latents + 0.1

    def drift(seed, latents=z):
        space = Space(z=latents, seed=seed, encode=lambda x: x, decode=decode)
        return measure(space, ["regrounding_drift"])

    found = drift(42)
    assert found == drift(42)
    assert found.values["regrounding_drift"] > 0
    assert len(moved[0]) == PAIRS
    assert drift(43) != found
    assert drift(42, z[:1]).left_out["regrounding_drift"].startswith("it is undefined")
