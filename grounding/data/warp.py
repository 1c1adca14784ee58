"""Moving the pixels of whole batches: many motions, one resampling."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Motion(NamedTuple):
    """Where each image is looked at: what is seen at a place p was at matrix @ p + displacement.

    In pixels from the centre, x before y.

    Attributes:
        matrix: (B, 2, 2), or None for the identity.
        displacement: (B, 2, 1), or (B, 2, H * W) row by row, or None.
    """

    matrix: Tensor | None = None
    displacement: Tensor | None = None


def warp(images: Tensor, motions: Sequence[Motion], fill: float | Literal["edge"] = 0.0) -> Tensor:
    """Move each image (B, C, H, W) by all of its motions: bilinear, with `fill` outside.

    The matrices are multiplied in the order given, so that the last one is applied first; the
    displacements are added to what comes of that.
    """
    count, _, height, width = images.shape
    pixels, to_units = _coordinates(height, width, images.dtype, images.device)
    matrix = None
    for motion in motions:
        if motion.matrix is not None:
            matrix = motion.matrix if matrix is None else matrix @ motion.matrix
    # One product for the whole batch: (2B, 2) @ (2, H * W).
    places = pixels.repeat(count, 1) if matrix is None else matrix.reshape(-1, 2) @ pixels
    places = places.view(count, 2, -1)
    for motion in motions:
        if motion.displacement is not None:
            places += motion.displacement
    places *= to_units
    if fill == "edge":  # what is outside is looked for at the centres of the outermost pixels
        most = 1 - to_units / 2
        places = places.clamp(-most, most)
    # grid_sample is fastest on x and y as planes, behind a view that interleaves them.
    grid = places.view(count, 2, height, width).permute(0, 2, 3, 1)
    if fill == "edge" or not fill:
        return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    return F.grid_sample(images - fill, grid, padding_mode="zeros", align_corners=False) + fill


@lru_cache(maxsize=4)
def _coordinates(
    height: int, width: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """X and y (2, H * W) of each pixel's centre, and factors (2, 1) to the units of grid_sample.

    In pixels from the image's centre; grid_sample calls the whole image [-1, 1]. Kept: to copy
    numbers to a GPU is to wait for it.
    """
    y, x = (torch.arange(n, dtype=dtype) - (n - 1) / 2 for n in (height, width))
    pixels = torch.stack([x.repeat(height), y.repeat_interleave(width)])
    to_units = torch.tensor([[2 / width], [2 / height]], dtype=dtype)
    return pixels.to(device), to_units.to(device)
