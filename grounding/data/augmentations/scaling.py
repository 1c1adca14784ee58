"""Scaling about the centre."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, per_image
from grounding.data.warp import Motion


class ScalingSettings(AugmentationSettings):
    """Settings of `scaling`."""

    max_change: float = Field(0.15, ge=0, le=0.9)
    """Scaled by a factor between 1 - max_change and 1 + max_change."""


@register.augmentation("scaling", settings=ScalingSettings, stage="warp", order=2)
def scaling(images: Tensor, settings: ScalingSettings, generator: torch.Generator) -> Motion:
    """Scale about the centre, both axes alike."""
    changes = per_image(images, -settings.max_change, settings.max_change, generator)
    identity = torch.eye(2, dtype=images.dtype, device=images.device)
    return Motion(identity / (1 + changes)[:, None, None])
