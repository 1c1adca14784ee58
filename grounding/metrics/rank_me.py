"""RankMe: how many dimensions the latents fill, and whether they have collapsed."""

from __future__ import annotations

import math

import torch

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_points

COLLAPSED = 2.0  # a RankMe below this is that of latents on a line


@register.metric(
    "rank_me",
    title="RankMe",
    axis="spread",
    digits=1,
    better="higher",
    tables=("index", "compare", "seeds"),
    place=70,
)
def rank_me(z: Array) -> float:
    """How many dimensions the latents fill, 1 to D.

    exp of the entropy of the singular values of z (N, D) over their sum; not centred, so that
    latents of one mean and little else are near 1. Garrido, Balestriero, Najman and LeCun, RankMe,
    ICML 2023, arXiv 2210.02885, less the 1e-7 that they add to each share.

    Args:
        z: (N, D). If all are 0 it is 1.
    """
    values = torch.linalg.svdvals(as_points(z, "z").cpu().double())
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return math.exp(float(torch.special.entr(shares).sum()))


def has_collapsed(rank: float, dimensions: int) -> bool:
    """Whether a RankMe is that of latents of D dimensions that have collapsed."""
    return dimensions > COLLAPSED > rank
