"""Further latents among known attractors, on maps whose attractors are known."""

import torch
from systems import drawn, rotation, towards

from grounding.dynamics import portrait, trails

CENTRES = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


def portrait_of(f, z):
    return portrait(
        lambda images: f(images.flatten(1)), lambda z: z[:, :, None, None], z, gaussian_starts=0
    )


def test_known_attractors_keep_their_numbers_and_new_ones_come_behind():
    """The portrait has seen two of the three centres; the third has two of three visitors."""
    f = towards(CENTRES)
    known = portrait_of(f, CENTRES[[0, 0, 0, 1, 1]] + 0.5 * drawn(5, 2))
    assert len(known.attractors) == 2
    numbers = torch.cdist(known.attractors.places, CENTRES).argmin(dim=1).tolist()
    z = CENTRES[[2, 1, 2, 0]] + 0.5 * drawn(4, 2)
    found = trails(f, z, known)
    assert found.members.tolist() == [2, numbers.index(1), 2, numbers.index(0)]
    torch.testing.assert_close(found.others.places, CENTRES[2:], atol=1e-2, rtol=0)
    assert found.others.counts.tolist() == [2]
    assert found.paths.shape == (6, 4, 2)
    # Half of the way is left after each step.
    torch.testing.assert_close(found.paths[0], (z + CENTRES[[2, 1, 2, 0]]) / 2)
    torch.testing.assert_close(found.paths[1], (z + 3 * CENTRES[[2, 1, 2, 0]]) / 4)
    assert ((found.steps > 5) & (found.steps < 20)).all()


def test_of_nobody_there_are_no_trails():
    found = trails(towards(CENTRES), drawn(0, 2), portrait_of(towards(CENTRES), CENTRES + 1))
    assert found.paths.shape == (6, 0, 2)
    assert (len(found.members), len(found.steps), len(found.others)) == (0, 0, 0)


def test_who_goes_round_with_others_is_in_their_cycle_and_who_flies_off_in_none():
    def f(z):
        """A turn by a fifth on the radii 1 to 2, drawn to radius 1; away beyond."""
        radius = z.norm(dim=1, keepdim=True)
        turned = rotation(1 / 5)(z / radius * (1 + (radius - 1) / 2))
        return torch.where(radius < 2, turned, 3 * z)

    angle = torch.tensor([0.3])
    start = torch.stack((angle.cos(), angle.sin()), dim=1)
    known = portrait_of(f, torch.cat((1.1 * start, 1.2 * start)))
    assert known.attractors.periods.tolist() == [5]
    others = torch.cat((1.15 * rotation(1 / 5)(start), torch.tensor([[5.0, 0.0]])))
    found = trails(f, others, known)
    assert found.members.tolist() == [0, -1]
    assert len(found.others) == 0
