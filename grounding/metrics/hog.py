"""Histograms of oriented gradients: which way edges run, cell by cell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.metrics.arrays import Array, NotMeasurable, unit_images


def hog(images: Array, *, cell: int = 4, block: int = 3, bins: int = 9) -> Tensor:
    """Histograms of oriented gradients: (N, features), each block of unit length or 0.

    Central differences, 0 at the border; of several channels, at each pixel that with the longest
    gradient. Each pixel adds its gradient's length to one bin of its cell. Blocks of cells are
    scaled to unit length, cut off at 0.2, and scaled again. Dalal and Triggs, Histograms of
    oriented gradients for human detection, CVPR 2005, without their interpolation between bins.

    Args:
        images: (N, C, H, W), uint8 or in [0, 1]; what is beyond the last whole cell is left out.
        cell: pixels of a side of a cell.
        block: cells of a side of a block; blocks overlap in all but one row or column of cells.
        bins: equal ones, of orientations from 0 to 180 degrees.

    Raises:
        NotMeasurable: the images are smaller than a block.
    """
    images = unit_images(images)
    height, width = images.shape[2:]
    if min(height, width) < cell * block:
        raise NotMeasurable(
            f"images are {height} x {width} pixels, at least {cell * block} x {cell * block} "
            "are needed"
        )
    down, right = torch.zeros_like(images), torch.zeros_like(images)
    down[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    right[:, :, :, 1:-1] = images[:, :, :, 2:] - images[:, :, :, :-2]
    length, channel = torch.hypot(down, right).max(dim=1, keepdim=True)
    angle = torch.atan2(down.gather(1, channel), right.gather(1, channel)).rad2deg() % 180
    bin_of = (angle * (bins / 180)).long().clamp_(max=bins - 1)
    layers = images.new_zeros(len(images), bins, height, width).scatter_(1, bin_of, length)
    cells = F.avg_pool2d(layers, cell)
    blocks = cells.unfold(2, block, 1).unfold(3, block, 1)  # (N, bins, rows, columns, block, block)
    blocks = blocks.permute(0, 2, 3, 4, 5, 1).flatten(3)
    blocks = _unit(_unit(blocks).clamp(max=0.2))
    return blocks.flatten(1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / (vectors.square().sum(-1, keepdim=True) + 1e-10).sqrt()
