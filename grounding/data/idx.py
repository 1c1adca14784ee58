"""Strict reader and writer of the IDX format, in which MNIST and its relatives are published.

A file is `00 00 type ndim`, then `ndim` unsigned 32-bit sizes, then the values in C order, all
big-endian (http://yann.lecun.com/exdb/mnist/, "The IDX file format"). It may be compressed with
gzip (RFC 1952). The reader takes nothing on trust: it computes from the header how many bytes must
follow, and reads exactly those and the proof that there are no more.
"""

import gzip
import hashlib
import math
import stat
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError
from grounding._files import replacing

DEFAULT_MAX_BYTES = 2 * 1024**3
MAX_DIMS = 8

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_TYPE_CODES = {dtype.newbyteorder("="): code for code, dtype in _DTYPES.items()}
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31
_CHUNK = 1024**2
_PACKED_CHUNK = 64 * 1024  # zlib copies what it leaves of it, so small


class IdxError(UserError):
    """A file is not the IDX file it should be."""


@dataclass(frozen=True, eq=False)
class IdxFile:
    """What one pass over an IDX file yields.

    Attributes:
        array: the values, in native byte order.
        sha256: hex SHA-256 of the raw file, that is of the bytes after decompression.
    """

    array: npt.NDArray[Any]
    sha256: str


def read_idx(path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> npt.NDArray[Any]:
    """Read the array in an IDX file; see `read_idx_file`."""
    return read_idx_file(path, max_bytes=max_bytes).array


def read_idx_file(path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> IdxFile:
    """Read an IDX file, plain or gzip (told by its content, not by its name).

    Memory follows the bytes that are really there, never what the header or the gzip stream
    claims, and at most one byte more than the header announces is decompressed.

    Args:
        path: the file.
        max_bytes: the most bytes of values to accept.

    Returns:
        The array (uint8, int8, int16, int32, float32 or float64, 1 to 8 dimensions; a dimension
        may be 0) and the SHA-256 of the raw bytes.

    Raises:
        IdxError: the file is missing, unreadable, corrupt, not IDX, too short, too long, or holds
            more than `max_bytes` of values.
    """
    with _opened(path) as (stream, form):
        digest = hashlib.sha256()
        dtype, shape = _read_header(stream, digest, path, form)
        size = math.prod(shape) * dtype.itemsize
        # An empty array may still have a shape that numpy cannot address.
        span = math.prod(d or 1 for d in shape) * dtype.itemsize
        if size > max_bytes or span > sys.maxsize:
            raise IdxError(
                f"{path} is too large: its header announces {times(shape)} values of {dtype.name},"
                f" {size} bytes; at most {max_bytes} are read; check that it is the right file"
            )
        data = bytearray()
        while len(data) < size and (chunk := stream.read(min(_CHUNK, size - len(data)))):
            digest.update(chunk)
            data += chunk
        if len(data) < size:
            raise IdxError(
                f"{path} is cut short: its header announces {times(shape)} values, {size} bytes,"
                f" but only {len(data)} follow; fetch it again"
            )
        if stream.read(1):
            raise IdxError(
                f"{path} is too long: bytes follow the {size} that its header announces"
                f" ({times(shape)} values of {dtype.name}); fetch it again"
            )
    array = np.frombuffer(data, dtype).reshape(shape)
    return IdxFile(array.astype(dtype.newbyteorder("="), copy=False), digest.hexdigest())


def write_idx(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as an IDX file, with gzip if the name ends in `.gz`.

    The file appears whole or not at all. The same array gives the same bytes each time; a
    compressed file holds no name and no time.

    Args:
        path: the file to write; missing folders are made, an existing file is replaced.
        array: uint8, int8, int16, int32, float32 or float64, with 1 to 8 dimensions.

    Raises:
        ValueError: IDX has no such type or shape.
        UserError: the file cannot be written.
    """
    code = _TYPE_CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        allowed = ", ".join(dtype.name for dtype in _TYPE_CODES)
        raise ValueError(f"array.dtype is {array.dtype.name}; IDX holds {allowed}")
    if not 1 <= array.ndim <= MAX_DIMS or max(array.shape) >= 2**32:
        raise ValueError(
            f"array.shape is {array.shape}; IDX holds 1 to {MAX_DIMS} dimensions below 2**32"
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    values = array.astype(_DTYPES[code], copy=False).tobytes()

    with replacing(path) as temporary, temporary.open("wb") as file:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
                packed.write(header + values)
        else:
            file.write(header + values)


def times(shape: tuple[int, ...]) -> str:
    """Write a shape in words, such as "60000 x 28 x 28"."""
    return " x ".join(str(size) for size in shape)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none only at the end."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


class _GzipStream:
    """The raw bytes of a gzip file, never decompressing more than what is asked for.

    `gzip.GzipFile` reads ahead and passes over zero bytes behind the last member, so it is not
    used here. zlib checks each member's CRC and length.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._member = zlib.decompressobj(wbits=_GZIP_WBITS)
        self._packed = b""

    def read(self, size: int, /) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            packed = self._packed or self._file.read(_PACKED_CHUNK)
            try:
                raw = self._member.decompress(packed, size)
            except zlib.error as error:
                self._refuse(f"is corrupt: {error}")
            self._packed = self._member.unconsumed_tail
            if raw:
                return raw
            if not packed and not self._member.eof:
                self._refuse("is cut short: the compressed data has no end")

    def _next_member(self) -> bool:
        """Step over the end of a member; False at the end of the file."""
        self._packed = self._member.unused_data
        if len(self._packed) < len(_GZIP_MAGIC):
            self._packed += self._file.read(_PACKED_CHUNK)
        if not self._packed:
            return False
        if not self._packed.startswith(_GZIP_MAGIC):
            self._refuse(f"has rubbish behind its compressed data: {self._packed[:16]!r}")
        self._member = zlib.decompressobj(wbits=_GZIP_WBITS)
        return True

    def _refuse(self, what: str) -> NoReturn:
        raise IdxError(f"{self._path} (gzip) {what}; fetch it again")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_Stream, str]]:
    """Yield the raw bytes of `path` and how it stores them; an OSError becomes an IdxError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a directory" if path.is_dir() else "not a regular file"
            raise IdxError(f"{path} is {kind}; an IDX file is needed")
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            yield (_GzipStream(file, path), " (gzip)") if packed else (file, "")
    except FileNotFoundError:
        raise IdxError(f"{path} does not exist; an IDX file is needed") from None
    except OSError as error:
        raise IdxError(f"{path} cannot be read: {error.strerror or error}") from None


def _read_header(
    stream: _Stream, digest: _Digest, path: Path, form: str
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read the type, big-endian, and the shape that the file announces."""
    magic = _read_fully(stream, 4)
    if not magic:
        raise IdxError(f"{path}{form} is empty; fetch it again")
    if any(magic[:2]):
        start = magic + _read_fully(stream, 12)
        page = "; it looks like a web page" if start.lstrip().startswith(b"<") else ""
        raise IdxError(
            f"{path}{form} is not an IDX file: it starts with {start!r}, not with two zero bytes"
            f"{page}; fetch it again"
        )
    if len(magic) < 4:
        raise IdxError(f"{path}{form} is cut short: {len(magic)} of 4 header bytes; fetch it again")
    code, ndim = magic[2], magic[3]
    if code not in _DTYPES:
        allowed = ", ".join(f"0x{known:02X}" for known in _DTYPES)
        raise IdxError(
            f"{path}{form} is not an IDX file: its type is 0x{code:02X}; allowed are {allowed}"
        )
    if not 1 <= ndim <= MAX_DIMS:
        raise IdxError(
            f"{path}{form} announces {ndim} dimensions; allowed are 1 to {MAX_DIMS};"
            " check that it is the right file"
        )
    sizes = _read_fully(stream, 4 * ndim)
    if len(sizes) < 4 * ndim:
        raise IdxError(
            f"{path}{form} is cut short: {4 + len(sizes)} of {4 + 4 * ndim} header bytes;"
            " fetch it again"
        )
    digest.update(magic + sizes)
    return _DTYPES[code], struct.unpack(f">{ndim}I", sizes)


def _read_fully(stream: _Stream, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
