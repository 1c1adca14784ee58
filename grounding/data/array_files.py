"""Arrays in the files of NumPy, `.npy` and `.npz`, which are hostile until they have been read.

A header is compared with the bytes that are there before anything is allocated by it, and pickled
objects are never unpacked. The format is that of `numpy.lib.format`.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from grounding._errors import UserError
from grounding._files import open_regular, unpacked_limit
from grounding.data.stored import Array, StoredArray, fits


def array_names(path: Path) -> list[str]:
    """The names of the arrays in a file; of that in a `.npy`, the file's own.

    Raises:
        UserError: it cannot be read, or is damaged.
    """
    with _told(path), open_regular(path) as file:
        if not _is_archive(file):
            return [path.stem]
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.namelist() if one.endswith(".npy")]
            return [one.removesuffix(".npy") for one in members]


def read_array(path: Path, name: str = "") -> Array | StoredArray:
    """An array of a file; one that is large and lies there as it is stays there.

    Args:
        path: a `.npy` or `.npz`, told by its content.
        name: one of `array_names`; without effect in a `.npy`.

    Raises:
        UserError: it cannot be read, is damaged, or holds anything but numbers and text.
    """
    with _told(path), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not _is_archive(file):
            return _read(file, size, path, 0)
        with zipfile.ZipFile(file) as archive:
            member = archive.getinfo(f"{name}.npy")
            most = unpacked_limit(size)
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{name} is compressed in a way that is not read")
            if member.file_size > most:
                raise ValueError(f"{name} unpacks to more than {most} bytes")
            place = None
            if member.compress_type == zipfile.ZIP_STORED:
                file.seek(member.header_offset + 26)
                lengths = np.frombuffer(file.read(4), "<u2")
                place = member.header_offset + 30 + int(lengths.sum())
            with archive.open(member) as opened:
                return _read(opened, member.file_size, path, place)


def _read(file: IO[bytes], size: int, path: Path, place: int | None) -> Array | StoredArray:
    """The array that a file of so many bytes holds, which lies at a place of the file at `path`."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
    except OSError:
        raise
    except Exception:  # NumPy has Python's own parser read the header as a literal
        raise ValueError("it is no array of NumPy: its header cannot be read") from None
    if dtype.kind == "O":
        raise ValueError(
            "it holds Python objects, such as images of several sizes, which are not unpacked; "
            "save one array of numbers"
        )
    if dtype.kind not in "uifbUS" or not dtype.itemsize:
        raise ValueError(f"it holds values of type {dtype}; they must be numbers")
    start = file.tell()
    expected = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size - start != expected:
        raise ValueError(
            f"its header announces {' x '.join(map(str, shape))} values of {dtype}, {expected} "
            f"bytes, but {size - start} follow"
        )
    if place is not None and not fits(expected) and not is_fortran:
        return StoredArray(path, place + start, shape, dtype)
    content = bytearray(file.read(expected + 1))
    if len(content) != expected:
        raise ValueError(f"it has {len(content)} bytes of {expected}")
    array: Array = np.frombuffer(content, dtype)
    return array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)


def _is_archive(file: IO[bytes]) -> bool:
    start = file.read(2)
    file.seek(0)
    return start == b"PK"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into one line."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (
        *(ValueError, KeyError, TypeError, SyntaxError, OverflowError, RuntimeError),
        *(EOFError, MemoryError, zipfile.BadZipFile, zlib.error),
    ) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: {said}; check that it is the right file, and whole") from None
