"""Images made upright: the slant of handwriting, by its moments, taken out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.metrics.arrays import Array, unit_images


def deskew(images: Array) -> Tensor:
    """Images moved to the centre and sheared until their two coordinates are uncorrelated.

    A row moves by its height above the centre of mass times cov(x, y) / var(y), where brightness,
    added over channels, is the mass. Bilinear; zeros come in from outside. An image of one row, or
    of nothing, is only moved, or stays.

    Args:
        images: (N, C, H, W), uint8 or in [0, 1], bright on black.

    Returns:
        (N, C, H, W) float32.
    """
    images = unit_images(images)
    # Coordinates from -1 to 1, edge to edge, are those of affine_grid.
    y, x = (
        (2 * torch.arange(size, device=images.device).double() + 1) / size - 1
        for size in images.shape[2:]
    )
    mass = images.double().sum(1)
    mass /= mass.sum((1, 2), keepdim=True).clamp_min(1e-12)
    mean_y, mean_x = (mass.sum(2) * y).sum(1), (mass.sum(1) * x).sum(1)
    dy, dx = y - mean_y[:, None], x - mean_x[:, None]
    variance = (mass.sum(2) * dy.square()).sum(1)
    covariance = ((mass @ dx[:, :, None]).squeeze(2) * dy).sum(1)
    slant = covariance / variance.clamp_min(1e-12)
    one, zero = torch.ones_like(slant), torch.zeros_like(slant)
    matrices = torch.stack([one, slant, mean_x, zero, one, mean_y], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrices.float(), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
