"""The binary companion of a browser JSON file: the same numbers, small and quick to load.

`X.bin` lies beside `X.json`. Little endian: 8 bytes "GRNDBIN1", the header's length as uint32, four
zero bytes, the header as UTF-8 JSON, then the arrays, each at a multiple of 8. The header holds
`id`, `meta` (the document's keys that are no arrays) and `arrays` (name -> dtype, shape, offset
from the start of the file, bytes).
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from grounding.core.errors import UserError
from grounding.core.files import json_text, replacing_together

Array = npt.NDArray[Any]

MAGIC = b"GRNDBIN1"
DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "|u1"}
ARRAY_KEYS = {
    "points": "float32",
    "labels": "int32",
    "indices": "int32",
    "reconstruction_error": "float32",
    "neighbor_label_agreement": "float32",
    "reference_points": "float32",
    "reference_latents": "float32",
    "reference_latents_raw": "float32",
    "reference_labels": "int32",
    "reference_indices": "int32",
    "digit_samples": "float32",
}
_PREFIX = struct.Struct("<8sII")
_MAX_HEADER = 1 << 24
_ENTRY = re.compile(rb'\s*\{\s*"companion"\s*:\s*')
_ENTRY_BYTES = 2048


@dataclass(frozen=True, eq=False)
class Companion:
    """What a companion holds.

    Attributes:
        id: hex SHA-256 over the bytes of all arrays, in the order of the file.
        meta: the document's keys that are no arrays.
        arrays: float32, int32 or uint8, by name.
    """

    id: str
    meta: dict[str, Any]
    arrays: dict[str, Array]


def write_with_companion(
    path: Path, document: Mapping[str, Any], images: npt.NDArray[np.uint8]
) -> None:
    """Write a browser document as JSON and, beside it, its companion with thumbnails.

    The JSON gets one key more, in front of all others: `companion`, with the file's name, its id
    and its size in bytes. Both are written before one is put in its place, the companion first, so
    that a JSON file never names one that is not there.

    Args:
        path: of the JSON file.
        document: its values; the lists in `ARRAY_KEYS` go into the companion as arrays.
        images: uint8 (N, C, H, W) in 0 to 255, one for each point.

    Raises:
        UserError: the place cannot be written to.
    """
    meta = {key: value for key, value in document.items() if key not in ARRAY_KEYS}
    # From the rounded numbers of the JSON: whichever file a page reads, it computes the same.
    arrays = {
        key: np.asarray(document[key], dtype=dtype)
        for key, dtype in ARRAY_KEYS.items()
        if key in document
    }
    data, digest = companion_bytes(meta, {**arrays, "thumbnails": images.reshape(len(images), -1)})
    beside = companion_path(path)
    entry = {"file": beside.name, "id": digest, "bytes": len(data)}
    text = json_text({"companion": entry, **document}, indent=None)
    with replacing_together(beside, path) as (binary, json_file):
        binary.write_bytes(data)
        json_file.write_bytes(text.encode())


def companion_bytes(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> tuple[bytes, str]:
    """The bytes of a companion, and its id.

    Args:
        meta: values that JSON can hold.
        arrays: float32 (finite), int32 or uint8, by name.

    Raises:
        ValueError: another dtype, or a number that is not finite.
    """
    raw: list[bytes] = []
    digest = hashlib.sha256()
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"{name} is {array.dtype}, allowed are {', '.join(DTYPES)}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")
        raw.append(array.astype(DTYPES[array.dtype.name], copy=False).tobytes())
        digest.update(raw[-1])
    header = b""
    while True:  # offsets depend on the header's length, and that on the offsets' digits
        body = {
            "id": digest.hexdigest(),
            "meta": dict(meta),
            "arrays": _places(arrays, _PREFIX.size + len(header)),
        }
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        settled = len(text.encode()) == len(header)
        header = text.encode()
        if settled:
            break
    pieces = [_PREFIX.pack(MAGIC, len(header), 0), header, _padding(_PREFIX.size + len(header))]
    for data in raw:
        pieces += [data, _padding(len(data))]
    return b"".join(pieces), digest.hexdigest()


def read_companion(path: Path, names: Collection[str] | None = None) -> Companion:
    """Read a companion and check it.

    Args:
        path: its file.
        names: arrays to read; default: all. The id is checked only if all are read.

    Raises:
        UserError: it cannot be read, or is not what `companion_bytes` makes.
    """
    try:
        with path.open("rb") as file:
            return _read(file, names)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not a binary companion: {error}; write its JSON file again"
        ) from None


def companion_path(path: Path) -> Path:
    """Where the companion of a JSON file lies: `x.json` -> `x.bin`."""
    beside = path.with_suffix(".bin")
    return beside if beside != path else path.with_name(f"{path.stem}_arrays.bin")


def companion_of(path: Path) -> Path | None:
    """The companion that belongs to a JSON file; None if it names none or that is not there.

    Reads the start of both files only.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_ENTRY_BYTES)
        found = _ENTRY.match(head)
        if not found:
            return None
        entry, _ = json.JSONDecoder().raw_decode(head[found.end() :].decode("utf-8", "replace"))
        name = entry["file"]
        if not isinstance(name, str) or not re.fullmatch(r"[^./\\\x00][^/\\\x00]*\.bin", name):
            return None
        beside = path.with_name(name)
        if not beside.is_file():
            return None
        with beside.open("rb") as file:
            size = file.seek(0, 2)
            held = _read_header(file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return beside if entry.get("id") == held["id"] and entry.get("bytes") == size else None


def _read(file: IO[bytes], names: Collection[str] | None) -> Companion:
    header = _read_header(file)
    arrays = {}
    digest = hashlib.sha256()
    for name, entry in header["arrays"].items():
        if names is not None and name not in names:
            continue
        file.seek(entry["offset"])
        data = file.read(entry["bytes"])
        digest.update(data)
        array = np.frombuffer(data, DTYPES[entry["dtype"]]).reshape(entry["shape"])
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")
        arrays[name] = array
    if names is None and digest.hexdigest() != header["id"]:
        raise ValueError("its arrays are not those that its id was made from")
    return Companion(header["id"], header["meta"], arrays)


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
    whole = all(type(value) is int and value >= 0 for value in [*shape, offset, count])
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
