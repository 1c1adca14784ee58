"""What an ONNX file says of itself and whether it is whole, read without loading the model.

An ONNX file is a protocol buffer: fields one after another, each a tag, and for strings and
messages a length and as many bytes (https://protobuf.dev/programming-guides/encoding/). What is
appended to one is merged into it, so that a file may end in an entry with the SHA-256 of all that
comes before (`head -c -76 x.onnx | sha256sum` gives the same digits).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from grounding._checksums import DamagedError, Trailer
from grounding._errors import UserError

CHECKSUM_KEY = "sha256"
_METADATA = 14  # metadata_props of ModelProto: (key = 1, value = 2) each
_MAX_ENTRY = 1 << 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# metadata_props, 74 bytes: key, 6 bytes, "sha256"; value, 64 bytes, the digits.
ONNX_TRAILER = Trailer(
    bytes([_METADATA << 3 | _BYTES, 74, 1 << 3 | _BYTES, 6])
    + CHECKSUM_KEY.encode()
    + bytes([2 << 3 | _BYTES, 64])
)


def onnx_metadata(path: Path) -> dict[str, str]:
    """The strings that a file carries beside its model.

    Raises:
        UserError: it cannot be read, or is not an ONNX file.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            return dict(_entry(file, *place) for place in _fields(file, 0, end, _METADATA))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is not an ONNX file: {error}; export it again") from None


def checked_metadata(path: Path) -> dict[str, str] | None:
    """The strings that a file carries, after checking all of it; None if it has no checksum.

    Raises:
        DamagedError: it is not as it was written.
        UserError: it cannot be read, or is not an ONNX file.
    """
    try:
        holds = ONNX_TRAILER.holds(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if holds is False or (holds is None and "made_from" in onnx_metadata(path)):
        raise DamagedError(
            f"{path} is damaged: its bytes are not those that its SHA-256 was made from; "
            "export it again or copy it again"
        )
    return onnx_metadata(path) if holds else None


def made_from_checkpoint(metadata: dict[str, str]) -> str:
    """SHA-256 of the checkpoint that an ONNX file was made from; "" if it does not say."""
    try:
        digest = json.loads(metadata["made_from"])["checkpoint_sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return digest if isinstance(digest, str) else ""


def _fields(file: IO[bytes], start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Start and length of each string or message of a message that has the wanted number."""
    while start < end:
        file.seek(start)
        tag, size = _varint(file), 0
        kind = tag & 7
        if kind == _VARINT:
            _varint(file)
        elif kind == _BYTES:
            size = _varint(file)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of kind {kind} at byte {start}")
        start = file.tell()
        if start + size > end:
            raise ValueError("it is cut off")
        if kind == _BYTES and tag >> 3 == wanted:
            yield start, size
        start += size


def _entry(file: IO[bytes], start: int, size: int) -> tuple[str, str]:
    if size > _MAX_ENTRY:
        raise ValueError(f"{size} bytes in one string")
    texts = []
    for field in (1, 2):
        text = b""
        for place, length in _fields(file, start, start + size, field):
            file.seek(place)
            text = file.read(length)
        texts.append(text.decode("utf-8"))
    return texts[0], texts[1]


def _varint(file: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it is cut off")
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError("a number without an end")
