"""The arrays file of a browser JSON file: the same numbers, small and quick to load.

`x.safetensors` lies beside `x.json`, whose first key `arrays` names it. It holds the document's
lists as arrays, its other keys as JSON text (`meta` of the safetensors metadata), and an id that
the JSON file has, too: it tells that the two belong together, and nothing else. The images, which
are larger than all that and can wait, lie in `x_thumbnails.safetensors`, with that id again.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from grounding._errors import UserError
from grounding._files import MAX_HEADER, open_safetensors, parsed_json

Array = npt.NDArray[Any]

ARRAY_KEYS = {
    "points": "float32",
    "labels": "int32",
    "indices": "int32",
    "reconstruction_error": "float32",
    "neighbor_label_agreement": "float32",
    "neighbors": "int32",
    "reference_points": "float32",
    "reference_latents_raw": "float32",
    "reference_labels": "int32",
    "reference_indices": "int32",
    "digit_samples": "float32",
}
# From the raw ones: they are the same, or of unit length if `l2_normalized`.
DERIVED = "reference_latents"
_TYPES = ("F32", "I32", "U8")
_ID_DIGITS = 16
_LENGTH_BYTES = 8  # of the header's length, in front of it


def browser_files(
    path: Path,
    document: Mapping[str, Any],
    images: npt.NDArray[np.uint8] | None = None,
    more: Mapping[str, Array] | None = None,
) -> dict[Path, bytes]:
    """A browser JSON file, its arrays file, and that of its images if there are any.

    Write the JSON file last, so that none ever names a file that is not there.

    Args:
        path: of the JSON file.
        document: what the JSON file holds; the lists in `ARRAY_KEYS` become arrays.
        images: uint8 (N, C, H, W) in 0 to 255, one for each point, for the array `thumbnails`
            (N, C * H * W); None for no thumbnails.
        more: arrays float32, int32 or uint8 that the arrays file alone holds.

    Returns:
        The bytes of each file by its path, the JSON file first.

    Raises:
        ValueError: a number is not finite.
        UserError: what is no array is longer than a reader takes.
    """
    known = {*ARRAY_KEYS, DERIVED}
    meta = _json({key: value for key, value in document.items() if key not in known})
    # From the rounded numbers of the JSON: whichever file a page reads, it computes the same.
    arrays: dict[str, Array] = {
        key: np.asarray(document[key], dtype=dtype)
        for key, dtype in ARRAY_KEYS.items()
        if key in document
    }
    arrays |= {key: np.ascontiguousarray(array) for key, array in (more or {}).items()}
    pictures: dict[str, Array] = {}
    if images is not None:
        pictures["thumbnails"] = np.ascontiguousarray(images).reshape(len(images), -1)
    identity = _identity(meta, arrays | pictures)
    data = _with_metadata(save(arrays), {"id": identity, "meta": meta})
    entry: dict[str, Any] = {"file": arrays_path(path).name, "bytes": len(data), "id": identity}
    files = {arrays_path(path): data}
    if images is not None:
        meta = _json({"image_shape": images.shape[1:]})
        beside = thumbnails_path(path)
        files[beside] = _with_metadata(save(pictures), {"id": identity, "meta": meta})
        entry["thumbnails"] = {
            "file": beside.name,
            "bytes": len(files[beside]),
            "shape": images.shape,
        }
    return {path: f"{_json({'arrays': entry, **document})}\n".encode("ascii"), **files}


def read_arrays(
    path: Path, names: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The document's other keys and the arrays of an arrays file.

    Args:
        path: its file.
        names: arrays to read, where they are there; default: all.

    Raises:
        UserError: it cannot be read, or is not what `browser_files` makes.
    """
    try:
        return _read(path, names)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is not an arrays file: {error}; export its JSON file again"
        ) from None


def arrays_path(path: Path) -> Path:
    """Where the arrays file of a JSON file lies: `x.json` -> `x.safetensors`."""
    beside = path.with_suffix(".safetensors")
    return beside if beside != path else path.with_name(f"{path.stem}_arrays.safetensors")


def thumbnails_path(path: Path) -> Path:
    """Where the images of a JSON file lie: `x.json` -> `x_thumbnails.safetensors`."""
    return path.with_name(f"{path.stem}_thumbnails.safetensors")


def _read(path: Path, names: Collection[str] | None) -> tuple[dict[str, Any], dict[str, Array]]:
    with open_safetensors(path, "numpy") as opened:
        meta = parsed_json((opened.metadata() or {}).get("meta", "null").encode())
        if not isinstance(meta, dict):
            raise ValueError("it has no meta")
        arrays = {}
        for name in opened.keys():  # noqa: SIM118  (it is no dict)
            if names is not None and name not in names:
                continue
            if opened.get_slice(name).get_dtype() not in _TYPES:
                raise ValueError(f"{name} is of another type than {', '.join(_TYPES)}")
            arrays[name] = opened.get_tensor(name)
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} has numbers that are not finite")
    return meta, arrays


def _identity(meta: str, arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(meta.encode())
    for name, array in arrays.items():
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:_ID_DIGITS]


def _with_metadata(data: bytes, metadata: dict[str, str]) -> bytes:
    """A safetensors file with metadata in this order; the library's own order changes by chance."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    places = json.loads(data[_LENGTH_BYTES:end])
    header = _json({"__metadata__": metadata, **places}).encode("ascii")
    header += b" " * (-len(header) % _LENGTH_BYTES)  # keeps the arrays aligned
    if len(header) > MAX_HEADER:
        raise UserError(f"what is no array has {len(header)} bytes; at most {MAX_HEADER} are read")
    return len(header).to_bytes(_LENGTH_BYTES, "little") + header + data[end:]


def _json(values: dict[str, Any]) -> str:
    """Strict JSON in one line, in ASCII: a file name that is no text keeps its bytes as escapes."""
    return json.dumps(values, separators=(",", ":"), allow_nan=False)
