"""Runs that many tests look at are trained once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from grounding.cli.commands import main

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


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainedRun]:
    """Train a packaged experiment, reduced; each is trained once."""
    runs: dict[str, TrainedRun] = {}

    def train(config: str) -> TrainedRun:
        if config not in runs:
            folder = tmp_path_factory.mktemp(f"run{config}")
            extra = ["self_supervised.augmentations_per_sample=2"] if config in "45" else []
            arguments = ["--config", config, *overrides(*extra)]
            before = Path.cwd()
            os.chdir(folder)
            try:
                assert main("train", arguments) == 0
            finally:
                os.chdir(before)
            checkpoint = next((folder / "artifacts").glob("*_final.pt"))
            runs[config] = TrainedRun(folder, arguments, checkpoint)
        return runs[config]

    return train
