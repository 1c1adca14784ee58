"""Thicker and thinner strokes."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings


class ThicknessSettings(AugmentationSettings):
    """Settings of `thickness`."""

    max_weight: float = Field(1.0, ge=0, le=1)
    """How much of the dilated or eroded image is mixed in, at most."""


@register.augmentation("thickness", settings=ThicknessSettings, stage="stroke", order=1)
def thickness(images: Tensor, settings: ThicknessSettings, generator: torch.Generator) -> Tensor:
    """Dilate a third of the images, erode a third, by 3 x 3 pixels.

    Grey-scale dilation and erosion are the maximum and the minimum over 3 x 3 pixels (Serra,
    1982); one of them is mixed in with a weight drawn from [0, max_weight].
    """
    count = len(images)
    which = torch.rand(count, generator=generator, device=images.device)
    weights = torch.rand(count, generator=generator, device=images.device) * settings.max_weight
    # The minimum of x is -maximum of -x: one filter serves both.
    sign = torch.where(which > 2 / 3, -1.0, 1.0)[:, None, None, None]
    weights = (weights * ((which < 1 / 3) | (which > 2 / 3)))[:, None, None, None]
    signed = images * sign
    return images + weights * sign * (_maximum_3x3(signed) - signed)


def _maximum_3x3(images: Tensor) -> Tensor:
    """The largest value of each pixel and its eight neighbours; max_pool2d is ten times slower."""
    out = images
    for axis in (2, 3):
        last = out.shape[axis] - 1
        larger = torch.maximum(out.narrow(axis, 0, last), out.narrow(axis, 1, last))
        out = out.clone()
        for start in (0, 1):
            reached = out.narrow(axis, start, last)
            torch.maximum(reached, larger, out=reached)
    return out
