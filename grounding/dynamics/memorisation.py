"""Memorisation: whether the flow ends in training images rather than in images like them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CHUNK = 4096


class Nearest(NamedTuple):
    """The nearest of some images.

    Attributes:
        distances: (Q,) float64, euclidean, over all values of an image.
        indices: (Q,) int64; the lowest of those that are equally near.
    """

    distances: Tensor
    indices: Tensor


def nearest_image(queries: Tensor, images: Tensor) -> Nearest:
    """The nearest image of each query, by products in float64, some images at a time.

    Args:
        queries: (Q, ...) in [0, 1].
        images: (N, ...), uint8 or in [0, 1], of the same shape, N >= 1.
    """
    q = queries.flatten(1).double()
    distances: list[Tensor] = []
    indices: list[Tensor] = []
    for part in images.split(CHUNK):
        of_part = part.to(q.device).flatten(1).double()
        of_part = of_part / 255 if part.dtype == torch.uint8 else of_part
        nearest = torch.cdist(q, of_part, compute_mode="use_mm_for_euclid_dist").min(dim=1)
        distances.append(nearest.values)
        indices.append(nearest.indices + len(indices) * CHUNK)
    best = torch.stack(distances).min(dim=0)
    chosen = torch.stack(indices).gather(0, best.indices[None])[0]
    return Nearest(best.values.cpu(), chosen.cpu())


def memorisation(pictures: Tensor, training: Tensor, fresh: Tensor) -> float:
    """Share of pictures that are nearer to training images than to as many fresh ones, in [0, 1].

    0.5 is chance: what is drawn has to do with the training images no more than with others. One
    as near to both counts half. NaN of no pictures.

    Args:
        pictures: (A, C, H, W) in [0, 1], of the attractors reached from Gaussian starts.
        training: (N, C, H, W), uint8 or in [0, 1].
        fresh: (N, C, H, W), images of the same kind that nothing was trained on.

    Raises:
        ValueError: there are not as many fresh images as training images.
    """
    if len(training) != len(fresh):
        raise ValueError(f"{len(training)} training and {len(fresh)} fresh images; as many of both")
    if not len(pictures):
        return float("nan")
    trained = nearest_image(pictures, training).distances
    others = nearest_image(pictures, fresh).distances
    return float(((trained < others).double() + (trained == others).double() / 2).mean())
