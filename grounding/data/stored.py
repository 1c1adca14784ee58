"""Images that stay in their file: what does not fit into memory is read where it is asked for."""

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from grounding._errors import UserError
from grounding._files import open_regular

IN_MEMORY = 256 << 20
"""Up to so many bytes of images are held in memory."""
BLOCK = 8 << 20

Array = npt.NDArray[Any]
Images = npt.NDArray[np.uint8]


class StoredArray:
    """An array in a file, to be indexed along its first axis; each time it is read.

    By ordinary reads: what was read before is left to the system's file cache, and a file that
    somebody cuts short meanwhile is an error, where a mapped one would end the process.

    Args:
        path: a regular file.
        offset: bytes in front of the first value.
        shape: (N, ...), in C order.
        dtype: of the values.

    Raises:
        OSError: the file cannot be opened.
        UserError: on access, the file is shorter than it was, or cannot be read.
    """

    def __init__(
        self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.path, self.shape, self.dtype, self.ndim = path, shape, dtype, len(shape)
        self._offset, self._row_bytes = offset, prod(shape[1:]) * dtype.itemsize
        with open_regular(path) as file:
            self._handle = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._handle)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        every = range(len(self))
        if isinstance(key, int | np.integer):
            one: Array = self._read([every[int(key)]])[0]
            return one
        if isinstance(key, slice):
            return self._read(every[key])
        rows = np.asarray(key)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return self._read([every[row] for row in rows.tolist()])

    def _read(self, rows: Sequence[int]) -> Array:
        content = np.empty((len(rows), self._row_bytes), np.uint8)
        if isinstance(rows, range) and rows.step == 1:
            self._fill(content, rows.start)
        else:
            for at, row in enumerate(rows):
                self._fill(content[at], row)
        return content.view(self.dtype).reshape(len(rows), *self.shape[1:])

    def _fill(self, content: Images, row: int) -> None:
        left, place = content.reshape(-1).data, self._offset + row * self._row_bytes
        while left:
            try:
                count = os.preadv(self._handle, [left], place)
            except OSError as error:
                raise UserError(f"{self.path} cannot be read: {error.strerror}") from None
            if not count:
                raise UserError(f"{self.path} was cut short while it was in use; put it back whole")
            left, place = left[count:], place + count


class StoredImages:
    """Images of a stored array, to be indexed like an array uint8 (N, C, H, W).

    Args:
        array: (N, ...), what is stored.
        converted: makes images uint8 (n, C, H, W) of some of it (n, ...).
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, array: StoredArray, converted: Callable[[Array], Images]) -> None:
        self._array, self._converted = array, converted
        example = converted(np.zeros((1, *array.shape[1:]), array.dtype))
        self.shape = (len(array), *example.shape[1:])
        self.nbytes = prod(self.shape)

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> Images:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, int | np.integer):
            one: Images = self[[first]][(0, *rest)]
            return one
        images = self._converted(self._array[first])
        return images[(slice(None), *rest)] if rest else images

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """All of them, in memory."""
        del copy
        return self[:].astype(dtype or np.uint8, copy=False)


AnyImages = Images | StoredImages


class Rows(Protocol):
    """Images uint8 (N, C, H, W), to be indexed by rows int64 (M,), or by one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""

    def __getitem__(self, rows: Any, /) -> Images: ...


def fits(size: int) -> bool:
    """Whether so many bytes of images are held in memory."""
    return size <= IN_MEMORY


def blocks(array: Array | StoredArray | StoredImages) -> Iterator[Array]:
    """All of an array (N, ...), some MB of it at a time."""
    count = max(1, BLOCK // max(1, prod(array.shape[1:]) * array.dtype.itemsize))
    for start in range(0, len(array), count):
        yield array[start : start + count]


class ImagesOnDemand:
    """Some of many images, to be indexed like a tensor uint8 (N, C, H, W); each time they are read.

    Args:
        images: where they are, an array or stored.
        rows: int64 (N,), which of them.
        device: where what is asked for is put.
    """

    dtype = torch.uint8
    ndim = 4

    def __init__(
        self, images: Rows, rows: npt.NDArray[np.int64], device: torch.device | str = "cpu"
    ) -> None:
        self._images, self._rows = images, rows
        self.device = torch.device(device)
        self.shape = torch.Size((len(rows), *images.shape[1:]))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: int | slice | Tensor) -> Tensor:
        rows = self._rows[which.cpu().numpy() if isinstance(which, Tensor) else which]
        if rows.ndim == 0:
            one = np.require(self._images[rows], requirements=("C", "W"))
            return torch.from_numpy(one).to(self.device)
        found = np.empty((len(rows), *self.shape[1:]), np.uint8)
        step = max(1, BLOCK // max(1, prod(self.shape[1:])))
        for start in range(0, len(rows), step):  # what is converted would lie there twice
            found[start : start + step] = self._images[rows[start : start + step]]
        return torch.from_numpy(found).to(self.device)

    def index_select(self, dim: int, which: Tensor) -> Tensor:
        """Those at the positions `which` (M,); `dim` is 0."""
        assert dim == 0
        return self[which]

    def split(self, size: int) -> Iterator[Tensor]:
        """All of them, `size` at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def to(self, device: torch.device | str) -> "ImagesOnDemand":
        """The same, with what is asked for on another device."""
        return ImagesOnDemand(self._images, self._rows, device)

    def first(self, count: int) -> "ImagesOnDemand":
        """The first of them, at most so many."""
        return ImagesOnDemand(self._images, self._rows[:count], self.device)

    def numpy(self) -> Images:
        """All of them, in memory."""
        return self[:].cpu().numpy()


ImageTensor = Tensor | ImagesOnDemand


SAMPLE = 20_000


def sample(images: ImageTensor) -> ImageTensor:
    """Images; of those that stay in their file, the first `SAMPLE` stand for all."""
    return images if isinstance(images, Tensor) else images.first(SAMPLE)


def joined(first: ImageTensor, second: ImageTensor) -> ImageTensor:
    """Images of two splits, one after the other; those that stay in their file stay there."""
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.cat((first, second))
    return ImagesOnDemand(_Both(first, second), np.arange(len(first) + len(second)))


class _Both:
    """Two arrays of images, to be indexed as one by rows int64 (M,)."""

    def __init__(self, first: ImageTensor, second: ImageTensor) -> None:
        self._parts = first, second
        self.shape = (len(first) + len(second), *first.shape[1:])

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Images:
        found = np.empty((*rows.shape, *self.shape[1:]), np.uint8)
        later, start = rows >= len(self._parts[0]), 0
        for part, mine in zip(self._parts, (~later, later), strict=True):
            found[mine] = part[torch.from_numpy(rows[mine] - start)].cpu().numpy()
            start = len(part)
        return found
