"""Regrounding drift: how far a latent moves when it is decoded and encoded again."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

POSITIONS = tuple(step / 10 for step in range(1, 10))


def regrounding_drift(
    starts: Tensor,
    ends: Tensor,
    reground: Callable[[Tensor], Tensor],
    positions: Sequence[float] = POSITIONS,
) -> float:
    """Mean drift along straight paths, in lengths of the path.

    The mean over all paths and positions t of ||E(D(z_t)) - z_t|| / ||z_1 - z_0||, with
    z_t = (1 - t) z_0 + t z_1. 0 is a space in which every point of a path is what it decodes to.

    Args:
        starts: z_0, (P, D).
        ends: z_1, (P, D).
        reground: E(D(z)) for latents (B, D).
        positions: t, each in [0, 1].

    Returns:
        The mean; NaN if no path has a length. Paths without one are left out.

    Raises:
        ValueError: the shapes are not the same (P, D), or there is no position.
    """
    if starts.ndim != 2 or starts.shape != ends.shape or not positions:
        raise ValueError(
            f"starts have shape {tuple(starts.shape)}, ends {tuple(ends.shape)}, expected the same "
            f"(P, D); {len(positions)} positions, expected at least 1"
        )
    lengths = (ends - starts).double().norm(dim=1)
    starts, ends, lengths = (values[lengths > 0] for values in (starts, ends, lengths))
    if not len(lengths):
        return float("nan")
    ratios = []
    for t in positions:
        path = torch.lerp(starts, ends, t)
        ratios.append((reground(path) - path).double().norm(dim=1) / lengths)
    return float(torch.stack(ratios).mean())
