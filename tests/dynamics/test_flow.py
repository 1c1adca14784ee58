"""The flow, on maps whose every step is known."""

import math

import pytest
import torch
from systems import drawn, hopfield, patterns, rotation, towards

from grounding.dynamics import (
    attractors,
    flow,
    landmarks,
    regrounding,
    scale_of,
    step_lengths,
)
from grounding.dynamics.flow import LONGEST_CYCLE

POINTS = torch.tensor([[0.0, 0.0], [10.0, 0.0]])


def test_scale_by_hand():
    assert scale_of(torch.tensor([[0.0, 0.0], [6.0, 8.0]])) == 5
    assert scale_of(torch.tensor([[1.0], [1.0]])) == 0
    for wrong in (torch.zeros(3), torch.zeros(0, 2), torch.zeros(2, 0)):
        with pytest.raises(ValueError, match=r"expected \(N, D\)"):
            scale_of(wrong)
    with pytest.raises(ValueError, match="not finite"):
        scale_of(torch.tensor([[math.nan]]))


def test_a_contraction_settles_after_the_steps_that_its_rate_needs():
    """Half of the way at each step: from d, the step at t is d / 2^(t + 1)."""
    z = torch.tensor([[1.0, 0.0], [10.0, 2.0], [0.0, 0.0]])
    found = flow(towards(POINTS), z, 2.0)

    # In units of 2, that is 2^-(t + 2) and 2^-(t + 1); 2^-14 is the first below 1e-4.
    assert found.steps.tolist() == [12, 13, 0]
    assert found.periods.tolist() == [1, 1, 1]
    torch.testing.assert_close(found.ends, POINTS[[0, 1, 0]], atol=3e-4, rtol=0)
    # v_t: the mean of 1, 2 and 0, halved t + 1 times, in units of 2.
    expected = [3 / 3 / 2 ** (t + 1) / 2 for t in range(12)]
    assert found.speeds[:12].tolist() == pytest.approx(expected)
    assert found.speeds[15:].tolist() == [0] * 185
    assert not found.diverged.any()


def test_who_has_settled_is_not_moved_again():
    counts = []

    def f(z):
        counts.append(len(z))
        return towards(POINTS)(z)

    flow(f, torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]), 1.0)
    assert counts[0] == 3
    assert counts[1] == 2
    assert len(counts) < 20


@pytest.mark.parametrize("period", [2, 3, 4, 64])
def test_a_rotation_by_a_part_of_a_turn_is_a_cycle(period):
    found = flow(rotation(1 / period), drawn(20, 2), 1.0)
    assert found.periods.tolist() == [period] * 20
    assert found.steps.tolist() == [-1] * 20
    step = 2 * math.sin(math.pi / period) * drawn(20, 2).norm(dim=1).double().mean()
    assert found.speeds.tolist() == pytest.approx([float(step)] * 200, rel=1e-4)


def test_a_rotation_that_never_repeats_a_place_comes_by_it_or_not():
    """By 0.1414 of a turn, 7 steps end 0.0631 of the radius from where they began."""
    z = drawn(20, 2)
    z /= z.norm(dim=1, keepdim=True)
    turn = rotation(math.sqrt(2) / 10)
    assert flow(turn, z, 0.0631 / 0.021).periods.tolist() == [0] * 20
    assert flow(turn, z, 0.0631 / 0.019).periods.tolist() == [7] * 20
    assert flow(rotation(1 / (LONGEST_CYCLE + 1)), z, 1.0).periods.tolist() == [0] * 20
    slow = flow(rotation(1 / 10_000), z, 1.0)  # is always near to where it was, and never left
    assert slow.periods.tolist() == [0] * 20


def test_what_diverges_is_a_result():
    """Doubling: the step from t on is 2^t |z|; 10^4 scales from its start it is given up."""
    z = torch.tensor([[1.0], [2.0], [0.0]])
    found = flow(lambda z: 2 * z, z, 1.0)
    assert found.diverged.tolist() == [True, True, False]
    assert found.periods.tolist() == [0, 0, 1]
    assert found.ends.isfinite().all()
    assert found.ends[:, 0].tolist() == [2.0**13, 2.0**13, 0.0]
    assert found.speeds[:3].tolist() == pytest.approx([1, 2, 4])
    assert found.speeds[-1] == 0  # of the one that is left
    gone = flow(lambda z: 2 * z, z[:2], 1.0)
    assert gone.speeds.isnan().any()
    assert gone.speeds[-1].isnan()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_diverged(bad):
    def f(z):
        there = z / 2
        there[z[:, 0] < 0] = bad
        return there

    found = flow(f, torch.tensor([[-1.0, 5.0], [1.0, 5.0]]), 1.0)
    assert found.diverged.tolist() == [True, False]
    assert found.ends[0].tolist() == [-1, 5]
    assert found.steps[1] > 0
    assert found.speeds.isfinite().all()
    lengths = step_lengths(f, torch.tensor([[-1.0, 5.0], [3.0, 4.0]]), 3)
    assert lengths[:, 0].tolist() == [math.inf] * 3
    assert lengths[:, 1].tolist() == pytest.approx([2.5, 1.25, 0.625])


def test_places_are_visited_at_every_time():
    seen = {}
    z = torch.tensor([[8.0, 0.0]])
    flow(
        towards(POINTS[:1]), z, 1.0, steps=30, visit=lambda t, here: seen.update({t: here.clone()})
    )
    assert list(seen) == list(range(31))
    assert [float(seen[t][0, 0]) for t in range(5)] == [8, 4, 2, 1, 0.5]
    assert torch.equal(seen[29], seen[30])
    assert torch.equal(z, torch.tensor([[8.0, 0.0]]))


def test_landmarks_save_steps_and_change_nothing_else():
    """Of a contraction with one eigenvalue, how many are saved can be told."""
    counts = [0, 0]

    def f(z, which=1):
        counts[which] += len(z)
        return towards(POINTS, 0.8)(z)

    z = torch.cat((2 * drawn(60, 2), 2 * drawn(60, 2, 1) + POINTS[1]))
    scouted = flow(lambda z: f(z, 0), z, 4.0)
    known = landmarks(f, scouted, attractors(f, scouted))
    assert known.eigenvalues.abs().tolist() == pytest.approx([0.8, 0.8])
    assert counts[1] > 0
    counts[1] = 0
    again = landmarks(f, scouted, attractors(f, scouted), known.eigenvalues)
    assert counts[1] == 0  # what is known is not differentiated again
    assert torch.equal(again.places, known.places)
    counts[1] = 0
    seen = {}
    found = flow(f, z, 4.0, landmarks=known, visit=lambda t, here: seen.update({t: here.clone()}))
    assert counts[1] < counts[0] / 2
    # It is told from where the scouts stand still, which is not quite where they would end.
    assert (found.steps - scouted.steps).abs().max() <= 1
    assert found.periods.tolist() == scouted.periods.tolist()
    torch.testing.assert_close(found.ends, scouted.ends, atol=0.01, rtol=0)
    torch.testing.assert_close(found.speeds, scouted.speeds, atol=0.005, rtol=0)
    assert torch.equal(seen[200], found.ends)


def test_landmarks_of_a_cycle_are_its_places():
    ring = torch.tensor([[1.0, 0.0], [0.0, 1.0]])

    def f(z):  # onto the circle of radius 1, and a quarter round
        return rotation(1 / 4)(z / z.norm(dim=1, keepdim=True))

    scouted = flow(f, ring, 1.0)
    known = landmarks(f, scouted, attractors(f, scouted))
    assert known.periods.unique().tolist() == [4]
    assert known.speeds.tolist() == pytest.approx([math.sqrt(2)] * len(known.places))
    found = flow(f, 5 * ring, 1.0, landmarks=known)
    assert found.periods.tolist() == [4, 4]
    assert found.steps.tolist() == [-1, -1]
    assert found.speeds[1:].tolist() == pytest.approx([math.sqrt(2)] * 199)


def test_what_is_fixed_but_not_stable_is_no_landmark():
    z = torch.tensor([[0.0, 0.0], [0.0, 1.0]])

    def f(z):  # a saddle: away along the first axis, towards 0 along the second
        return z * torch.tensor([1.5, 0.5])

    scouted = flow(f, z, 1.0)
    assert scouted.periods.tolist() == [1, 1]
    assert landmarks(f, scouted, attractors(f, scouted)) is None


def test_hopfield_remembers_what_was_stored():
    stored = patterns()
    noisy = stored.repeat(40, 1) + 0.6 * drawn(120, 16)
    found = flow(hopfield(stored), noisy, 1.0)
    assert (found.periods == 1).all()
    overlaps = (found.ends @ stored.T / 16).abs().amax(dim=1)
    assert (overlaps > 0.9).double().mean() > 0.9


def test_the_map_is_taken_in_batches_and_gives_the_same():
    sizes = []

    def decode(z):
        sizes.append(len(z))
        return z.repeat(1, 2)

    f = regrounding(lambda images: images[:, :3] / 2, decode, batch=4)
    z = drawn(10, 3)
    assert torch.equal(f(z), z / 2)
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="both must be above 0"):
        flow(lambda z: z, torch.ones(2, 2), scale)
    with pytest.raises(ValueError, match="steps is 0"):
        flow(lambda z: z, torch.ones(2, 2), 1.0, steps=0)
