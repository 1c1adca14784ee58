"""Memorisation: whether the flow ends in training images rather than in images like them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from grounding._images import Images, rows_at_once
from grounding._streams import generator

CHUNK = 4096


class Nearest(NamedTuple):
    """The nearest of some images.

    Attributes:
        distances: (Q,) float64, euclidean, over all values of an image.
        indices: (Q,) int64; the lowest of those that are equally near.
    """

    distances: Tensor
    indices: Tensor


def nearest_image(queries: Tensor, images: Images, rows: Tensor | None = None) -> Nearest:
    """The nearest image of each query, by products in float64, some images at a time.

    Args:
        queries: (Q, ...) in [0, 1].
        images: (N, ...), uint8 or in [0, 1], of the same shape, N >= 1; a tensor, or what can be
            indexed like one.
        rows: (M,) int64, which of them, ascending; default: all. Indices are places in `rows`.
    """
    q = queries.flatten(1).double()
    rows = torch.arange(len(images)) if rows is None else rows
    best = Nearest(q.new_full((len(q),), math.inf), torch.zeros(len(q), dtype=torch.int64))
    size = rows_at_once(q.shape[1], CHUNK)
    for number, part in enumerate(rows.split(size)):
        some = images[part]
        of_part = some.to(q.device).flatten(1).double()
        of_part = of_part.div_(255) if some.dtype == torch.uint8 else of_part
        found = torch.cdist(q, of_part, compute_mode="use_mm_for_euclid_dist").min(dim=1)
        nearer = found.values < best.distances
        best.distances[nearer] = found.values[nearer]
        best.indices[nearer.cpu()] = found.indices[nearer].cpu() + number * size
    return Nearest(best.distances.cpu(), best.indices)


def memorisation(pictures: Tensor, training: Images, fresh: Images, seed: int = 0) -> float:
    """Share of pictures that are nearer to training images than to as many fresh ones, in [0, 1].

    0.5 is chance: what is drawn has to do with the training images no more than with others. One
    as near to both counts half. NaN of no pictures.

    Args:
        pictures: (A, C, H, W) in [0, 1], of the attractors reached from Gaussian starts.
        training: (N, C, H, W), uint8 or in [0, 1]; tensors, or what can be indexed like them.
        fresh: (M, C, H, W), images of the same kind that nothing was trained on.
        seed: of the larger set as many are drawn as the other one has.
    """
    if not len(pictures):
        return math.nan
    count = min(len(training), len(fresh))

    def drawn(images: Images, name: str) -> Tensor:
        if len(images) == count:
            return torch.arange(count)
        order = torch.randperm(len(images), generator=generator(seed, name))
        return order[:count].sort().values

    trained = nearest_image(pictures, training, drawn(training, "training")).distances
    others = nearest_image(pictures, fresh, drawn(fresh, "fresh")).distances
    return float(((trained < others).double() + (trained == others).double() / 2).mean())
