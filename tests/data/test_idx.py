import gzip
import hashlib
import os
import struct
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grounding._errors import UserError
from grounding.data.idx import IdxError, read_idx, read_idx_file, write_idx

# 2 x 3 int16 values, written out by hand.
RAW = bytes.fromhex("00 00 0B 02  00000002 00000003  0001 0002 0003  FFFF FF00 7FFF")
ARRAY = np.array([[1, 2, 3], [-1, -256, 32767]], dtype=np.int16)

PACKED = gzip.compress(RAW, mtime=0)

quick = settings(deadline=None, max_examples=60)
dtypes = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8", ">i2", ">i4", ">f4", ">f8"])
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=1, max_dims=8, min_side=0, max_side=3)
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def refusal(path: Path, **options: int) -> str:
    """The message with which `path` is refused: one line that names the file."""
    with pytest.raises(IdxError) as caught:
        read_idx(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [RAW, PACKED], ids=["plain", "gzip"])
def test_reads_a_file_written_by_hand(tmp_path: Path, content: bytes) -> None:
    idx = read_idx_file(stored(tmp_path, content))
    np.testing.assert_array_equal(idx.array, ARRAY)
    assert idx.array.dtype == np.int16
    assert idx.array.dtype.isnative
    assert idx.sha256 == hashlib.sha256(RAW).hexdigest()


def test_writes_the_bytes_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_idx(path, ARRAY)
    assert path.read_bytes() == RAW


@pytest.mark.parametrize(
    ("code", "packed", "dtype", "value"),
    [
        (0x08, "FF", np.uint8, 255),
        (0x09, "80", np.int8, -128),
        (0x0B, "FFFE", np.int16, -2),
        (0x0C, "00010000", np.int32, 65536),
        (0x0D, "BF800000", np.float32, -1.0),
        (0x0E, "3FE0000000000000", np.float64, 0.5),
    ],
)
def test_every_type(
    tmp_path: Path, code: int, packed: str, dtype: type[np.generic], value: float
) -> None:
    content = bytes([0, 0, code, 1, 0, 0, 0, 1]) + bytes.fromhex(packed)
    array = read_idx(stored(tmp_path, content))
    assert array.dtype == dtype
    assert array.tolist() == [value]


@quick
@given(array=arrays, name=st.sampled_from(["file", "file.gz"]))
def test_what_is_written_is_read(folder: Path, array: np.ndarray, name: str) -> None:
    write_idx(folder / name, array)
    read = read_idx(folder / name)
    assert read.dtype == array.dtype.newbyteorder("=")
    assert read.shape == array.shape
    assert read.tobytes() == array.astype(read.dtype).tobytes()


@quick
@given(cuts=st.lists(st.integers(0, len(RAW)), max_size=4), level=st.integers(0, 9))
def test_gzip_of_several_members_is_one_file(folder: Path, cuts: list[int], level: int) -> None:
    edges = [0, *sorted(cuts), len(RAW)]
    parts = [RAW[a:b] for a, b in pairwise(edges)]
    content = b"".join(gzip.compress(part, level) for part in parts)
    idx = read_idx_file(stored(folder, content))
    np.testing.assert_array_equal(idx.array, ARRAY)
    assert idx.sha256 == hashlib.sha256(RAW).hexdigest()


@pytest.mark.parametrize("length", [2**16 - 1, 2**16, 2**16 + 1])
def test_a_gzip_member_may_end_anywhere(tmp_path: Path, length: int) -> None:
    # The name in the gzip header makes the member as long as wanted.
    header = b"\x1f\x8b\x08\x08" + PACKED[4:10]
    name = b"n" * (length - len(PACKED) - 1) + b"\0"
    member = header + name + PACKED[10:]
    assert len(member) == length
    np.testing.assert_array_equal(read_idx(stored(tmp_path, member)), ARRAY)
    np.testing.assert_array_equal(read_idx(stored(tmp_path, member + gzip.compress(b""))), ARRAY)
    refusal(stored(tmp_path, member + b"\0"))
    refusal(stored(tmp_path, member + PACKED))


@pytest.mark.parametrize("level", [0, 1], ids=["stored", "deflated"])
def test_a_large_gzip_file_is_read_in_pieces(tmp_path: Path, level: int) -> None:
    values = np.random.default_rng(0).integers(0, 4, (3, 800_001), dtype=np.uint8)
    raw = bytes.fromhex("00000802") + struct.pack(">II", *values.shape) + values.tobytes()
    idx = read_idx_file(stored(tmp_path, gzip.compress(raw, level)))
    np.testing.assert_array_equal(idx.array, values)
    assert idx.sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("content", [RAW, PACKED], ids=["plain", "gzip"])
def test_every_truncation_is_refused(tmp_path: Path, content: bytes) -> None:
    for length in range(len(content)):
        refusal(stored(tmp_path, content[:length]))


@quick
@given(rest=st.binary(min_size=1, max_size=40), packed=st.booleans())
def test_every_extension_is_refused(folder: Path, rest: bytes, packed: bool) -> None:
    refusal(stored(folder, PACKED + rest if packed else RAW + rest))
    refusal(stored(folder, gzip.compress(RAW + rest)))


@settings(deadline=None, max_examples=200)
@given(at=st.integers(0, len(PACKED) - 1), value=st.integers(0, 255))
def test_a_changed_gzip_byte_is_refused_or_harmless(folder: Path, at: int, value: int) -> None:
    content = bytearray(PACKED)
    content[at] = value
    try:
        array = read_idx(stored(folder, bytes(content)))
    except IdxError:
        return
    np.testing.assert_array_equal(array, ARRAY)


@settings(deadline=None, max_examples=300)
@given(
    start=st.sampled_from([b"", b"\0\0", b"\0\0\x08", b"\0\0\x0d\x02\0\0\0", b"\x1f\x8b\x08"]),
    rest=st.binary(max_size=60),
    packed=st.booleans(),
)
def test_arbitrary_bytes_raise_nothing_else(
    folder: Path, start: bytes, rest: bytes, packed: bool
) -> None:
    content = gzip.compress(start + rest) if packed else start + rest
    try:
        array = read_idx(stored(folder, content), max_bytes=1000)
    except IdxError:
        return
    assert array.nbytes <= 1000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\0\0\x08", "3 of 4 header bytes"),
        (b"\0\0\x08\x03\0\0\0\x01", "8 of 16 header bytes"),
        (b"\0\0\x0a\x01\0\0\0\x01\0", "type is 0x0A; allowed are 0x08, 0x09, 0x0B"),
        (b"\0\0\x08\0", "0 dimensions; allowed are 1 to 8"),
        (b"\0\0\x08\x09" + bytes(36), "9 dimensions"),
        (RAW[:-1], "announces 2 x 3 values, 12 bytes, but only 11 follow"),
        (gzip.compress(RAW[:-1], mtime=0), "only 11 follow"),
        (RAW + b"\0", "too long"),
        (gzip.compress(RAW + b"\0", mtime=0), "too long"),
        (PACKED + b"\0", r"rubbish behind its compressed data: b'\x00'"),
        (PACKED[:-1], "compressed data has no end"),
        (PACKED[:-8] + bytes(8), "corrupt"),
        (b"<!DOCTYPE html>\n<html>", "starts with b'<!DOCTYPE html>"),
        (b"\n<html>", "looks like a web page"),
        (gzip.compress(b"PK\x03\x04", mtime=0), r"starts with b'PK\x03\x04'"),
    ],
)
def test_says_what_is_wrong_with_the_content(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(stored(tmp_path, content))


def test_says_what_is_wrong_with_the_path(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "missing")
    assert "is a directory" in refusal(tmp_path)
    assert "cannot be read" in refusal(stored(tmp_path, RAW) / "below-a-file")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_refuses_more_than_max_bytes(tmp_path: Path) -> None:
    path = stored(tmp_path, RAW)
    np.testing.assert_array_equal(read_idx(path, max_bytes=12), ARRAY)
    assert "12 bytes; at most 11" in refusal(path, max_bytes=11)


def test_sizes_do_not_overflow(tmp_path: Path) -> None:
    # 2^16 values to the power of 4 are 0 modulo 2^64.
    assert "18446744073709551616 bytes" in refusal(
        stored(tmp_path, b"\0\0\x08\x04" + b"\0\x01\0\0" * 4)
    )
    assert "too large" in refusal(stored(tmp_path, b"\0\0\x08\x04\0\0\0\0" + b"\xff" * 12))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_memory_follows_the_data_not_the_claims(tmp_path: Path, packed: bool) -> None:
    claims_2_gib = b"\0\0\x08\x01" + struct.pack(">I", 2**31)
    bomb = b"\0\0\x08\x01" + struct.pack(">I", 10) + bytes(32 * 1024**2)
    for content, words in ((claims_2_gib + bytes(20), "only 20 follow"), (bomb, "too long")):
        path = stored(tmp_path, gzip.compress(content) if packed else content)
        tracemalloc.start()
        try:
            assert words in refusal(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * 1024**2


def test_compressed_output_does_not_depend_on_time_or_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path / "a.gz", ARRAY)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_idx(tmp_path / "another.gz", ARRAY)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "another.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == RAW


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path, b"old")

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(UserError, match=r"cannot write .*No space left"):
        write_idx(path, ARRAY)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(2, np.int64), "int64; IDX holds uint8, int8, int16, int32, float32, float64"),
        (np.zeros(2, np.bool_), "bool"),
        (np.array(["a"]), "IDX holds"),
        (np.zeros((), np.uint8), "1 to 8 dimensions"),
        (np.zeros((1,) * 9, np.uint8), "1 to 8 dimensions"),
    ],
)
def test_refuses_to_write_what_idx_cannot_hold(
    tmp_path: Path, array: np.ndarray, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        write_idx(tmp_path / "file", array)
    assert not list(tmp_path.iterdir())
