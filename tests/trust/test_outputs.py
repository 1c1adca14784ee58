"""A full disk, a read-only folder, a second writer: one line, and what was there stays."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from grounding._errors import UserError
from grounding._files import locked, remove_leftovers, replacing, replacing_together, write_text
from grounding.cli import main
from grounding.runs.manifest import manifest_path, manifests_in, writing
from grounding.training.checkpoint import read_checkpoint
from grounding.training.history import Epoch, append_metrics

METRICS = Path("artifacts/regularized_covnet_final_metrics.jsonl")
COMMANDS = [
    *("train --force", "run --force", "analyze", "manifold", "probe", "points", "dynamics"),
    *("export-encoder", "export-assets", "export-weights"),
]


@contextmanager
def file_size(limit):
    """No file can grow over so many bytes: the system itself refuses, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


class Full:
    """Fails the n-th call of a function of the system, and all after it."""

    def __init__(self, function, at, code):
        self.function, self.at, self.code, self.calls = function, at, code, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls >= self.at:
            raise OSError(self.code, os.strerror(self.code))
        return self.function(*arguments, **options)


@pytest.mark.parametrize(
    ("size", "command"),
    [(100_000, "train --force"), (3_000, "analyze"), (20_000, "points"), (100, "export-encoder")],
)
def test_files_that_cannot_grow(copied, refused, size, command):
    arguments, before = copied("3")[0], files()
    name, *options = command.split()
    with file_size(size):
        line = refused(name, *options, *arguments)
    assert line.startswith("error: cannot write ")
    assert "File too large" in line
    after = files()
    manifest = manifest_path("regularized_covnet")
    if name == "train":  # says that the periodic checkpoints of before are no longer the run's
        after[manifest] = before[manifest]
    assert after == before
    assert main("verify", ["regularized_covnet"]) == 0


@pytest.mark.parametrize("function", ["fsync", "mkdir"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_any_error_of_the_system_is_one_line(in_folder, monkeypatch, refused, function, code):
    monkeypatch.setattr(os, function, Full(getattr(os, function), 1, code))
    small = ["data.train_samples=20", "data.val_samples=10", "training.epochs=1"]
    line = refused("train", "--config", "3", *(p for s in small for p in ("--set", s)))
    assert line.startswith("error: cannot write ")
    assert os.strerror(code) in line
    assert [path for path in in_folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("at", [3, *(pytest.param(at, marks=pytest.mark.full) for at in (1, 6))])
def test_a_full_disk_at_any_sync_leaves_a_run_that_is_whole(
    copied, in_folder, monkeypatch, refused, capsys, at
):
    arguments, final = copied("3")
    before = final.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Full(os.fsync, at, errno.ENOSPC))
        assert "No space left on device" in refused("train", "--force", *arguments)
    for path in Path("artifacts").glob("*.pt"):
        read_checkpoint(path)
    assert manifests_in(Path("artifacts"))[1] == []
    assert not [path for path in in_folder.rglob(".*") if path.name.endswith((".tmp", ".lock"))]
    # Which training the final checkpoint is of, its manifest knows, or it is trained again.
    if final.read_bytes() == before:
        assert main("verify", ["regularized_covnet"]) == 0
    assert main("run", arguments) == 0


@pytest.mark.parametrize("at", [1, 2])  # the syncs of both files come before both renames
def test_files_that_belong_together_are_replaced_together_or_not_at_all(in_folder, monkeypatch, at):
    both = Path("a"), Path("b")
    for path in both:
        write_text(path, "old")
    monkeypatch.setattr(os, "fsync", Full(os.fsync, at, errno.ENOSPC))

    def write_both():
        with replacing_together(*both) as temporary:
            for path in temporary:
                path.write_text("new")

    with pytest.raises(UserError, match="No space left"):
        write_both()
    assert files() == dict.fromkeys(both, b"old")
    Path("folder").mkdir()
    mixed = replacing_together(Path("a"), Path("folder"))
    with pytest.raises(UserError, match="folder: it is a folder; name a file"), mixed:
        pass
    assert files() == dict.fromkeys(both, b"old")


def test_a_line_of_metrics_is_whole_or_not_there(tmp_path):
    path = tmp_path / "x_metrics.jsonl"
    path.write_text('{"epoch": 1}\n')
    with file_size(50), pytest.raises(UserError, match=r"cannot write .*File too large"):
        append_metrics(path, Epoch(2, 0.5, 0.5, 1.0, 9.0))
    assert path.read_text() == '{"epoch": 1}\n'
    append_metrics(path, Epoch(2, 0.5, 0.5, 1.0, 9.0))
    assert len(path.read_text().splitlines()) == 2


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A small file system as the current folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    monkeypatch.chdir(folder)
    yield folder
    monkeypatch.chdir("/")
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_and_one_that_is_read_only(trained, small_disk, refused):
    run = trained("3")
    room = os.statvfs(small_disk)
    size = run.checkpoint.stat().st_size
    spare = room.f_bavail * room.f_bsize - 3 * size  # the first checkpoints fit, not all of them
    Path("fill").write_bytes(bytes(spare))
    line = refused("train", *run.arguments, "--set", "training.epochs=9")
    assert "No space left on device" in line
    assert list(Path("artifacts").glob("*.pt"))
    for path in Path("artifacts").glob("*.pt"):
        read_checkpoint(path)
    assert [p.name for p in Path("artifacts").iterdir() if p.name.startswith(".")] == []
    before = files()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for command in ("train", "analyze"):
        checkpoint = ["--checkpoint", str(run.checkpoint)] if command == "analyze" else []
        assert "Read-only file system" in refused(command, *run.arguments, *checkpoint)
    assert files() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_refused_while_another_writes_the_run(copied, refused, command):
    arguments, before = copied("3")[0], files()
    name, *options = command.split()
    with writing(manifest_path("regularized_covnet"), "training of one"):
        if name == "run":
            assert main(name, [*options, *arguments]) == 2
        else:
            line = refused(name, *options, *arguments)
            assert "another process is writing regularized_covnet in artifacts; wait" in line
        assert main("verify", ["regularized_covnet"]) == 0  # reading asks for no lock
    assert files() == before


HOLD = (
    "import sys; from pathlib import Path; from grounding._files import locked\n"
    "with locked(Path(sys.argv[1]), 'work'):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_lock_ends_with_its_process(tmp_path, how):
    lock = tmp_path / "new" / ".x.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        message = "cannot do the work: another process is writing x in .*; wait until it is done"
        with pytest.raises(UserError, match=message), locked(lock, "work"):
            pass
        with locked(lock.with_name(".y.lock"), "work"):
            pass
        process.stdin.close() if how is None else process.send_signal(how)
        process.wait()
    with locked(lock, "work"):
        pass
    assert list(lock.parent.iterdir()) == []


def test_leftovers_of_the_dead_are_removed_and_those_of_others_stay(tmp_path):
    path = tmp_path / "x[1].json"
    (tmp_path / ".x[1].json.abcd1234.tmp").write_text("half")
    others = [tmp_path / name for name in (".x1.json.abcd1234.tmp", ".x[1].json", "x.tmp")]
    for other in others:
        other.touch()
    remove_leftovers(path, tmp_path / "nowhere" / "y")
    with replacing(path) as temporary:
        temporary.write_text("mine")
    assert set(tmp_path.iterdir()) == {path, *others}
