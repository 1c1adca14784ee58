"""A missing square."""

import torch
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, WholePixels, pixels


class CutoutSettings(AugmentationSettings):
    """Settings of `cutout`."""

    side: WholePixels = 8
    """Side of the square, in whole pixels or as a share of the image's shorter side, e.g. 30%."""


@register.augmentation("cutout", settings=CutoutSettings, stage="corrupt", order=4)
def cutout(images: Tensor, settings: CutoutSettings, generator: torch.Generator) -> Tensor:
    """Set a square at a random place to 0 (DeVries & Taylor, 2017).

    Its centre is anywhere in the image; what lies outside is cut off.
    """
    covered, side = [], round(pixels(settings.side, images))
    for size in images.shape[2:]:
        centre = torch.randint(size, (len(images), 1), generator=generator, device=images.device)
        distance = torch.arange(size, device=images.device) - centre + side // 2
        covered.append((distance >= 0) & (distance < side))
    rows, columns = covered
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])
