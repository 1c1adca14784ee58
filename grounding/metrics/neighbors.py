"""Exact nearest neighbours in bounded memory, ties broken by the lower index."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from grounding.metrics.arrays import Array, NotMeasurable, as_points
from grounding.metrics.distances import GROUP, ROWS, Block, Distances, Progress

METRICS = ("euclidean", "cosine")
MANY = 32_768  # references of which a block does not stay in the processor's cache


class Neighbors(NamedTuple):
    """The k nearest references of each query.

    Attributes:
        distances: (Q, k) ascending, in the dtype of the points.
        indices: (Q, k) int64; of equally distant references the lower index comes first.
    """

    distances: Tensor
    indices: Tensor


def nearest(
    queries: Array,
    references: Array,
    k: int,
    *,
    metric: str = "euclidean",
    exclude_self: bool = False,
    progress: Progress | None = None,
) -> Neighbors:
    """The k nearest references of each query, as if all distances were taken in float64.

    Args:
        queries: (Q, D) float32, float64 or uint8.
        references: (N, D), same dtype and device.
        k: neighbours per query, 1 <= k <= N (N - 1 with exclude_self).
        metric: "euclidean", or "cosine" (1 - cos, in [0, 2]; a zero vector is at 1 from all).
        exclude_self: query i is reference i and is not its own neighbour; needs Q == N.
        progress: called with (blocks of queries done, blocks in all).

    Raises:
        ValueError: k out of range, shapes or dtypes that do not fit, non-finite values, an unknown
            metric.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, allowed: {', '.join(METRICS)}")
    queries, references = as_points(queries, "queries"), as_points(references, "references")
    if exclude_self and len(queries) != len(references):
        raise ValueError(
            f"exclude_self needs as many queries as references, not {len(queries)} and "
            f"{len(references)}"
        )
    dtype = torch.promote_types(references.dtype, torch.float32)
    if metric == "cosine":
        queries, references = _unit_vectors(queries, 0), _unit_vectors(references, 1)
    itself = torch.arange(len(queries), device=queries.device) if exclude_self else None
    distances = Distances(queries, references, itself=itself, dtype=dtype)
    check_k(k, distances.available)
    indices = torch.empty(len(queries), k, dtype=torch.int64, device=queries.device)
    found = torch.empty_like(indices, dtype=torch.float64)

    in_groups = distances.short and len(references) > max(MANY, 2 * GROUP * _candidates(k))

    def search(start: int, stop: int) -> None:
        if in_groups:
            part = _nearest_in_groups(distances, start, stop, k)
        else:
            part = nearest_in_block(distances, distances.block(start, stop), k)
        found[start:stop], indices[start:stop] = part

    distances.each_block(search, progress, ROWS if in_groups else None)
    # The cosine distance is half the squared distance of the unit vectors.
    return Neighbors((found.square() / 2 if metric == "cosine" else found).to(dtype), indices)


def check_k(k: int, available: int) -> None:
    """Raise NotMeasurable unless 1 <= k <= available."""
    if not 1 <= k <= available:
        raise NotMeasurable(f"k is {k}, allowed: 1 to {available}, the points there are to find")


def nearest_in_block(distances: Distances, block: Block, k: int) -> Neighbors:
    """The k nearest references of a block's queries; distances are float64.

    A few more than k candidates are taken by the block's values and measured again. No other
    reference can be nearer if the worst candidate, less the error bound, is still farther than the
    k-th; rows that fail this test, as duplicates do, are measured in full.
    """
    count = min(_candidates(k), distances.available)
    worst_B = torch.empty_like(block.tolerance)
    columns_BC = block.queries.new_empty(len(worst_B), count)
    for rows in block.tiles():
        values, columns = _smallest(block.squared[rows], count)
        worst_B[rows] = values.amax(dim=1)
        columns_BC[rows] = columns.sort(dim=1).values
    exact_BC = distances.between(block.queries, columns_BC)
    beyond_B = worst_B - block.tolerance
    if count == distances.available:
        beyond_B.fill_(math.inf)
    return _proven(distances, block.queries, exact_BC, columns_BC, beyond_B, k)


def _nearest_in_groups(distances: Distances, start: int, stop: int, k: int) -> Neighbors:
    """The same of queries start..stop - 1, by the least value in each group of references."""
    least_BG, tolerance_B = distances.least(start, stop)
    values, groups = torch.topk(least_BG, _candidates(k), dim=1, largest=False, sorted=False)
    columns_BC = distances.columns_of(groups).flatten(1).sort(dim=1).values
    queries = torch.arange(start, stop)
    known = columns_BC.clamp(max=distances.count - 1)
    exact_BC = distances.between(queries, known)
    exact_BC.masked_fill_(columns_BC == distances.count, math.inf)
    if distances.itself is not None:
        exact_BC.masked_fill_(known == distances.itself[start:stop, None], math.inf)
    return _proven(distances, queries, exact_BC, known, values.amax(dim=1) - tolerance_B, k)


def _proven(
    distances: Distances,
    queries: Tensor,
    exact_BC: Tensor,
    columns_BC: Tensor,
    beyond_B: Tensor,
    k: int,
) -> Neighbors:
    """The k nearest of candidates, or of all where a reference that is none may be nearer.

    Args:
        distances: of the queries.
        queries: (B,) int64.
        exact_BC: distances of the candidates.
        columns_BC: which these are, ascending.
        beyond_B: squared distances below which no other reference is.
        k: how many.
    """
    exact_BC, order = exact_BC.sort(dim=1, stable=True)
    found, indices = exact_BC[:, :k], columns_BC.gather(1, order)[:, :k]
    unproven = (beyond_B <= found[:, -1].square()).nonzero()[:, 0]
    for part, exact_PN in distances.rows(queries[unproven]):
        whole = exact_PN.sort(dim=1, stable=True)
        found[unproven[part]], indices[unproven[part]] = (one[:, :k] for one in whole)
    return Neighbors(found, indices)


def _candidates(k: int) -> int:
    """How many of the nearest by approximate distances are measured again."""
    return k + 4 + k // 8


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


def _unit_vectors(points: Tensor, axis: int) -> Tensor:
    """Unit vectors (N, D + 2) float64; a zero vector becomes extra axis 0 or 1.

    Zero queries and zero references get different axes: their cosine with anything is 0.
    """
    points = points.double()
    points = points / points.abs().amax(1, keepdim=True).clamp_min(torch.finfo(points.dtype).tiny)
    lengths = points.norm(dim=1, keepdim=True)
    extra = points.new_zeros(len(points), 2)
    extra[:, axis] = (lengths[:, 0] == 0).to(points.dtype)
    return torch.cat((points / lengths.clamp_min(0.5), extra), dim=1)
