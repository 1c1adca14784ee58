"""Checkpoints of other people: no code in them runs, and a small archive stays small."""

import io
import resource
import time
import zipfile
from pathlib import Path

import pytest
import torch
from seeds import archive_of

from grounding._errors import UserError
from grounding.training import read_checkpoint


def saved(values: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(values, buffer, **options)
    return buffer.getvalue()


GOOD = saved({"w": torch.arange(6.0).view(2, 3), "epoch": 3, "loss": 0.5, "name": "é", "x": None})


def refusal(folder: Path, data: bytes) -> str:
    path = folder / "x.pt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"^[^\n]+$") as caught:
        read_checkpoint(path)
    return str(caught.value)


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("the payload ran",)


def test_a_payload_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data in (
        saved({"format": 4, "a": Payload()}),
        archive_of(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", GOOD),
    ):
        line = refusal(tmp_path, data)
        assert line.endswith("x.pt is not a checkpoint: it holds more than plain values")
    assert capsys.readouterr().out == ""


def doubled(depth: int) -> object:
    value: object = [0]
    for _ in range(depth):
        value = [value, value]
    return value


def number(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little")


TENSOR = saved(torch.zeros(1))
with zipfile.ZipFile(io.BytesIO(TENSOR)) as _archive:
    _PICKLE = _archive.read("archive/data.pkl")


def repacked(data: bytes, method: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return made.getvalue()


ATTACKS = {
    "bytearray": archive_of(
        b"\x80\x02cbuiltins\nbytearray\n" + number(2 * 10**9) + b"\x85R.", GOOD
    ),
    "storage": archive_of(b"\x80\x02ctorch\nFloatStorage\n" + number(10**9) + b"\x85R.", GOOD),
    "large tensor": archive_of(
        _PICKLE.replace(b"K\x00K\x01\x85", b"K\x00" + number(10**9) + b"\x85"), TENSOR
    ),
    "large storage": archive_of(_PICKLE.replace(b"K\x01tq", number(10**9) + b"tq"), TENSOR),
    "doubled": saved({"format": 4, "config": {"a": doubled(40)}}),
    "doubled and called": archive_of(b"\x80\x02]q\0" + b"](h\0h\0eq\0" * 40 + b")R.", GOOD),
    "duplicated and called": archive_of(b"\x80\x02)" + b"2\x86" * 40 + b")R.", GOOD),
    "long text and called": archive_of(
        b"\x80\x02](X"
        + (10**6).to_bytes(4, "little")
        + b"a" * 10**6
        + b"q\0"
        + b"h\0" * 10**5
        + b"e)R.",
        GOOD,
    ),
    "empty lists": archive_of(b"\x80\x02](" + b"]" * 15_000_000 + b"e.", GOOD),
    "deep": archive_of(b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b".", GOOD),
    "named in the pickle": archive_of(
        b"\x80\x04\x8c\x08builtins\x8c\x09bytearray\x93" + number(2 * 10**9) + b"\x85R.", GOOD
    ),
    "instance": archive_of(b"\x80\x02(" + number(2 * 10**9) + b"ibuiltins\nbytearray\n.", GOOD),
    "compressed": repacked(saved(torch.zeros(10**7, dtype=torch.uint8)), zipfile.ZIP_DEFLATED),
    "a list of an earlier torch": saved(torch.zeros(3), _use_new_zipfile_serialization=False),
    "cut off": GOOD[:-30],
    "something before it": b"\0" + GOOD,
    "empty": b"",
    "without a pickle": repacked(GOOD, 0).replace(b"data.pkl", b"dato.pkl"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_small_file_takes_neither_memory_nor_time(tmp_path: Path, name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    said = refusal(tmp_path, ATTACKS[name])
    assert time.process_time() - started < 10
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 256_000_000 + len(ATTACKS[name])
    assert ("is compressed" in said) is (name == "compressed")


def test_an_archive_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    stored = repacked(GOOD, zipfile.ZIP_STORED)
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith("data/0"))
    sizes = entry.file_size.to_bytes(4, "little") * 2  # compressed and not, as in the directory
    assert stored.count(sizes) == 2
    at = stored.rindex(sizes)
    much = (10**9).to_bytes(4, "little") * 2
    assert "claims more bytes" in refusal(tmp_path, stored[:at] + much + stored[at + 8 :])
