import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from grounding._errors import UserError
from grounding.export.arrays import arrays_path, document_and_arrays, read_arrays

FILE = "x_test_latent_points.safetensors"


def document() -> dict[str, Any]:
    return {
        "experiment": "naïve",
        "num_points": 3,
        "image_shape": [1, 2, 2],
        "points": [[0.1, 0.2, 0.3], [1e-7, -2.5, 1234.567], [3.0, 2.0, 1.0]],
        "labels": [3, 1, 4],
        "indices": [10, 20, 30],
        "config": {"model": {"hidden_dims": [8, 16]}},
    }


def images() -> np.ndarray:
    return np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2)


def written(folder: Path) -> Path:
    path = folder / FILE
    path.write_bytes(document_and_arrays(document(), images(), FILE)[1])
    return path


def with_header(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def test_the_json_names_its_arrays_before_anything_else() -> None:
    text, data = document_and_arrays(document(), images(), FILE)
    values = json.loads(text)
    assert text.count(b"\n") == 1
    assert next(iter(values)) == "arrays"
    entry = values.pop("arrays")
    assert values == document()
    assert entry.keys() == {"file", "bytes", "id"}
    assert (entry["file"], entry["bytes"]) == (FILE, len(data))


def test_any_reader_of_safetensors_finds_arrays_and_description() -> None:
    text, data = document_and_arrays(document(), images(), FILE)
    held = load(data)
    assert {name: array.dtype.name for name, array in held.items()} == {
        "points": "float32",
        "labels": "int32",
        "indices": "int32",
        "thumbnails": "uint8",
    }
    np.testing.assert_array_equal(held["points"], np.float32(document()["points"]))
    np.testing.assert_array_equal(held["thumbnails"], images().reshape(3, 4))
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert next(reversed(header)) == "thumbnails"  # a page draws before they have come in
    assert list(header["__metadata__"]) == ["id", "meta"]
    assert header["__metadata__"]["id"] == json.loads(text)["arrays"]["id"]
    assert json.loads(header["__metadata__"]["meta"]) == {
        "experiment": "naïve",
        "num_points": 3,
        "image_shape": [1, 2, 2],
        "config": {"model": {"hidden_dims": [8, 16]}},
    }


def test_one_document_is_the_same_bytes_again_and_another_has_another_id() -> None:
    def identity(**changes: Any) -> str:
        made = document_and_arrays({**document(), **changes}, images(), FILE)[0]
        return str(json.loads(made)["arrays"]["id"])

    once = document_and_arrays(document(), images(), FILE)
    for _ in range(8):
        assert document_and_arrays(document(), images(), FILE) == once
    assert identity() != identity(labels=[3, 1, 5])
    assert identity() != identity(experiment="other")
    others = document_and_arrays(document(), images() + 1, FILE)[0]
    assert json.loads(others)["arrays"]["id"] != identity()


def test_without_images_there_are_no_thumbnails(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(document_and_arrays(document(), None, path.name)[1])
    assert set(read_arrays(path)[1]) == {"points", "labels", "indices"}


def test_every_other_pixel_is_no_obstacle() -> None:
    wide = np.arange(48, dtype=np.uint8).reshape(3, 1, 4, 4)[:, :, ::2, ::2]
    held = load(document_and_arrays(document(), wide, FILE)[1])["thumbnails"]
    np.testing.assert_array_equal(held, wide.reshape(3, 4))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_to_write_what_a_page_cannot_read(value: float) -> None:
    for changes in ({"points": [[value, 0, 0]]}, {"seconds": value}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            document_and_arrays({**document(), **changes}, images(), FILE)


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.pt")
    path = tmp_path / "x.safetensors"
    text, data = document_and_arrays({**document(), "checkpoint": name}, None, path.name)
    path.write_bytes(data)
    assert read_arrays(path)[0]["checkpoint"] == json.loads(text)["checkpoint"] == name


def test_reads_back_what_was_written(tmp_path: Path) -> None:
    meta, arrays = read_arrays(written(tmp_path))
    assert meta == {key: document()[key] for key in meta}
    assert set(meta) | set(arrays) == {*document(), "thumbnails"}
    np.testing.assert_array_equal(arrays["labels"], [3, 1, 4])
    np.testing.assert_array_equal(arrays["thumbnails"], images().reshape(3, 4))


def test_some_arrays_can_be_read_alone(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert list(read_arrays(path, ["labels", "reference_labels"])[1]) == ["labels"]
    assert read_arrays(path, ())[1] == {}


def test_where_it_lies() -> None:
    assert arrays_path(Path("a/x.y.json")) == Path("a/x.y.safetensors")
    assert arrays_path(Path("x.safetensors")) == Path("x_arrays.safetensors")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", ".", "x" * 300):
        with pytest.raises(UserError, match="cannot read"):
            read_arrays(tmp_path / name)


META = {"meta": "{}"}
BROKEN = {
    "empty": b"",
    "an earlier version": b"GRNDBIN1" + bytes(64),
    "a header longer than the file": struct.pack("<Q", 1 << 20) + b"{}",
    "a header longer than allowed": struct.pack("<Q", 1 << 60),
    "no JSON": with_header(b"{"),
    "nested deeply": with_header(b"[" * 100_000),
    "a huge shape": with_header(
        b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}'
    ),
    "an overflow": with_header(
        b'{"a":{"dtype":"U8","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}'
    ),
    "more than is there": with_header(
        b'{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}', b"a"
    ),
    "too many dimensions": with_header(
        json.dumps(
            {"__metadata__": META, "a": {"dtype": "U8", "shape": [1] * 99, "data_offsets": [0, 1]}}
        ).encode(),
        b"a",
    ),
    "a type that NumPy lacks": with_header(
        json.dumps(
            {"__metadata__": META, "a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}
        ).encode(),
        b"ab",
    ),
    "not finite": save({"points": np.float32([[np.nan] * 3])}, META),
    "no meta": save({"points": np.float32([[1, 2, 3]])}),
    "meta as a list": save({"points": np.float32([[1, 2, 3]])}, {"meta": "[]"}),
    "meta that is no JSON": save({"points": np.float32([[1, 2, 3]])}, {"meta": "{"}),
    "meta nested deeply": save({"points": np.float32([[1, 2, 3]])}, {"meta": "[" * 100_000}),
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


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_byte_anywhere_is_one_line_at_worst(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    data = bytearray(document_and_arrays(document(), images(), FILE)[1])
    data[place % len(data)] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    path.write_bytes(data)
    try:
        read_arrays(path)
    except UserError as error:
        assert "\n" not in str(error)
