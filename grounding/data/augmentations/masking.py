"""Missing pixels."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings


class MaskingSettings(AugmentationSettings):
    """Settings of `masking`."""

    enabled: bool = True
    """Whether pixels are masked."""
    prob: float = Field(0.08, ge=0, le=0.99)
    """Probability of setting a pixel to 0, in steps of 2^-16."""


@register.augmentation("masking", settings=MaskingSettings, stage="corrupt", order=3)
def masking(images: Tensor, settings: MaskingSettings, generator: torch.Generator) -> Tensor:
    """Set single pixels to 0.

    16 random bits decide on each value: four times fewer draws than one number each, where a device
    can draw 64 bits.
    """
    if images.device.type == "mps":
        bits = torch.empty_like(images, dtype=torch.int64)
        bits.random_(-(2**15), 2**15, generator=generator)
    else:
        words = torch.empty((images.numel() + 3) // 4, dtype=torch.int64, device=images.device)
        words.random_(torch.iinfo(torch.int64).min, None, generator=generator)
        bits = words.view(torch.int16)[: images.numel()].view(images.shape)
    return images.mul_(bits >= round(settings.prob * 2**16) - 2**15)
