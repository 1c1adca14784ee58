"""Commands: whole processes, from start to exit.

Seconds by the clock and memory at its highest, start of Python included; beside them the same
figures of an earlier implementation of the same experiments, measured once on two cores, which
cannot be run here: a scale, not a yardstick. The ratio is to the lower of its figures. The
yardstick of the minute is a process that only imports torch, run before each command. Trainings
longer than some seconds are extrapolated from three epochs, or whole with --full; what follows a
training takes as long after a short one. The last row adds up trainings 0, 1, 4 and 5 and six of
each analysis and export; for trainings 2 and 3 the earlier implementation has no figure.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from harness.measure import Spent, process, say
from harness.question import Effort, Row
from harness.reference import ANALYZE, COMMANDS, TRAINING, Cost

EXPERIMENTS = 6
# Experiments with few and with all training images, and how many there are of each kind.
FEW, ALL = "4", "0"
KINDS = {FEW: 4, ALL: 2}
QUICK_TRAININGS = "23"
SHORT_EPOCHS = 3
TORCH = [sys.executable, "-c", "import torch"]
GROUNDING = [sys.executable, "-m", "grounding"]


def measure(effort: Effort) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [_row("--help", None, [], folder, effort, None)]
        rows += [training(config, folder, effort) for config in effort.pick("2", "012345")]
        for config in effort.pick("2", FEW + ALL):
            rows += after_training(config, folder, effort)
    whole = sum_of_all(rows)
    return rows + ([whole] if whole else [])


def training(config: str, folder: Path, effort: Effort) -> Row:
    """A training: whole, or a short one and the missing epochs at its median epoch's seconds."""
    from grounding.experiment.load import load_experiment
    from grounding.training.history import metrics_path

    experiment = load_experiment(config)
    epochs = experiment.training.epochs
    trained = effort.pick(2, epochs if config in QUICK_TRAININGS else SHORT_EPOCHS, epochs)
    settings = [*_short(config, effort), *_reduced(effort)]
    floor = torch_seconds(folder)
    options = ["--config", config, *settings]
    spent = repeated([*GROUNDING, "train", *options], folder, effort.pick(1, 3, 1))
    lines = (folder / metrics_path(experiment.checkpoint_path)).read_text(encoding="utf-8")
    epoch = median(json.loads(line)["seconds"] for line in lines.splitlines())
    missing = epochs - trained
    share = missing * epoch / spent.seconds
    whole = Spent(
        spent.seconds * (1 + share), spent.processor_seconds * (1 + share), spent.memory_mb
    )
    how = f"{epochs} epochs" + (f" from {trained}" if missing else "")
    return _figures("train", config, whole, TRAINING.get(config), floor, how)


def after_training(config: str, folder: Path, effort: Effort) -> list[Row]:
    """Each analysis and export of one short run, which is there when this is called."""
    from grounding.experiment.load import load_experiment

    images = load_experiment(config).data.train_samples
    options = ["--config", config, *_short(config, effort), *_reduced(effort)]
    return [
        _row(command, config, options, folder, effort, reference)
        for command, reference in {"analyze": ANALYZE[images], **COMMANDS}.items()
        if command in effort.pick(("analyze",), COMMANDS.keys() | {"analyze"})
    ]


def sum_of_all(rows: Sequence[Row]) -> Row | None:
    """Six experiments with their analyses and exports; None if not all of it was measured."""
    seconds = {(row["command"], row["experiment"]): float(row["seconds"] or 0) for row in rows}
    counted = {("train", config): 1 for config in TRAINING}
    later = ["analyze", *COMMANDS]
    counted |= {(command, config): n for config, n in KINDS.items() for command in later}
    if not counted.keys() <= seconds.keys():
        return None
    total = sum(seconds[key] * times for key, times in counted.items())
    references = {("train", config): cost for config, cost in TRAINING.items()}
    references |= {("analyze", FEW): ANALYZE[100], ("analyze", ALL): ANALYZE[55_000]}
    references |= {(c, config): cost for config in KINDS for c, cost in COMMANDS.items()}
    lowest, highest = (
        sum(getattr(references[key], end) * times for key, times in counted.items())
        for end in ("lowest", "highest")
    )
    spent = Spent(total, 0, max(float(row["memory, MB"] or 0) for row in rows))
    row = _figures("all", None, spent, Cost(lowest, highest, 2500), 0, "sum of the rows above")
    return {**row, "processor s": None, "import torch, s": None}


def repeated(command: Sequence[str], folder: Path, runs: int) -> Spent:
    """Median seconds and highest memory of a command's runs."""
    say(" ".join(command[2:]))
    spent = [process(command, folder) for _ in range(runs)]
    return Spent(
        median(one.seconds for one in spent),
        median(one.processor_seconds for one in spent),
        max(one.memory_mb for one in spent),
    )


def torch_seconds(folder: Path) -> float:
    """Seconds of a process that imports torch and ends."""
    return process(TORCH, folder).seconds


def _row(
    command: str,
    config: str | None,
    options: Sequence[str],
    folder: Path,
    effort: Effort,
    reference: Cost | None,
    runs: int | None = None,
) -> Row:
    runs = runs or effort.pick(1, 3, 5)
    floor = torch_seconds(folder)
    spent = repeated([*GROUNDING, command, *options], folder, runs)
    how = f"median of {runs}" if runs > 1 else "one run"
    return _figures(command, config, spent, reference, floor, how)


def _figures(
    command: str,
    config: str | None,
    spent: Spent,
    reference: Cost | None,
    floor: float,
    how: str,
) -> Row:
    return {
        "command": command,
        "experiment": config,
        "seconds": spent.seconds,
        "processor s": spent.processor_seconds,
        "memory, MB": spent.memory_mb,
        "import torch, s": floor,
        "earlier, s": _range(reference) if reference else None,
        "earlier, MB": reference.memory_mb if reference else None,
        "times as fast": reference.lowest / spent.seconds if reference else None,
        "how": how,
    }


def _range(cost: Cost) -> str:
    low, high = f"{cost.lowest:g}", f"{cost.highest:g}"
    return low if low == high else f"{low} to {high}"


def _short(config: str, effort: Effort) -> list[str]:
    """Fewer epochs, where a training takes long."""
    if effort.name == "full" or (effort.name == "standard" and config in QUICK_TRAININGS):
        return []
    return ["--set", f"training.epochs={effort.pick(2, SHORT_EPOCHS)}"]


def _reduced(effort: Effort) -> list[str]:
    """Fewer images for a quick look."""
    small = effort.pick(["data.val_samples=200", "data.test_samples=300"], [])
    return [part for setting in small for part in ("--set", setting)]
