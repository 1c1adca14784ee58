"""Distances between two point sets, a block of rows at a time, with a bound on their error.

A block holds squared distances as one matrix product of augmented vectors,
``|q - r|^2 = (-2q, |q|^2, 1) . (r, 1, |r|^2)``. That product is fast and slightly wrong; the bound
says by how much, so that a reader of the block knows which pairs it must look at again with
`Distances.between` or `Distances.rows`, which subtract directly in float64.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import torch
from torch import Tensor

METRICS = ("euclidean", "cosine")

# Of the CPU, in bytes. A product of fewer rows than FULL_ROWS reads the references too often for
# the work it does; a tile that outgrows the cache is read from memory in every pass over it.
BLOCK, LARGEST_BLOCK, TILE = 16 << 20, 128 << 20, 2 << 20
FULL_ROWS = 256
ELSEWHERE = 256 << 20  # a block, and a tile, of any other device

# Terms that one product adds up: the error bound grows with this, not with the dimension.
TERMS = 192


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
        queries: (Q, D) float32 or float64.
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
        self.block_bytes = block_bytes or self._block_bytes()
        self._place(same)
        self._operand, norms = self._augmented_references()
        self._longest = norms.amax().sqrt()
        # In float64 the bound is tight enough as it is.
        width = self._operand.shape[1]
        parts = 1 if self._dtype == torch.float64 else -(-width // TERMS)
        self._terms = -(-width // parts)
        self._memory = threading.local()

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
        q_BD = self._centred(self._queries[start:stop])
        norms_B = q_BD.double().square().sum(1)
        ones = q_BD.new_ones(stop - start, 1)
        left = torch.cat((q_BD * -2, norms_B[:, None].to(q_BD.dtype), ones), dim=1)
        squared = self._products(left)
        itself = None if self.itself is None else self.itself[start:stop]
        if itself is not None:
            squared.scatter_(1, itself[:, None], math.inf)
        return Block(start, squared, self._tolerance(norms_B), itself)

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
        step = max(1, min(self.block_bytes, 1 << 20) // pair_bytes)
        for first in range(0, rows.shape[0], step):
            part = slice(first, first + step)
            q_P1D = self._queries[rows[part]][:, None]
            found[part] = self._direct(q_P1D, self._references[columns_PC[part]])[:, 0]
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

    def _products(self, left: Tensor) -> Tensor:
        """``left @ operand.T``, from products of few enough terms; its memory is the thread's."""
        shape, width = (left.shape[0], self.shape[1]), left.shape[1]
        memory = getattr(self._memory, "blocks", left.new_empty(1, 0, 0))
        if memory.shape[1] < shape[0]:
            memory = left.new_empty(2 if self._terms < width else 1, *shape)
            self._memory.blocks = memory
        found, product = memory[0, : shape[0]], memory[-1, : shape[0]]
        for first in range(0, width, self._terms):
            terms = slice(first, first + self._terms)
            out = product if first else found
            torch.mm(left[:, terms], self._operand[:, terms].T, out=out)
            if first:
                found += product
        return found

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

    def _direct(self, q: Tensor, r: Tensor) -> Tensor:
        """Scaled distances (..., Q, N), float64, by direct differences."""
        # The squares of float32 numbers are in the range of float64 whatever their scale.
        before, after = (1.0, self.scale) if q.dtype == torch.float32 else (self.scale, 1.0)
        q, r = (points.double() if before == 1 else points * before for points in (q, r))
        return torch.cdist(q, r, compute_mode="donot_use_mm_for_euclid_dist").mul_(after)

    def _centred(self, points: Tensor) -> Tensor:
        """Centred, scaled points in the columns that count, in the precision of the blocks."""
        centre = self._centre
        if self._kept is not None:
            points, centre = points[:, self._kept], centre[self._kept]
        return (points.double() - centre).mul_(self.scale).to(self._dtype)

    def _augmented_references(self) -> tuple[Tensor, Tensor]:
        """Rows (r, 1, |r|^2), (N, D + 2), and the squared lengths, (N,) float64."""
        count = self.shape[1]
        width = self._references.shape[1] if self._kept is None else len(self._kept)
        operand = self._references.new_ones(count, width + 2, dtype=self._dtype)
        norms = self._references.new_empty(count, dtype=torch.float64)
        for first in range(0, count, 2048):
            part = slice(first, first + 2048)
            r_BD = self._centred(self._references[part])
            operand[part, :width] = r_BD
            norms[part] = r_BD.double().square().sum(1)
        operand[:, width + 1] = norms
        return operand, norms

    def _tolerance(self, norms_B: Tensor) -> Tensor:
        """Error bound of a row: gamma_n (|q| + max |r|)^2 (Higham 2002, section 3.1).

        A sum of n products, added in any order, errs by at most gamma_n = n u / (1 - n u) times the
        sum of their absolute values; each of the products that are then added errs once more. The
        terms beyond these stand for the rounding of the centred coordinates, of the squared
        lengths, and of what the block is compared with; the float64 part for that of the direct
        distances.
        """
        width = self._operand.shape[1]
        block_terms = self._terms + -(-width // self._terms) - 1 + 6
        bound = 0.0
        for dtype, terms in ((self._dtype, block_terms), (torch.float64, width + 6)):
            unit = torch.finfo(dtype).eps / 2
            bound += terms * unit / (1 - terms * unit)
        vanished = (width + 6) * torch.finfo(self._dtype).tiny
        return (norms_B.sqrt() + self._longest).square() * bound + vanished


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
        if points.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{name} are {points.dtype}, allowed: float32, float64")
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
