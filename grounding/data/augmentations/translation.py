"""Shift by whole pixels."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, WholePixels, pixels


class TranslationSettings(AugmentationSettings):
    """Settings of `translation`."""

    enabled: bool = True
    """Whether images are shifted."""
    max_shift: WholePixels = 2
    """Shift by up to this many whole pixels each way, or by a share of the shorter side, e.g. 7%,
    rounded to whole pixels."""


@register.augmentation(
    "translation", settings=TranslationSettings, stage="move", order=1, fills=True
)
def translation(
    images: Tensor,
    settings: TranslationSettings,
    generator: torch.Generator,
    fill: float | Literal["edge"] = 0.0,
) -> Tensor:
    """Shift by whole pixels."""
    most = round(pixels(settings.max_shift, images))
    count, _, height, width = images.shape
    frame = (most,) * 4
    padded = (
        F.pad(images, frame, "replicate") if fill == "edge" else F.pad(images, frame, value=fill)
    )
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    steps = (2, count)
    down, right = torch.randint(2 * most + 1, steps, generator=generator, device=images.device)
    chosen: Tensor = windows[torch.arange(count, device=images.device), :, down, right]
    return chosen
