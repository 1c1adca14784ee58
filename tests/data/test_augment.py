from math import radians

import numpy as np
import pytest
import torch
from scipy import ndimage

from grounding.data.augment import Augmentation, augment, mask, rotate, shift

OFF = Augmentation(0, 0, 0, 0, 0)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(**strength):
    return Augmentation(**{**vars(OFF), **strength})


def test_a_quarter_turn_by_hand():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 0, 2] = 1
    turned = rotate(image, torch.tensor([torch.pi / 2]))
    expected = torch.zeros(5, 5)
    expected[2, 4] = 1  # from the top to the right: clockwise
    assert torch.allclose(turned[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(28, 28), (20, 33)])
@pytest.mark.parametrize("degrees", [-12.0, 5.0, 12.0, 170.0])
def test_rotation_is_scipys(shape, degrees):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    centre = (np.array(shape) - 1) / 2
    turn = radians(degrees)
    inverse = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    expected = ndimage.affine_transform(
        image, inverse, offset=centre - inverse @ centre, order=1, mode="grid-constant"
    )
    found = rotate(torch.from_numpy(image)[None, None], torch.tensor([turn]))[0, 0]
    assert np.abs(found.numpy() - expected).max() < 1e-5


def test_no_turn_is_no_change():
    images = torch.rand(3, 2, 9, 12)
    assert torch.allclose(rotate(images, torch.zeros(3)), images, atol=1e-6)


def test_shifts_move_whole_pixels_and_zeros_come_in():
    image = torch.arange(1.0, 21).view(1, 1, 4, 5)
    shifted = shift(image.expand(500, 1, 4, 5), 2, draws())
    padded = torch.zeros(8, 9)
    padded[2:6, 2:7] = image[0, 0]
    allowed = {
        tuple(padded[y : y + 4, x : x + 5].flatten().tolist()) for y in range(5) for x in range(5)
    }
    seen = {tuple(s.flatten().tolist()) for s in shifted}
    assert seen == allowed  # 500 draws of 25 shifts show every one


def test_masked_pixels_are_zero_and_as_many_as_asked_for():
    for probability in (0.0, 0.08, 0.5, 0.99):
        masked = mask(torch.ones(200, 1, 28, 27), probability, draws())
        assert set(masked.unique().tolist()) <= {0.0, 1.0}
        assert (masked == 0).float().mean().item() == pytest.approx(probability, abs=0.005)


def test_noise_has_the_spread_asked_for():
    grey = torch.full((200, 1, 28, 28), 0.5)
    noise = augment(grey, only(noise_std=0.08), draws()) - 0.5
    assert noise.mean().item() == pytest.approx(0, abs=1e-3)
    assert noise.std().item() == pytest.approx(0.08, abs=1e-3)


def test_intensity_is_one_factor_an_image():
    factors = augment(torch.full((500, 1, 4, 4), 0.8), only(intensity=0.15), draws()) / 0.8
    assert torch.equal(factors.amin((1, 2, 3)), factors.amax((1, 2, 3)))
    assert factors.min() >= 0.85 - 1e-6
    assert factors.max() <= 1.15 + 1e-6
    assert factors.mean().item() == pytest.approx(1, abs=0.02)


def test_everything_off_returns_an_equal_copy():
    images = torch.rand(2, 1, 28, 28)
    same = augment(images, OFF, draws())
    assert torch.equal(same, images)
    assert same.data_ptr() != images.data_ptr()


def test_inputs_stay_as_they_are_and_outputs_in_range():
    images = torch.rand(50, 3, 28, 28)
    before = images.clone()
    out = augment(images, Augmentation(noise_std=1.0), draws())
    assert torch.equal(images, before)
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 1


def test_the_order_is_shift_rotation_intensity_noise_mask():
    """The same draws, applied one by one with other means."""
    images = torch.rand(6, 1, 28, 28)
    strength = Augmentation()
    found = augment(images, strength, draws(3))

    generator = draws(3)
    step = shift(images, strength.max_shift, generator)
    turn = torch.empty(6).uniform_(-radians(12), radians(12), generator=generator)
    step = rotate(step, turn)
    step = step * (1 + torch.empty(6).uniform_(-0.15, 0.15, generator=generator)).view(6, 1, 1, 1)
    step = step + torch.empty_like(step).normal_(0, 0.08, generator=generator)
    step = mask(step, 0.08, generator).clamp(0, 1)
    assert torch.allclose(found, step, atol=1e-6)


def test_the_generator_alone_decides():
    images = torch.rand(5, 1, 28, 28)
    torch.manual_seed(1)
    first = augment(images, Augmentation(), draws(9))
    torch.manual_seed(2)
    assert torch.equal(first, augment(images, Augmentation(), draws(9)))
    assert not torch.equal(first, augment(images, Augmentation(), draws(10)))
