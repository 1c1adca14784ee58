"""SIGKILL at random moments and inside saves: nothing is unreadable, nothing comes out different.

A kill comes either after a random time or at a random step of writing: before and after each file
is opened, half written, synced, renamed or removed.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from killed import Forks
from results import document_result, training_result

from grounding._errors import UserError
from grounding.data.augmented import CACHE_TRAILER
from grounding.export.companion import companion_of, companion_path
from grounding.export.companion_file import read_companion
from grounding.export.layout import SCRIPTS
from grounding.export.site import MARKER
from grounding.training.checkpoint import load_checkpoint

SMALL = [
    "data.train_samples=64",
    "data.val_samples=32",
    "data.test_samples=60",
    "training.epochs=4",
    "training.batch_size=24",
    "training.device=cpu",
    "output.save_every_n_epochs=1",
    "output.checkpoint_path=artifacts/x_final.pt",
    "output.analysis_path=artifacts/x_analysis.txt",
]
CACHED = [
    "self_supervised.augmentations_per_sample=2",
    "self_supervised.refresh_each_epoch=null",
    "self_supervised.precompute=true",
    "self_supervised.cache_path=artifacts/set.pt",
]
FINAL = Path("artifacts/x_final.pt")
PAGES = (
    "latent_space_viewer.html",
    "interactive_latent_playground.html",
    *(f"web/dist/{name}" for name in SCRIPTS),
)
TRAININGS = {
    "fully connected": ("0", []),
    "dropout": ("3", []),
    "precomputed": ("4", CACHED),
    "resnet": ("5", ["self_supervised.augmentations_per_sample=2"]),
}


def arguments(config: str, *settings: str) -> list[str]:
    return ["--config", config, *(p for one in (*SMALL, *settings) for p in ("--set", one))]


@dataclass
class Work:
    """A command that is killed, and what must hold afterwards.

    Attributes:
        command: what is killed.
        again: what is run after the kill.
        folder: holds the old outputs, if there are any.
        check: raises if a file of a folder is unreadable.
        result: of a folder, once all is done.
        expected: the result without a kill.
        seconds: what the command takes.
        steps: of its writing.
    """

    command: list[str]
    again: list[str]
    folder: Path
    check: Callable[[Path], None]
    result: Callable[[Path], Any]
    expected: Any = None
    seconds: float = 0.0
    steps: int = 0


@dataclass
class Count:
    """What came of the kills."""

    kills: int = 0
    unreadable: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


def measure(work: Work, forks: Forks, scratch: Path) -> Work:
    """Run the command without a kill."""
    folder = shutil.copytree(work.folder, scratch / "measured")
    ended = forks.run(folder, *work.command)
    assert ended.status == 0, ended.output
    work.check(folder)
    work.expected, work.seconds, work.steps = work.result(folder), ended.seconds, ended.steps
    shutil.rmtree(folder)
    return work


def kill(work: Work, forks: Forks, scratch: Path, draw: random.Random, count: Count) -> None:
    """Kill the command until a kill has hit it, look at the files, do it again to the end."""
    folder = shutil.copytree(work.folder, scratch / "killed")
    while True:
        if draw.random() < 0.5:
            ended = forks.run(folder, *work.command, after=draw.uniform(0, work.seconds))
        else:
            ended = forks.run(folder, *work.command, at_step=draw.randint(1, work.steps))
        assert ended.status in (0, -9), ended.output
        if ended.status == -9:
            break
        shutil.rmtree(folder)  # it was quicker than the time drawn
        shutil.copytree(work.folder, folder)
    count.kills += 1
    try:
        work.check(folder)
    except (UserError, ValueError, KeyError, AssertionError, OSError) as error:
        count.unreadable.append(f"{work.command[0]}: {error}")
    ended = forks.run(folder, *work.again)
    hidden = [path.name for path in folder.rglob(".*") if path.name.endswith((".tmp", ".lock"))]
    if ended.status != 0 or hidden or work.result(folder) != work.expected:
        count.differing.append(f"{work.command[0]}: {ended.status} {ended.output} {hidden}")
    shutil.rmtree(folder)


def training(name: str, folder: Path) -> Work:
    config, settings = TRAININGS[name]
    given = arguments(config, *settings)
    folder.mkdir()
    return Work(
        ["train", *given],
        ["train", "--resume", *given],
        folder,
        check_training,
        lambda folder: training_result(folder / FINAL),
    )


def check_training(folder: Path) -> None:
    for path in (folder / "artifacts").glob("x_final*.pt"):
        load_checkpoint(path)
    for path in (folder / "artifacts").glob("set-*.pt"):
        assert CACHE_TRAILER.holds(path)
        assert path.stat().st_size > 128 * 28 * 28
    for path in (folder / "artifacts").glob("*.jsonl"):
        epochs = [json.loads(line)["epoch"] for line in path.read_text().splitlines()]
        assert epochs == list(range(1, len(epochs) + 1))


@pytest.fixture(scope="module")
def trained(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained experiment with points and an analysis made with other settings than later."""
    folder = tmp_path_factory.mktemp("trained")
    for command in (
        ["train", *arguments("3")],
        ["points", *arguments("3"), "--umap-n-neighbors", "10"],
        ["analyze", *arguments("3", "analysis.k=2")],
    ):
        ended = forks.run(folder, *command)
        assert ended.status == 0, ended.output
    return folder


def points(trained: Path) -> Work:
    command = ["points", *arguments("3"), "--umap-n-neighbors", "12"]
    path = Path("artifacts/regularized_covnet_test_latent_points.json")

    def check(folder: Path) -> None:
        document = json.loads((folder / path).read_text())
        assert document["umap_n_neighbors"] in (10, 12)
        arrays = read_companion(companion_path(folder / path)).arrays
        # Between the two renames the JSON is the old one, and knows that the other is not its own.
        if companion_of(folder / path) is not None:
            expected = np.asarray(document["points"], np.float32)
            assert arrays["points"].tobytes() == expected.tobytes()

    def result(folder: Path) -> Any:
        companion = companion_of(folder / path)
        assert companion is not None
        arrays = read_companion(companion).arrays
        return document_result(folder / path), {k: v.tobytes() for k, v in arrays.items()}

    return Work(command, command, trained, check, result)


def analysis(trained: Path) -> Work:
    command = ["analyze", *arguments("3", "analysis.k=3")]
    path = Path("artifacts/x_analysis.json")

    def check(folder: Path) -> None:
        assert document_result(folder / path)["options"]["k"] in (2, 3)
        assert "kNN accuracy" in (folder / path).with_suffix(".txt").read_text()

    def result(folder: Path) -> Any:
        return document_result(folder / path), (folder / path).with_suffix(".txt").read_bytes()

    return Work(command, command, trained, check, result)


def encoder(trained: Path) -> Work:
    command = ["export-encoder", *arguments("3")]
    path = Path("artifacts/regularized_covnet_encoder.onnx")

    def check(folder: Path) -> None:
        if (folder / path).exists():
            onnx.checker.check_model(onnx.load(folder / path), full_check=True)
            onnxruntime.InferenceSession(folder / path, providers=["CPUExecutionProvider"])

    return Work(command, command, trained, check, lambda folder: (folder / path).read_bytes())


def published(trained: Path, forks: Forks, folder: Path) -> Work:
    """A site of one run that is replaced by one with more files."""
    shutil.copytree(trained, folder)
    for name in PAGES:
        (folder / "pages" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pages" / name).write_text(name)
    ended = forks.run(folder, "publish", "site")
    assert ended.status == 0, ended.output
    ended = forks.run(folder, "manifold", *arguments("3"))
    assert ended.status == 0, ended.output

    def files(folder: Path) -> dict[str, bytes]:
        site = folder / "site"
        listed = json.loads((site / MARKER).read_text())["files"]
        names = list(listed)
        there = {p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()}
        assert there == {MARKER, *names}
        return {name: (site / name).read_bytes() for name in names}

    before = files(folder)
    work = Work(["publish", "site"], ["publish", "site"], folder, lambda _: None, files)

    def check(folder: Path) -> None:
        found = files(folder)
        assert found == (before if len(found) == len(before) else work.expected or found)

    work.check = check
    return work


def report(count: Count) -> str:
    return (
        f"{count.kills} kills, {len(count.unreadable)} unreadable files, "
        f"{len(count.differing)} differing results"
    )


def kills(forks: Forks, trained: Path, scratch: Path, shares: dict[str, int], seed: int) -> Count:
    draw, count = random.Random(seed), Count()
    makers: dict[str, Callable[[], Work]] = {
        **{name: lambda name=name: training(name, scratch / name) for name in TRAININGS},  # type: ignore[misc]
        "points": lambda: points(trained),
        "analysis": lambda: analysis(trained),
        "encoder": lambda: encoder(trained),
        "published": lambda: published(trained, forks, scratch / "published"),
    }
    for name, times in shares.items():
        work = measure(makers[name](), forks, scratch)
        for _ in range(times):
            kill(work, forks, scratch, draw, count)
    print(report(count))
    return count


def test_a_few_kills(forks, trained, tmp_path):
    shares = {"dropout": 3, "precomputed": 2, "points": 2, "analysis": 1, "published": 2}
    count = kills(forks, trained, tmp_path, shares, seed=1)
    assert count.unreadable == []
    assert count.differing == []


@pytest.mark.full
def test_two_hundred_kills(forks, trained, tmp_path, capsys):
    shares = {
        "fully connected": 25, "dropout": 45, "precomputed": 35, "resnet": 15,
        "points": 25, "analysis": 20, "encoder": 15, "published": 20,
    }  # fmt: skip
    with capsys.disabled():
        print()
        count = kills(forks, trained, tmp_path, shares, seed=200)
    assert count.unreadable == []
    assert count.differing == []
    assert count.kills == 200
