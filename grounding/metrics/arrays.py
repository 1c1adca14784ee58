"""What metrics take: points and labels, as tensors or as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from grounding._images import BATCH

Array = Tensor | npt.NDArray[Any]

SHORT, LONG = 1e-11, 1e18
"""Beyond these a float32 has no square, or passes for a length of 0."""


class NotMeasurable(ValueError):  # noqa: N818 - it is a finding, not a mistake
    """A metric has no value here, e.g. for want of labels, of points, or of a second class."""


def as_tensor(values: Array) -> Tensor:
    """Values as a tensor without gradients, of the same memory where that is possible."""
    if not isinstance(values, Tensor):
        values = torch.from_numpy(np.require(values, requirements=("C", "W")))
    values = values.detach()
    return values.cpu() if values.device.type == "mps" else values  # which has no float64


def as_points(values: Array, name: str = "points") -> Tensor:
    """Points (N, D); of images (N, C, H, W), each is one point.

    Raises:
        ValueError: there are none, they are neither float32 nor float64 nor uint8, or a value is
            not finite.
    """
    points = as_tensor(values)
    points = points.flatten(1) if points.ndim > 2 else points
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(f"{name} have shape {tuple(points.shape)}, expected (N, D), N and D >= 1")
    if points.dtype not in (torch.float32, torch.float64, torch.uint8):
        raise ValueError(f"{name} are {points.dtype}, allowed: float32, float64, uint8")
    # The extremes carry any NaN or infinity without a mask as large as the data.
    if not all(bool(value.isfinite()) for value in points.aminmax()):
        raise ValueError(f"{name} hold a value that is not finite")
    return points


def unit_length(z: Tensor) -> Tensor:
    """Latents (N, D) at length 1, however long or short they are; zeros stay zeros."""
    largest = z.abs().amax(dim=1, keepdim=True)
    if not ((largest > LONG) | ((largest < SHORT) & (largest > 0))).any():
        return F.normalize(z)
    exact, largest = as_tensor(z).double(), as_tensor(largest).double()
    return F.normalize(exact / largest.where(largest > 0, 1)).to(z)


def unit_images(images: Array) -> Tensor:
    """Images (N, C, H, W) in [0, 1] as float32, from uint8 or floats.

    Raises:
        ValueError: they have another shape.
    """
    found = as_tensor(images)
    if found.ndim != 4:
        raise ValueError(f"images have shape {tuple(found.shape)}, expected (N, C, H, W)")
    return found.float() / 255 if found.dtype == torch.uint8 else found.float()


@torch.no_grad()
def encoded(function: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    """E of images (N, C, H, W), or D of latents (N, D), `BATCH` at a time, where they lie."""
    return torch.cat([function(part).to(batch.device) for part in batch.split(BATCH)])


def as_labels(values: Array) -> Tensor:
    """Labels as int64: any whole numbers, negative ones and gaps between them included.

    Raises:
        ValueError: they are no whole numbers.
    """
    labels = as_tensor(values)
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels are {labels.dtype}, expected whole numbers")
    return labels.long()
