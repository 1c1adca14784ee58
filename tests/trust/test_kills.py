"""SIGKILL at random moments and inside saves: nothing is unreadable, nothing comes out different.

A kill comes either after a random time or at a random step of writing: before and after each file
is opened, half written, synced, renamed or removed.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import pytest
from folders import built_pages
from killed import Ended, Forks
from results import document_result, training_result
from safetensors.numpy import load_file

from grounding._errors import UserError
from grounding.runs.ledger import looks
from grounding.runs.manifest import manifests_in
from grounding.serve.site import check_site, is_site
from grounding.training.checkpoint import read_checkpoint

SMALL = [
    "experiment.name=x",
    "data.train_samples=64",
    "data.val_samples=32",
    "data.test_samples=60",
    "model.hidden_dims=[4, 8]",
    "model.latent_dim=8",
    "training.epochs=4",
    "training.batch_size=24",
    "training.device=cpu",
    "output.save_every_n_epochs=1",
]
KEPT = [
    "self_supervised.augmentations_per_sample=2",
    "self_supervised.refresh_each_epoch=null",
    "self_supervised.precompute=true",
    "self_supervised.cache_path=artifacts/set.pt",
]
FINAL = Path("artifacts/x_final.pt")
TRAININGS = {
    "fully connected": ("0", []),
    "dropout": ("3", []),
    "kept set": ("4", KEPT),
    "resnet": ("5", ["self_supervised.augmentations_per_sample=2"]),
}


def arguments(config: str, *settings: str) -> list[str]:
    return ["--config", config, *(p for one in (*SMALL, *settings) for p in ("--set", one))]


class Work(NamedTuple):
    """A command that is killed, what is run after that, in which folder, and its result."""

    command: list[str]
    again: list[str]
    folder: Path
    result: Callable[[Path], Any]


def check_readable(folder: Path) -> None:
    """Raise if a file of a folder cannot be read, whatever the manifests say of it."""
    artifacts = folder / "artifacts"
    assert manifests_in(artifacts)[1] == []
    for path in artifacts.glob("*"):
        if path.suffix == ".pt":
            read_checkpoint(path)
        elif path.suffix == ".safetensors" and path.name[0] != ".":
            load_file(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".onnx":
            onnx.checker.check_model(onnx.load(path), full_check=True)
        elif path.name == "ledger.jsonl":
            assert looks(artifacts)
        elif path.suffix == ".jsonl":
            epochs = [json.loads(line)["epoch"] for line in path.read_text().splitlines()]
            assert epochs == list(range(1, len(epochs) + 1))
    if is_site(folder / "site"):
        assert list(check_site(folder / "site"))  # what it lists may be interrupted, but is read


def results(folder: Path) -> Any:
    """All outputs of a folder; every manifest has to be true of them."""
    artifacts, found = folder / "artifacts", {}
    for manifest in manifests_in(artifacts)[0]:
        for key in manifest.artifacts:
            manifest.check(key)
    for path in sorted(artifacts.glob("*")):
        if path.suffix == ".json" and not path.name.endswith(".run.json"):
            found[path.name] = document_result(path)
        elif path.suffix in (".onnx", ".txt"):
            found[path.name] = path.read_bytes()
        elif path.suffix == ".safetensors":
            found[path.name] = {k: v.tobytes() for k, v in load_file(path).items()}
    return found


def site(folder: Path) -> Any:
    assert [problem for _, problem in check_site(folder / "site") if problem is not None] == []
    return {p.name: p.read_bytes() for p in (folder / "site").rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


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


def published(trained: Path, forks: Forks, folder: Path) -> Work:
    """A site of one run that is replaced by one with more files."""
    shutil.copytree(trained, folder)
    built_pages(folder / "pages")
    for command in (["publish", "site"], ["manifold", *arguments("3")]):
        ended = forks.run(folder, *command)
        assert ended.status == 0, ended.output
    return Work(["publish", "site"], ["publish", "site"], folder, site)


def work(name: str, trained: Path, forks: Forks, folder: Path) -> Work:
    if name in TRAININGS:
        config, settings = TRAININGS[name]
        given = arguments(config, *settings)
        folder.mkdir()

        def result(folder: Path) -> Any:
            return training_result(folder / FINAL), results(folder)

        return Work(["train", *given], ["train", "--resume", *given], folder, result)
    if name == "published":
        return published(trained, forks, folder)
    given = arguments("3", "analysis.k=3")
    command = {
        "points": ["points", *given, "--umap-n-neighbors", "12"],
        "analysis": ["analyze", *given],
        "encoder": ["export-encoder", *given],
        "chain": ["run", *given],
        "retraining": ["train", "--force", *given],
    }[name]
    return Work(command, command, trained, results)


def kill(
    one: Work, whole: Ended, expected: Any, forks: Forks, scratch: Path, draw: random.Random
) -> Iterator[str]:
    """Kill a command until a kill has hit it, look at the files, do it again to the end.

    Yields:
        What cannot be read after the kill, and what is different in the end.
    """
    while True:
        folder = shutil.copytree(one.folder, scratch / "killed")
        at: Any = {"at_step": draw.randint(1, whole.steps)}
        if draw.random() < 0.5:
            at = {"after": draw.uniform(0, whole.seconds)}
        ended = forks.run(folder, *one.command, **at)
        assert ended.status in (0, -9), ended.output
        if ended.status == -9:
            break
        shutil.rmtree(folder)  # it was quicker than the time drawn
    try:
        check_readable(folder)
    except (UserError, ValueError, KeyError, AssertionError, OSError) as error:
        yield f"unreadable: {one.command[0]}: {error!r}"
    ended = forks.run(folder, *one.again)
    try:
        assert ended.status == 0
        assert one.result(folder) == expected
        assert not [p for p in folder.rglob(".*") if p.name.endswith((".tmp", ".lock"))]
    except (UserError, ValueError, OSError, AssertionError) as error:
        yield f"differing: {one.command[0]}: {ended.output} {error!r}"
    shutil.rmtree(folder)


def kills(forks: Forks, trained: Path, scratch: Path, shares: dict[str, int], seed: int) -> str:
    """Kill each kind of work so often; what came of it."""
    draw, problems = random.Random(seed), []
    for name, times in shares.items():
        one = work(name, trained, forks, scratch / name)
        folder = shutil.copytree(one.folder, scratch / "whole")
        whole = forks.run(folder, *one.command)
        assert whole.status == 0, whole.output
        check_readable(folder)
        expected = one.result(folder)
        shutil.rmtree(folder)
        for _ in range(times):
            problems += kill(one, whole, expected, forks, scratch, draw)
    print("\n".join(problems))
    unreadable = sum(problem.startswith("unreadable") for problem in problems)
    differing = len(problems) - unreadable
    return f"{sum(shares.values())} kills, {unreadable} unreadable, {differing} differing"


def test_a_few_kills(forks, trained, tmp_path):
    shares = {"dropout": 2, "kept set": 1, "published": 1}
    said = kills(forks, trained, tmp_path, shares, seed=1)
    assert said == "4 kills, 0 unreadable, 0 differing"


@pytest.mark.full
def test_two_hundred_kills(forks, trained, tmp_path, capsys):
    shares = {
        "fully connected": 20, "dropout": 40, "kept set": 30, "resnet": 15, "retraining": 15,
        "points": 20, "analysis": 15, "encoder": 10, "chain": 15, "published": 20,
    }  # fmt: skip
    said = kills(forks, trained, tmp_path, shares, seed=200)
    with capsys.disabled():
        print(f"\n{said}")
    assert said == "200 kills, 0 unreadable, 0 differing"
