import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from grounding._checksums import DamagedError, MismatchError
from grounding._errors import UserError
from grounding.export.companion import companion_of, companion_path, write_with_companion
from grounding.export.companion_file import companion_bytes, read_companion

POINTS = np.array([[1.5, -2.0, 0.25]], dtype=np.float32)
LABELS = np.array([7], dtype=np.int32)
PIXELS = np.array([[0, 128, 255]], dtype=np.uint8)
SMALL = {"points": POINTS, "labels": LABELS, "thumbnails": PIXELS}


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
    path = folder / "x_test_latent_points.json"
    write_with_companion(path, document(), images())
    return path


def test_every_byte_lies_where_the_format_says() -> None:
    data, digest = companion_bytes({"experiment": "é"}, SMALL)
    magic, length, zero = struct.unpack_from("<8sII", data)
    assert (magic, zero) == (b"GRNDBIN1", 0)
    header = json.loads(data[16 : 16 + length].decode("utf-8"))
    first = (16 + length + 7) // 8 * 8
    assert data[16 + length : first] == bytes(first - 16 - length)
    assert header == {
        "id": digest,
        "meta": {"experiment": "é"},
        "arrays": {
            "points": {"dtype": "float32", "shape": [1, 3], "offset": first, "bytes": 12},
            "labels": {"dtype": "int32", "shape": [1], "offset": first + 16, "bytes": 4},
            "thumbnails": {"dtype": "uint8", "shape": [1, 3], "offset": first + 24, "bytes": 3},
        },
    }
    assert data[first:] == struct.pack("<3f4xi4x3B5x", 1.5, -2.0, 0.25, 7, 0, 128, 255)
    assert data[:23].endswith(b'{"id":"')
    assert digest == hashlib.sha256(data[:23] + b"0" * 64 + data[87:]).hexdigest()


def test_offsets_are_right_whatever_the_header_s_length(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    for length in range(600, 720):  # the offsets get a fourth digit on the way
        path.write_bytes(companion_bytes({"experiment": "n" * length}, SMALL)[0])
        assert read_companion(path).arrays["labels"].tolist() == [7]


any_array = st.sampled_from(["float32", "int32", "uint8"]).flatmap(
    lambda dtype: arrays(
        dtype,
        array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
        elements={"allow_nan": False, "allow_infinity": False} if dtype == "float32" else None,
    )
)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(max_size=8), any_array, max_size=4),
    st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.text() | st.integers()),
)
def test_reads_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, np.ndarray], meta: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("c") / "x.bin"
    try:
        data, digest = companion_bytes(meta, held)
    except UnicodeEncodeError:  # a lone surrogate is no text
        return
    path.write_bytes(data)
    found = read_companion(path)
    assert (found.id, found.meta) == (digest, meta)
    assert list(found.arrays) == list(held)
    for name, array in held.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_column_order_and_byte_order_do_not_matter() -> None:
    turned = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    foreign = np.arange(6).reshape(2, 3).astype(">f4")
    assert companion_bytes({}, {"a": turned}) == companion_bytes({}, {"a": foreign})


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, dtype=np.float64),
        np.zeros(2, dtype=np.int64),
        np.array(["x"]),
        np.array([1, np.nan], dtype=np.float32),
        np.array([np.inf], dtype=np.float32),
    ],
)
def test_refuses_to_write_what_a_page_cannot_read(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"values has|values is"):
        companion_bytes({}, {"values": array})


def test_the_json_names_its_companion_before_anything_else(tmp_path: Path) -> None:
    path = written(tmp_path)
    values = json.loads(path.read_text(encoding="utf-8"))
    assert len(values.pop("sha256")) == 64
    beside = tmp_path / "x_test_latent_points.bin"
    held = read_companion(beside)
    assert next(iter(values)) == "companion"
    assert values.pop("companion") == {
        "file": beside.name,
        "id": held.id,
        "bytes": beside.stat().st_size,
    }
    assert values == document()
    assert held.meta == {
        "experiment": "naïve",
        "num_points": 3,
        "image_shape": [1, 2, 2],
        "config": {"model": {"hidden_dims": [8, 16]}},
    }
    assert {name: array.dtype.name for name, array in held.arrays.items()} == {
        "points": "float32",
        "labels": "int32",
        "indices": "int32",
        "thumbnails": "uint8",
    }
    np.testing.assert_array_equal(held.arrays["points"], np.float32(document()["points"]))
    np.testing.assert_array_equal(held.arrays["thumbnails"], images().reshape(3, 4))


def test_a_companion_belongs_to_a_json_file_only_if_both_say_so(tmp_path: Path) -> None:
    path = written(tmp_path)
    beside = companion_path(path)
    assert companion_of(path) == beside
    good = beside.read_bytes()
    beside.write_bytes(companion_bytes({}, SMALL)[0])
    with pytest.raises(MismatchError, match="was made for another JSON file"):
        companion_of(path)
    beside.write_bytes(good + b"\0")
    with pytest.raises(DamagedError, match="its bytes are not those"):
        companion_of(path)
    beside.unlink()
    with pytest.raises(DamagedError, match="which is not beside it"):
        companion_of(path)
    beside.mkdir()
    with pytest.raises(DamagedError, match="which is not beside it"):
        companion_of(path)
    with pytest.raises(UserError, match=r"cannot read .*missing.json"):
        companion_of(tmp_path / "missing.json")


@pytest.mark.parametrize(
    "name",
    ["../x.bin", "/x.bin", "sub/x.bin", "..\\x.bin", ".x.bin", "x.txt", "", 5, None, "\0.bin"],
)
def test_a_companion_lies_in_the_same_folder(tmp_path: Path, name: object) -> None:
    folder = tmp_path / "a"
    (folder / "sub").mkdir(parents=True)
    data, digest = companion_bytes({}, SMALL)
    for place in (
        tmp_path / "x.bin",
        folder / "sub" / "x.bin",
        folder / ".x.bin",
        folder / "x.txt",
    ):
        place.write_bytes(data)
    path = folder / "x.json"
    entry = {"file": name, "id": digest, "bytes": len(data)}
    path.write_text(json.dumps({"companion": entry}))
    assert companion_of(path) is None


@pytest.mark.parametrize(
    "text", ["", "{}", '{"companion":', '{"companion": 3}', '{"companion":' * 900]
)
def test_a_json_file_without_a_good_entry_has_no_companion(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    assert companion_of(path) is None


def test_a_file_that_is_called_like_its_companion_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "points.bin"
    write_with_companion(path, document(), images())
    assert json.loads(path.read_text(encoding="utf-8"))["companion"]["file"] == "points_arrays.bin"


def test_every_cut_and_every_changed_bit_is_noticed(tmp_path: Path) -> None:
    data, _ = companion_bytes({"k": 3}, {"values": PIXELS})
    path = tmp_path / "x.bin"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedError, match="is not a binary companion"):
            read_companion(path)
    for bit in range(8 * len(data)):
        place, change = bit // 8, 1 << bit % 8
        path.write_bytes(data[:place] + bytes([data[place] ^ change]) + data[place + 1 :])
        with pytest.raises(DamagedError, match="is not a binary companion"):
            read_companion(path)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_byte_anywhere_is_one_line_at_worst(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    data = bytearray(companion_bytes({"k": 3}, SMALL)[0])
    data[place % len(data)] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(data)
    try:
        read_companion(path)
    except UserError as error:
        assert "\n" not in str(error)


def test_arrays_may_not_overlap_or_lie_beyond_the_end(tmp_path: Path) -> None:
    data, _ = companion_bytes({}, {"a": LABELS, "b": LABELS})
    path = tmp_path / "x.bin"
    length = struct.unpack_from("<I", data, 8)[0]
    header = json.loads(data[16 : 16 + length])
    for offset in (header["arrays"]["a"]["offset"], header["arrays"]["b"]["offset"] + 8):
        header["arrays"]["b"]["offset"] = offset
        changed = json.dumps(header, separators=(",", ":")).encode()
        assert len(changed) == length
        path.write_bytes(data[:16] + changed + data[16 + length :])
        with pytest.raises(UserError, match="does not lie where it should"):
            read_companion(path)


def test_some_arrays_can_be_read_alone(tmp_path: Path) -> None:
    path = companion_path(written(tmp_path))
    assert list(read_companion(path, ["labels"]).arrays) == ["labels"]
