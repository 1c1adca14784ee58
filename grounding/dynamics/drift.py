"""Regrounding drift: how far a latent moves when it is decoded and encoded again."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._streams import generator

PAIRS = 200
POSITIONS = tuple(step / 10 for step in range(1, 10))


def regrounding_drift(starts: Tensor, ends: Tensor, reground: Callable[[Tensor], Tensor]) -> float:
    """Mean drift along straight paths, in lengths of the path.

    The mean over all paths and t = 0.1 ... 0.9 of ||E(D(z_t)) - z_t|| / ||z_1 - z_0||, with
    z_t = (1 - t) z_0 + t z_1. 0 is a space in which every point of a path is what it decodes to;
    NaN if no path has a length. Paths without one are left out.

    Args:
        starts: z_0, (P, D).
        ends: z_1, (P, D).
        reground: E(D(z)) for latents (B, D).
    """
    # In float64: the difference of two float32 numbers, or its square, need not be one.
    lengths = (ends.double() - starts.double()).norm(dim=1)
    starts, ends, lengths = (values[lengths > 0] for values in (starts, ends, lengths))
    if not len(lengths):
        return math.nan
    paths = [torch.lerp(starts.double(), ends.double(), t).to(starts.dtype) for t in POSITIONS]
    moved = [(reground(path).double() - path.double()).norm(dim=1) for path in paths]
    return float((torch.stack(moved) / lengths).mean())


@register.metric("regrounding_drift", report="probes", better="lower", tables=(), place=85)
@torch.inference_mode()
def _drift(
    test_z: Tensor,
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    seed: int,
) -> float:
    """|E(D(z)) - z| along straight paths, in lengths of the path."""
    count = len(test_z)
    if count < 2:
        return math.nan
    draws = generator(seed, "drift pairs")  # of different images
    first = torch.randint(count, (PAIRS,), generator=draws)
    second = (first + torch.randint(1, count, (PAIRS,), generator=draws)) % count
    starts, ends = (test_z[chosen.to(test_z.device)] for chosen in (first, second))
    return regrounding_drift(starts, ends, lambda z: encode(decode(z)).to(z.device))
