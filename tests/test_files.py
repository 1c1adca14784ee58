import hashlib
import os
from pathlib import Path

import pytest

from grounding._errors import UserError
from grounding._files import check_writable, hash_of, open_regular, replacing, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")

    def fail_half_way():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_and_permissions_are_the_usual_ones(tmp_path):
    path = tmp_path / "a" / "b" / "x.txt"
    write_text(path, "text")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_unwritable_places_are_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.touch()
    for attempt in (check_writable, lambda p: write_text(p, "x")):
        with pytest.raises(UserError, match=f"cannot write {blocker / 'x'}"):
            attempt(blocker / "x")
        with pytest.raises(UserError, match="it is a folder; name a file"):
            attempt(tmp_path)


def test_what_is_hashed_and_read_is_a_file_of_the_size_that_was_said(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert hash_of(path) == hash_of(path, 3) == hashlib.sha256(b"abc").hexdigest()
    assert hash_of(path, 4) == ""
    with pytest.raises(UserError, match="has 3 bytes; at most 2 are read"), open_regular(path, 2):
        pass
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: opening it must not wait
    for place in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            hash_of(place)
