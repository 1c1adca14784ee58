"""Whole epochs: against Dataset and DataLoader.

The yardstick: a Dataset that prepares one image at a time, a DataLoader, a plain loop over the same
architecture in torch's own layers, Adam, validation each epoch. Both in turn, each in a process of
its own; start-up is not counted, checkpoints, metrics and validation are. Median of the ratios of
neighbours.
"""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness.measure import alone, median_ratio, say
from harness.question import Effort, Row


def measure(effort: Effort) -> list[Row]:
    from harness.step import config_numbers

    return [row(config, effort) for config in effort.pick(["2"], config_numbers())]


def row(config: str, effort: Effort) -> Row:
    """Seconds both ways for one experiment."""
    from grounding.experiment.load import load_experiment

    settings = load_experiment(config)
    short = settings.data.train_samples == 100 and not settings.self_supervised.enabled
    epochs = effort.pick(1, 10 if short else 1, settings.training.epochs)
    overrides = [f"training.epochs={epochs}"]
    if effort.name == "quick":
        overrides.append("data.val_samples=500")
    seconds: dict[str, list[float]] = {"ours": [], "usual": []}
    for number in range(effort.pick(1, 3, 1)):
        for way, times in seconds.items():
            say(f"experiment {config}, {epochs} epochs, {way}, run {number + 1}")
            times.append(alone(train, way, config, overrides))
    return {
        "experiment": config,
        "epochs": epochs,
        "ours, s": median(seconds["ours"]),
        "usual, s": median(seconds["usual"]),
        "times as fast": median_ratio(seconds["usual"], seconds["ours"]),
        "runs": len(seconds["ours"]),
    }


def train(way: str, config: str, overrides: list[str]) -> float:
    """Seconds that one way takes to train an experiment."""
    import torch
    from harness import usual

    from grounding.data.splits import load_splits
    from grounding.experiment.load import load_experiment
    from grounding.training import loop

    experiment = load_experiment(config, overrides)
    splits = load_splits(experiment.data, experiment.seed)
    with tempfile.TemporaryDirectory() as folder:
        output = experiment.output.model_copy(update={"checkpoint_path": Path(folder) / "x.pt"})
        experiment = experiment.model_copy(update={"output": output})
        ways: dict[str, Any] = {
            "ours": lambda: loop.train(experiment, splits, torch.device("cpu")),
            "usual": lambda: usual.train(experiment, splits),
        }
        started = time.perf_counter()
        ways[way]()
        return time.perf_counter() - started
