"""The file format of binary companions: named arrays and what describes them, with an id.

Little endian: 8 bytes "GRNDBIN1", the header's length as uint32, four zero bytes, the header as
UTF-8 JSON, then the arrays, each at a multiple of 8. The header holds `id` as its first key, `meta`
and `arrays` (name -> dtype, shape, offset from the start of the file, bytes). The id is the SHA-256
of the whole file, read with 64 zeros where the id stands, so that it covers every bit.
"""

import hashlib
import json
import math
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from grounding._checksums import DamagedError
from grounding._errors import UserError

Array = npt.NDArray[Any]

MAGIC = b"GRNDBIN1"
DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}
_PREFIX = struct.Struct("<8sII")
_MAX_HEADER = 1 << 24
_MAX_DIMS = 8
_BEFORE_ID = b'{"id":"'
_ID_START = _PREFIX.size + len(_BEFORE_ID)
_NO_ID = "0" * 64
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Companion:
    """What a companion holds.

    Attributes:
        id: hex SHA-256 of the file, its own digits read as zeros.
        meta: what describes the arrays.
        arrays: float32, int32 or uint8, by name.
    """

    id: str
    meta: dict[str, Any]
    arrays: dict[str, Array]


def companion_bytes(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> tuple[bytes, str]:
    """The bytes of a companion, and its id.

    Args:
        meta: values that JSON can hold.
        arrays: float32 (finite), int32 or uint8, by name.

    Raises:
        ValueError: another dtype, or a number that is not finite.
    """
    raw: list[bytes] = []
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"{name} is {array.dtype}, allowed are {', '.join(DTYPES)}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")
        raw.append(array.astype(DTYPES[array.dtype.name], copy=False).tobytes())
    header = b""
    while True:  # offsets depend on the header's length, and that on the offsets' digits
        body = {
            "id": _NO_ID,
            "meta": dict(meta),
            "arrays": _places(arrays, _PREFIX.size + len(header)),
        }
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        settled = len(text.encode()) == len(header)
        header = text.encode()
        if settled:
            break
    pieces = [_PREFIX.pack(MAGIC, len(header), 0), header, _padding(_PREFIX.size + len(header))]
    for piece in raw:
        pieces += [piece, _padding(len(piece))]
    data = b"".join(pieces)
    digest = hashlib.sha256(data).hexdigest()
    return data[:_ID_START] + digest.encode() + data[_ID_START + len(_NO_ID) :], digest


def read_companion(path: Path, names: Collection[str] | None = None) -> Companion:
    """Read a companion and check it.

    Args:
        path: its file.
        names: arrays to read; default: all. The id is checked in any case.

    Raises:
        DamagedError: it is not what `companion_bytes` makes.
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _read(file, names)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(
            f"{path} is not a binary companion: {error}; make its JSON file again"
        ) from None


def _read(file: IO[bytes], names: Collection[str] | None) -> Companion:
    header = _read_header(file)
    arrays = {}
    for name, entry in header["arrays"].items():
        if names is not None and name not in names:
            continue
        file.seek(entry["offset"])
        array = np.frombuffer(file.read(entry["bytes"]), DTYPES[entry["dtype"]])
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")
        arrays[name] = array.reshape(entry["shape"])
    if _digest(file) != header["id"]:
        raise ValueError("its bytes are not those that its id was made from")
    return Companion(header["id"], header["meta"], arrays)


def _digest(file: IO[bytes]) -> str:
    """The id that a file should have; "" if its header does not start with an id."""
    file.seek(0)
    head = file.read(_ID_START + len(_NO_ID))
    if head[_PREFIX.size : _ID_START] != _BEFORE_ID:
        return ""
    digest = hashlib.sha256(head[:_ID_START] + _NO_ID.encode())
    while piece := file.read(_CHUNK):
        digest.update(piece)
    return digest.hexdigest()


def _read_header(file: IO[bytes]) -> dict[str, Any]:
    """The header, with every array's place checked against the file's size."""
    size = file.seek(0, 2)
    file.seek(0)
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size or not prefix.startswith(MAGIC):
        raise ValueError(f"it does not start with {MAGIC.decode()}")
    _, length, zero = _PREFIX.unpack(prefix)
    if zero or length > min(_MAX_HEADER, size - _PREFIX.size):
        raise ValueError("its header's length is wrong")
    header = json.loads(file.read(length).decode())
    try:
        good = isinstance(header["id"], str) and isinstance(header["meta"], dict)
        end = _PREFIX.size + length
        for entry in header["arrays"].values():
            _check_place(entry, end, size)
            end = entry["offset"] + entry["bytes"]
    except (KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise ValueError("its header lacks id, meta or arrays")
    return dict(header)


def _check_place(entry: dict[str, Any], end: int, size: int) -> None:
    shape, offset, count = entry["shape"], entry["offset"], entry["bytes"]
    # Few and small before they are multiplied: thousands of long numbers would take minutes.
    whole = len(shape) <= _MAX_DIMS and all(
        type(value) is int and 0 <= value <= size for value in [*shape, offset, count]
    )
    if entry["dtype"] not in DTYPES or not whole:
        raise ValueError("an array has a wrong type, shape or place")
    if count != math.prod(shape) * np.dtype(DTYPES[entry["dtype"]]).itemsize:
        raise ValueError("an array's bytes do not fit its shape")
    if offset % 8 or offset != _aligned(end) or offset + count > size:
        raise ValueError("an array does not lie where it should; the file may be cut off")


def _places(arrays: Mapping[str, Array], start: int) -> dict[str, Any]:
    """Type, shape and place of each array, if the first may begin at `start`."""
    places = {}
    for name, array in arrays.items():
        start = _aligned(start)
        places[name] = {
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "offset": start,
            "bytes": array.nbytes,
        }
        start += array.nbytes
    return places


def _aligned(offset: int) -> int:
    return -(-offset // 8) * 8


def _padding(length: int) -> bytes:
    return bytes(-length % 8)
