"""Checkpoints and augmented sets of strangers: no code runs, and a small file stays small."""

import io
import os
import resource
import zipfile
from pathlib import Path

import pytest
import torch
from seeds import archive_of

from grounding.training.archive import MAX_DEPTH, read_archive


def saved(values: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(values, buffer, **options)
    return buffer.getvalue()


GOOD = saved({"w": torch.arange(6.0).view(2, 3), "epoch": 3, "loss": 0.5, "name": "é", "x": None})


def refusal(folder: Path, data: bytes) -> str:
    path = folder / "x.pt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        read_archive(path)
    return str(caught.value)


def test_what_torch_saves_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(GOOD)
    held = read_archive(path)
    assert torch.equal(held.pop("w"), torch.tensor([[0.0, 1, 2], [3, 4, 5]]))
    assert held == {"epoch": 3, "loss": 0.5, "name": "é", "x": None}


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("the payload ran",)


def test_a_payload_is_named_and_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "it would call __builtin__.print" in refusal(tmp_path, saved({"a": Payload()}))
    assert "it would call os.system" in refusal(
        tmp_path, archive_of(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", GOOD)
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (torch.zeros(1).expand(10**12), "larger than its storage"),
        (torch.zeros(3).to_sparse(), "would call"),
        (torch.zeros(3, requires_grad=True), "not plain"),
        (torch.nn.Parameter(torch.zeros(3)), "would call"),
        (torch.zeros(3, device="meta"), "would call"),
        ({1, 2}, "set"),
        (bytearray(5), "bytearray"),
        (1j, "complex"),
        (b"bytes", "would call"),
    ],
)
def test_only_plain_values_are_read(tmp_path: Path, values: object, words: str) -> None:
    assert words in refusal(tmp_path, saved({"a": values}))


def test_values_that_repeat_or_lie_deep_are_refused(tmp_path: Path) -> None:
    doubled: list[object] = [0]
    for _ in range(30):
        doubled = [doubled, doubled]
    assert "repeats" in refusal(tmp_path, saved(doubled))
    own: list[object] = []
    own.append(own)
    assert "repeats" in refusal(tmp_path, saved(own))
    deep: list[object] = [0]
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert "nested too deeply" in refusal(tmp_path, saved(deep))
    (tmp_path / "y.pt").write_bytes(saved(deep[0]))
    assert read_archive(tmp_path / "y.pt") == deep[0]


def repacked(data: bytes, method: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return made.getvalue()


def test_a_file_cannot_take_more_memory_than_it_is_long(tmp_path: Path) -> None:
    size = 100_000_000
    bomb = repacked(saved(torch.zeros(size, dtype=torch.uint8)), zipfile.ZIP_DEFLATED)
    assert len(bomb) < size / 500
    ask_much = (
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R."
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "is compressed" in refusal(tmp_path, bomb)
    assert "builtins.bytearray" in refusal(tmp_path, archive_of(ask_much, GOOD))
    legacy = saved(torch.zeros(3), _use_new_zipfile_serialization=False)
    assert "not an archive" in refusal(tmp_path, legacy)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 30_000  # KiB


def test_archives_that_two_readers_could_understand_differently_are_refused(
    tmp_path: Path,
) -> None:
    both = io.BytesIO(GOOD)
    with zipfile.ZipFile(both, "a") as archive:
        name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
        archive.writestr(name.upper(), b"another")
    assert "one data.pkl" in refusal(tmp_path, both.getvalue())
    assert "one data.pkl" in refusal(tmp_path, repacked(GOOD, 0).replace(b"data.pkl", b"dato.pkl"))
    assert "not an archive" in refusal(tmp_path, b"\0" + GOOD)
    assert "damaged" in refusal(tmp_path, GOOD[:-30])


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match="not a regular file"):
            read_archive(path)
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "nothing")
