"""Shift by fractions of pixels."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings
from grounding.data.warp import Motion


class SubpixelTranslationSettings(AugmentationSettings):
    """Settings of `subpixel_translation`."""

    max_shift: float = Field(2.0, ge=0, le=1024)
    """Shift by up to this many pixels each way, not only whole ones, on top of translation."""


@register.augmentation(
    "subpixel_translation", settings=SubpixelTranslationSettings, stage="warp", order=4
)
def subpixel_translation(
    images: Tensor, settings: SubpixelTranslationSettings, generator: torch.Generator
) -> Motion:
    """Shift by any part of a pixel."""
    moves = images.new_empty(len(images), 2, 1)
    moves.uniform_(-settings.max_shift, settings.max_shift, generator=generator)
    return Motion(displacement=moves)
