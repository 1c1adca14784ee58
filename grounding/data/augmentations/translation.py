"""Shift by whole pixels."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings


class TranslationSettings(AugmentationSettings):
    """Settings of `translation`."""

    enabled: bool = True
    """Whether images are shifted."""
    max_shift: int = Field(2, ge=0, le=1024)
    """Shift by up to this many whole pixels each way."""


@register.augmentation("translation", settings=TranslationSettings, stage="move", order=1)
def translation(
    images: Tensor, settings: TranslationSettings, generator: torch.Generator
) -> Tensor:
    """Shift by whole pixels, zeros moving in."""
    most = settings.max_shift
    count, _, height, width = images.shape
    padded = F.pad(images, (most,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    steps = (2, count)
    down, right = torch.randint(2 * most + 1, steps, generator=generator, device=images.device)
    chosen: Tensor = windows[torch.arange(count, device=images.device), :, down, right]
    return chosen
