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
    check_k(k, len(references) - exclude_self)
    indices = torch.empty(len(queries), k, dtype=torch.int64, device=queries.device)
    found = torch.empty_like(indices, dtype=torch.float64)

    def search(which: Tensor, dtype: torch.dtype) -> Tensor:
        """Find those of some queries; returns those of them for which float32 is too coarse."""
        some = queries if len(which) == len(queries) else queries[which]
        own = None if itself is None else itself[which]
        distances = Distances(some, references, itself=own, dtype=dtype)
        in_groups = distances.short and len(references) > max(MANY, 2 * GROUP * _candidates(k))
        coarse = torch.zeros(len(which), dtype=torch.bool, device=which.device)

        def work(start: int, stop: int) -> None:
            if in_groups:
                candidates = _candidates_in_groups(distances, start, stop, k)
            else:
                candidates = _candidates_in_block(distances, distances.block(start, stop), k)
            part, unproven = _nearest_of(candidates, k)
            if distances.dtype == torch.float32:
                coarse[start + unproven] = True
            else:
                _measure_in_full(distances, candidates.queries, unproven, part)
            found[which[start:stop]], indices[which[start:stop]] = part

        distances.each_block(work, progress, ROWS if in_groups else None)
        return which[coarse]

    # Points of tight clusters far from each other are too near for float32, rarely for float64.
    coarse = search(torch.arange(len(queries), device=queries.device), dtype)
    if len(coarse):
        search(coarse, torch.float64)
    # The cosine distance is half the squared distance of the unit vectors.
    return Neighbors((found.square() / 2 if metric == "cosine" else found).to(dtype), indices)


def check_k(k: int, available: int) -> None:
    """Raise NotMeasurable unless 1 <= k <= available."""
    if not 1 <= k <= available:
        raise NotMeasurable(f"k is {k}, allowed: 1 to {available}, the points there are to find")


def nearest_in_block(distances: Distances, block: Block, k: int) -> Neighbors:
    """The k nearest references of a block's queries; distances are float64."""
    candidates = _candidates_in_block(distances, block, k)
    found, unproven = _nearest_of(candidates, k)
    _measure_in_full(distances, block.queries, unproven, found)
    return found


class _Candidates(NamedTuple):
    """References that may be the nearest of some queries.

    Attributes:
        queries: (B,) int64.
        distances: (B, C) float64, exact.
        columns: (B, C) int64, which they are, ascending.
        beyond: (B,) float64, squared distances below which no other reference is.
    """

    queries: Tensor
    distances: Tensor
    columns: Tensor
    beyond: Tensor


def _candidates_in_block(distances: Distances, block: Block, k: int) -> _Candidates:
    """A few more than k, by the block's values.

    No other reference can be nearer than the worst candidate, less the error bound.
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
    return _Candidates(block.queries, exact_BC, columns_BC, beyond_B)


def _candidates_in_groups(distances: Distances, start: int, stop: int, k: int) -> _Candidates:
    """All of a few more than k groups of references, by the least value in each group.

    Of queries start..stop - 1.
    """
    least_BG, tolerance_B = distances.least(start, stop)
    values, groups = torch.topk(least_BG, _candidates(k), dim=1, largest=False, sorted=False)
    columns_BC = distances.columns_of(groups).flatten(1).sort(dim=1).values
    queries = torch.arange(start, stop)
    known = columns_BC.clamp(max=distances.count - 1)
    exact_BC = distances.between(queries, known)
    exact_BC.masked_fill_(columns_BC == distances.count, math.inf)
    if distances.itself is not None:
        exact_BC.masked_fill_(known == distances.itself[start:stop, None], math.inf)
    return _Candidates(queries, exact_BC, known, values.amax(dim=1) - tolerance_B)


def _nearest_of(candidates: _Candidates, k: int) -> tuple[Neighbors, Tensor]:
    """The k nearest of the candidates, and the rows (U,) in which another one may be nearer."""
    exact_BC, order = candidates.distances.sort(dim=1, stable=True)
    found, indices = exact_BC[:, :k], candidates.columns.gather(1, order)[:, :k]
    unproven = (candidates.beyond <= found[:, -1].square()).nonzero()[:, 0]
    return Neighbors(found, indices), unproven


def _measure_in_full(
    distances: Distances, queries: Tensor, unproven: Tensor, found: Neighbors
) -> None:
    """Put the nearest of all references into those rows of `found` that are not proven.

    Args:
        distances: of the queries.
        queries: (B,) int64.
        unproven: (U,) int64, rows of them.
        found: (B, k), to be changed.
    """
    k = found.distances.shape[1]
    if not len(unproven):
        return
    values_Uk = found.distances.new_empty(len(unproven), 0)
    columns_Uk = unproven.new_empty(len(unproven), 0)
    for start, exact_UC in distances.columns(queries[unproven]):
        rows = torch.arange(len(unproven), device=unproven.device)
        if values_Uk.shape[1] == k:  # of equally near ones those before come first
            rows = (exact_UC < values_Uk[:, -1:]).any(dim=1).nonzero()[:, 0]
        new = torch.arange(start, start + exact_UC.shape[1], device=unproven.device)
        values = torch.cat((values_Uk[rows], exact_UC[rows]), dim=1)
        columns = torch.cat((columns_Uk[rows], new.expand(len(rows), -1)), dim=1)
        values, order = (part[:, :k] for part in values.sort(dim=1, stable=True))
        columns = columns.gather(1, order)
        if len(rows) == len(unproven):
            values_Uk, columns_Uk = values, columns
        else:
            values_Uk[rows], columns_Uk[rows] = values, columns
    found.distances[unproven], found.indices[unproven] = values_Uk, columns_Uk


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
