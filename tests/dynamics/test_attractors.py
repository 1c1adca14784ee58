"""Attractors and their basins, of maps whose basins are known."""

import math

import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score
from systems import OVERLAP, drawn, hopfield, patterns, rotation, towards

from grounding.dynamics import (
    attractors,
    class_counts,
    flow,
    normalized_mutual_information,
    purity,
)

CORNERS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def settled(f, z, scale=1.0, **more):
    return attractors(f, flow(f, z, scale), **more)


def test_a_contraction_ends_in_its_points_the_largest_basin_first():
    sizes = (2, 6, 4)
    z = torch.cat([p + 0.3 * drawn(n, 2, n) for p, n in zip(CORNERS, sizes, strict=True)])
    found = settled(towards(CORNERS), z)
    assert len(found) == 3
    torch.testing.assert_close(found.places, CORNERS[[1, 2, 0]], atol=3e-4, rtol=0)
    assert found.counts.tolist() == [6, 4, 2]
    assert found.members.tolist() == [2] * 2 + [0] * 6 + [1] * 4
    assert found.periods.tolist() == [1, 1, 1]
    shares = [1 / 2, 1 / 3, 1 / 6]
    entropy = -sum(p * math.log(p) for p in shares)
    assert found.effective_number == pytest.approx(math.exp(entropy))
    assert settled(towards(CORNERS[:1]), z).effective_number == pytest.approx(1)
    assert settled(towards(CORNERS), CORNERS).effective_number == pytest.approx(3)


def test_only_some_starts_count_for_the_shares():
    z = CORNERS[[0, 0, 1, 2, 2, 2]]
    found = settled(towards(CORNERS), z, counted=3)
    assert found.counts.tolist() == [2, 1, 0]
    assert found.members.tolist() == [0, 0, 1, 2, 2, 2]
    assert found.effective_number == pytest.approx(math.exp(math.log(3) - 2 / 3 * math.log(2)))


def test_ends_are_merged_within_a_fiftieth_of_the_scale():
    """Every place is fixed: what is in a chain of neighbours nearer than 0.02 is one."""
    z = torch.tensor([[0.0], [0.019], [0.038], [0.2], [0.219], [0.3]])
    found = settled(lambda z: z, z)
    assert found.members.tolist() == [0, 0, 0, 1, 1, 2]
    assert found.places[0].tolist() == pytest.approx([0.019])  # the one in the middle
    assert len(settled(lambda z: z, z, scale=10.0)) == 1
    assert len(settled(lambda z: z, z, scale=0.1)) == 6


def test_a_cycle_is_one_attractor_wherever_in_it_a_start_is():
    ring = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    found = settled(rotation(1 / 4), torch.cat((ring, 3 * ring[:2], torch.zeros(1, 2))))
    assert found.members.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert found.periods.tolist() == [4, 4, 1]
    assert found.counts.tolist() == [4, 2, 1]


def test_a_closed_curve_that_is_never_repeated_is_one_attractor():
    angles = torch.linspace(0, 6, 40)
    ring = torch.stack((angles.cos(), angles.sin()), dim=1)
    found = settled(rotation(math.sqrt(2) / 10), torch.cat((ring, 1.2 * ring)), scale=4.0)
    assert found.counts.tolist() == [40, 40]
    assert found.periods.tolist() == [7, 7]


def test_who_comes_to_rest_after_all_was_only_slow():
    """A spiral that is 0.05 from its middle when returns are looked for, and then goes on."""

    def f(z):
        return 0.97 * rotation(1 / 10)(z)

    z = drawn(5, 2)
    z *= 0.05 / 0.97**136 / z.norm(dim=1, keepdim=True)
    found = flow(f, z, 1.0)
    assert found.periods.tolist() == [10] * 5
    assert attractors(f, found).members.tolist() == [-1] * 5


def test_nothing_to_end_in():
    found = settled(lambda z: 2 * z, torch.ones(3, 2))
    assert len(found) == 0
    assert found.members.tolist() == [-1] * 3
    assert found.places.shape == (0, 2)
    assert found.effective_number == 0
    counts = class_counts(found.members, torch.tensor([0, 1, 1]), 0)[1]
    assert math.isnan(purity(counts))
    assert math.isnan(normalized_mutual_information(counts))


def test_hopfield_ends_in_the_patterns_and_their_opposites():
    stored = patterns()
    signs = torch.tensor([1.0, -1.0]).repeat_interleave(3)[:, None]
    wanted = signs * stored.repeat(2, 1)
    found = settled(hopfield(stored), wanted.repeat(10, 1) + 0.1 * drawn(60, 16))
    assert len(found) == 6
    ends = found.places[found.members[:6]]
    torch.testing.assert_close(ends, OVERLAP * wanted, atol=1e-3, rtol=0)


def test_basins_and_classes_by_hand_and_by_scikit_learn():
    members = torch.tensor([0, 0, 0, 1, 1, 2, -1])
    labels = torch.tensor([7, 7, 3, 3, 3, 100, 7])
    classes, counts = class_counts(members, labels, 4)
    assert classes.tolist() == [3, 7, 100]
    assert counts.tolist() == [[1, 2, 0], [2, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert purity(counts) == pytest.approx(5 / 6)
    expected = normalized_mutual_info_score(labels[:6], members[:6])
    assert normalized_mutual_information(counts) == pytest.approx(expected)
    draws = torch.Generator().manual_seed(0)
    for size in (2, 5, 9):
        members = torch.randint(size, (300,), generator=draws)
        labels = (members + torch.randint(3, (300,), generator=draws)) % 7
        found = normalized_mutual_information(class_counts(members, labels, size)[1])
        assert found == pytest.approx(normalized_mutual_info_score(labels, members))
    one_basin = class_counts(torch.zeros(4).long(), torch.tensor([0, 1, 2, 3]), 1)[1]
    assert normalized_mutual_information(one_basin) == 0
    assert purity(one_basin) == 0.25
