"""Where a training starts: at its first epoch, or after the last one that a checkpoint holds.

Every training to a checkpoint path is a run with a name of its own, which sorts after those of all
earlier ones and is held in each of its checkpoints. Only the newest run is continued, so periodic
checkpoints that an earlier one left behind are never mixed into it. All randomness is a function of
seed, purpose and epoch: weights, Adam's tensors and the epoch are all there is to restore.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding.experiment.schema import Experiment
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.weighted import Objective
from grounding.training.checkpoint import (
    Checkpoint,
    differences,
    load_checkpoint,
    machine,
    versions,
)
from grounding.training.optimizer import Adam

_EPOCHS = "training.epochs"


@dataclass(frozen=True, eq=False)
class Start:
    """Where a training starts.

    Attributes:
        run: the run's name.
        checkpoint: what to continue from; None for the beginning.
        path: of that checkpoint.
        is_finished: whether nothing is left to do.
        notes: lines for the user.
        warnings: lines for the user about what is not as it should be.
    """

    run: str
    checkpoint: Checkpoint | None = None
    path: Path | None = None
    is_finished: bool = False
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Epochs that are done already."""
        return self.checkpoint.epoch if self.checkpoint else 0


class _Saved(NamedTuple):
    run: str
    epoch: int
    path: Path


def find_start(experiment: Experiment, data_fingerprint: str) -> Start:
    """A start at the first epoch, with a note if an unfinished run could be continued instead."""
    saved, _ = _scan(experiment.checkpoint_path)
    latest = saved[-1] if saved else None
    start = Start(_next_run(latest.run if latest else ""))
    if latest and latest.epoch < experiment.training.epochs:
        try:
            held = _load_fitting(latest.path, experiment, data_fingerprint)
        except UserError:
            return start
        start.notes.append(
            f"{latest.path} is of an unfinished run of this experiment, epoch {held.epoch} of "
            f"{experiment.training.epochs}; --resume would continue it, this trains from the "
            "beginning"
        )
    return start


def find_resumption(experiment: Experiment, data_fingerprint: str, device: torch.device) -> Start:
    """A start after the last epoch that the newest run at the experiment's path has saved.

    Args:
        experiment: it may ask for another number of epochs than the run did, if no step depends
            on how many follow; all else that training depends on must be equal.
        data_fingerprint: of the data to train on.
        device: to train on.

    Raises:
        UserError: the newest run is of another experiment or of other data, or has more epochs
            than are asked for.
    """
    path = experiment.checkpoint_path
    saved, unusable = _scan(path)
    if not saved:
        again = f"no checkpoint of {path} to resume from: training from the beginning"
        return Start(_next_run(""), notes=[again], warnings=list(unusable.values()))
    latest = saved[-1]
    held = _load_fitting(latest.path, experiment, data_fingerprint)
    epochs = experiment.training.epochs
    if held.epoch > epochs:
        raise UserError(
            f"{latest.path} has {held.epoch} epochs, the config says {_EPOCHS}={epochs}; pass "
            f"--set {_EPOCHS}={held.epoch}, or train without --resume"
        )
    warnings = [
        f"{reason}; taking {latest.path}"
        for place, reason in unusable.items()
        if place == path or _epoch_of(place, path) > held.epoch
    ]
    warnings += [
        f"{other.path} is of an earlier run and not used"
        for other in saved
        if other.run != held.run and other.epoch > held.epoch
    ]
    if latest.path == path and held.epoch == epochs:
        done = f"{path} is finished already: epoch {epochs} of {epochs}"
        return Start(held.run, held, path, True, [done], warnings)
    warnings += _changes(held, device)
    note = f"resuming from {latest.path}, epoch {held.epoch} of {epochs}"
    return Start(held.run, held, latest.path, False, [note], warnings)


def optimizer_tensors(
    model: Autoencoder, objective: Objective, optimizer: Adam
) -> dict[str, dict[str, Tensor]]:
    """What Adam keeps for each parameter (running means and the step), on the CPU."""
    return {
        name: {
            key: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for key, tensor in optimizer.state.get(parameter, {}).items()
        }
        for name, parameter in _parameters(model, objective)
    }


@torch.no_grad()
def restore(start: Start, model: Autoencoder, objective: Objective, optimizer: Adam) -> None:
    """Give a model, its objective and its optimiser the tensors of a start's checkpoint.

    Raises:
        UserError: they do not fit.
    """
    checkpoint = start.checkpoint
    assert checkpoint is not None
    try:
        model.load_state_dict(checkpoint.state_dict)
        objective.load_state_dict(checkpoint.objective)
        for name, parameter in _parameters(model, objective):
            try:
                optimizer.remember(parameter, checkpoint.optimizer[name])
            except ValueError as error:
                raise ValueError(f"optimiser state of {name}: {error}") from None
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{start.path} does not fit its own config: {reason}; delete it, or train without "
            "--resume"
        ) from None


def _parameters(model: Autoencoder, objective: Objective) -> Iterator[tuple[str, nn.Parameter]]:
    """All that is trained, by name, in the order in which the optimiser has it."""
    yield from model.named_parameters()
    yield from objective.named_parameters(prefix="objective")


def _scan(path: Path) -> tuple[list[_Saved], dict[Path, str]]:
    """The usable checkpoints of a path, the last one last, and why other files are not usable."""
    saved, unusable = [], {}
    for place in _places(path):
        try:
            held, _ = load_checkpoint(place)
        except UserError as error:
            unusable[place] = str(error).split(";")[0]
            continue
        saved.append(_Saved(held.run, held.epoch, place))
    return sorted(saved, key=lambda one: (one.run, one.epoch, one.path == path)), unusable


def _places(path: Path) -> Iterator[Path]:
    """Where checkpoints of a path lie: periodic ones by epoch, then the final one."""
    if path.parent.is_dir():
        found = [place for place in path.parent.iterdir() if _epoch_of(place, path)]
        yield from sorted(found, key=lambda place: _epoch_of(place, path))
    if path.exists():
        yield path


def _epoch_of(place: Path, path: Path) -> int:
    """The epoch that a periodic checkpoint's name says; 0 if it is none of this path's."""
    pattern = re.escape(path.stem) + r"_epoch([0-9]{3,9})" + re.escape(path.suffix)
    found = re.fullmatch(pattern, place.name)
    return int(found[1]) if found else 0


def _next_run(latest: str) -> str:
    """A name that sorts after the latest; the random part tells copies of folders apart."""
    return f"{int(latest[:6] or 0) + 1:06d}-{secrets.token_hex(4)}"


def _load_fitting(path: Path, experiment: Experiment, data_fingerprint: str) -> Checkpoint:
    """Load a checkpoint of just this experiment.

    Raises:
        UserError: it is of another one, or of other data.
    """
    held, _ = load_checkpoint(path)
    anew = "train without --resume"
    for key, (given, trained) in differences(experiment, held.experiment).items():
        if key != _EPOCHS or held.experiment.training.schedule != "constant":
            raise UserError(
                f"{path} was trained with {key}={trained}, the config says {given}; pass "
                f"--set {key}={trained}, or {anew}"
            )
    if held.data_fingerprint != data_fingerprint:
        raise UserError(
            f"{path} was trained on other data (SHA-256 {held.data_fingerprint[:12]}..., here "
            f"{data_fingerprint[:12]}...); set data.data_dir to the folder it was trained on, or "
            f"{anew}"
        )
    return held


def _changes(held: Checkpoint, device: torch.device) -> list[str]:
    """One line if this process computes in another way than the one before."""
    before: dict[str, Any] = {
        **held.versions, "device": held.device, "machine": held.machine, "threads": held.threads
    }  # fmt: skip
    now: dict[str, Any] = {
        **versions(), "device": device.type, "machine": machine(),
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    changed = [
        f"{key} {now.get(key)} (was {before.get(key)})"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    line = "the result may differ in its last digits from that of an uninterrupted run"
    return [f"resuming with {', '.join(changed)}: {line}"] if changed else []
