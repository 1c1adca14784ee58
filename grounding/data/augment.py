"""Augmentation of whole batches on their device.

In this order: shift by whole pixels, rotation (bilinear, zeros outside) together with scale, shear
and elastic displacement, thickness of strokes, intensity, Gaussian noise, masking of pixels,
cut-out, clamping to [0, 1]. No image is handled on its own. What is off draws no random numbers.
"""

from dataclasses import dataclass
from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.data.warp import Warp, change_thickness, cut_out, one_each, warp


@dataclass(frozen=True)
class Augmentation:
    """Strength of each augmentation; 0 switches it off.

    Attributes:
        max_shift: pixels, each way, each axis.
        max_rotation: degrees, each way.
        intensity: the factor is drawn from [1 - intensity, 1 + intensity].
        noise_std: standard deviation in units of [0, 1].
        mask_probability: of setting a pixel to 0.
        subpixel_shift: pixels, each way, each axis, on top of max_shift.
        scale: the factor is drawn from [1 - scale, 1 + scale].
        shear: x moves by up to this much per pixel of y, each way.
        elastic: standard deviation of the displacements of a 4 x 4 grid of points, in pixels.
        thickness: largest weight of a dilation or an erosion, in [0, 1].
        cutout: side of a square that is set to 0, in pixels.
    """

    max_shift: int = 2
    max_rotation: float = 12.0
    intensity: float = 0.15
    noise_std: float = 0.08
    mask_probability: float = 0.08
    subpixel_shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    thickness: float = 0.0
    cutout: int = 0

    @property
    def warp(self) -> Warp:
        """What moves pixels, the shift by whole ones apart."""
        return Warp(self.max_rotation, self.subpixel_shift, self.scale, self.shear, self.elastic)


def augment(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """A randomly changed copy of each image.

    Args:
        images: (B, C, H, W), float in [0, 1].
        augmentation: how strongly.
        generator: on the images' device; all randomness comes from it.

    Returns:
        (B, C, H, W), float in [0, 1], a new tensor.
    """
    return corrupt(deform(images, augmentation, generator), augmentation, generator)


def deform(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """The first half of `augment`: what is written changes, not how well it can be seen.

    Shift, rotation, scale, shear, elastic displacement, thickness. As `augment`; the values can
    leave [0, 1] by rounding errors.
    """
    out = shift(images, augmentation.max_shift, generator)
    if augmentation.warp.is_on:
        out = warp(out, augmentation.warp, generator)
    elif augmentation.max_rotation:
        out = rotate(out, one_each(images, radians(augmentation.max_rotation), generator))
    if augmentation.thickness:
        out = change_thickness(out, augmentation.thickness, generator)
    return out


def corrupt(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """The second half of `augment`, which may write into images.

    Intensity, noise, masking, cut-out, clamping to [0, 1].
    """
    out = images
    if augmentation.intensity:
        out *= 1 + one_each(images, augmentation.intensity, generator)[:, None, None, None]
    if augmentation.noise_std:
        noise = torch.empty_like(out).normal_(0, augmentation.noise_std, generator=generator)
        out += noise
    if augmentation.mask_probability:
        out = mask(out, augmentation.mask_probability, generator)
    if augmentation.cutout:
        out = cut_out(out, augmentation.cutout, generator)
    return out.clamp_(0, 1)


def shift(images: Tensor, max_shift: int, generator: torch.Generator) -> Tensor:
    """Shift each image (B, C, H, W) by whole pixels, up to max_shift each way, zeros moving in."""
    if not max_shift:
        return images.clone()
    count, _, height, width = images.shape
    steps = 2 * max_shift + 1
    padded = F.pad(images, (max_shift,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(steps, (2, count), generator=generator, device=images.device)
    chosen: Tensor = windows[torch.arange(count, device=images.device), :, down, right]
    return chosen


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate images (B, C, H, W) about their centres by angles (B,) in radians.

    Positive angles turn clockwise as displayed (rows count downwards). Bilinear, zeros outside.
    """
    _, _, height, width = images.shape
    cos, sin = angles.cos(), angles.sin()
    # In normalised coordinates an axis of W pixels is as long as one of H: undo that.
    rows = [cos, sin * (height / width), sin * (-width / height), cos]
    rotation = torch.stack(rows, dim=1).view(-1, 2)  # (2B, 2): the x and the y row of each image
    places = rotation @ _pixel_centres(height, width, images)
    # grid_sample is fastest on x and y as planes, behind a view that interleaves them.
    grid = places.view(-1, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def mask(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Set pixels of images to 0 in place, each with this probability (in steps of 2^-16).

    16 random bits decide on each value: four times fewer draws than one number each.
    """
    words = torch.empty((images.numel() + 3) // 4, dtype=torch.int64, device=images.device)
    words.random_(torch.iinfo(torch.int64).min, None, generator=generator)
    bits = words.view(torch.int16)[: images.numel()].view(images.shape)
    return images.mul_(bits >= round(probability * 2**16) - 2**15)


def _pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """X and y (2, H * W) of each pixel's centre, where [-1, 1] spans the image."""
    y, x = (
        (torch.arange(n, dtype=like.dtype, device=like.device) * 2 + 1) / n - 1
        for n in (height, width)
    )
    return torch.stack([x.repeat(height), y.repeat_interleave(width)])
