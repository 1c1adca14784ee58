"""Augmentations that move or thicken strokes: scale, shear, elastic displacement, thickness.

Whole batches on their device, one resampling for all that moves. The rotation of `augment` is part
of it when any of these is on.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

CONTROL_POINTS = 4


@dataclass(frozen=True)
class Warp:
    """Strength of each movement; 0 switches it off.

    Attributes:
        rotation: degrees, each way.
        shift: pixels, each way, each axis; not only whole ones.
        scale: the factor is drawn from [1 - scale, 1 + scale].
        shear: x moves by up to this much per pixel of y, each way.
        elastic: standard deviation of the displacements of a 4 x 4 grid of points, in pixels.
    """

    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there is more to do than a rotation."""
        return any((self.shift, self.scale, self.shear, self.elastic))


def one_each(images: Tensor, bound: float, generator: torch.Generator) -> Tensor:
    """One number in [-bound, bound) for each image (B,)."""
    numbers = torch.empty(len(images), dtype=images.dtype, device=images.device)
    return numbers.uniform_(-bound, bound, generator=generator)


def warp(images: Tensor, strength: Warp, generator: torch.Generator) -> Tensor:
    """Move each image (B, C, H, W) in its own way: bilinear, zeros outside.

    What is seen at a place comes from rotation x shear / scale of it about the centre, moved by
    the shift and by the elastic field: random displacements on a coarse grid, made smooth by
    bicubic interpolation (after Simard et al., 2003, who smooth those of every pixel).
    """
    count, _, height, width = images.shape
    angle, scale, shear = (
        one_each(images, bound, generator)
        for bound in (radians(strength.rotation), strength.scale, strength.shear)
    )
    cos, sin = angle.cos() / (1 + scale), angle.sin() / (1 + scale)
    matrix_B22 = torch.stack([cos, shear * cos - sin, sin, shear * sin + cos], 1).view(-1, 2, 2)
    # All in pixels, and only then in the units of grid_sample: an axis of W pixels is as long
    # there as one of H.
    places = matrix_B22 @ _pixels(height, width, images)
    if strength.shift:
        moves = images.new_empty(count, 2, 1)
        places += moves.uniform_(-strength.shift, strength.shift, generator=generator)
    if strength.elastic:
        points = images.new_empty(2 * count, CONTROL_POINTS**2)
        points.normal_(0, strength.elastic, generator=generator)
        places += (points @ _bicubic(height, width, images.device)).view(count, 2, -1)
    places *= _to_units(height, width, images.device)
    grid = places.view(count, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def change_thickness(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Dilate a third of the images (B, C, H, W), erode a third, leave a third.

    Grey-scale dilation and erosion are the maximum and the minimum over 3 x 3 pixels (Serra,
    1982); one of them is mixed in with a weight drawn from [0, strength].
    """
    count = len(images)
    which = torch.rand(count, generator=generator, device=images.device)
    weights = torch.rand(count, generator=generator, device=images.device) * strength
    # The minimum of x is -maximum of -x: one filter serves both.
    sign = torch.where(which > 2 / 3, -1.0, 1.0)[:, None, None, None]
    weights = (weights * ((which < 1 / 3) | (which > 2 / 3)))[:, None, None, None]
    signed = images * sign
    return images + weights * sign * (_maximum_3x3(signed) - signed)


def _maximum_3x3(images: Tensor) -> Tensor:
    """The largest value of each pixel and its eight neighbours; max_pool2d is ten times slower."""
    out = images
    for axis in (2, 3):
        before, after = (
            out.narrow(axis, 0, out.shape[axis] - 1),
            out.narrow(axis, 1, out.shape[axis] - 1),
        )
        larger = torch.maximum(before, after)
        out = out.clone()
        _maximise(out.narrow(axis, 0, larger.shape[axis]), larger)
        _maximise(out.narrow(axis, 1, larger.shape[axis]), larger)
    return out


def _maximise(values: Tensor, others: Tensor) -> None:
    torch.maximum(values, others, out=values)


def cut_out(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Set a square of each image (B, C, H, W) to 0, its centre anywhere (DeVries & Taylor, 2017).

    Args:
        images: any values.
        side: of the square, in pixels; what lies outside the image is cut off.
        generator: on the images' device.
    """
    covered = []
    for size in images.shape[2:]:
        centre = torch.randint(size, (len(images), 1), generator=generator, device=images.device)
        distance = torch.arange(size, device=images.device) - centre + side // 2
        covered.append((distance >= 0) & (distance < side))
    rows, columns = covered
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


def _pixels(height: int, width: int, like: Tensor) -> Tensor:
    """X and y (2, H * W) of each pixel's centre, in pixels from the image's."""
    y, x = (
        torch.arange(n, dtype=like.dtype, device=like.device) - (n - 1) / 2 for n in (height, width)
    )
    return torch.stack([x.repeat(height), y.repeat_interleave(width)])


@lru_cache(maxsize=4)
def _to_units(height: int, width: int, device: torch.device) -> Tensor:
    """Factors (2, 1) from pixels to the units of grid_sample, x first.

    Kept: to copy numbers to a GPU is to wait for it.
    """
    return torch.tensor([[2 / width], [2 / height]], device=device)


@lru_cache(maxsize=4)
def _bicubic(height: int, width: int, device: torch.device) -> Tensor:
    """What each point of the control grid adds to each pixel, (16, H * W), rows first."""
    basis = torch.eye(CONTROL_POINTS**2).view(-1, 1, CONTROL_POINTS, CONTROL_POINTS)
    spread = F.interpolate(basis, (height, width), mode="bicubic", align_corners=True)
    return spread.flatten(1).to(device)
