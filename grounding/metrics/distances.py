"""Distances between two point sets, a block of rows at a time, with a bound on their error.

A block holds squared distances as one matrix product, which is fast and slightly wrong; the bound
says by how much, so that a reader of the block knows which pairs it must look at again with
`Distances.between` or `Distances.rows`, which subtract directly in float64.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding._images import rows_at_once
from grounding.metrics.products import CHUNK, WIDEST, EightBitProducts, RealProducts, signed

Progress = Callable[[int, int], None]

# A product of fewer rows reads the references too often for the work it does; to be busy, other
# devices than the CPU need more. Each thread of the CPU has a block of its own.
ROWS, ROWS_ELSEWHERE = 256, 8192
LARGEST_BLOCK, LARGEST_BLOCK_ELSEWHERE = 64 << 20, 256 << 20
PART = 2048  # references whose distances to ROWS queries stay in the CPU's cache
SHORT = 128  # columns of points for which a product costs less than to read its block again
GROUP = 16  # references of which only the nearest is looked at first
TILE = 4 << 20  # what outgrows the CPU's cache is read from memory in every pass over it


@dataclass(frozen=True)
class Block:
    """Squared distances of some queries to every reference.

    Attributes:
        queries: (B,) int64, which queries these are.
        squared: (B, N); if self pairs are excluded, that of a point with itself is inf, or the
            largest number there is. The memory is reused by the next block of the same thread.
        tolerance: (B,) float64, at least ``|squared - exact|`` of every pair in the row.
        itself: (B,) int64, which reference each query is; None if self pairs are not excluded.
    """

    queries: Tensor
    squared: Tensor
    tolerance: Tensor
    itself: Tensor | None

    def tiles(self) -> Iterator[slice]:
        """Rows few enough to be read repeatedly."""
        size = TILE if self.squared.device.type == "cpu" else LARGEST_BLOCK_ELSEWHERE
        step = max(1, size // (self.squared.shape[1] * self.squared.element_size()))
        for start in range(0, len(self.squared), step):
            yield slice(start, start + step)


class Distances:
    """Euclidean distances of queries (Q, D) to references (N, D), points as `as_points` gives them.

    Args:
        queries: (Q, D).
        references: (N, D), of the same dtype and device.
        itself: (Q,) int64; query i is reference ``itself[i]`` and is not its own neighbour.
        dtype: float32 or float64, of the blocks; default: that of the points. Those of uint8 points
            are int32, and exact.

    Raises:
        ValueError: dimensions or dtypes differ.
    """

    def __init__(
        self,
        queries: Tensor,
        references: Tensor,
        *,
        itself: Tensor | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if (queries.shape[1], queries.dtype) != (references.shape[1], references.dtype):
            raise ValueError(
                f"queries are {queries.dtype} of dimension {queries.shape[1]}, references "
                f"{references.dtype} of dimension {references.shape[1]}; they must agree"
            )
        low = torch.minimum(queries.amin(dim=0), references.amin(dim=0)).double()
        high = torch.maximum(queries.amax(dim=0), references.amax(dim=0)).double()
        differ, same = (high > low).nonzero()[:, 0], queries is references
        if len(differ) < len(low):  # columns in which all points agree
            kept = differ if len(differ) else differ.new_zeros(1)
            references = references[:, kept]
            queries = references if same else queries[:, kept]
        of_bytes, given = references.dtype == torch.uint8, references.dtype
        if of_bytes:  # the only copy of them that is needed
            references = signed(references)
            queries = references if same else signed(queries)
        self._queries, self._references, self.itself = queries, references, itself
        self.short = references.device.type == "cpu" and references.shape[1] <= SHORT
        self.count = len(references)
        self.available = self.count - (itself is not None)  # neighbours that a query can have
        self._products: RealProducts | EightBitProducts
        if of_bytes and references.shape[1] <= WIDEST:
            self._products = EightBitProducts(references)
        else:
            # Squares of float32 would overflow or vanish; and bounds do not hold for TF32.
            fits = 2**-40 < float((high - low).amax()) < 2**40
            fits = fits and torch.get_float32_matmul_precision() == "highest"
            wanted = dtype or given
            narrow = fits and wanted == torch.float32
            self._products = RealProducts(references, torch.float32 if narrow else torch.float64)
        self.dtype = self._products.dtype
        on_cpu = references.device.type == "cpu"
        full, largest = (
            (ROWS, LARGEST_BLOCK) if on_cpu else (ROWS_ELSEWHERE, LARGEST_BLOCK_ELSEWHERE)
        )
        self.rows_per_block = max(1, min(full, largest // (self.count * self.dtype.itemsize)))
        self._most = math.inf if self.dtype.is_floating_point else torch.iinfo(self.dtype).max
        self._memory = threading.local()

    def each_block(
        self,
        work: Callable[[int, int], None],
        progress: Progress | None = None,
        rows: int | None = None,
    ) -> None:
        """Call ``work(first, one past the last)`` for the queries of each block: see `each_block`.

        Args:
            work: what to do.
            progress: called with (blocks done, blocks in all).
            rows: of a block; default: as many as `block` has memory for.
        """
        shared = self._references.device.type == "cpu"
        each_block(work, len(self._queries), rows or self.rows_per_block, progress, shared=shared)

    def block(self, start: int, stop: int) -> Block:
        """The block of queries start..stop - 1, in the memory of the thread's block before."""
        points = self._queries[start:stop]
        memory = getattr(self._memory, "block", points.new_empty(0, 0))
        if len(memory) < len(points):
            size = (len(points), len(self._references))
            self._memory.block = memory = points.new_empty(size, dtype=self._products.dtype)
        squared = memory[: len(points)]
        left, tolerance = self._products.prepare(points)
        self._products.squared(left, slice(None), squared)
        itself = None if self.itself is None else self.itself[start:stop]
        if itself is not None:
            squared.scatter_(1, itself[:, None], self._most)
        return Block(torch.arange(start, stop, device=points.device), squared, tolerance, itself)

    def least(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The least squared distance in each group of references, of queries start..stop - 1.

        What a block would hold is read as soon as a part of it is there, and forgotten: the
        whole would not stay in the processor's cache.

        Returns:
            (B, G), see `columns_of` for the groups; and (B,), at least how much one is off by.
        """
        points = self._queries[start:stop]
        left, tolerance = self._products.prepare(points)
        memory = getattr(self._memory, "part", points.new_empty(0, 0))
        if len(memory) < len(points):
            size = (len(points), PART)
            self._memory.part = memory = points.new_empty(size, dtype=self._products.dtype)
        found = memory.new_empty(len(points), -(-len(self._references) // GROUP))
        for first in range(0, len(self._references), PART):
            part = slice(first, min(first + PART, len(self._references)))
            squared = memory[: len(points), : part.stop - first]
            if not squared.is_contiguous():
                squared = memory.new_empty(squared.shape)
            self._products.squared(left, part, squared)
            if self.itself is not None:
                own = self.itself[start:stop] - first
                rows = ((own >= 0) & (own < squared.shape[1])).nonzero()[:, 0]
                squared[rows, own[rows]] = self._most
            short = -squared.shape[1] % GROUP
            if short:
                squared = torch.nn.functional.pad(squared, (0, short), value=self._most)
            grouped = squared.view(len(points), GROUP, -1)
            found[:, first // GROUP : first // GROUP + grouped.shape[2]] = grouped.amin(dim=1)
        return found, tolerance

    def columns_of(self, groups: Tensor) -> Tensor:
        """The references (..., GROUP) int64 of groups (...); N for places that hold none."""
        count = len(self._references)
        part, place = groups // (PART // GROUP), groups % (PART // GROUP)
        width = (count - part * PART).clamp_(max=PART)
        step = (width + GROUP - 1) // GROUP
        within = place[..., None] + torch.arange(GROUP, device=groups.device) * step[..., None]
        columns = part[..., None] * PART + within
        return columns.where(within < width[..., None], count)

    def between(self, queries: Tensor, columns: Tensor) -> Tensor:
        """Distances of some queries to references of their own, by direct differences.

        Args:
            queries: (P,) int64.
            columns: (P, C) int64.

        Returns:
            (P, C) float64.
        """
        found = columns.new_empty(columns.shape, dtype=torch.float64)
        pair_bytes = 8 * self._references.shape[1] * columns.shape[1]
        step = max(1, (2 << 20) // pair_bytes)
        for first in range(0, len(queries), step):
            part = slice(first, first + step)
            # `index_select` copies whole rows; of bytes, indexing copies one at a time.
            q_P1D = self._queries.index_select(0, queries[part])[:, None]
            r_PCD = self._references.index_select(0, columns[part].flatten())
            found[part] = _direct(q_P1D, r_PCD.view(*columns[part].shape, -1))[:, 0]
        return found

    def rows(self, queries: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Distances of some queries to every reference, by direct differences.

        Args:
            queries: (R,) int64.

        Yields:
            Indices into `queries`, (P,) int64, and distances, (P, N) float64; inf for a point and
            itself if self pairs are excluded.
        """
        places = torch.arange(len(queries), device=queries.device)
        for part in places.split(max(1, self.rows_per_block // 4)):
            exact_PN = queries.new_empty(len(part), self.count, dtype=torch.float64)
            for start, exact_PC in self.columns(queries[part]):
                exact_PN[:, start : start + exact_PC.shape[1]] = exact_PC
            yield part, exact_PN

    def columns(self, queries: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The same, some references at a time: the first of them and distances (R, C) float64."""
        q_RD, start = self._queries[queries].double(), 0
        for r_CD in self._references.split(rows_at_once(self._references.shape[1], CHUNK)):
            exact_RC = _direct(q_RD, r_CD)
            if self.itself is not None:
                own = self.itself[queries] - start
                rows = ((own >= 0) & (own < len(r_CD))).nonzero()[:, 0]
                exact_RC[rows, own[rows]] = math.inf
            yield start, exact_RC
            start += len(r_CD)


def _direct(q: Tensor, r: Tensor) -> Tensor:
    return torch.cdist(q.double(), r.double(), compute_mode="donot_use_mm_for_euclid_dist")


def each_block(
    work: Callable[[int, int], None],
    count: int,
    step: int,
    progress: Progress | None = None,
    *,
    shared: bool = True,
) -> None:
    """Call ``work(first, one past the last)`` for each `step` of `count` rows.

    On the CPU the blocks are shared out among as many threads as PyTorch would use for one
    operation, each of which computes alone: they need not wait for one another after every pass
    over a tile. `work` writes to rows of its own, so that their order does not matter.

    Args:
        work: what to do; it must not change anything that another block reads.
        count: rows in all.
        step: rows of a block.
        progress: called in the calling thread with (blocks done, blocks in all).
        shared: whether to share them out.
    """
    starts = range(0, count, step)
    stops = [min(start + step, count) for start in starts]
    threads = torch.get_num_threads()
    # Torch keeps both for each thread: what the caller has made in inference mode, say, can only be
    # written to in that mode.
    gradients, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def as_called(start: int, stop: int) -> None:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients and not inference):
            work(start, stop)

    with ExitStack() as stack:
        blocks: Iterator[None] = map(work, starts, stops)
        if min(threads, len(starts)) > 1 and shared:
            stack.callback(torch.set_num_threads, threads)
            pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
            stack.callback(pool.shutdown, cancel_futures=True)
            blocks = pool.map(as_called, starts, stops)
        for done, _ in enumerate(blocks, start=1):
            if progress is not None:
                progress(done, len(starts))
