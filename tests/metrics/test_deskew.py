"""Images made upright: bars by hand, real digits by their moments."""

import numpy as np
import torch

from grounding import data
from grounding.metrics import deskew


def bar(places, size=9):
    image = torch.zeros(1, 1, size, size)
    for y, x in places:
        image[0, 0, y, x] = 1
    return image


def test_a_slanted_bar_stands_upright_in_the_middle():
    upright = bar([(y, 4) for y in range(2, 7)])
    for slant, across, down in ((1, 0, 0), (-1, 0, 0), (1, -1, -2), (0, 3, 2)):
        slanted = bar([(y + down, 4 + slant * (y - 4) + across) for y in range(2, 7)])
        torch.testing.assert_close(deskew(slanted), upright, atol=1e-5, rtol=0)


def test_what_has_no_slant_is_only_moved():
    torch.testing.assert_close(deskew(bar([(1, 7)])), bar([(4, 4)]), atol=1e-5, rtol=0)
    level = bar([(2, x) for x in range(5)])
    torch.testing.assert_close(deskew(level), bar([(4, x) for x in range(2, 7)]), atol=1e-5, rtol=0)
    assert not deskew(torch.zeros(2, 1, 5, 7)).any()


def test_channels_move_together():
    gray = bar([(y, y) for y in range(2, 7)])
    coloured = torch.cat((0.2 * gray, 0.7 * gray, 0 * gray), dim=1)
    upright = deskew(gray)
    expected = torch.cat((0.2 * upright, 0.7 * upright, 0 * upright), dim=1)
    torch.testing.assert_close(deskew(coloured), expected)


def test_digits_have_no_slant_left():
    digits = torch.tensor(data.load().test_images[:100]).float() / 255

    def moments(images):
        mass = images[:, 0].double().numpy()
        mass = mass / mass.sum((1, 2), keepdims=True)
        y, x = np.mgrid[: mass.shape[1], : mass.shape[2]]
        mean_y, mean_x = (mass * y).sum((1, 2)), (mass * x).sum((1, 2))
        dy, dx = y - mean_y[:, None, None], x - mean_x[:, None, None]
        slant = (mass * dy * dx).sum((1, 2)) / (mass * dy * dy).sum((1, 2))
        return slant, np.hypot(mean_y - 13.5, mean_x - 13.5)

    before, after = moments(digits), moments(deskew(digits))
    assert np.abs(before[0]).mean() > 0.15
    assert np.abs(after[0]).max() < 0.05
    assert after[1].max() < 0.2
