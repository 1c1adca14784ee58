"""R_NX: how far neighbourhoods of every size are kept, and one number for all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._streams import generator
from grounding.metrics.arrays import Array, NotMeasurable, as_points
from grounding.metrics.distances import Block, Distances, Progress

ROWS = 32  # that are sorted together
# The ranks of all pairs take N^2 log N: of more points, a part stands for all, such that there are
# no more pairs, but at least FEWEST.
MOST_POINTS, FEWEST = 10_000, 1000


def rnx_area(x: Array, z: Array) -> float:
    """Area under R_NX(K) on log K, in [-1, 1]: 1 keeps all neighbourhoods, 0 is chance.

    Q_NX(K) is the mean share of the K nearest in x that are among the K nearest in z, and
    ``R_NX(K) = ((N - 1) Q_NX(K) - K) / (N - 1 - K)`` what of it is better than chance; the area is
    ``sum_K R_NX(K) / K / sum_K 1 / K`` over K = 1 ... N - 2: small neighbourhoods weigh most. By
    euclidean distance, ties by the lower index. Lee, Peluffo-Ordonez and Verleysen, Multi-scale
    similarities in stochastic neighbour embedding, Neurocomputing 2015.

    Args:
        x: (N, P) points before, N >= 3, float32, float64 or uint8.
        z: (N, D) points after.
    """
    return float(rnx_values(x, z).mean())


def rnx_values(
    x: Array, z: Array, anchors: Tensor | None = None, progress: Progress | None = None
) -> Tensor:
    """What each point adds to `rnx_area`, (M,) float64, whose mean it is.

    With r and s the ranks of another point among the neighbours in x and in z, it is among the K
    nearest in both if max(r, s) <= K. So the sum over K becomes one over all other points, of a
    weight that depends on max(r, s) alone.

    Args:
        x: (N, P) points before.
        z: (N, D) points after.
        anchors: (M,) int64, the points to measure, each against all; default: all.
        progress: called with (blocks done, blocks in all).

    Raises:
        ValueError: x and z are not as many.
        NotMeasurable: there are fewer than three.
    """
    x, z = as_points(x, "x"), as_points(z, "z")
    count = len(z)
    if len(x) != count:
        raise ValueError(f"x has {len(x)} points and z {count}, they must be the same points")
    if count < 3:
        raise NotMeasurable(f"there are {count} points, at least 3 are needed")
    itself = torch.arange(count, device=z.device) if anchors is None else anchors.to(z.device)
    before, after = (
        Distances(
            points if anchors is None else points[itself],
            points,
            itself=itself,
            dtype=torch.float64,
        )
        for points in (x, z)
    )
    k = torch.arange(1, count - 1, dtype=torch.float64)  # 1 ... N - 2
    shares = (1 / k) / (1 / k).sum()
    # A pair counts for all K from max(r, s) on.
    from_K = (shares * (count - 1) / (k * (count - 1 - k))).flip(0).cumsum(0).flip(0)
    weights = torch.cat((from_K, from_K.new_zeros(2))).to(z.device)  # of N - 1, and of the point
    chance = float((shares * k / (count - 1 - k)).sum())
    ranks = torch.arange(count, device=z.device)
    values = torch.empty(len(itself), dtype=torch.float64, device=z.device)

    def measure(start: int, stop: int) -> None:
        block_x, block_z = before.block(start, stop), after.block(start, stop)
        for first in range(0, stop - start, ROWS):
            rows = slice(first, first + ROWS)
            near_x, near_z = _order(block_x, rows), _order(block_z, rows)
            rank_x = torch.empty_like(near_x).scatter_(1, near_x, ranks.expand_as(near_x))
            later = torch.maximum(rank_x.gather(1, near_z), ranks)
            values[start + first : start + first + len(later)] = weights[later].sum(dim=1) - chance

    before.each_block(measure, progress)
    return values


def _order(block: Block, rows: slice) -> Tensor:
    """All references of some of a block's queries, (R, N) int64, the nearest first.

    Distances are sorted together with the index in their last bits, which costs a third of sorting
    indices, and breaks ties: float64 keeps 38 of its 52 bits for 10,000 references, which is finer
    than the block is exact.
    """
    squared = block.squared[rows]
    count = squared.shape[1]
    bits = max(1, math.ceil(math.log2(count)))
    if squared.dtype.is_floating_point:
        keys = squared.clamp(min=0).double().view(torch.int64) >> bits << bits
    else:
        keys = squared.long() << bits
    keys |= torch.arange(count, device=keys.device)
    if keys.device.type == "cpu":
        keys.numpy().sort(axis=1)  # numpy sorts with vector instructions
    else:
        keys = keys.sort(dim=1).values
    return keys & ((1 << bits) - 1)


@register.metric(
    "rnx_area",
    title="R_NX area",
    axis="geometry",
    better="higher",
    tables=("index", "compare", "seeds"),
    place=60,
)
def _rnx_area(x: Tensor, z: Tensor, seed: int) -> Tensor:
    """Pixel neighbourhoods of every size that the latents keep, 0 chance to 1 all."""
    if len(z) <= MOST_POINTS:
        return rnx_values(x, z)
    drawn = torch.randperm(len(z), generator=generator(seed, "anchors"))
    count = max(FEWEST, MOST_POINTS**2 // len(z))
    return rnx_values(x, z, anchors=drawn[:count].sort().values)
