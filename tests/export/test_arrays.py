import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from grounding._errors import UserError
from grounding._files import MAX_HEADER
from grounding.export.arrays import arrays_path, document_and_arrays, read_arrays

FILE = "x_test_latent_points.safetensors"
META = {
    "experiment": "naïve",
    "num_points": 3,
    "image_shape": [1, 2, 2],
    "config": {"model": {"hidden_dims": [8, 16]}},
    "checkpoint": os.fsdecode(b"\xff.pt"),  # a name that is no text keeps its bytes
}
LISTS = {
    "points": [[0.1, 0.2, 0.3], [1e-7, -2.5, 1234.567], [3.0, 2.0, 1.0]],
    "labels": [3, 1, 4],
    "indices": [10, 20, 30],
}
DOCUMENT: dict[str, Any] = {**META, **LISTS}
WIDE = np.arange(48, dtype=np.uint8).reshape(3, 1, 4, 4)
IMAGES = WIDE[:, :, ::2, ::2]  # every other pixel is no obstacle


def written(folder: Path) -> Path:
    path = folder / FILE
    path.write_bytes(document_and_arrays(DOCUMENT, IMAGES, FILE)[1])
    return path


def test_the_json_names_its_arrays_before_anything_else() -> None:
    text, data = document_and_arrays(DOCUMENT, IMAGES, FILE)
    values = json.loads(text)
    assert text.count(b"\n") == 1
    assert next(iter(values)) == "arrays"
    entry = values.pop("arrays")
    assert values == DOCUMENT
    assert entry.keys() == {"file", "bytes", "id"}
    assert (entry["file"], entry["bytes"]) == (FILE, len(data))


def test_any_reader_of_safetensors_finds_arrays_and_description() -> None:
    text, data = document_and_arrays(DOCUMENT, IMAGES, FILE)
    held = load(data)
    types = {"points": "float32", "labels": "int32", "indices": "int32", "thumbnails": "uint8"}
    assert {name: array.dtype.name for name, array in held.items()} == types
    np.testing.assert_array_equal(held["points"], np.float32(LISTS["points"]))
    np.testing.assert_array_equal(held["thumbnails"], IMAGES.reshape(3, 4))
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert next(reversed(header)) == "thumbnails"  # a page draws before they have come in
    assert list(header["__metadata__"]) == ["id", "meta"]
    assert header["__metadata__"]["id"] == json.loads(text)["arrays"]["id"]
    assert json.loads(header["__metadata__"]["meta"]) == META


def test_one_document_is_the_same_bytes_again_and_another_has_another_id() -> None:
    def identity(images: Any = IMAGES, **changes: Any) -> str:
        made = document_and_arrays({**DOCUMENT, **changes}, images, FILE)[0]
        return str(json.loads(made)["arrays"]["id"])

    once = document_and_arrays(DOCUMENT, IMAGES, FILE)
    for _ in range(8):
        assert document_and_arrays(DOCUMENT, IMAGES, FILE) == once
    others = {identity(labels=[3, 1, 5]), identity(experiment="other"), identity(IMAGES + 1)}
    assert len({identity(), *others}) == 4


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"points": [[float("nan"), 0, 0]]}, ValueError, "not JSON compliant"),
        ({"seconds": float("inf")}, ValueError, "not JSON compliant"),
        ({"config": "x" * MAX_HEADER}, UserError, "at most 1048576 are read"),
    ],
)
def test_refuses_to_write_what_nobody_could_read(changes: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        document_and_arrays({**DOCUMENT, **changes}, IMAGES, FILE)


def test_reads_back_what_was_written_or_some_of_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    meta, arrays = read_arrays(path)
    assert meta == META
    assert set(arrays) == {*LISTS, "thumbnails"}
    np.testing.assert_array_equal(arrays["labels"], [3, 1, 4])
    np.testing.assert_array_equal(arrays["thumbnails"], IMAGES.reshape(3, 4))
    assert list(read_arrays(path, ["labels", "reference_labels"])[1]) == ["labels"]
    assert read_arrays(path, ())[1] == {}
    path.write_bytes(document_and_arrays(DOCUMENT, None, FILE)[1])
    assert set(read_arrays(path)[1]) == set(LISTS)


def test_where_it_lies() -> None:
    assert arrays_path(Path("a/x.y.json")) == Path("a/x.y.safetensors")
    assert arrays_path(Path("x.safetensors")) == Path("x_arrays.safetensors")


def headed(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def claiming(kind: str, shape: Any, end: int) -> dict[str, Any]:
    entry = {"dtype": kind, "shape": shape, "data_offsets": [0, end]}
    return {"__metadata__": {"meta": "{}"}, "a": entry}


POINTS = {"points": np.float32([[1, 2, 3]])}
BROKEN = {
    "an earlier version": b"GRNDBIN1" + bytes(64),
    "a header longer than the file": struct.pack("<Q", 1 << 20) + b"{}",
    "a header longer than allowed": headed(b" " * (MAX_HEADER + 1)),
    "nested deeply": headed(b"[" * 100_000),
    "a huge shape": headed(claiming("F32", [1 << 40], 4)),
    "an overflow": headed(claiming("U8", [0, (1 << 63) - 1, 4], 0)),
    "more than is there": headed(claiming("U8", [8 * 10**11], 8 * 10**11), b"a"),
    "too many dimensions": headed(claiming("U8", [1] * 99, 1), b"a"),
    "a type that NumPy lacks": headed(claiming("BF16", [1], 2), b"ab"),
    "not finite": save({"points": np.float32([[np.nan] * 3])}, {"meta": "{}"}),
    "no meta": save(POINTS),
    "meta as a list": save(POINTS, {"meta": "[]"}),
    "meta that is no JSON": save(POINTS, {"meta": "{"}),
    "meta nested deeply": save(POINTS, {"meta": "[" * 100_000}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(BROKEN[name])
    with pytest.raises(UserError, match=r"is not an arrays file: .+; export") as found:
        read_arrays(path)
    assert "\n" not in str(found.value)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match="is not an arrays file"):
            read_arrays(path, ())
