"""Histograms of oriented gradients: an edge by hand, another library, what is too small."""

import numpy as np
import pytest
import torch

from grounding import data
from grounding.metrics import NotMeasurable, hog


def test_an_edge_by_hand():
    image = torch.zeros(1, 1, 12, 12)
    image[..., 6:] = 1  # the gradient points right, 1 at columns 5 and 6
    found = hog(image).view(3, 3, 9)
    # Columns 4 to 7 are the second column of cells: three cells hold all of it.
    expected = torch.zeros(3, 3, 9)
    expected[:, 1, 0] = 3**-0.5
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(hog(image.mT).view(3, 3, 9)[1, :, 4], torch.full((3,), 3**-0.5))


def test_by_another_library():
    """scikit-image 0.26.0: hog(image, 9, (4, 4), (3, 3), block_norm="L2-Hys")."""
    digit = torch.tensor(data.load().test_images[:1]).double() / 255
    (found,) = hog(digit).numpy()
    assert found.shape == (2025,)
    few = found[[1288, 454, 1468, 203]]
    assert few == pytest.approx([0.9774454417, 0.3519868799, 0.3175630364, 0.0938317510], abs=1e-6)
    assert found.sum() == pytest.approx(83.46735499933384, abs=1e-4)
    assert found @ np.cos(np.arange(2025)) == pytest.approx(1.97836289037612, abs=1e-4)
    # Three channels, channel_axis=-1.
    noise = torch.tensor(np.random.default_rng(0).random((14, 13, 3))).permute(2, 0, 1)
    (found,) = hog(noise[None]).numpy()
    assert found.shape == (81,)
    assert found.sum() == pytest.approx(7.218529130633256, abs=1e-5)
    assert found @ np.cos(np.arange(81)) == pytest.approx(0.44481494275995426, abs=1e-5)


def test_brightness_does_not_count():
    digits = torch.tensor(data.load().test_images[:20]).float() / 255
    torch.testing.assert_close(hog(digits / 2), hog(digits), atol=1e-3, rtol=0)


def test_images_smaller_than_a_block():
    with pytest.raises(NotMeasurable, match="11 x 20 pixels, at least 12 x 12 are needed"):
        hog(torch.zeros(1, 1, 11, 20))
    assert hog(torch.zeros(2, 1, 12, 12)).tolist() == [[0.0] * 81] * 2
