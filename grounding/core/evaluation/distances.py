"""Distances between two point sets, a block of rows at a time, with a bound on their error.

A block holds squared distances as one matrix product of augmented vectors,
``|q - r|^2 = (-2q, |q|^2, 1) . (r, 1, |r|^2)``. That product is fast and slightly wrong; the bound
says by how much, so that a reader of the block knows which pairs it must look at again with
`Distances.between` or `Distances.rows`, which subtract directly in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

METRICS = ("euclidean", "cosine")


@dataclass(frozen=True)
class Block:
    """Squared distances of consecutive queries to every reference, in the units of `Distances`.

    Attributes:
        start: index of the first query of the block.
        squared: (B, N); a pair of a point with itself is inf if self pairs are excluded. The memory
            is reused by the next block.
        tolerance: (B,) float64, at least ``|squared - exact|`` of every pair in the row.
    """

    start: int
    squared: Tensor
    tolerance: Tensor

    @property
    def rows(self) -> Tensor:
        """Indices of the queries, (B,) int64."""
        first, count = self.start, self.squared.shape[0]
        return torch.arange(first, first + count, device=self.squared.device)


class Distances:
    """Distances of queries (Q, D) to references (N, D), both finite, of one dtype and device.

    Inside, everything is multiplied by `scale`, a power of two, so that no square overflows or
    vanishes: ``true distance = distance / scale``. The cosine distance ``1 - cos`` is half the
    squared distance of the unit vectors; a vector of length zero is at cosine distance 1 from all.

    Args:
        queries: (Q, D) float32 or float64.
        references: (N, D).
        metric: "euclidean" or "cosine".
        exclude_self: query i is reference i and is not its own neighbour; needs Q == N.
        dtype: precision of the blocks; that of the input if None.
        block_bytes: size of a block; if None, 32 MiB on the CPU and 256 MiB elsewhere.

    Raises:
        ValueError: for shapes or dtypes that do not fit, non-finite values, an unknown metric.
    """

    def __init__(
        self,
        queries: Tensor,
        references: Tensor,
        *,
        metric: str = "euclidean",
        exclude_self: bool = False,
        dtype: torch.dtype | None = None,
        block_bytes: int | None = None,
    ) -> None:
        _check(queries, references, metric, exclude_self)
        self.exclude_self = exclude_self
        self.metric = metric
        self.input_dtype = references.dtype
        same = queries is references
        queries, references = queries.detach(), references.detach()
        if metric == "cosine":
            queries, references = _unit_vectors(queries, 0), _unit_vectors(references, 1)
            same = False
        self._queries, self._references = queries, references
        self._dtype = dtype or self.input_dtype
        if torch.get_float32_matmul_precision() != "highest":
            self._dtype = torch.float64  # the bound below does not hold for TF32 or bfloat16
        self.block_bytes = block_bytes or (
            32 << 20 if references.device.type == "cpu" else 256 << 20
        )
        self._place(same)
        self._operand, norms = self._augmented_references()
        self._longest = norms.amax().sqrt()
        self._buffer: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of queries and of references, (Q, N)."""
        return self._queries.shape[0], self._references.shape[0]

    @property
    def available(self) -> int:
        """How many neighbours a query can have."""
        return self.shape[1] - int(self.exclude_self)

    @property
    def rows_per_block(self) -> int:
        """Queries in one block, at least 1."""
        rows = self.block_bytes // (self.shape[1] * self._dtype.itemsize)
        return max(1, min(rows, self.shape[0]))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """First and one past the last query of each block, in order."""
        step = self.rows_per_block
        for start in range(0, self.shape[0], step):
            yield start, min(start + step, self.shape[0])

    def block(self, start: int, stop: int) -> Block:
        """The block of queries start..stop - 1; its memory is that of the block before."""
        q_BD = self._centred(self._queries[start:stop])
        norms_B = q_BD.double().square().sum(1)
        ones = q_BD.new_ones(stop - start, 1)
        left = torch.cat((q_BD * -2, norms_B[:, None].to(q_BD.dtype), ones), dim=1)
        if self._buffer is None or self._buffer.shape[0] < stop - start:
            self._buffer = left.new_empty(stop - start, self.shape[1])
        squared = torch.mm(left, self._operand, out=self._buffer[: stop - start])
        if self.exclude_self:
            squared.diagonal(offset=start).fill_(math.inf)
        return Block(start, squared, self._tolerance(norms_B))

    def between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Scaled distances of queries `rows` to references `columns` by direct differences.

        Args:
            rows: (P,) int64.
            columns: (P,) or (P, C) int64.

        Returns:
            float64, the shape of `columns`.
        """
        columns_PC = columns.reshape(rows.shape[0], -1)
        found = columns_PC.new_empty(columns_PC.shape, dtype=torch.float64)
        pair_bytes = 8 * self._references.shape[1] * max(1, columns_PC.shape[1])
        step = max(1, min(self.block_bytes, 4 << 20) // pair_bytes)
        for first in range(0, rows.shape[0], step):
            part = slice(first, first + step)
            q_P1D = self._scaled(self._queries[rows[part]])[:, None]
            r_PCD = self._scaled(self._references[columns_PC[part]])
            found[part] = _direct(q_P1D, r_PCD)[:, 0]
        return found.reshape(columns.shape)

    def rows(self, rows: Tensor) -> Tensor:
        """Scaled distances of queries `rows` (R,) to every reference by direct differences.

        Returns:
            (R, N) float64; inf for a point and itself if self pairs are excluded.
        """
        found = torch.empty(
            rows.shape[0], self.shape[1], dtype=torch.float64, device=self._references.device
        )
        q_RD = self._scaled(self._queries[rows])
        step = max(1, self.block_bytes // (8 * self._references.shape[1]))
        for first in range(0, self.shape[1], step):
            part = slice(first, first + step)
            found[:, part] = _direct(q_RD, self._scaled(self._references[part]))
        if self.exclude_self:
            found.scatter_(1, rows[:, None], math.inf)
        return found

    def true(self, distances: Tensor) -> Tensor:
        """Scaled distances as distances of the metric, in the dtype of the input."""
        distances = distances / self.scale
        if self.metric == "cosine":
            distances = distances.square() / 2
        return distances.to(self.input_dtype)

    def _place(self, same: bool) -> None:
        """Choose the centre, the scale and the columns in which any two points differ."""
        low, high = self._references.aminmax(dim=0)
        if not same:
            low_q, high_q = self._queries.aminmax(dim=0)
            low, high = torch.minimum(low, low_q), torch.maximum(high, high_q)
        spread = (high.double() - low.double()).cpu()
        self.scale = 2.0 ** -math.frexp(float(spread.amax()))[1]
        kept = (spread > 0).nonzero()[:, 0]
        self._kept = None if len(kept) == len(spread) else kept.to(low.device)
        # Any centre is right; the mean is the best, and inside [low, high] equal points become 0.
        mean = self._references.mean(dim=0)
        self._centre = torch.clamp(mean, low, high).double()

    def _scaled(self, points: Tensor) -> Tensor:
        return points.double().mul(self.scale)

    def _centred(self, points: Tensor) -> Tensor:
        """Centred, scaled points in the columns that count, in the precision of the blocks."""
        centre = self._centre
        if self._kept is not None:
            points, centre = points[:, self._kept], centre[self._kept]
        return (points.double() - centre).mul_(self.scale).to(self._dtype)

    def _augmented_references(self) -> tuple[Tensor, Tensor]:
        """Columns (r, 1, |r|^2), (D + 2, N), and the squared lengths, (N,) float64."""
        count = self.shape[1]
        width = self._references.shape[1] if self._kept is None else len(self._kept)
        operand = self._references.new_ones(width + 2, count, dtype=self._dtype)
        norms = self._references.new_empty(count, dtype=torch.float64)
        for first in range(0, count, 2048):
            part = slice(first, first + 2048)
            r_BD = self._centred(self._references[part])
            operand[:width, part] = r_BD.T
            norms[part] = r_BD.double().square().sum(1)
        operand[width + 1] = norms
        return operand, norms

    def _tolerance(self, norms_B: Tensor) -> Tensor:
        """Error bound of a row: gamma_n (|q| + max |r|)^2 (Higham 2002, section 3.1).

        A sum of n products, added in any order, errs by at most gamma_n = n u / (1 - n u) times the
        sum of their absolute values. The terms beyond D + 2 stand for the rounding of the centred
        coordinates, of the squared lengths, and of what the block is compared with; the float64
        part for that of the direct distances.
        """
        terms = self._operand.shape[0] + 6
        bound = 0.0
        for dtype in (self._dtype, torch.float64):
            unit = torch.finfo(dtype).eps / 2
            bound += terms * unit / (1 - terms * unit)
        vanished = terms * torch.finfo(self._dtype).tiny
        return (norms_B.sqrt() + self._longest).square() * bound + vanished


def _direct(q: Tensor, r: Tensor) -> Tensor:
    return torch.cdist(q, r, compute_mode="donot_use_mm_for_euclid_dist")


def _unit_vectors(points: Tensor, axis: int) -> Tensor:
    """Unit vectors (N, D + 2) float64; a zero vector becomes extra axis 0 or 1.

    Zero queries and zero references get different axes: their cosine with anything is 0.
    """
    points = points.double()
    points = points / points.abs().amax(1, keepdim=True).clamp_min(torch.finfo(points.dtype).tiny)
    lengths = points.norm(dim=1, keepdim=True)
    extra = points.new_zeros(points.shape[0], 2)
    extra[:, axis] = (lengths[:, 0] == 0).to(points.dtype)
    return torch.cat((points / lengths.clamp_min(0.5), extra), dim=1)


def _check(queries: Tensor, references: Tensor, metric: str, exclude_self: bool) -> None:
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, allowed: {', '.join(METRICS)}")
    for name, points in (("queries", queries), ("references", references)):
        if points.ndim != 2 or points.shape[1] < 1:
            raise ValueError(f"{name} have shape {tuple(points.shape)}, expected (points, D >= 1)")
        if points.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{name} are {points.dtype}, allowed: float32, float64")
        if points.shape[0] < 1:
            raise ValueError(f"{name} are empty, expected at least 1 point")
    if (queries.shape[1], queries.dtype) != (references.shape[1], references.dtype):
        raise ValueError(
            f"queries are {queries.dtype} of dimension {queries.shape[1]}, references "
            f"{references.dtype} of dimension {references.shape[1]}; they must agree"
        )
    if exclude_self and queries.shape[0] != references.shape[0]:
        raise ValueError(
            f"exclude_self needs as many queries as references, not {queries.shape[0]} and "
            f"{references.shape[0]}"
        )
    for name, points in (("queries", queries), ("references", references)):
        # The extremes carry any NaN or infinity without a mask as large as the data.
        if not all(bool(value.isfinite()) for value in points.aminmax()):
            raise ValueError(f"{name} hold a value that is not finite")
