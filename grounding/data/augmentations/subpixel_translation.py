"""Shift by fractions of pixels."""

import torch
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, Pixels, pixels
from grounding.data.warp import Motion


class SubpixelTranslationSettings(AugmentationSettings):
    """Settings of `subpixel_translation`."""

    max_shift: Pixels = 2.0
    """Shift by up to this many pixels each way, not only whole ones, on top of translation; or by a
    share of the shorter side, e.g. 7%."""


@register.augmentation(
    "subpixel_translation", settings=SubpixelTranslationSettings, stage="warp", order=4
)
def subpixel_translation(
    images: Tensor, settings: SubpixelTranslationSettings, generator: torch.Generator
) -> Motion:
    """Shift by any part of a pixel."""
    moves = images.new_empty(len(images), 2, 1)
    most = pixels(settings.max_shift, images)
    moves.uniform_(-most, most, generator=generator)
    return Motion(displacement=moves)
