"""The commands in odd places, as processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from grounding.runs.manifest import (
    Artifact,
    FileEntry,
    Manifest,
    manifests_in,
    write_manifest,
)
from grounding.training.checkpoint import read_checkpoint

PACKAGE = Path(__file__).parents[2] / "grounding"
CONFIG = b"""\
experiment: {name: odd}
data: {train_samples: 100, val_samples: 20, test_samples: 60}
model: {architecture: vanilla_fc, hidden_dims: [16], latent_dim: 4}
training: {epochs: 1, device: cpu}
"""
FOLDER = "ein Ordner, 画像 'é' $HOME"


KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
# No home, no locale, bytes for names, one thread; only what finds Python and grounding.
ENVIRONMENT = {name: os.environ[name] for name in KEPT if name in os.environ} | {
    # An empty part would be the current folder.
    "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE.parent), os.getenv("PYTHONPATH")])),
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
PIPES: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
PIPES |= {"text": True, "errors": "replace", "env": ENVIRONMENT}


def started(words: Sequence[str], folder: Path, shell: str = "") -> subprocess.Popen[str]:
    """Start `grounding` in a folder, with a shell's redirections or settings."""
    command = ["sh", "-c", f'umask 077; exec "$@" {shell}', "sh", sys.executable, "-m", "grounding"]
    every = [*apart(), *command, *words]
    return subprocess.Popen(every, cwd=folder, **PIPES)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=120)
    return process.returncode, out, error


def apart() -> list[str]:
    """What starts a command without a network and with a source tree that cannot be written."""
    here = str(PACKAGE)
    script = f"mount --bind '{here}' '{here}' && mount -o remount,bind,ro '{here}' && exec \"$@\""
    wrap = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", script, "sh"]
    try:
        subprocess.run([*wrap, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []  # not Linux, or not allowed here; the rest is tested all the same
    return wrap


def tree() -> list[tuple[str, int]]:
    """The files of the source tree and when they changed."""
    return sorted(
        (str(path), path.stat().st_mtime_ns)
        for path in PACKAGE.rglob("*")
        if path.is_file() and not {"web", "__pycache__"} & set(path.parts)
    )


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained in the oddest of places, with all standard streams closed."""
    folder = tmp_path_factory.mktemp("odd") / FOLDER
    folder.mkdir()
    (folder / "für x.yaml").write_bytes(CONFIG)
    before = tree()
    process = started(["train", "--config", "für x.yaml"], folder, "<&- >&- 2>&-")
    assert ended(process) == (0, "", "")
    assert tree() == before
    return folder


def test_training_needs_no_home_no_terminal_no_network_and_no_locale(odd: Path) -> None:
    held = read_checkpoint(odd / "artifacts" / "odd_final.pt")
    assert held.threads == 1
    assert held.config["experiment"]["name"] == "odd"
    for path in (odd / "artifacts").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path  # as the umask asks


def test_two_commands_work_on_one_artifacts_folder_at_once(odd: Path) -> None:
    """One of them reads from a folder in Latin-1, whose name is no text in the C locale."""
    latin, artifacts = os.fsdecode(b"\xe9"), odd / "artifacts"
    (odd / latin).mkdir()
    (odd / latin / "odd_final.pt").write_bytes((artifacts / "odd_final.pt").read_bytes())
    here = ["--config", "für x.yaml", "--checkpoint"]
    points = ["points", *here, "artifacts/odd_final.pt", "--umap-n-neighbors", "5"]
    processes = [started(["analyze", *here, f"{latin}/odd_final.pt"], odd), started(points, odd)]
    while any(process.poll() is None for process in processes):
        (found,), problems = manifests_in(artifacts)
        assert problems == []
        for key in found.artifacts:
            found.check(key)
        time.sleep(0.05)
    # Whoever comes second just when the other writes is told so, and can come again.
    for process, command in zip(processes, ("analyze", "points"), strict=True):
        status, _, error = ended(process)
        busy = "another process is writing odd in artifacts; wait until it is done"
        if status == 2 and busy in error:
            status, _, error = ended(started([command, *here, f"{latin}/odd_final.pt"], odd))
        assert (status, error) == (0, "")
    values = json.loads((artifacts / "odd_analysis.json").read_text(encoding="utf-8"))
    assert values["checkpoint"] == "\udce9/odd_final.pt"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    status, _, error = ended(started(["schema"], tmp_path, ">/dev/full"))
    assert status == 2
    assert error == "error: cannot write what was to be shown: No space left on device\n"


@pytest.mark.parametrize("command", [["train", "--config", "2"], ["publish", "site"]])
def test_a_current_folder_that_was_deleted_is_said_in_one_line(
    tmp_path: Path, command: list[str]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    process = subprocess.Popen(
        ["sh", "-c", 'rmdir "$0"; exec "$@"', here, sys.executable, "-m", "grounding", *command],
        cwd=here,
        **PIPES,
    )
    status, _, error = ended(process)
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith("error: the current folder cannot be used")


def test_names_that_this_locale_cannot_show_or_use_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(CONFIG + "output: {checkpoint_path: é.pt}\n".encode())
    status, _, error = ended(started(["train", "--config", "x.yaml"], tmp_path))
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith("error: x.yaml:5:10: output.checkpoint_path: not a path here")
    files = ({name: FileEntry("0" * 64, 1)} for name in ("é.json", "\ud800.json", "\udcff.json"))
    made = {next(iter(one)): Artifact("points", one) for one in files}
    write_manifest(Manifest(tmp_path / "artifacts" / "é.run.json", "é", artifacts=made))
    for command in ("verify", "publish"):
        status, shown, error = ended(started([command, "artifacts"], tmp_path))
        assert (status, error.count("\n")) == (2, 1)
        assert (shown + error).isascii()
