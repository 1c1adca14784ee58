"""Gaussian noise."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings


class NoiseSettings(AugmentationSettings):
    """Settings of `noise`."""

    enabled: bool = True
    """Whether noise is added."""
    std: float = Field(0.08, ge=0, le=10)
    """Standard deviation, in units of [0, 1]."""


@register.augmentation("noise", settings=NoiseSettings, stage="corrupt", order=2)
def noise(images: Tensor, settings: NoiseSettings, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise to each pixel."""
    return images.add_(torch.empty_like(images).normal_(0, settings.std, generator=generator))
