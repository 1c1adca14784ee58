"""How well neighbourhoods survive between two spaces: trustworthiness, continuity, agreement.

Venna and Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grounding.core.evaluation.distances import Block, Distances
from grounding.core.evaluation.neighbors import Progress, nearest_in_block


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
    before = Distances(x, x, exclude_self=True, block_bytes=block_bytes)
    after = Distances(z, z, exclude_self=True, block_bytes=block_bytes)
    step = min(before.rows_per_block, after.rows_per_block)
    starts = range(0, len(x), step)
    intruders = torch.zeros((), dtype=torch.int64, device=x.device)
    for done, start in enumerate(starts, start=1):
        stop = min(start + step, len(x))
        columns = nearest_in_block(after, after.block(start, stop), k).indices
        ranks = neighbor_ranks(before, before.block(start, stop), columns)
        intruders += rank_excess(ranks, k)
        if progress is not None:
            progress(done, len(starts))
    return preserved_share(int(intruders), len(x), k)


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


def rank_excess(ranks: Tensor, k: int) -> Tensor:
    """Sum of max(0, rank - k), a 0-dimensional int64 tensor."""
    return (ranks - k).clamp_(min=0).sum()


def preserved_share(excess: int, n: int, k: int) -> float:
    """Trustworthiness from the sum of `rank_excess` over n points."""
    return 1.0 - excess * 2.0 / (n * k * (2 * n - 3 * k - 1))


def neighbor_ranks(distances: Distances, block: Block, columns: Tensor) -> Tensor:
    """Ranks, from 1, of references `columns` (B, k) among all neighbours of a block's queries.

    The rank is 1 plus the number of nearer references. Values of the block that lie closer to that
    of the neighbour than the error bound are measured again.

    Returns:
        (B, k) int64, 1 to N - 1 if self pairs are excluded.
    """
    exact_Bk = distances.between(block.rows, columns)
    tolerance_B1 = block.tolerance[:, None]
    low_Bk = (exact_Bk.square() - tolerance_B1).to(block.squared.dtype)
    high_Bk = (exact_Bk.square() + tolerance_B1).to(block.squared.dtype)
    count = _Counter(block.squared.shape, block.squared.device)
    nearer_Bk, within_Bk = torch.empty_like(columns), torch.empty_like(columns)
    for j in range(columns.shape[1]):
        torch.lt(block.squared, low_Bk[:, j : j + 1], out=count.mask)
        nearer_Bk[:, j] = count()
        torch.le(block.squared, high_Bk[:, j : j + 1], out=count.mask)
        within_Bk[:, j] = count()
    # The neighbour itself lies in its window; whatever else does is not yet decided.
    undecided = (within_Bk - nearer_Bk > 1).any(dim=1).nonzero()[:, 0]
    step = max(1, distances.block_bytes // (16 * columns.shape[1] * distances.shape[1]))
    for first in range(0, len(undecided), step):
        part = undecided[first : first + step]
        window = (block.squared[part], low_Bk[part], high_Bk[part])
        nearer_Bk[part] += _nearer_in_window(
            distances, part + block.start, window, exact_Bk[part], columns[part]
        )
    return nearer_Bk + 1


def _nearer_in_window(
    distances: Distances,
    rows_R: Tensor,
    window: tuple[Tensor, Tensor, Tensor],
    exact_Rk: Tensor,
    columns_Rk: Tensor,
) -> Tensor:
    """How many references whose value lies in [low, high] truly come before each neighbour.

    `window` is the values (R, N), low (R, k) and high (R, k). Returns (R, k) int64.
    """
    squared_RN, low_Rk, high_Rk = window
    inside = torch.zeros_like(squared_RN, dtype=torch.bool)
    for low, high in zip(low_Rk.T, high_Rk.T, strict=True):
        inside |= (squared_RN >= low[:, None]) & (squared_RN <= high[:, None])
    row, column = inside.nonzero().T
    if len(row) * 8 > inside.numel():
        exact = distances.rows(rows_R)[inside]
    else:
        exact = distances.between(rows_R[row], column)
    limit_Hk = exact_Rk[row]
    before_Hk = (exact[:, None] == limit_Hk) & (column[:, None] < columns_Rk[row])
    before_Hk |= exact[:, None] < limit_Hk
    before_Hk &= squared_RN[row, column][:, None] >= low_Rk[row]  # the others are counted already
    return torch.zeros_like(columns_Rk).index_add_(0, row, before_Hk.long())


class _Counter:
    """Counts the true entries of each row of a mask (B, N), eight at a time."""

    _WORDS = 128  # of 8 bytes: no byte of their sum can exceed 255

    def __init__(self, shape: torch.Size, device: torch.device) -> None:
        rows, width = shape
        padded = -(-width // (8 * self._WORDS)) * 8 * self._WORDS
        self._bytes = torch.zeros(rows, padded, dtype=torch.bool, device=device)
        self.mask = self._bytes[:, :width]

    def __call__(self) -> Tensor:
        words = self._bytes.view(torch.int64).reshape(len(self._bytes), -1, self._WORDS)
        return words.sum(dim=2).view(torch.uint8).sum(dim=1)
