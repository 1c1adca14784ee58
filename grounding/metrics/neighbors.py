"""Exact nearest neighbours in bounded memory, ties broken by the lower index."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from grounding.metrics.distances import Block, Distances

Progress = Callable[[int, int], None]

GROUP = 16  # columns that are looked at together in the search for the smallest values


class Neighbors(NamedTuple):
    """The k nearest references of each query.

    Attributes:
        distances: (Q, k) ascending, in the dtype of the points.
        indices: (Q, k) int64; of equally distant references the lower index comes first.
    """

    distances: Tensor
    indices: Tensor


def nearest(
    queries: Tensor,
    references: Tensor,
    k: int,
    *,
    metric: str = "euclidean",
    exclude_self: bool = False,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> Neighbors:
    """The k nearest references of each query, as if all distances were taken in float64.

    Args:
        queries: (Q, D) float32 or float64.
        references: (N, D), same dtype and device.
        k: neighbours per query, 1 <= k <= N (N - 1 with exclude_self).
        metric: "euclidean", or "cosine" (1 - cos, in [0, 2]; a zero vector is at 1 from all).
        exclude_self: query i is reference i and is not its own neighbour; needs Q == N.
        block_bytes: size of a block of distances; it changes speed and memory, never the result.
        progress: called with (blocks done, blocks in all).

    Raises:
        ValueError: k out of range, shapes or dtypes that do not fit, non-finite values, an unknown
            metric.
    """
    itself = None
    if exclude_self:
        if len(queries) != len(references):
            raise ValueError(
                f"exclude_self needs as many queries as references, not {len(queries)} and "
                f"{len(references)}"
            )
        itself = torch.arange(len(queries), device=queries.device)
    distances = Distances(
        queries, references, metric=metric, itself=itself, block_bytes=block_bytes
    )
    check_k(k, distances.available)
    found = queries.new_empty(queries.shape[0], k, dtype=torch.float64, requires_grad=False)
    indices = torch.empty(found.shape, dtype=torch.int64, device=found.device)

    def search(start: int, stop: int) -> None:
        block = distances.block(start, stop)
        found[start:stop], indices[start:stop] = nearest_in_block(distances, block, k)

    distances.each_block(search, progress)
    return Neighbors(distances.true(found), indices)


def check_k(k: int, available: int) -> None:
    """Raise ValueError unless 1 <= k <= available."""
    if not 1 <= k <= available:
        raise ValueError(f"k is {k}, allowed: 1 to {available}, the points there are to find")


def nearest_in_block(distances: Distances, block: Block, k: int) -> Neighbors:
    """The k nearest references of a block's queries; distances are scaled, float64.

    A few more than k candidates are taken by the block's values and measured again. No other
    reference can be nearer if the worst candidate, less the error bound, is still farther than the
    k-th; rows that fail this test, as duplicates do, are measured in full.
    """
    count = min(k + 4 + k // 8, distances.available)
    worst_B = block.tolerance.new_empty(len(block.squared))
    columns_BC = block.rows.new_empty(len(block.squared), count)
    for rows in block.tiles():
        values, columns = _smallest(block.squared[rows], count)
        worst_B[rows] = values.amax(dim=1)
        columns_BC[rows] = columns.sort(dim=1).values
    exact_BC = distances.between(block.rows, columns_BC)
    exact_BC, order = exact_BC.sort(dim=1, stable=True)
    found, indices = exact_BC[:, :k], columns_BC.gather(1, order)[:, :k]
    if count == distances.available:
        return Neighbors(found, indices)
    beyond_B = worst_B - block.tolerance
    unproven = (beyond_B <= found[:, -1].square()).nonzero()[:, 0]
    step = max(1, distances.rows_per_block // 4)
    for first in range(0, len(unproven), step):
        part = unproven[first : first + step]
        found[part], indices[part] = _nearest_in_rows(distances.rows(part + block.start), k)
    return Neighbors(found, indices)


def _smallest(values_BN: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest values of each row and their columns, (B, count), in any order.

    They lie in the `count` groups of columns whose least values are smallest, so that one cheap
    pass for the least values leaves little to select from.
    """
    rows, width = values_BN.shape
    groups = width // GROUP
    if groups <= count:
        values, columns = torch.topk(values_BN, count, dim=1, largest=False, sorted=False)
        return values, columns
    grouped = values_BN[:, : groups * GROUP].view(rows, GROUP, groups)  # columns g, g + groups, ...
    near_BC = torch.topk(grouped.amin(dim=1), count, dim=1, largest=False, sorted=False).indices
    steps = torch.arange(GROUP, device=values_BN.device) * groups
    columns = (near_BC[:, :, None] + steps).flatten(1)
    rest = torch.arange(groups * GROUP, width, device=values_BN.device)
    columns = torch.cat((columns, rest.expand(rows, -1)), dim=1)
    values, chosen = torch.topk(
        values_BN.gather(1, columns), count, dim=1, largest=False, sorted=False
    )
    return values, columns.gather(1, chosen)


def _nearest_in_rows(exact_RN: Tensor, k: int) -> Neighbors:
    """The k smallest of each row, ties by the lower column."""
    kth = torch.topk(exact_RN, k, dim=1, largest=False).values.amax(dim=1, keepdim=True)
    nearer, tied = exact_RN < kth, exact_RN == kth
    missing = k - nearer.sum(dim=1, keepdim=True)
    taken = nearer | (tied & (tied.cumsum(dim=1) <= missing))
    columns = taken.nonzero()[:, 1].reshape(-1, k)
    found, order = exact_RN.gather(1, columns).sort(dim=1, stable=True)
    return Neighbors(found, columns.gather(1, order))
