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
from grounding.export.arrays import arrays_path, browser_files, read_arrays, thumbnails_path

PATH = Path("x_test_latent_points.json")
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


def made(
    document: dict[str, Any] = DOCUMENT, images: Any = IMAGES, path: Path = PATH
) -> tuple[bytes, bytes, bytes]:
    text, data, pictures = browser_files(path, document, images).values()
    return text, data, pictures


def written(folder: Path) -> Path:
    path = folder / PATH
    for file, data in browser_files(path, DOCUMENT, IMAGES).items():
        file.write_bytes(data)
    return arrays_path(path)


def test_the_json_names_its_arrays_before_anything_else() -> None:
    text, data, pictures = made()
    values = json.loads(text)
    assert text.count(b"\n") == 1
    assert next(iter(values)) == "arrays"
    entry = values.pop("arrays")
    assert values == DOCUMENT
    assert entry.keys() == {"file", "bytes", "id", "thumbnails"}
    assert (entry["file"], entry["bytes"]) == (arrays_path(PATH).name, len(data))
    name = thumbnails_path(PATH).name
    assert entry["thumbnails"] == {"file": name, "bytes": len(pictures), "shape": [3, 1, 2, 2]}
    assert list(browser_files(PATH, DOCUMENT)) == [PATH, arrays_path(PATH)]
    assert "thumbnails" not in json.loads(browser_files(PATH, DOCUMENT)[PATH])["arrays"]


def test_any_reader_of_safetensors_finds_arrays_and_description() -> None:
    text, data, pictures = made()
    held = load(data)
    types = {"points": "float32", "labels": "int32", "indices": "int32"}
    assert {name: array.dtype.name for name, array in held.items()} == types
    np.testing.assert_array_equal(held["points"], np.float32(LISTS["points"]))
    np.testing.assert_array_equal(load(pictures)["thumbnails"], IMAGES.reshape(3, 4))
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert list(header["__metadata__"]) == ["id", "meta"]
    assert header["__metadata__"]["id"] == json.loads(text)["arrays"]["id"]
    assert json.loads(header["__metadata__"]["meta"]) == META
    (length,) = struct.unpack_from("<Q", pictures)
    about = json.loads(pictures[8 : 8 + length])["__metadata__"]
    assert about == {"id": header["__metadata__"]["id"], "meta": '{"image_shape":[1,2,2]}'}


def test_latents_that_follow_from_the_raw_ones_are_in_the_json_alone() -> None:
    latents = {"reference_latents": [[0.6, 0.8]], "reference_latents_raw": [[3, 4]]}
    text, data, _ = made({**DOCUMENT, **latents})
    assert json.loads(text)["reference_latents"] == latents["reference_latents"]
    assert "reference_latents" not in load(data)
    assert b'reference_latents"' not in data
    np.testing.assert_array_equal(load(data)["reference_latents_raw"], [[3, 4]])


def test_one_document_is_the_same_bytes_again_and_another_has_another_id() -> None:
    def identity(images: Any = IMAGES, **changes: Any) -> str:
        return str(json.loads(made({**DOCUMENT, **changes}, images)[0])["arrays"]["id"])

    once = made()
    for _ in range(8):
        assert made() == once
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
        made({**DOCUMENT, **changes})


def test_reads_back_what_was_written_or_some_of_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    meta, arrays = read_arrays(path)
    assert meta == META
    assert set(arrays) == set(LISTS)
    np.testing.assert_array_equal(arrays["labels"], [3, 1, 4])
    assert list(read_arrays(path, ["labels", "reference_labels"])[1]) == ["labels"]
    assert read_arrays(path, ())[1] == {}
    meta, arrays = read_arrays(thumbnails_path(tmp_path / PATH))
    assert (meta, set(arrays)) == ({"image_shape": [1, 2, 2]}, {"thumbnails"})
    np.testing.assert_array_equal(arrays["thumbnails"], IMAGES.reshape(3, 4))


def test_where_it_lies() -> None:
    assert arrays_path(Path("a/x.y.json")) == Path("a/x.y.safetensors")
    assert arrays_path(Path("x.safetensors")) == Path("x_arrays.safetensors")
    assert thumbnails_path(Path("a/x.y.json")) == Path("a/x.y_thumbnails.safetensors")


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
