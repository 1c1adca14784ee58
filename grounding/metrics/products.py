"""Squared distances of many pairs by one matrix product, and by how much they are wrong.

Two ways: `RealProducts` for any points, and `EightBitProducts` for images as they are, whose
distances are whole numbers, and which a processor with instructions for 8-bit products multiplies
about five times as fast.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass

import torch
from torch import Tensor

# Terms that one product adds up: the error bound grows with this, not with the dimension.
TERMS = 192

CHUNK = 2048  # references that are prepared together


@dataclass(frozen=True)
class Place:
    """Where points lie and how far apart: the coordinates in which they are multiplied.

    Attributes:
        centre: (D,) float64, somewhere in the middle.
        kept: columns in which any two points differ, int64; None if all do.
        scale: what everything is multiplied by, a power of two.
    """

    centre: Tensor
    kept: Tensor | None
    scale: float

    def columns(self, points: Tensor) -> Tensor:
        """Points (N, D) in the columns that count."""
        return points if self.kept is None else points[:, self.kept]

    def centred(self, points: Tensor, dtype: torch.dtype) -> Tensor:
        """Centred, scaled points in the columns that count."""
        centre = self.centre if self.kept is None else self.centre[self.kept]
        return (self.columns(points).double() - centre).mul_(self.scale).to(dtype)


class RealProducts:
    """``|q - r|^2 = (-2q, |q|^2, 1) . (r, 1, |r|^2)``: a product of augmented vectors.

    Args:
        references: (N, D).
        place: of references and queries.
        dtype: float32 or float64, in which to multiply.
    """

    def __init__(self, references: Tensor, place: Place, dtype: torch.dtype) -> None:
        self._place, self._dtype = place, dtype
        count, width = len(references), place.columns(references[:1]).shape[1]
        operand = torch.ones(count, width + 2, dtype=dtype, device=references.device)
        norms = operand.new_empty(count, dtype=torch.float64)
        for first in range(0, count, CHUNK):
            part = slice(first, first + CHUNK)
            r_BD = place.centred(references[part], dtype)
            operand[part, :width] = r_BD
            norms[part] = r_BD.double().square().sum(1)
        operand[:, width + 1] = norms
        self._operand, self._longest = operand, norms.amax().sqrt()
        # In float64 the bound is tight enough as it is.
        parts = 1 if dtype == torch.float64 else -(-(width + 2) // TERMS)
        self._terms = -(-(width + 2) // parts)
        self._memory = threading.local()

    def squared(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Squared scaled distances (B, N) to queries (B, D), and bounds on their error (B,).

        Their memory is used again by the thread's next call.
        """
        q_BD = self._place.centred(queries, self._dtype)
        norms_B = q_BD.double().square().sum(1)
        ones = q_BD.new_ones(len(queries), 1)
        left = torch.cat((q_BD * -2, norms_B[:, None].to(q_BD.dtype), ones), dim=1)
        return self._product(left), self._tolerance(norms_B)

    def _product(self, left: Tensor) -> Tensor:
        """``left @ operand.T``, from products of few enough terms."""
        shape, width = (left.shape[0], len(self._operand)), left.shape[1]
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
        vanished = (width + 6) * torch.finfo(self._dtype).tiny
        bound = _gamma(block_terms, self._dtype) + _gamma(width + 6, torch.float64)
        return (norms_B.sqrt() + self._longest).square() * bound + vanished


class EightBitProducts:
    """The same for uint8 points: whole numbers, exact but for their rounding to float32.

    Args:
        references: (N, D) uint8 on the CPU; see `multiplies_eight_bits`.
        place: of references and queries, with a scale of 1.
    """

    def __init__(self, references: Tensor, place: Place) -> None:
        self._place = place
        self._operand = self._signed(references)
        self._norms = torch.cat([_squared_norms(part) for part in self._operand.split(CHUNK)])
        self._longest = self._norms.amax().double().sqrt()
        self._memory = threading.local()

    def squared(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """As of `RealProducts`."""
        left = self._signed(queries)
        norms_B = _squared_norms(left)
        memory = getattr(self._memory, "block", self._norms.new_empty(0, 0))
        if len(memory) < len(queries):
            memory = self._memory.block = self._norms.new_empty(len(queries), len(self._norms))
        whole = memory[: len(queries)]
        torch._int_mm(left, self._operand.T, out=whole)  # has no public name yet
        torch.add(self._norms, whole, alpha=-2, out=whole)
        whole += norms_B[:, None]
        # A float32 takes the place of each number: this pass reads where it writes.
        squared = whole.view(torch.float32).copy_(whole)
        bound = _gamma(1, torch.float32) + _gamma(self._operand.shape[1] + 6, torch.float64)
        return squared, (norms_B.double().sqrt() + self._longest).square() * bound

    def _signed(self, points: Tensor) -> Tensor:
        """Points from 0..255 as int8, -128..127, in the columns that count."""
        return self._place.columns(points).bitwise_xor(128).view(torch.int8)


def multiplies_eight_bits(points: Tensor, place: Place) -> bool:
    """Whether `EightBitProducts` can take these points here, exactly and fast."""
    width = len(place.centre) if place.kept is None else len(place.kept)
    return (
        points.dtype == torch.uint8
        and points.device.type == "cpu"
        # Of a single column the product is wrong: its strides can be read in two ways.
        and width > 1
        # |r|^2 - 2 q.r, the largest number on the way, is at most 3 D 128^2 and has 31 bits.
        and width * 3 * 128**2 < 2**31
        and _is_exact_here()
    )


@functools.cache
def _is_exact_here() -> bool:
    """Whether this processor multiplies int8 in one instruction, and the product is exact.

    Without these instructions sums of two products are cut off at 16 bits; and as `_int_mm` is not
    public, the extremes are tried once.
    """
    if not torch.cpu.get_capabilities().get("avx512_vnni"):
        return False
    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    left = torch.tensor([-128, 127], dtype=torch.int8).repeat(35, 150)
    right = torch.full((21, 300), -128, dtype=torch.int8)
    right[1::2, 7::3] = 127
    found = torch.empty(40, 21, dtype=torch.int32)[:35]
    torch._int_mm(left, right.T, out=found)
    return torch.equal(found.double(), left.double() @ right.double().T)


def _squared_norms(points: Tensor) -> Tensor:
    """(N,) int32 of points (N, D) int8."""
    return points.int().square_().sum(dim=1, dtype=torch.int32)


def _gamma(terms: int, dtype: torch.dtype) -> float:
    unit = torch.finfo(dtype).eps / 2
    return terms * unit / (1 - terms * unit)
