"""The reader of IDX files: strict, one line for whatever is wrong, memory bounded by the file."""

import gzip
import hashlib
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import write_idx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grounding._errors import UserError
from grounding.data.sources.idx import read_idx

# 2 x 3 int16 values, written out by hand.
RAW = bytes.fromhex("00 00 0B 02  00000002 00000003  0001 0002 0003  FFFF FF00 7FFF")
VALUES = [[1, 2, 3], [-1, -256, 32767]]
PACKED = gzip.compress(RAW, mtime=0)

arrays = st.sampled_from(["u1", "i1", "i2", "i4", ">i4"]).flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("idx")


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    """The message with which `path` is refused: one line that names the file."""
    with pytest.raises(UserError) as caught:
        read_idx(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [RAW, PACKED], ids=["plain", "gzip"])
def test_a_file_written_by_hand_is_read_and_no_part_of_it(tmp_path, content):
    array, sha256 = read_idx(stored(tmp_path, content))
    assert array.tolist() == VALUES
    assert array.dtype == np.int16
    assert array.dtype.isnative
    assert sha256 == hashlib.sha256(RAW).hexdigest()
    for length in range(len(content)):
        refusal(stored(tmp_path, content[:length]))


@settings(deadline=None, max_examples=60)
@given(array=arrays, name=st.sampled_from(["file", "file.gz"]))
def test_what_is_written_is_read(folder, array, name):
    write_idx(folder / name, array)
    read, _ = read_idx(folder / name)
    assert read.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(read, array)


@settings(deadline=None, max_examples=60)
@given(rest=st.binary(min_size=1, max_size=40))
def test_every_extension_is_refused(folder, rest):
    refusal(stored(folder, RAW + rest))
    refusal(stored(folder, gzip.compress(RAW + rest)))
    if rest.strip(b"\0"):  # zero bytes may pad a gzip file
        refusal(stored(folder, PACKED + rest))


@settings(deadline=None, max_examples=300)
@given(
    start=st.sampled_from([b"", b"\0\0", b"\0\0\x08", b"\0\0\x0c\x02\0\0\0", b"\x1f\x8b\x08"]),
    rest=st.binary(max_size=60),
    packed=st.booleans(),
)
def test_arbitrary_bytes_raise_nothing_else(folder, start, rest, packed):
    content = start + rest
    try:
        array, _ = read_idx(stored(folder, gzip.compress(content) if packed else content))
    except UserError:
        return
    assert array.nbytes < len(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (gzip.compress(b"", mtime=0), "not an IDX file"),
        (b"<!DOCTYPE html>\n<html>", "starts with b'<!DOCTYPE html>"),
        (gzip.compress(b"PK--", mtime=0), "starts with b'PK--'"),
        (b"\0\0\x08\x03\0\0\0\x01", "smaller than requested"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "type 0x0D in 1 dim.* allowed are .* 0x08, 0x09, 0x0B"),
        (b"\0\0\x08\0", "in 0 dimensions; .* in 1 to 4"),
        (b"\0\0\x08\x05" + bytes(36), "in 5 dimensions"),
        # 2^16 values to the power of 4 are 0 modulo 2^64.
        (b"\0\0\x08\x04" + b"\0\x01\0\0" * 4, "18446744073709551616 bytes, but 0"),
        (RAW[:-1], "announces 2 x 3 values of int16, 12 bytes, but 11 follow"),
        (gzip.compress(RAW[:-1], mtime=0), "but 11 follow"),
        (PACKED + b"rest", "[Nn]ot a gzipped file"),
        (PACKED[:-1], "ended before the end-of-stream marker"),
        (PACKED[:-8] + bytes(8), "CRC"),
    ],
)
def test_what_is_wrong_with_the_content_is_told(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        read_idx(stored(tmp_path, content))


def test_what_is_wrong_with_the_path_is_told(tmp_path):
    assert "No such file" in refusal(tmp_path / "missing")
    assert "cannot be read" in refusal(tmp_path)
    assert "cannot be read" in refusal(stored(tmp_path, RAW) / "below-a-file")
    os.truncate(tmp_path / "file", 3 << 30)
    assert "at most 2147483648 are read" in refusal(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_memory_follows_the_file_not_the_claims(tmp_path):
    claims_2_gib = b"\0\0\x08\x01" + struct.pack(">I", 2**31) + bytes(20)
    bomb = gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 100 << 20) + bytes(100 << 20))
    assert len(bomb) < 200_000
    says_three = gzip.compress(b"\0\0\x08\x01\0\0\0\x03" + bytes(60 << 20))
    for content, words, most in (
        (claims_2_gib, "2147483648 bytes, but 20 follow", 4 << 20),
        (gzip.compress(claims_2_gib), "at most 67108864 bytes are read", 4 << 20),
        (bomb, "at most 67108864 bytes are read", 4 << 20),
        (says_three, "3 values of uint8, 3 bytes, but more follow", 4 << 20),
    ):
        path = stored(tmp_path, content)
        tracemalloc.start()
        try:
            assert words in refusal(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < most
    write_idx(tmp_path / "blank.gz", np.zeros(60 << 20, np.uint8))
    assert read_idx(tmp_path / "blank.gz")[0].nbytes == 60 << 20
