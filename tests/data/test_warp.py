from math import cos, radians, sin

import numpy as np
import pytest
import torch
from scipy import ndimage

from grounding.data.augment import Augmentation, augment
from grounding.data.warp import Warp, change_thickness, cut_out, warp

OFF = Augmentation(0, 0, 0, 0, 0)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(strength, count):
    """The numbers that `warp` draws, in its order: angle, scale, shear, shift, displacements."""
    generator = draws()
    bounds = (radians(strength.rotation), strength.scale, strength.shear)
    uniform = [torch.empty(count).uniform_(-b, b, generator=generator) for b in bounds]
    shift, points = torch.zeros(count, 2), torch.zeros(2 * count, 16)
    if strength.shift:
        shift = torch.empty(count, 2, 1).uniform_(
            -strength.shift, strength.shift, generator=generator
        )
    if strength.elastic:
        points.normal_(0, strength.elastic, generator=generator)
    return [*uniform, shift.view(count, 2), points.view(count, 2, 4, 4)]


def cubic(distance):
    """Keys' cubic convolution kernel with a = -0.75."""
    a, d = -0.75, abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def smooth(points, row, column, height, width):
    """A 4 x 4 grid of values at a pixel, corners on corners; edge values go on outside."""
    y, x = row * 3 / (height - 1), column * 3 / (width - 1)
    total = 0.0
    for i in range(-2, 7):
        for j in range(-2, 7):
            value = points[min(3, max(0, i)), min(3, max(0, j))]
            total += value * cubic(y - i) * cubic(x - j)
    return total


def one_by_one(image, angle, scale, shear, shift, points):
    """One image (H, W), pixel by pixel."""
    height, width = image.shape
    rows, columns = np.empty((2, height, width))
    for row in range(height):
        for column in range(width):
            x, y = column - (width - 1) / 2, row - (height - 1) / 2
            x, y = x + shear * y, y  # slanted, then turned, then scaled
            x, y = cos(angle) * x - sin(angle) * y, sin(angle) * x + cos(angle) * y
            x, y = x / (1 + scale) + shift[0], y / (1 + scale) + shift[1]
            x += smooth(points[0], row, column, height, width)
            y += smooth(points[1], row, column, height, width)
            rows[row, column] = y + (height - 1) / 2
            columns[row, column] = x + (width - 1) / 2
    return ndimage.map_coordinates(image, [rows, columns], order=1, mode="grid-constant")


@pytest.mark.parametrize(
    "strength",
    [
        Warp(scale=0.3),
        Warp(rotation=25.0, shear=0.4),
        Warp(shift=1.7),
        Warp(elastic=1.5),
        Warp(18.0, 2.0, 0.18, 0.35, 1.6),
    ],
)
@pytest.mark.parametrize("shape", [(12, 12), (9, 14)])
def test_a_batch_is_moved_as_each_image_would_be_pixel_by_pixel(strength, shape):
    images = torch.rand(3, 2, *shape, generator=draws(9))
    found = warp(images, strength, draws())
    each = zip(*(values.double().numpy() for values in drawn(strength, 3)), strict=True)
    for image, moved, numbers in zip(images.numpy(), found.numpy(), each, strict=True):
        for channel in range(2):
            expected = one_by_one(image[channel], *numbers)
            assert np.abs(moved[channel] - expected).max() < 2e-5


def test_a_shear_by_hand():
    # A pixel in the row above the centre: its row moves by the shear times -1, so up to one
    # pixel to the right; the middle row stays.
    images = torch.zeros(400, 1, 5, 5)
    images[:, 0, 1, 2] = images[:, 0, 2, 2] = 1
    moved = warp(images, Warp(shear=1.0), draws())[:, 0]
    assert torch.allclose(moved[:, 2, 2], torch.ones(400), atol=1e-6)
    assert torch.allclose(moved[:, 1].sum(1), torch.ones(400), atol=1e-5)
    places = (moved[:, 1] * torch.arange(5)).sum(1) - 2
    assert places.min() == pytest.approx(-1, abs=0.05)
    assert places.max() == pytest.approx(1, abs=0.05)


class TestThickness:
    def test_a_dot_and_a_hole_by_hand(self):
        dot = torch.zeros(600, 1, 5, 5)
        dot[:, 0, 2, 2] = 1
        changed = change_thickness(dot, 1.0, draws())[:, 0]
        ring = changed.clone()
        ring[:, 2, 2] = 0
        grown = ring.sum((1, 2)) > 0
        # Dilation: the eight pixels around get the weight, the middle stays.
        assert torch.allclose(ring[grown][:, 1:4, 1:4].sum((1, 2)), 8 * ring[grown][:, 1, 1])
        assert (changed[grown][:, 2, 2] == 1).all()
        assert (ring[:, 0] == 0).all()
        # Erosion: only the middle loses.
        shrunk = changed[:, 2, 2] < 1
        assert not (grown & shrunk).any()
        for share in (grown, shrunk):
            assert share.float().mean().item() == pytest.approx(1 / 3, abs=0.06)
        weights = ring[grown][:, 1, 1]
        assert 0 < weights.min() < 0.05
        assert 0.95 < weights.max() <= 1

    def test_the_whole_weight_is_scipys_morphology(self):
        images = torch.rand(300, 2, 7, 6, generator=draws(3))
        changed = change_thickness(images, 1.0, draws())
        generator = draws()
        which, weights = (torch.rand(300, generator=generator) for _ in range(2))
        for i in range(300):
            for channel in range(2):
                image = images[i, channel].numpy()
                # The window is cut off at the edge: what lies outside is never the extreme.
                if which[i] < 1 / 3:
                    other = ndimage.grey_dilation(image, (3, 3), mode="constant", cval=-9)
                elif which[i] > 2 / 3:
                    other = ndimage.grey_erosion(image, (3, 3), mode="constant", cval=9)
                else:
                    other = image
                expected = image + weights[i].item() * (other - image)
                assert np.abs(changed[i, channel].numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("side", [1, 4, 5])
def test_cut_out_is_one_square_anywhere(side):
    cut = cut_out(torch.ones(3000, 2, 8, 11), side, draws()) == 0
    assert torch.equal(cut[:, 0], cut[:, 1])
    sizes = cut[:, 0].sum((1, 2))
    assert sizes.max() == side**2  # wholly inside
    rows, columns = cut[:, 0].any(2).sum(1), cut[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, sizes)  # a rectangle
    # Every pixel is the centre of some: centres lie in the image.
    assert cut[:, 0].any(0).all()
    assert sizes.min() >= ((side + 1) // 2 - (side + 1) % 2) ** 2


def test_what_is_off_draws_nothing_and_what_is_on_stays_in_range():
    images = torch.rand(20, 1, 28, 28, generator=draws(1))
    before = Augmentation()
    assert torch.equal(
        augment(images, before, draws()),
        augment(images, Augmentation(scale=0.0, shear=0.0, elastic=0.0, thickness=0.0), draws()),
    )
    strong = Augmentation(2, 18.0, 0.15, 0.05, 0.05, 1.0, 0.18, 0.35, 1.6, 1.0, 8)
    first, second = (augment(images, strong, draws()) for _ in range(2))
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    kept = images.clone()
    augment(images, strong, draws())
    assert torch.equal(images, kept)


@pytest.mark.parametrize(
    ("name", "strength"),
    [("subpixel_shift", 1.5), ("scale", 0.2), ("shear", 0.3), ("elastic", 1.5),
     ("thickness", 1.0), ("cutout", 8)],
)  # fmt: skip
def test_each_changes_each_image_in_its_own_way(name, strength):
    image = torch.rand(1, 1, 14, 14, generator=draws(4)).expand(12, 1, 14, 14)
    changed = augment(image, Augmentation(**{**vars(OFF), name: strength}), draws())
    different = {tuple(one.flatten().tolist()) for one in changed}
    assert len(different) >= 6  # a third stays as it is where thickness is drawn
