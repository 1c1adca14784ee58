"""One trial: an ordinary run, trained up to an epoch; and what the disk says of it."""

from __future__ import annotations

import importlib
import io
import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import BusyError, hash_of, open_regular
from grounding.experiment import Experiment, experiment_from_dict
from grounding.runs.manifest import manifest_path, read_manifest, shown_results
from grounding.runs.training import FINAL, METRICS, metrics_path, train_experiment
from grounding.training.history import Epoch, best_of

MAX_METRICS = 64 << 20  # bytes, of 100,000 epochs a third
_EPOCH = TypeAdapter(Epoch)
BUSY_SECONDS = 60.0  # a worker whose node died may hold its files a little longer


@dataclass(frozen=True)
class Task:
    """What a worker is to do.

    Attributes:
        name: of the run.
        config: of it, as plain values.
        until: the epoch to pause after; None for all.
        folder: to work in, in which artifacts/ lies.
        modules: to import first, for components from elsewhere.
        threads: of PyTorch.
    """

    name: str
    config: Mapping[str, Any]
    until: int | None
    folder: str
    modules: tuple[str, ...]
    threads: int


class Answer(NamedTuple):
    """What a worker says of a task that has ended.

    Attributes:
        failure: why it failed, "" if it did not.
        warnings: lines that the training has printed beside its metrics.
    """

    failure: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What there is of a run.

    Attributes:
        history: its epochs so far.
        is_done: whether it is trained to its end.
        tested: kNN accuracy on the test images, if that was measured.
        data: fingerprint of what it was trained on.
    """

    history: tuple[Epoch, ...] = ()
    is_done: bool = False
    tested: float | None = None
    data: str = ""

    @property
    def seconds(self) -> float:
        """Spent in training."""
        return sum(epoch.seconds for epoch in self.history)

    def value(self, experiment: Experiment, metric: str, until: int) -> float | None:
        """The metric after an epoch, or at the end of what stopped before; None if it is not there.

        With `training.keep_best` it is that of the epoch that is used, among those so far.
        """
        key: Any = "val_loss" if metric == "val_loss" else "val_knn"
        epochs = self.history[:until]
        if not (self.is_done or len(epochs) == until) or not epochs:
            return None
        keep = experiment.training.keep_best
        used = best_of(epochs, keep) if keep else epochs[-1]
        found = getattr(used, key) if used else None
        return None if found is None else float(found)


def train_trial(task: Task) -> Answer:
    """Train a run up to an epoch, from its last checkpoint on."""
    import torch

    torch.set_num_threads(task.threads)
    os.chdir(task.folder)
    sys.path.insert(0, task.folder)
    said = io.StringIO()
    try:
        for module in task.modules:
            importlib.import_module(module)
        experiment = experiment_from_dict(dict(task.config), task.name)
        given_up = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with redirect_stderr(said):
                    train_experiment(experiment, quiet=True, resume=True, until=task.until)
                return Answer(warnings=tuple(dict.fromkeys(said.getvalue().splitlines())))
            except BusyError:
                if time.monotonic() > given_up:
                    raise
                time.sleep(0.2)
    except UserError as error:
        return Answer(str(error))
    except Exception as error:
        return Answer(f"{type(error).__name__}: {error}")
    finally:
        sys.path.remove(task.folder)


def state_of(experiment: Experiment) -> State:
    """What the disk has of a run; metrics that are cut or changed count as far as they go."""
    path = manifest_path(experiment.name)
    try:
        manifest = read_manifest(path)
    except (FileNotFoundError, UserError):
        return State()
    finals = manifest.of_kind(FINAL).values()
    is_done = any(one.made_from.get("epochs") == experiment.training.epochs for one in finals)
    metrics = metrics_path(experiment.checkpoint_path)
    if is_done:
        entry = next(iter(manifest.of_kind(METRICS).values()), None)
        file = entry.files.get(manifest.key(metrics)) if entry else None
        try:
            if file is None or hash_of(metrics, file.bytes) != file.sha256:
                return State()  # training says what is wrong, and does it again
        except OSError:
            return State()
    try:
        with open_regular(metrics, MAX_METRICS) as lines:
            history = tuple(_epochs(lines))
    except (OSError, UserError):
        return State()
    measured = next(iter(manifest.of_kind("analysis").values()), None) if is_done else None
    found = shown_results(measured.results).get("knn_accuracy", {}) if measured else {}
    return State(history, is_done, found.get("value"), str(manifest.data.get("fingerprint")))


def needed_modules() -> tuple[str, ...]:
    """Modules whose import has registered components that do not come with this package.

    Raises:
        UserError: one was registered by a notebook or script itself, which no worker can import.
    """
    every = {one.make.__module__ for registry in register.REGISTRIES
             for one in registry.components() if not one.is_ours}  # fmt: skip
    if "__main__" in every:
        raise UserError(
            "a component was registered in this script or notebook, where workers cannot find it; "
            "put it into a file my_components.py, and import that"
        )
    return tuple(sorted(every))


def _epochs(lines: Iterable[bytes]) -> Iterable[Epoch]:
    for line in lines:
        try:
            yield _EPOCH.validate_json(line)
        except ValidationError:  # the last line of a process that was killed
            return
