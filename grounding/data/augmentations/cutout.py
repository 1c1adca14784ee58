"""A missing square."""

import torch
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings


class CutoutSettings(AugmentationSettings):
    """Settings of `cutout`."""

    side: int = Field(8, ge=0, le=1024)
    """Side of the square, in pixels."""


@register.augmentation("cutout", settings=CutoutSettings, stage="corrupt", order=4)
def cutout(images: Tensor, settings: CutoutSettings, generator: torch.Generator) -> Tensor:
    """Set a square at a random place to 0 (DeVries & Taylor, 2017).

    Its centre is anywhere in the image; what lies outside is cut off.
    """
    covered = []
    for size in images.shape[2:]:
        centre = torch.randint(size, (len(images), 1), generator=generator, device=images.device)
        distance = torch.arange(size, device=images.device) - centre + settings.side // 2
        covered.append((distance >= 0) & (distance < settings.side))
    rows, columns = covered
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])
