"""Elastic deformation."""

from functools import lru_cache
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding.data.augmentations import AugmentationSettings, Share, one_of, pixels
from grounding.data.warp import Motion

CONTROL_POINTS = 4


class ElasticSettings(AugmentationSettings):
    """Settings of `elastic`."""

    std: Annotated[
        Annotated[float, Field(ge=0, le=14)] | Share,
        one_of("pixels from 0 to 14, or a share of the shorter side such as 7%"),
    ] = 1.0
    """Standard deviation, in pixels or as a share of the shorter side, e.g. 7%, of the
    displacements of a 4 x 4 grid of points, with a smooth field between them."""


@register.augmentation("elastic", settings=ElasticSettings, stage="warp", order=5)
def elastic(images: Tensor, settings: ElasticSettings, generator: torch.Generator) -> Motion:
    """Displace by a smooth random field.

    Random displacements on a coarse grid with bicubic interpolation between them (after Simard et
    al., 2003, who smooth those of every pixel).
    """
    count, _, height, width = images.shape
    points = images.new_empty(2 * count, CONTROL_POINTS**2)
    points.normal_(0, pixels(settings.std, images), generator=generator)
    field = points @ _bicubic(height, width, images.dtype, images.device)
    return Motion(displacement=field.view(count, 2, -1))


@lru_cache(maxsize=4)
def _bicubic(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each point of the grid adds to each pixel, (16, H * W), rows first."""
    basis = torch.eye(CONTROL_POINTS**2, dtype=dtype).view(-1, 1, CONTROL_POINTS, CONTROL_POINTS)
    spread = F.interpolate(basis, (height, width), mode="bicubic", align_corners=True)
    return spread.flatten(1).to(device)
