"""The binary companion of a browser JSON file: the same numbers, small and quick to load.

`X.bin` lies beside `X.json`, which names it with its id and size. What is in it: the document's
lists as arrays, its other keys as `meta`, and thumbnails (see `companion_file`).
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from grounding._checksums import DamagedError, MismatchError, json_with_checksum
from grounding._errors import UserError
from grounding._files import replacing_together
from grounding.export.companion_file import companion_bytes, read_companion

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
_ENTRY = re.compile(rb'\s*\{\s*"companion"\s*:\s*')
_ENTRY_BYTES = 2048
_LONGEST_NAME = 255  # bytes, on the usual file systems


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
    text = json_with_checksum({"companion": entry, **document}, indent=None)
    with replacing_together(beside, path) as (binary, json_file):
        binary.write_bytes(data)
        json_file.write_bytes(text)


def companion_path(path: Path) -> Path:
    """Where the companion of a JSON file lies: `x.json` -> `x.bin`."""
    beside = path.with_suffix(".bin")
    return beside if beside != path else path.with_name(f"{path.stem}_arrays.bin")


def companion_of(path: Path) -> Path | None:
    """The companion that a JSON file names, after checking all of it; None if it names none.

    Raises:
        DamagedError: it names one that is missing or damaged.
        MismatchError: it names one that was made for another JSON file.
        UserError: one of the two cannot be read.
    """
    beside = named_companion(path)
    if beside is None:
        return None
    if not beside.is_file():
        raise DamagedError(f"{path} names {beside.name}, which is not beside it; make both again")
    entry = _entry(path)
    held = read_companion(beside, ())
    if (entry["id"], entry["bytes"]) != (held.id, beside.stat().st_size):
        raise MismatchError(f"{beside} was made for another JSON file than {path}; make both again")
    return beside


def named_companion(path: Path) -> Path | None:
    """Where the companion that a JSON file names has to be; None if it names none.

    Raises:
        UserError: the JSON file cannot be read.
    """
    name = _entry(path)["file"]
    if not isinstance(name, str) or not re.fullmatch(r"[^./\\\x00][^/\\\x00]*\.bin", name):
        return None
    # Asked for a name that no file can have, some systems raise an error.
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return None
    return path.with_name(name)


def _entry(path: Path) -> dict[str, Any]:
    """What a JSON file says of its companion, from the file's start; `file` is None without one."""
    nothing: dict[str, Any] = {"file": None}
    try:
        with path.open("rb") as file:
            head = file.read(_ENTRY_BYTES)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    found = _ENTRY.match(head)
    if not found:
        return nothing
    try:
        entry, _ = json.JSONDecoder().raw_decode(head[found.end() :].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return nothing
    return entry if isinstance(entry, dict) and {"file", "id", "bytes"} <= entry.keys() else nothing
