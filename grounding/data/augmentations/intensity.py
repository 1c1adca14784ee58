"""Brighter and darker images."""

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, per_image


class IntensitySettings(AugmentationSettings):
    """Settings of `intensity`."""

    enabled: bool = True
    """Whether images become brighter or darker."""
    min_scale: float = Field(0.85, ge=0, le=10)
    """The smallest factor."""
    max_scale: float = Field(1.15, ge=0, le=10)
    """The largest factor."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_scale > self.max_scale:
            raise ValueError(f"min_scale {self.min_scale} is above max_scale {self.max_scale}")
        return self


@register.augmentation("intensity", settings=IntensitySettings, stage="corrupt", order=1)
def intensity(images: Tensor, settings: IntensitySettings, generator: torch.Generator) -> Tensor:
    """Multiply by a factor."""
    factors = per_image(images, settings.min_scale, settings.max_scale, generator)
    return images.mul_(factors[:, None, None, None])
