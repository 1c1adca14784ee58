"""Distances between two point sets, a block of rows at a time, with a bound on their error.

A block holds squared distances as one matrix product, which is fast and slightly wrong; the bound
says by how much, so that a reader of the block knows which pairs it must look at again with
`Distances.between` or `Distances.rows`, which subtract directly in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding.metrics.products import (
    EightBitProducts,
    Place,
    RealProducts,
    multiplies_eight_bits,
)

METRICS = ("euclidean", "cosine")

# Of the CPU, in bytes. A product of fewer rows than FULL_ROWS reads the references too often for
# the work it does; a tile that outgrows the cache is read from memory in every pass over it.
BLOCK, LARGEST_BLOCK, TILE = 16 << 20, 128 << 20, 4 << 20
FULL_ROWS = 256
ELSEWHERE = 256 << 20  # a block, and a tile, of any other device


@dataclass(frozen=True)
class Block:
    """Squared distances of consecutive queries to every reference, in the units of `Distances`.

    Attributes:
        start: index of the first query of the block.
        squared: (B, N); a pair of a point with itself is inf if self pairs are excluded. The memory
            is reused by the next block of the same thread.
        tolerance: (B,) float64, at least ``|squared - exact|`` of every pair in the row.
        itself: (B,) int64, which reference each query is; None if self pairs are not excluded.
    """

    start: int
    squared: Tensor
    tolerance: Tensor
    itself: Tensor | None

    @property
    def rows(self) -> Tensor:
        """Indices of the queries, (B,) int64."""
        first, count = self.start, self.squared.shape[0]
        return torch.arange(first, first + count, device=self.squared.device)

    def tiles(self, count: int | None = None) -> Iterator[slice]:
        """Parts of `count` rows (default: of all) that are small enough to be read repeatedly."""
        rows, width = self.squared.shape
        count = rows if count is None else count
        size = TILE if self.squared.device.type == "cpu" else ELSEWHERE
        step = max(1, size // (width * self.squared.element_size()))
        for start in range(0, count, step):
            yield slice(start, min(start + step, count))


class Distances:
    """Distances of queries (Q, D) to references (N, D), both finite, of one dtype and device.

    Inside, everything is multiplied by `scale`, a power of two, so that no square overflows or
    vanishes: ``true distance = distance / scale``. The cosine distance ``1 - cos`` is half the
    squared distance of the unit vectors; a vector of length zero is at cosine distance 1 from all.

    Args:
        queries: (Q, D) float32 or float64; or uint8, whose distances are in units of 1 and float32.
        references: (N, D).
        metric: "euclidean" or "cosine".
        itself: (Q,) int64; query i is reference ``itself[i]`` and is not its own neighbour.
        dtype: precision of the blocks; that of the input if None.
        block_bytes: size of a block; if None, on the CPU 16 MiB or what 256 queries take, at most
            128 MiB, and 256 MiB elsewhere.

    Raises:
        ValueError: for shapes or dtypes that do not fit, non-finite values, an unknown metric.
    """

    def __init__(
        self,
        queries: Tensor,
        references: Tensor,
        *,
        metric: str = "euclidean",
        itself: Tensor | None = None,
        dtype: torch.dtype | None = None,
        block_bytes: int | None = None,
    ) -> None:
        _check(queries, references, metric, itself)
        self.itself = itself
        self.metric = metric
        self.input_dtype = torch.float32 if references.dtype == torch.uint8 else references.dtype
        same = queries is references
        queries, references = queries.detach(), references.detach()
        if metric == "cosine":
            queries, references = _unit_vectors(queries, 0), _unit_vectors(references, 1)
            same = False
        self._queries, self._references = queries, references
        self._dtype = dtype or self.input_dtype
        if torch.get_float32_matmul_precision() != "highest":
            self._dtype = torch.float64  # the bounds do not hold for TF32 or bfloat16
        self.block_bytes = block_bytes or self._block_bytes()
        place = self._place(same)
        self.scale = place.scale
        self._products: RealProducts | EightBitProducts
        if self._dtype == torch.float32 and multiplies_eight_bits(references, place):
            self._products = EightBitProducts(references, place)
        else:
            self._products = RealProducts(references, place, self._dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of queries and of references, (Q, N)."""
        return self._queries.shape[0], self._references.shape[0]

    @property
    def available(self) -> int:
        """How many neighbours a query can have."""
        return self.shape[1] - int(self.itself is not None)

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

    def each_block(
        self, work: Callable[[int, int], None], progress: Callable[[int, int], None] | None
    ) -> None:
        """Call ``work(first, one past the last)`` for the queries of each block.

        On the CPU the blocks are shared out among as many threads as PyTorch would use for one
        operation, each of which computes alone: they need not wait for one another after every
        pass over a tile. `work` writes to rows of its own, so that their order does not matter.

        Args:
            work: what to do; it must not change anything that another block reads.
            progress: called in the calling thread with (blocks done, blocks in all).
        """
        ranges = list(self.ranges())
        threads = min(torch.get_num_threads(), len(ranges))
        if threads == 1 or self._references.device.type != "cpu":
            for done, (start, stop) in enumerate(ranges, start=1):
                work(start, stop)
                if progress is not None:
                    progress(done, len(ranges))
            return
        before = torch.get_num_threads()
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            futures = [pool.submit(work, start, stop) for start, stop in ranges]
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                if progress is not None:
                    progress(done, len(ranges))
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)

    def block(self, start: int, stop: int) -> Block:
        """The block of queries start..stop - 1, in the memory of the thread's block before."""
        squared, tolerance = self._products.squared(self._queries[start:stop])
        itself = None if self.itself is None else self.itself[start:stop]
        if itself is not None:
            squared.scatter_(1, itself[:, None], math.inf)
        return Block(start, squared, tolerance, itself)

    def between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Scaled distances of queries `rows` to references `columns` by direct differences.

        Args:
            rows: (P,) int64.
            columns: (P,) or (P, C) int64.

        Returns:
            float64, the shape of `columns`.
        """
        columns_PC = columns if columns.ndim == 2 else columns[:, None]
        found = columns_PC.new_empty(columns_PC.shape, dtype=torch.float64)
        pair_bytes = 8 * self._references.shape[1] * max(1, columns_PC.shape[1])
        step = max(1, min(self.block_bytes, 2 << 20) // pair_bytes)
        for first in range(0, rows.shape[0], step):
            part = slice(first, first + step)
            chosen_PC = columns_PC[part]
            # `index_select` copies whole rows; of bytes, indexing copies one at a time.
            q_P1D = self._queries.index_select(0, rows[part])[:, None]
            r_PCD = self._references.index_select(0, chosen_PC.flatten())
            found[part] = self._direct(q_P1D, r_PCD.view(*chosen_PC.shape, -1))[:, 0]
        return found.reshape(columns.shape)

    def rows(self, rows: Tensor) -> Tensor:
        """Scaled distances of queries `rows` (R,) to every reference by direct differences.

        Returns:
            (R, N) float64; inf for a point and itself if self pairs are excluded.
        """
        found = torch.empty(
            rows.shape[0], self.shape[1], dtype=torch.float64, device=self._references.device
        )
        q_RD = self._queries[rows]
        step = max(1, self.block_bytes // (8 * self._references.shape[1]))
        for first in range(0, self.shape[1], step):
            part = slice(first, first + step)
            found[:, part] = self._direct(q_RD, self._references[part])
        if self.itself is not None:
            found.scatter_(1, self.itself[rows][:, None], math.inf)
        return found

    def true(self, distances: Tensor) -> Tensor:
        """Scaled distances as distances of the metric, in the dtype of the input."""
        distances = distances / self.scale
        if self.metric == "cosine":
            distances = distances.square() / 2
        return distances.to(self.input_dtype)

    def _block_bytes(self) -> int:
        if self._references.device.type != "cpu":
            return ELSEWHERE
        full = FULL_ROWS * self.shape[1] * self._dtype.itemsize
        return max(BLOCK, min(full, LARGEST_BLOCK))

    def _place(self, same: bool) -> Place:
        """Choose the centre, the scale and the columns in which any two points differ."""
        low, high = self._references.aminmax(dim=0)
        if not same:
            low_q, high_q = self._queries.aminmax(dim=0)
            low, high = torch.minimum(low, low_q), torch.maximum(high, high_q)
        spread = (high.double() - low.double()).cpu()
        kept = (spread > 0).nonzero()[:, 0]
        kept = kept if len(kept) else torch.arange(1)
        if self._references.dtype == torch.uint8:
            scale, centre = 1.0, (low.double() + high.double()) / 2
        else:
            scale = 2.0 ** -math.frexp(float(spread.amax()))[1]
            # Any centre is right; the mean is the best, and in [low, high] equal points become 0.
            centre = torch.clamp(self._references.mean(dim=0), low, high).double()
        return Place(centre, None if len(kept) == len(spread) else kept.to(low.device), scale)

    def _direct(self, q: Tensor, r: Tensor) -> Tensor:
        """Scaled distances (..., Q, N), float64, by direct differences."""
        # The squares of all other numbers are in the range of float64 whatever their scale.
        before, after = (self.scale, 1.0) if q.dtype == torch.float64 else (1.0, self.scale)
        q, r = (points.double() if before == 1 else points * before for points in (q, r))
        return torch.cdist(q, r, compute_mode="donot_use_mm_for_euclid_dist").mul_(after)


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


def _check(queries: Tensor, references: Tensor, metric: str, itself: Tensor | None) -> None:
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, allowed: {', '.join(METRICS)}")
    for name, points in (("queries", queries), ("references", references)):
        if points.ndim != 2 or points.shape[1] < 1:
            raise ValueError(f"{name} have shape {tuple(points.shape)}, expected (points, D >= 1)")
        if points.dtype not in (torch.float32, torch.float64, torch.uint8):
            raise ValueError(f"{name} are {points.dtype}, allowed: float32, float64, uint8")
        if points.shape[0] < 1:
            raise ValueError(f"{name} are empty, expected at least 1 point")
    if (queries.shape[1], queries.dtype) != (references.shape[1], references.dtype):
        raise ValueError(
            f"queries are {queries.dtype} of dimension {queries.shape[1]}, references "
            f"{references.dtype} of dimension {references.shape[1]}; they must agree"
        )
    if itself is not None and itself.shape != queries.shape[:1]:
        raise ValueError(
            f"itself has shape {tuple(itself.shape)}, expected one reference for each of the "
            f"{queries.shape[0]} queries"
        )
    for name, points in (("queries", queries), ("references", references)):
        # The extremes carry any NaN or infinity without a mask as large as the data.
        if not all(bool(value.isfinite()) for value in points.aminmax()):
            raise ValueError(f"{name} hold a value that is not finite")
