"""Squared distances of many pairs by one matrix product, and by how much they are wrong.

Two ways: `RealProducts` for any points, and `EightBitProducts` for images as they are, whose
distances are whole numbers, and which a processor with instructions for 8-bit products multiplies
about five times as fast.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from grounding._images import rows_at_once

CHUNK = 2048  # references that are prepared together, at most
# |r|^2 - 2 q.r, the largest number on the way, is at most 3 D 128^2 and has to have 31 bits.
WIDEST = (2**31 - 1) // (3 * 128**2)


class RealProducts:
    """``|q - r|^2 = (-2q, |q|^2, 1) . (r, 1, |r|^2)``: a product of augmented vectors.

    Args:
        references: (N, D).
        dtype: float32 or float64, in which to multiply.
    """

    def __init__(self, references: Tensor, dtype: torch.dtype) -> None:
        self.dtype = dtype
        count, width = references.shape
        step = rows_at_once(width, CHUNK)
        self._centre = torch.zeros(width, dtype=torch.float64, device=references.device)
        for part in references.split(step):
            self._centre += part.double().sum(dim=0)
        self._centre /= count  # short vectors have small errors
        self._operand = torch.ones(count, width + 2, dtype=dtype, device=references.device)
        for part, rows in zip(references.split(step), self._operand.split(step), strict=True):
            rows[:, :width] = part.double() - self._centre
            rows[:, width + 1] = rows[:, :width].double().square().sum(dim=1)
        self._longest = self._operand[:, -1].amax().double().sqrt()

    def prepare(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """What `squared` multiplies for queries (B, D), and bounds (B,) on what it errs by.

        A sum of n products, added in any order, errs by at most gamma_n = n u / (1 - n u) times the
        sum of their absolute values, here (|q| + max |r|)^2 (Higham 2002, section 3.1). The terms
        beyond these stand for the rounding of the centred coordinates, of the squared lengths, and
        of what the block is compared with; the float64 part for that of the direct distances.
        """
        q_BD = (queries.double() - self._centre).to(self.dtype)
        norms_B = q_BD.double().square().sum(dim=1)
        ones = q_BD.new_ones(len(q_BD), 1)
        left = torch.cat((q_BD * -2, norms_B[:, None].to(self.dtype), ones), dim=1)
        terms = self._operand.shape[1] + 6
        vanished = terms * torch.finfo(self.dtype).tiny
        bound = _gamma(terms, self.dtype) + _gamma(terms, torch.float64)
        return left, (norms_B.sqrt() + self._longest).square() * bound + vanished

    def squared(self, left: Tensor, references: slice, out: Tensor) -> None:
        """Squared distances (B, R) to some of the references, into `out`."""
        torch.mm(left, self._operand[references].T, out=out)


class EightBitProducts:
    """The same for uint8 points: distances are whole numbers, and exact.

    Args:
        references: (N, D) int8, see `signed`, D up to `WIDEST`.
    """

    dtype = torch.int32

    def __init__(self, references: Tensor) -> None:
        self._operand, width = references, references.shape[1]
        self._step = rows_at_once(width, CHUNK)
        self._in_hardware = references.device.type == "cpu" and width > 1 and _is_exact_here()
        # Elsewhere sums of products of 8-bit numbers stay below 2^24, up to which float32 is exact.
        self._as = torch.float32 if width * 128**2 <= 2**24 else torch.float64
        # Written to one place: small results between large ones would keep the memory of these.
        self._norms = torch.empty(len(references), dtype=self.dtype, device=references.device)
        for part, norms in zip(
            references.split(self._step), self._norms.split(self._step), strict=True
        ):
            norms.copy_(_squared_norms(part))

    def prepare(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """As of `RealProducts`."""
        return queries, self._norms.new_zeros(len(queries), dtype=torch.float64)

    def squared(self, left: Tensor, references: slice, out: Tensor) -> None:
        """As of `RealProducts`."""
        if self._in_hardware:
            torch._int_mm(left, self._operand[references].T, out=out)  # has no public name yet
        else:
            # As they are, eight times as many references fit into memory.
            left_as, parts = left.to(self._as), self._operand[references].split(self._step)
            for part, found in zip(parts, out.split(self._step, dim=1), strict=True):
                found.copy_(left_as @ part.to(self._as).T)
        torch.add(self._norms[references], out, alpha=-2, out=out)
        out += _squared_norms(left)[:, None]


@functools.cache
def _is_exact_here() -> bool:
    """Whether this processor multiplies int8 in one instruction, and the product is exact.

    Without these instructions sums of two products are cut off at 16 bits, and of a single column
    the product is wrong: its strides can be read in two ways. As `_int_mm` is not public, the
    extremes are tried once.
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


def signed(points: Tensor) -> Tensor:
    """Points uint8 as int8, 128 less: they are as far apart."""
    return points.bitwise_xor(128).view(torch.int8)


def _squared_norms(points: Tensor) -> Tensor:
    """(N,) int32 of points (N, D) int8."""
    return points.int().square_().sum(dim=1, dtype=torch.int32)


def _gamma(terms: int, dtype: torch.dtype) -> float:
    unit = torch.finfo(dtype).eps / 2
    return terms * unit / (1 - terms * unit)
