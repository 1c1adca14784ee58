"""A full disk or a read-only folder ends in one line, and what was there stays as it was."""

import errno
import json
import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from grounding._errors import UserError
from grounding._files import replacing_together, write_text
from grounding.cli.commands import main
from grounding.export.companion import companion_of, write_with_companion
from grounding.training.checkpoint import load_checkpoint
from grounding.training.history import Epoch, append_metrics, metrics_path

FINAL = "artifacts/3_regularized_covnet_final.pt"


@pytest.fixture
def copied(trained, tmp_path, monkeypatch):
    """A trained run with all outputs of quick steps, in the current directory."""
    run = trained("3")
    shutil.copytree(run.folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return run.arguments


@contextmanager
def file_size(limit):
    """No file can grow over so many bytes: the system itself refuses, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one_line(error):
    assert error.startswith("error: cannot write ")
    assert error.count("\n") == 1, error
    return error


CACHE = [
    "--set", "self_supervised.enabled=true", "--set", "self_supervised.precompute=true",
    "--set", "self_supervised.cache_path=set.pt",
    "--set", "self_supervised.augmentations_per_sample=3",
]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "command", "named"),
    [
        (100_000, ["train"], "_final_epoch001.pt: File too large"),
        (100_000, ["train", *CACHE], "File too large"),
        (2_000, ["analyze"], "File too large"),
    ],
)
def test_files_that_cannot_grow(copied, tmp_path, capsys, size, command, named):
    before = files(tmp_path)
    name, *extra = command
    with file_size(size):
        assert main(name, [*copied, *extra]) == 2
    assert named in one_line(capsys.readouterr().err)
    after = files(tmp_path)
    metrics = tmp_path / metrics_path(Path(FINAL))
    after[metrics] = before[metrics]  # one whole line an epoch, whatever happens to checkpoints
    assert after == before


class Full:
    """Fails the n-th call of a function of the system."""

    def __init__(self, function, at, code):
        self.function, self.at, self.code, self.calls = function, at, code, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls >= self.at:
            raise OSError(self.code, os.strerror(self.code))
        return self.function(*arguments, **options)


@pytest.mark.parametrize("function", ["fsync", "mkdir"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_any_error_of_the_system_is_one_line(tmp_path, monkeypatch, capsys, function, code):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, function, Full(getattr(os, function), 1, code))
    small = ["data.train_samples=20", "data.val_samples=10", "training.epochs=1"]
    given = [part for setting in small for part in ("--set", setting)]
    assert main("train", ["--config", "3", *given]) == 2
    assert os.strerror(code) in one_line(capsys.readouterr().err)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.suffix for path in left] in ([], [".jsonl"])


@pytest.mark.parametrize("at", [1, 2, 3, 5, 7, 10])
def test_a_full_disk_at_any_sync_leaves_a_checkpoint_that_loads(
    copied, tmp_path, monkeypatch, capsys, at
):
    monkeypatch.setattr(os, "fsync", Full(os.fsync, at, errno.ENOSPC))
    assert main("train", copied) == 2
    assert "No space left on device" in one_line(capsys.readouterr().err)
    for path in Path("artifacts").glob("*.pt"):
        load_checkpoint(path)
    assert not [path for path in tmp_path.rglob(".*") if path.name.endswith((".tmp", ".lock"))]


def test_a_pair_is_replaced_together_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    image = np.zeros((1, 1, 2, 2), np.uint8)

    def write(value):
        write_with_companion(path, {"points": [[value] * 3], "labels": [1]}, image)

    write(0.5)
    before = files(tmp_path)
    for at in (1, 2):  # the syncs of both files come before both renames
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", Full(os.fsync, at, errno.ENOSPC))
            with pytest.raises(UserError, match="No space left on device"):
                write(0.25)
        assert files(tmp_path) == before
    write(0.25)
    assert companion_of(path) is not None
    assert json.loads(path.read_text())["points"] == [[0.25] * 3]


def test_files_that_belong_together_name_the_one_that_fails(tmp_path):
    (tmp_path / "folder").mkdir()
    write_text(tmp_path / "a", "old")
    both = replacing_together(tmp_path / "a", tmp_path / "folder")
    with pytest.raises(UserError, match=r"folder: it is a folder; name a file"), both:
        pass
    assert (tmp_path / "a").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "folder"}


def test_a_line_of_metrics_is_whole_or_not_there(tmp_path):
    path = tmp_path / "x_metrics.jsonl"
    path.write_text('{"epoch": 1}\n')
    with file_size(50), pytest.raises(UserError, match=r"cannot write .*File too large"):
        append_metrics(path, Epoch(2, 0.5, 0.5, 1.0, 9.0))
    assert path.read_text() == '{"epoch": 1}\n'
    append_metrics(path, Epoch(2, 0.5, 0.5, 1.0, 9.0))
    assert len(path.read_text().splitlines()) == 2


def mounted(folder, options):
    """Mount a small file system, if this process may."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("file systems cannot be mounted here")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 kB: the first checkpoints fit, not all of them."""
    folder = tmp_path / "disk"
    try:
        mounted(folder, "size=600k")
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up(trained, small_disk, monkeypatch, capsys):
    run = trained("3")
    monkeypatch.chdir(small_disk)
    (small_disk / "fill").write_bytes(bytes(150_000))
    given = [*run.arguments, "--set", "training.epochs=9"]
    assert main("train", given) == 2
    assert "No space left on device" in one_line(capsys.readouterr().err)
    saved = list(Path("artifacts").glob("*.pt"))
    for path in saved:
        load_checkpoint(path)
    hidden = [p.name for p in Path("artifacts").iterdir() if p.name.startswith(".")]
    assert hidden == []


def test_a_read_only_disk(trained, small_disk, monkeypatch, capsys):
    run = trained("3")
    monkeypatch.chdir(small_disk)
    write_text(Path("artifacts/kept"), "kept")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for command in ("train", "analyze"):
        checkpoint = ["--checkpoint", str(run.checkpoint)] if command == "analyze" else []
        assert main(command, [*run.arguments, *checkpoint]) == 2
        assert "Read-only file system" in one_line(capsys.readouterr().err)
    assert Path("artifacts/kept").read_text() == "kept"
