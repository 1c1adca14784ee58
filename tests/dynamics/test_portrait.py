"""All measures of a map together, on maps for which they are known, and on a linear autoencoder."""

import math

import pytest
import torch
from systems import drawn, rotation, towards

from grounding import data
from grounding.dynamics import gaussian, portrait, scale_of
from grounding.projection import principal_components

CENTRES = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


def clusters(each=20, spread=0.5):
    """Latents around three centres, whose numbers are their labels."""
    labels = torch.arange(3).repeat_interleave(each)
    return CENTRES[labels] + spread * drawn(3 * each, 2), labels


def test_a_contraction_to_the_class_means():
    z, labels = clusters()
    found = portrait(
        lambda images: towards(CENTRES)(images.flatten(1)),
        lambda latents: latents.view(-1, 1, 1, 2),
        z,
        labels=labels,
        classify=lambda z: torch.cdist(z, CENTRES).argmin(dim=1),
        training_images=CENTRES.view(-1, 1, 1, 2),
        fresh_images=CENTRES.view(-1, 1, 1, 2) + 1,
        gaussian_starts=60,
    )
    assert found.images == 60
    assert found.accuracies == (1.0,) * len(found.times)
    assert found.safe_horizon == 200
    assert (found.converged, found.cycling, found.diverging) == (1, 0, 0)
    assert 5 < found.median_steps < 15
    assert len(found.attractors) == found.reached_from_images == 3
    assert found.attractors.effective_number == pytest.approx(3)
    assert (found.purity, found.mutual_information) == (1, pytest.approx(1))
    assert found.basins.tolist() == [[20 * (i == j) for j in found.classes] for i in order(found)]
    assert found.nearest_training.indices.tolist() == order(found)
    assert found.memorisation == 1
    assert found.compared == 3
    assert found.radii_at_data.tolist() == pytest.approx([0.5] * 60)
    assert found.radii_at_attractors.tolist() == pytest.approx([0.5] * 3)
    assert found.derivative == "reverse mode"
    assert found.pictures.shape == (3, 1, 1, 2)


def order(found):
    return torch.cdist(found.attractors.places, CENTRES).argmin(dim=1).tolist()


def test_the_horizon_is_the_last_time_at_which_the_accuracy_is_kept():
    """All latents go one to the right at each step, and leave their class at x = 5."""
    z = torch.arange(200)[:, None] / 1000
    found = portrait(
        lambda images: images.flatten(1) + 1,
        lambda latents: latents[:, :, None, None],
        z,
        labels=torch.zeros(200).long(),
        classify=lambda z: (z[:, 0] > 5).long(),
        steps=20,
    )
    # At t = 5 only the first, exactly at 5, is right.
    kept = dict(zip(found.times, found.accuracies, strict=True))
    assert kept[4] == 1
    assert kept[5] == 1 / 200
    assert found.safe_horizon == 4
    assert found.times == (*range(11), 12, 14, 16, 18, 20)
    assert (found.converged, found.cycling, found.diverging) == (0, 0, 0)
    assert math.isnan(found.median_steps)
    assert len(found.attractors) == 0
    assert math.isnan(found.memorisation)


def test_one_in_a_hundred_may_be_lost():
    z = torch.arange(100.0)[:, None]
    found = portrait(
        lambda images: images.flatten(1),
        lambda latents: latents[:, :, None, None] / 2,
        z,
        labels=(z[:, 0] > 3).long(),
        classify=lambda z: (z[:, 0] > 3).long(),
        steps=8,
    )
    # After one halving only those above 6 are still above 3: 4, 5 and 6 are lost.
    assert found.accuracies[0] == 1
    assert found.accuracies[1] == 0.97
    assert found.safe_horizon == 0


def test_a_linear_autoencoder_is_a_projection():
    """PCA: E and D are transposes, so f is the identity on latents, and nothing moves."""
    images = torch.tensor(data.load().test_images[:400]).flatten(1).double() / 255
    fitted = principal_components(images, 8)
    axes = torch.tensor(fitted.components_, dtype=torch.float32)
    mean = torch.tensor(fitted.mean_, dtype=torch.float32)

    def encode(x):
        return (x.flatten(1) - mean) @ axes.T

    def decode(z):
        return (z @ axes + mean).view(-1, 1, 28, 28)

    z = encode(images.float())
    found = portrait(encode, decode, z[:50], scale=scale_of(z), gaussian_starts=10)
    assert found.flow.speeds.abs().max() < 1e-5
    assert found.median_steps == 0
    assert found.converged == 1
    assert len(found.attractors) == 60
    assert found.attractors.effective_number == pytest.approx(50)
    torch.testing.assert_close(
        found.at_data.abs(), torch.ones_like(found.at_data.abs()), atol=1e-4, rtol=0
    )
    assert found.accuracies == ()
    assert found.basins is None
    assert math.isnan(found.safe_horizon)


def test_a_projection_settles_in_one_step():
    def encode(images):
        return torch.cat((images.flatten(1)[:, :2], torch.zeros(len(images), 1)), dim=1)

    found = portrait(encode, lambda z: z[:, :, None, None], drawn(30, 3), gaussian_starts=0)
    assert found.median_steps == 1
    assert found.at_data.abs()[:, :2].flatten().tolist() == pytest.approx([1] * 60)
    assert found.at_data.abs()[:, 2].tolist() == [0] * 30
    assert math.isnan(found.memorisation)


def test_a_rotation_and_a_diverging_map_have_portraits():
    z = drawn(20, 2)
    turning = portrait(lambda x: rotation(1 / 5)(x.flatten(1)), lambda z: z[:, :, None, None], z)
    assert turning.cycling == 1
    assert turning.converged == 0
    assert set(turning.attractors.periods.tolist()) == {5}
    assert turning.radii_at_data.tolist() == pytest.approx([1] * 20)
    away = portrait(lambda x: 3 * x.flatten(1), lambda z: z[:, :, None, None], z)
    assert away.diverging == 1
    assert away.pictures.shape[0] == 0
    assert len(away.radii_at_attractors) == 0
    nowhere = portrait(lambda x: x.flatten(1) * math.nan, lambda z: z[:, :, None, None], z)
    assert nowhere.diverging == 1
    assert nowhere.radii_at_data.isnan().all()


def test_the_same_seed_draws_the_same_gaussian():
    z = drawn(500, 3) @ torch.tensor([[2.0, 0, 0], [1, 1, 0], [0, 0, 0]]) + 5
    first, again, other = (gaussian(z, 4000, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.testing.assert_close(first.mean(dim=0), z.mean(dim=0), atol=0.15, rtol=0)
    torch.testing.assert_close(first.T.cov(), z.T.cov(), atol=0.3, rtol=0)
    assert first[:, 2].tolist() == pytest.approx([5.0] * 4000, abs=1e-5)
    torch.testing.assert_close(gaussian(z[:1], 3, 0), z[:1].repeat(3, 1))


def test_latents_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="all latents are the same"):
        portrait(lambda x: x.flatten(1), lambda z: z[:, :, None, None], torch.ones(5, 2))
