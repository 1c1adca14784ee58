"""Changes of images by a known strength, to see what a latent makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Transformation(NamedTuple):
    """A change of images.

    Attributes:
        change: of images (B, C, H, W) in [0, 1] by strengths (B,).
        low: the least strength.
        high: the greatest.
        unit: of the strength.
        noisy: whether the change draws numbers: `change` then takes a generator on the CPU, too.
    """

    change: Callable[..., Tensor]
    low: float
    high: float
    unit: str
    noisy: bool = False


def rotated(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn about the centre."""
    angles = torch.deg2rad(degrees)
    cos, sin, (height, width) = angles.cos(), angles.sin(), images.shape[2:]
    # Both axes are called [-1, 1], however long they are.
    return _moved(images, cos, -sin * (height / width), sin * (width / height), cos)


def shifted(images: Tensor, parts: Tensor) -> Tensor:
    """Move to the right by a part of the width."""
    ones, zeros = torch.ones_like(parts), torch.zeros_like(parts)
    return _moved(images, ones, zeros, zeros, ones, -2 * parts)


def scaled(images: Tensor, changes: Tensor) -> Tensor:
    """Make larger about the centre, 0.2 by a fifth."""
    zeros = torch.zeros_like(changes)
    return _moved(images, 1 / (1 + changes), zeros, zeros, 1 / (1 + changes))


def sheared(images: Tensor, slants: Tensor) -> Tensor:
    """Slant: what is a pixel lower moves so many pixels to the side."""
    ones, (height, width) = torch.ones_like(slants), images.shape[2:]
    return _moved(images, ones, slants * (height / width), torch.zeros_like(slants), ones)


def thickened(images: Tensor, weights: Tensor) -> Tensor:
    """Mix in the maximum of 3 x 3 pixels, or for weights below 0 the minimum."""
    sign = torch.where(weights < 0, -1.0, 1.0)[:, None, None, None]
    largest = F.max_pool2d(images * sign, 3, stride=1, padding=1) * sign
    return torch.lerp(images, largest, weights.abs()[:, None, None, None])


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply by a factor."""
    return (images * factors[:, None, None, None]).clamp(max=1)


def noised(images: Tensor, deviations: Tensor, draws: torch.Generator) -> Tensor:
    """Add Gaussian noise of a standard deviation."""
    noise = torch.randn(images.shape, generator=draws).to(images)
    return (images + deviations[:, None, None, None] * noise).clamp(0, 1)


TRANSFORMATIONS: Mapping[str, Transformation] = {
    "rotation": Transformation(rotated, -30, 30, "degrees"),
    "shift": Transformation(shifted, -0.1, 0.1, "widths"),
    "scale": Transformation(scaled, -0.25, 0.25, "relative"),
    "shear": Transformation(sheared, -0.4, 0.4, "pixels a pixel"),
    "thickness": Transformation(thickened, -0.5, 0.5, "weight"),
    "brightness": Transformation(brightened, 0.5, 1, "factor"),
    "noise": Transformation(noised, 0, 0.25, "standard deviation", noisy=True),
}


def changed(
    images: Tensor, transformation: Transformation, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W), each changed by a strength of its own, and the strengths (B,).

    Args:
        images: in [0, 1].
        transformation: what to do; strengths are uniform between its ends.
        draws: on the CPU, so that every device gets the same.
    """
    low, high = transformation.low, transformation.high
    strengths = low + (high - low) * torch.rand(len(images), generator=draws)
    more = (draws,) if transformation.noisy else ()
    return transformation.change(images, strengths.to(images), *more), strengths


def _moved(
    images: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, right: Tensor | None = None
) -> Tensor:
    """What is at (x, y) was at (a x + b y + right, c x + d y); bilinear, zeros outside."""
    zeros = torch.zeros_like(a)
    rows = [a, b, zeros if right is None else right, c, d, zeros]
    theta = torch.stack(rows, dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
