"""Runs that many tests look at are trained once."""

import fcntl
import gc
import gzip
import io
import json
import os
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import grounding
from grounding.cli import main

REPOSITORY = Path(__file__).parents[1]

# A script's shell starts its background jobs with Ctrl-C ignored, and so would be whatever a test
# starts: the tests of Ctrl-C would wait for an end that never comes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Small enough to train in a second, large enough for every metric and for UMAP.
REDUCED = [
    "data.train_samples=100",
    "data.val_samples=50",
    "data.test_samples=300",
    "training.epochs=2",
    "training.device=cpu",
    "output.save_every_n_epochs=1",
]


# Files whose single tests take longest: begun last, they would leave the other process idle.
LONGEST = ("test_pages.py", "test_readme.py", "test_extending.py", "test_kills.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


# What is imported lives as long as the process: to look through it for garbage, again and again,
# takes an eighth of the time of the tests.
gc.disable()


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()


def overrides(*settings: str) -> list[str]:
    """Command line that reduces an experiment, then applies further settings."""
    return [part for setting in (*REDUCED, *settings) for part in ("--set", setting)]


class TrainedRun(NamedTuple):
    """A reduced experiment, trained in a folder of its own.

    `arguments` are its --config and --set; relative paths lie in `folder`.
    """

    folder: Path
    arguments: list[str]
    checkpoint: Path


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """A folder, made if need be, as the current one."""
    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(autouse=True, scope="session", name="cache")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded images are kept in a folder of the tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


Shared = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A folder of a name that the test processes share; it is filled once, under a lock."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    folder = folder / "shared"
    folder.mkdir(exist_ok=True)

    def make(name: str, build: Callable[[Path], None]) -> Path:
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            place = folder / name
            if not place.exists():
                building = folder / f"{name}.new"
                shutil.rmtree(building, ignore_errors=True)
                building.mkdir()
                build(building)
                building.rename(place)
            return place

    return make


@pytest.fixture(scope="session")
def trained(
    shared: Shared, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], TrainedRun]:
    """Train a packaged experiment, reduced; each is trained once, every process has a copy."""
    runs: dict[str, TrainedRun] = {}

    def train(config: str) -> TrainedRun:
        extra = ["self_supervised.augmentations_per_sample=2"] if config in "45" else []
        arguments = ["--config", config, *overrides(*extra)]

        def build(folder: Path) -> None:
            with inside(folder):
                assert main("train", arguments) == 0

        if config not in runs:
            folder = tmp_path_factory.mktemp(f"run{config}")
            shutil.copytree(shared(f"trained {config}", build), folder, dirs_exist_ok=True)
            checkpoint = next((folder / "artifacts").glob("*_final.pt"))
            runs[config] = TrainedRun(folder, arguments, checkpoint)
        return runs[config]

    return train


@pytest.fixture
def copied(
    trained: Callable[[str], TrainedRun], in_folder: Path
) -> Callable[[str], tuple[list[str], Path]]:
    """Copy a trained experiment into the current folder; its arguments and its checkpoint."""

    def copy(config: str) -> tuple[list[str], Path]:
        run = trained(config)
        shutil.copytree(run.folder, in_folder, dirs_exist_ok=True)
        return run.arguments, run.checkpoint.relative_to(run.folder)

    return copy


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that has to be refused in one line, and return that line."""

    def refuse(command: str | None, *arguments: str) -> str:
        capsys.readouterr()
        assert main(command, list(arguments)) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1, error
        return error

    return refuse


def interrupt_after(patch: pytest.MonkeyPatch, epoch: int, end: Callable[[], object]) -> None:
    """End trainings by `end`, called as soon as an epoch's line is shown."""
    import grounding.runs.training

    real = grounding.runs.training.train

    def train(*arguments: Any, on_epoch: Callable[[Any], None], **options: Any) -> Any:
        def shown(one: Any) -> None:
            on_epoch(one)
            if one.epoch == epoch:
                end()

        return real(*arguments, on_epoch=shown, **options)

    patch.setattr("grounding.runs.training.train", train)


def believe(manifest: Path, file: Path) -> None:
    """Enter a file of a run as it is now, as whoever can write both would."""
    from grounding.runs.manifest import FileEntry, read_manifest, write_manifest

    found, data = read_manifest(manifest), file.read_bytes()
    key = found.key(file)
    entry = {key: FileEntry(sha256(data).hexdigest(), len(data))}
    files = {key: replace(found.artifacts[key], files={**found.artifacts[key].files, **entry})}
    write_manifest(replace(found, artifacts={**found.artifacts, **files}))


def ctrl_c() -> None:
    raise KeyboardInterrupt


def write_idx(path: Path, array: np.ndarray) -> None:
    """An IDX file of whole numbers, compressed if its name ends in `.gz`; makes missing folders."""
    code = {"|u1": 0x08, "|i1": 0x09, ">i2": 0x0B, ">i4": 0x0C}[array.dtype.newbyteorder(">").str]
    content = struct.pack(f">2x2B{array.ndim}I", code, array.ndim, *array.shape)
    content += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def image_set(
    folder: Path,
    labels: list[int] | None = None,
    train: int = 160,
    test: int = 80,
    shape: tuple[int, ...] = (12, 12),
) -> Path:
    """IDX files of noise with a bright row for each class; no label files for `[]`."""
    classes = [0, 1, 2, 3] if labels is None else labels
    rng = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 40, (count, *shape), dtype=np.uint8)
        which = np.arange(count) % max(len(classes), 1)
        images[np.arange(count), which * shape[0] // max(len(classes), 1)] = 220
        write_idx(folder / f"{name}-images-idx3-ubyte", images)
        if classes:
            small = min(classes) >= 0 and max(classes) < 256
            told = np.array(classes, np.uint8 if small else np.int32)[which]
            write_idx(folder / f"{name}-labels-idx1-ubyte", told)
    return folder


@cache
def _flower() -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image("flower.jpg")


def photograph(height: int, width: int, number: int = 0) -> np.ndarray:
    """A part of a photograph that comes with scikit-learn, uint8 (H, W, 3)."""
    whole = _flower()
    rng = np.random.default_rng(number)
    top, left = rng.integers(0, whole.shape[0] - height), rng.integers(0, whole.shape[1] - width)
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def write_pictures(
    folder: Path, classes: dict[str, int], size: tuple[int, int] = (8, 8)
) -> dict[str, np.ndarray]:
    """PNG files of parts of a photograph, grey, so many in the folder of each class.

    Returns what is in them by class, uint8 (N, 1, H, W).
    """
    from PIL import Image

    made = {}
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        first = sum(map(ord, name))
        made[name] = np.stack([photograph(*size, first + i)[None, ..., 1] for i in range(count)])
        for number, (pixels,) in enumerate(made[name]):
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return made


def own_config(name: str = "own", data: str = "images", more: str = "") -> str:
    """A config file of a small experiment on one's own images; its path."""
    text = (
        f"experiment: {{name: {name}}}\n"
        f"data: {{data_dir: {data}}}\n"
        "model: {architecture: naive_conv, hidden_dims: [4, 4], latent_dim: 4}\n"
        "training: {epochs: 2, batch_size: 32, learning_rate: 0.01, device: cpu}\n"
    )
    Path(f"{name}.yaml").write_text(text + more, encoding="utf-8")
    return f"{name}.yaml"


VIEWS = "self_supervised: {enabled: true, augmentations_per_sample: 2}\n"
# What `image_set` is asked for, and what else the config says.
SETS: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({}, ""),
    "unlabelled": ({"labels": []}, ""),
    "one_class": ({"labels": [7]}, ""),
    "eleven": ({"test": 11}, ""),
    "letters": ({"labels": list(range(1, 27)), "train": 400, "test": 200, "shape": (28, 28)}, ""),
    "gaps": ({"labels": [3, 200, 70]}, ""),
    "numbers": ({"labels": [-3, 70_000, 5]}, ""),
    "colour": ({"shape": (12, 20, 3)}, ""),
    "line": ({}, "latent_dim: 1"),
    "plane": ({}, "latent_dim: 2"),
    "encoder_only": ({}, f"{VIEWS}objectives: {{reconstruction: 0, contrastive: 1, views: 2}}\n"),
    "augmented": ({"train": 60}, VIEWS),
}


class Special(NamedTuple):
    """A finished run in a folder of its own, and what its commands printed."""

    folder: Path
    name: str
    printed: str

    @property
    def run(self) -> "grounding.Run":
        with inside(self.folder):
            return grounding.load(self.name)

    def made(self, ending: str) -> dict[str, Any]:
        path = self.folder / "artifacts" / f"{self.name}_{ending}"
        found: dict[str, Any] = json.loads(path.read_text(), parse_constant=pytest.fail)
        return found


@pytest.fixture(scope="session")
def special(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Special]:
    """The run of one of `SETS`, after `run` and `probe`; made once, every process has a copy."""
    made: dict[str, Special] = {}

    def make(name: str) -> Special:
        arguments, more = SETS[name]

        def build(folder: Path) -> None:
            with inside(folder), redirect_stdout(io.StringIO()) as shown:
                image_set(Path("images"), **arguments)
                config = own_config(name, more="" if more.startswith("latent") else more)
                given = ["--config", config]
                if more.startswith("latent"):
                    given += ["--set", f"model.{more.replace(': ', '=')}"]
                for command in ("run", "probe"):
                    assert main(command, given) == 0
            (folder / "printed.txt").write_text(shown.getvalue(), encoding="utf-8")

        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            shutil.copytree(shared(f"special {name}", build), folder, dirs_exist_ok=True)
            printed = (folder / "printed.txt").read_text(encoding="utf-8")
            made[name] = Special(folder, name, printed)
        return made[name]

    return make
