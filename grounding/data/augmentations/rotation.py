"""Rotation about the centre."""

from math import radians

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, per_image
from grounding.data.warp import Motion


class RotationSettings(AugmentationSettings):
    """Settings of `rotation`."""

    enabled: bool = True
    """Whether images are rotated."""
    max_degrees: float = Field(12.0, ge=0, le=180)
    """Rotation by up to this many degrees each way."""


@register.augmentation("rotation", settings=RotationSettings, stage="warp", order=1)
def rotation(images: Tensor, settings: RotationSettings, generator: torch.Generator) -> Motion:
    """Rotate about the centre."""
    most = radians(settings.max_degrees)
    return turned(per_image(images, -most, most, generator))


def turned(angles: Tensor) -> Motion:
    """Rotation by angles (B,) in radians, clockwise as displayed (rows count downwards)."""
    cos, sin = angles.cos(), angles.sin()
    return Motion(torch.stack([cos, sin, -sin, cos], 1).view(-1, 2, 2))
