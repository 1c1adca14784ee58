"""How well neighbourhoods survive between two spaces: trustworthiness, continuity, agreement.

Venna and Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grounding.metrics.distances import Block, Distances
from grounding.metrics.neighbors import Progress, nearest_in_block


def trustworthiness(
    x: Tensor,
    z: Tensor,
    k: int,
    *,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> float:
    """How far the k nearest in z are also near in x, in [0, 1]; 1 is best.

    ``1 - 2 / (n k (2n - 3k - 1)) * sum_i sum_j max(0, r(i, j) - k)`` over the k nearest j of i in
    z, where r is the rank of j among the neighbours of i in x, from 1, by euclidean distance, ties
    by the lower index.

    Args:
        x: (N, P) points before, float32 or float64.
        z: (N, D) points after, of any of the two dtypes.
        k: neighbours, 1 <= k < N / 2.
        block_bytes: size of a block of distances; it never changes the result.
        progress: called with (blocks done, blocks in all).

    Raises:
        ValueError: k out of range, different numbers of points, non-finite values.
    """
    check_neighborhood(x, z, k)
    itself = torch.arange(len(x), device=x.device)
    before = Distances(x, x, itself=itself, block_bytes=block_bytes)
    after = Distances(z, z, itself=itself, block_bytes=block_bytes)
    excess = torch.empty_like(itself)

    def compare(start: int, stop: int) -> None:
        block = before.block(start, stop)
        near_x = nearest_in_block(before, block, k).indices
        near_z = nearest_in_block(after, after.block(start, stop), k).indices
        excess[start:stop] = rank_excess(before, block, near_z, near_x)

    before.each_block(compare, progress)
    # A mean of whole numbers, so that the order of the points does not matter.
    return float(preserved_shares(excess.double().mean(), len(x), k))


def continuity(
    x: Tensor,
    z: Tensor,
    k: int,
    *,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> float:
    """How far the k nearest in x are still near in z, in [0, 1]: trustworthiness, roles swapped."""
    check_neighborhood(x, z, k)
    return trustworthiness(z, x, k, block_bytes=block_bytes, progress=progress)


def neighbor_label_agreement(indices: Tensor, labels: Tensor) -> float:
    """Mean share of a point's neighbours that have its label, in [0, 1].

    Args:
        indices: (N, k) int64, the neighbours of each point, the point itself not among them.
        labels: (N,) integers.

    Raises:
        ValueError: if the shapes do not fit.
    """
    if indices.ndim != 2 or labels.shape != indices.shape[:1] or indices.numel() == 0:
        raise ValueError(
            f"indices have shape {tuple(indices.shape)} and labels {tuple(labels.shape)}, "
            "expected (N, k) and (N,)"
        )
    return float((labels[indices] == labels[:, None]).double().mean())


def check_neighborhood(x: Tensor, z: Tensor, k: int) -> None:
    """Raise ValueError unless x and z have the same N points and 1 <= k < N / 2."""
    if len(x) != len(z):
        raise ValueError(f"x has {len(x)} points and z {len(z)}, they must be the same points")
    if not 1 <= k < len(x) / 2:
        raise ValueError(f"k is {k}, allowed: at least 1 and less than half of {len(x)} points")


def preserved_shares(excess: Tensor, n: int, k: int) -> Tensor:
    """Terms whose mean over n points is the trustworthiness, float64, from `rank_excess`."""
    return 1 - excess * (2 / (k * (2 * n - 3 * k - 1)))


def rank_excess(distances: Distances, block: Block, columns: Tensor, nearest: Tensor) -> Tensor:
    """How far references lie beyond the k nearest of each of a block's queries.

    Args:
        distances: in the space of the ranks.
        block: of them.
        columns: (B, k) int64, different references for each query.
        nearest: (B, k) int64, the k nearest of each query in this space.

    Returns:
        (B,) int64, sums of max(0, r - k), where the rank r is 1 plus the number of references that
        come before; those whose place the block's error leaves open are measured again.
    """
    k = columns.shape[1]
    starts_B1 = torch.arange(len(columns), device=columns.device)[:, None] * distances.shape[1]
    near_Bk = torch.isin(starts_B1 + columns, starts_B1 + nearest)
    exact_Bk = distances.between(block.rows, columns)
    squared_Bk, tolerance_B1 = exact_Bk.square(), block.tolerance[:, None]
    # Rounding to float32 keeps the order of a value and a limit, so that it can only bring values
    # into a window, never out of it; and float32 is read in half the time.
    low_Bk = (squared_Bk - tolerance_B1).float().masked_fill_(near_Bk, -math.inf)
    high_Bk = (squared_Bk + tolerance_B1).float().masked_fill_(near_Bk, -math.inf)
    nearer_Bk = torch.empty_like(columns)
    tile, mask = block.squared.new_empty(2, 0, 0, dtype=torch.float32)
    for part in block.tiles():
        values = block.squared[part]
        if len(mask) < len(values):
            tile, mask = values.new_empty(2, *values.shape, dtype=torch.float32)
        if values.dtype != torch.float32:
            values = tile[: len(values)].copy_(values)
        low_Tk, high_Tk = low_Bk[part], high_Bk[part]
        nearer_Tk, within_Tk = _count(values, low_Tk, high_Tk, mask[: len(values)])
        nearer_Bk[part] = nearer_Tk
        undecided = (within_Tk > 1).nonzero()  # the reference itself is always within
        for row, place in (pairs.T for pairs in undecided.split(2 * len(values))):
            inside = _inside(values[row], low_Tk[row, place, None], high_Tk[row, place, None])
            row += part.start
            nearer_Bk[row, place] += _count_nearer(
                distances, inside, row + block.start, columns[row, place], exact_Bk[row, place]
            )
    return (nearer_Bk + 1 - k).masked_fill_(near_Bk, 0).sum(dim=1)


def _count(values: Tensor, low: Tensor, high: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers of values (T, N) below each window and in it, int64, as low and high (T, k)."""
    # Comparisons that return numbers are vectorised, those that return booleans are not. The sums
    # are of whole numbers, exact below 2^24.
    below, up_to = torch.empty_like(low), torch.empty_like(low)
    for j in range(low.shape[1]):
        torch.sum(torch.lt(values, low[:, j : j + 1], out=mask), dim=1, out=below[:, j])
        torch.sum(torch.le(values, high[:, j : j + 1], out=mask), dim=1, out=up_to[:, j])
    return below.long(), (up_to - below).long()


def _inside(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """1 where values (P, N) lie in their row's window, else 0; low and high (P, 1)."""
    inside = torch.le(values, high, out=torch.empty_like(values))
    return inside.sub_(torch.lt(values, low, out=torch.empty_like(values)))


def _count_nearer(
    distances: Distances, inside: Tensor, rows: Tensor, columns: Tensor, exact: Tensor
) -> Tensor:
    """How many of the references where `inside` (P, N) is not 0 truly come before `columns`."""
    pair, other = inside.nonzero().T
    if len(pair) * 8 > inside.numel():
        found, place = rows.unique(return_inverse=True)
        measured = distances.rows(found)[place[pair], other]
    else:
        measured = distances.between(rows[pair], other)
    limit = exact[pair]
    before = (measured < limit) | ((measured == limit) & (other < columns[pair]))
    return torch.zeros_like(columns).index_add_(0, pair, before.long())
