"""Whether directions of latents cover the sphere evenly."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._streams import generator
from grounding.metrics.arrays import Array, NotMeasurable, as_points, unit_length

MOST_POINTS = 10_000
ROWS = 256


def uniformity(z: Array, seed: int = 0) -> float:
    """Log of the mean of exp(-2 |u - v|^2) over pairs of latents of unit length, at most 0.

    0 if all point one way; the least that N points on a sphere of many dimensions can have is about
    -4. Of more than 10,000 latents so many are drawn. Wang and Isola, Understanding contrastive
    representation learning through alignment and uniformity on the hypersphere, ICML 2020.

    Args:
        z: (N, D), N >= 2; a latent of length 0 stays where it is.
        seed: of the draw.
    """
    z = as_points(z, "z").double()
    if len(z) < 2:
        raise NotMeasurable(f"there is {len(z)} latent, at least 2 are needed")
    if len(z) > MOST_POINTS:
        drawn = torch.randperm(len(z), generator=generator(seed, "uniformity"))[:MOST_POINTS]
        z = z[drawn.to(z.device)]
    unit = unit_length(z)
    squares = unit.square().sum(dim=1)
    total = z.new_zeros(())
    for rows in torch.arange(len(unit), device=z.device).split(ROWS):
        apart = (squares[rows, None] + squares - 2 * unit[rows] @ unit.T).clamp_(min=0)
        apart[torch.arange(len(rows), device=z.device), rows] = math.inf  # not with itself
        total += apart.mul_(-2).exp_().sum()
    return math.log(float(total) / (len(z) * (len(z) - 1)))


@register.metric(
    "uniformity",
    axis="spread",
    digits=2,
    better="lower",
    tables=(),
    sample=MOST_POINTS,
    place=71,
)
def _uniformity(z: Tensor, seed: int) -> float:
    """How evenly directions of latents cover the sphere, 0 all one way to -4 evenly."""
    return uniformity(z, seed)
