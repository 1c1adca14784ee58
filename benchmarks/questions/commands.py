"""Commands: whole processes, from start to exit.

Seconds by the clock, seconds of all processors, and memory at its highest, start of Python
included. The yardstick of the minute is a process that only imports torch, run before each command.
Trainings longer than some seconds are extrapolated from three epochs, or whole with --full; what
follows a training takes as long after a short one.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from harness.measure import GROUNDING, Spent, process, repeated
from harness.question import Effort, Row

# Experiments with few and with all training images.
FEW, ALL = "4", "0"
QUICK_TRAININGS = "23"
SHORT_EPOCHS = 3
TORCH = [sys.executable, "-c", "import torch"]
AFTER_TRAINING = (
    "analyze", "manifold", "points", "export-assets", "export-encoder", "export-decoder",
)  # fmt: skip
REDUCED = {"data.val_samples": 200, "data.test_samples": 300}


def measure(effort: Effort) -> list[Row]:
    runs = effort.pick(1, 3, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row("--help", None, folder, runs, [])]
        rows += [training(config, folder, effort) for config in effort.pick("2", "012345")]
        for config in effort.pick("2", FEW + ALL):
            for command in effort.pick(("analyze",), AFTER_TRAINING):
                rows.append(row(command, config, folder, runs, _settings(config, effort)))
    return rows


def training(config: str, folder: Path, effort: Effort) -> Row:
    """A training: whole, or a short one and the missing epochs at its median epoch's seconds."""
    import grounding

    # Without --force the second run would find the first.
    options = [*_settings(config, effort), "--force"]
    found = row("train", config, folder, effort.pick(1, 3, 1), options)
    experiment = grounding.load_config(config)
    metrics = folder / experiment.artifact("final_metrics.jsonl")
    lines = metrics.read_text(encoding="utf-8").splitlines()
    epochs = experiment.training.epochs
    missing = epochs - len(lines)
    share = 1 + missing * median(json.loads(line)["seconds"] for line in lines) / found["seconds"]
    return {
        **found,
        "seconds": found["seconds"] * share,
        "processor s": found["processor s"] * share,
        "how": f"{epochs} epochs" + (f" from {len(lines)}" if missing else ""),
    }


def row(
    command: str, config: str | None, folder: Path, runs: int, options: Sequence[str]
) -> dict[str, Any]:
    """What a command takes."""
    torch_seconds = process(TORCH, folder).seconds
    named = ["--config", config] if config else []
    spent: Spent = repeated([*GROUNDING, command, *named, *options], folder, runs)
    return {
        "command": command,
        "experiment": config,
        "seconds": spent.seconds,
        "processor s": spent.processor_seconds,
        "memory, MB": spent.memory_mb,
        "import torch, s": torch_seconds,
        "how": f"median of {runs}" if runs > 1 else "one run",
    }


def _settings(config: str, effort: Effort) -> list[str]:
    """Fewer epochs, where a training takes long; for a quick look fewer images as well."""
    values: dict[str, int] = effort.pick(REDUCED, {})
    if effort.name == "quick" or (effort.name == "standard" and config not in QUICK_TRAININGS):
        values = {**values, "training.epochs": effort.pick(2, SHORT_EPOCHS)}
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
