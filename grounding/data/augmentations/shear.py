"""Shear: what is upright becomes slanted."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, per_image
from grounding.data.warp import Motion


class ShearSettings(AugmentationSettings):
    """Settings of `shear`."""

    max_shear: float = Field(0.2, ge=0, le=2)
    """X moves by up to this much for each pixel of y, each way."""


@register.augmentation("shear", settings=ShearSettings, stage="warp", order=3)
def shear(images: Tensor, settings: ShearSettings, generator: torch.Generator) -> Motion:
    """Slant: rows move sideways, the further from the centre the more."""
    shears = per_image(images, -settings.max_shear, settings.max_shear, generator)
    ones, zeros = torch.ones_like(shears), torch.zeros_like(shears)
    return Motion(torch.stack([ones, shears, zeros, ones], 1).view(-1, 2, 2))
