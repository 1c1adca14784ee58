"""A training as its user meets it: refused or begun, continued, shown, entered in the manifest."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from grounding import _registry as register
from grounding._errors import UserError, say
from grounding._files import check_writable, remove_leftovers, write_text
from grounding._progress import progress_bar
from grounding.data import ImageSet, Splits
from grounding.experiment import Experiment, differences, experiment_from_dict
from grounding.runs.artifacts import enter
from grounding.runs.building import (
    described,
    initial_model,
    inputs_of,
    load_splits,
    objectives_of,
)
from grounding.runs.manifest import (
    Artifact,
    Manifest,
    check_not_of_another,
    manifest_path,
    read_manifest,
    write_manifest,
    writing,
)
from grounding.training import (
    KNN,
    Checkpoint,
    Epoch,
    NotFinite,
    Training,
    checkpoint_bytes,
    read_checkpoint,
    resolve_device,
    resolve_precision,
    smallest_batch,
    train,
)
from grounding.training.checkpoint import at_best, versions
from grounding.training.history import append_metrics, best_of, has_stalled, metrics_text
from grounding.training.resume import changes, epochs_problem, is_run_name, next_run
from grounding.training.tensorboard import tensorboard_log

FINAL, PERIODIC, BEST = "checkpoint", "periodic checkpoint", "best checkpoint"
METRICS = "metrics"
SHOWN_DIFFERENCES = 3


@dataclass
class _Start:
    """Where a training begins.

    Attributes:
        training: its name, which sorts after those of earlier trainings under the same name.
        checkpoint: what to go on from; None for the beginning.
        notes: lines for the user.
        warnings: lines about what is not as it should be.
    """

    training: str
    checkpoint: Checkpoint | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return self.checkpoint.epoch if self.checkpoint else 0


def train_experiment(
    experiment: Experiment,
    *,
    command: str = "",
    tensorboard: Path | None = None,
    resume: bool = False,
    force: bool = False,
    quiet: bool = False,
    images: ImageSet | None = None,
    until: int | None = None,
) -> str:
    """Train an experiment unless that is done, showing progress.

    Args:
        experiment: what to train.
        command: what its user typed, for messages.
        tensorboard: folder to log to as well.
        resume: whether to go on after the last checkpoint of an interrupted training.
        force: whether to train again, also under a name that another experiment has taken.
        quiet: whether to show nothing but warnings and, on a terminal, the bar.
        images: given from Python; None for those that the experiment names.
        until: pause after this epoch, with a checkpoint that `resume` goes on from.

    Returns:
        A line about it.

    Raises:
        UserError: it cannot be trained or continued, the name is taken by another experiment or
            other data, or another process is training it.
        KeyboardInterrupt: as raised before, with a line about how to continue.
    """
    experiment, splits = load_splits(experiment, images)
    path = experiment.checkpoint_path
    check_writable(path)
    check_not_of_another(experiment.name, path)
    if experiment.training.keep_best:
        check_not_of_another(experiment.name, experiment.best_path, kind=BEST)
    if not quiet:
        say(described(splits))
        for note in splits.notes:
            say(f"data: {note}")
    with writing(manifest_path(experiment.name), f"training of {experiment.name}"):
        manifest = claimed_manifest(experiment, splits, command, resume=resume, force=force)
        done, problem = _finished(experiment, manifest)
        trains = register.model[experiment.model.architecture].facts.get("trains", True)
        if done and not (force and trains):
            line = f"up to date, {experiment.model_path}"
        elif not trains:
            raise UserError(
                f"{experiment.name} was trained elsewhere, and {problem or f'{path} is missing'}; "
                f"attach it again: grounding attach --name {experiment.name} --encoder E.onnx"
            )
        else:
            if problem and not (quiet or force):
                say(f"train: {problem}; training again")
            start = _start(experiment, splits, manifest, resume=resume)
            for warning in start.warnings:
                say(f"warning: {warning}", is_error=True)
            if not quiet:
                _announce(experiment, splits, start)
            held = _train(
                experiment, splits, manifest, start, tensorboard, done, quiet=quiet, until=until
            )
            if held is None:
                return f"paused after epoch {until} of {experiment.training.epochs}"
            loss = "" if held.val_loss is None else f", validation loss {held.val_loss:.5f}"
            metrics = metrics_path(path)
            line = f"{held.seconds:.1f} s{loss}, metrics in {metrics}, wrote {path}"
            measure = experiment.training.keep_best
            if measure and (best := best_of(held.history, measure)):
                line += (
                    f" and, for all that comes next, {experiment.best_path}: epoch {best.epoch} of "
                    f"{held.epoch} is the best, {measure} {getattr(best, measure):.5g}"
                )
    return line


def metrics_path(checkpoint_path: Path) -> Path:
    """The file with one line of metrics an epoch: `x_final.pt` -> `x_final_metrics.jsonl`."""
    return checkpoint_path.with_name(f"{checkpoint_path.stem}_metrics.jsonl")


def epoch_path(path: Path, epoch: int) -> Path:
    """The periodic checkpoint of an epoch: `x_final.pt` -> `x_final_epoch005.pt`."""
    return path.with_name(f"{path.stem}_epoch{epoch:03d}{path.suffix}")


def claimed_manifest(
    experiment: Experiment, splits: Splits, command: str, *, resume: bool, force: bool
) -> Manifest:
    """The manifest of an experiment's name, if that is free or means this very training.

    Raises:
        UserError: it is taken; says what differs, and what to type.
    """
    path = manifest_path(experiment.name)
    data = {"source": splits.source, "fingerprint": splits.fingerprint}
    fresh = Manifest(path, experiment.name, experiment.as_dict(), data, versions())
    try:
        found = read_manifest(path)
    except FileNotFoundError:
        return fresh
    if not found.artifacts:  # of a training that was ended before it had saved anything
        return fresh
    trained = experiment_from_dict(dict(found.config), str(path))
    differing = differences(experiment, trained)
    if resume and set(differing) == {"training.epochs"}:
        return replace(found, config=fresh.config)  # `_start` sees whether that can be
    said = [
        f"{key}={was} (here {given})"
        for key, (given, was) in list(differing.items())[:SHOWN_DIFFERENCES]
    ]
    if len(differing) > SHOWN_DIFFERENCES:
        said.append(f"{len(differing) - SHOWN_DIFFERENCES} more")
    if not said and found.data.get("fingerprint") != splits.fingerprint:
        said = [f"other data: {found.data.get('source')} as it was then (here {splits.source})"]
    if not said:
        return replace(found, config=fresh.config, data=data)
    if force:
        return fresh
    typed = command or "grounding run --config CONFIG"
    free = shlex.quote(f"experiment.name={_free_name(experiment.name)}")
    raise UserError(
        f"the name {experiment.name} is taken by a run with {', '.join(said)}; train this under a "
        f"name of its own: {typed} --set {free}, or replace that run: {typed} --force"
    )


def _free_name(name: str) -> str:
    number = 2
    while manifest_path(f"{name}_{number}").exists():
        number += 1
    return f"{name}_{number}"


def _finished(experiment: Experiment, manifest: Manifest) -> tuple[bool, str]:
    """Whether the training is done, and what is wrong with a checkpoint that is there."""
    needed = {experiment.checkpoint_path: FINAL}
    if experiment.training.keep_best:
        needed[experiment.best_path] = BEST
    for path, kind in needed.items():
        key = manifest.key(path)
        artifact = manifest.artifacts.get(key)
        if artifact is None or artifact.kind != kind:
            return False, f"{path} is in no manifest" if path.exists() else ""
        if artifact.made_from.get("epochs") != experiment.training.epochs:
            return False, ""
        try:
            manifest.check(key)
        except UserError as error:
            return False, str(error)
    return True, ""


def _start(experiment: Experiment, splits: Splits, manifest: Manifest, *, resume: bool) -> _Start:
    """Where to begin: at the first epoch, or after the last that the newest training has saved.

    Raises:
        UserError: the newest training cannot be gone on with.
    """
    saved = list(_saved(manifest))
    latest = max((one for one, _, _ in saved), default="")
    if not resume:
        start = _Start(next_run(latest))
        unfinished = [(epoch, key) for one, epoch, key in saved if one == latest]
        whole = {"training": latest, "epochs": experiment.training.epochs}
        finals = manifest.of_kind(FINAL).values()
        if unfinished and not any(whole.items() <= one.made_from.items() for one in finals):
            epoch, key = max(unfinished)
            start.notes.append(
                f"{manifest.place(key)} is of an unfinished training, epoch {epoch} of "
                f"{experiment.training.epochs}; --resume would continue it, this trains from the "
                "beginning"
            )
        return start
    warnings = []
    for training, _, key in sorted(saved, reverse=True):
        if training != latest:
            break
        try:
            manifest.check(key)
            held = read_checkpoint(manifest.place(key))
        except UserError as error:
            warnings.append(str(error).split(";")[0])
            continue
        warnings = [f"{line}; taking {manifest.place(key)}" for line in warnings]
        return _resumed(experiment, splits, held, manifest.place(key), warnings)
    again = f"no checkpoint of {experiment.name} to resume from: training from the beginning"
    return _Start(next_run(latest), notes=[again], warnings=warnings)


def _resumed(
    experiment: Experiment, splits: Splits, held: Checkpoint, path: Path, warnings: list[str]
) -> _Start:
    trained = experiment_from_dict(held.config, str(path))
    depending = [
        name
        for name in experiment.objective_weights
        if getattr(experiment.objective_settings(name), "depends_on_epochs", False)
    ]
    problem = epochs_problem(
        held,
        trained.training.epochs,
        experiment.training.epochs,
        schedule=experiment.training.schedule,
        depending=depending,
    )
    if problem:
        raise UserError(f"{path}: {problem}")
    if held.data_fingerprint != splits.fingerprint:
        raise UserError(
            f"{path} was trained on other data than that in {splits.source}; set data.data_dir to "
            "the folder it was trained on, or train without --resume"
        )
    warnings += changes(held, resolve_device(experiment.training.device))
    note = f"resuming from {path}, epoch {held.epoch} of {experiment.training.epochs}"
    return _Start(held.run, held, [note], warnings)


def _saved(manifest: Manifest) -> Iterator[tuple[str, int, str]]:
    """Training, epoch and key of each checkpoint that is entered."""
    for key, artifact in manifest.of_kind(FINAL, PERIODIC).items():
        training, epoch = artifact.made_from.get("training"), artifact.made_from.get("epoch")
        if isinstance(training, str) and is_run_name(training) and isinstance(epoch, int):
            yield training, epoch, key


def _announce(experiment: Experiment, splits: Splits, start: _Start) -> None:
    settings = experiment.self_supervised
    device = resolve_device(experiment.training.device)
    each = settings.augmentations_per_sample if settings.enabled else 1
    precision = resolve_precision(experiment.training.precision, device)
    if experiment.data.num_workers:
        say(
            f"data.num_workers {experiment.data.num_workers} has no effect: the images are one "
            "tensor in memory, augmented as whole batches, so there is no work for workers"
        )
    for line in start.notes:
        say(line)
    say(
        f"training {experiment.name}: {experiment.model.architecture}, {len(splits.train)} images "
        f"x {each}, {experiment.training.epochs} epochs, {device.type}, "
        f"{torch.get_num_threads()} threads, {str(precision).removeprefix('torch.')}"
    )


class _Record:
    """Writes what a training saves, and enters it in the manifest.

    Args:
        experiment: what is trained.
        manifest: of its name, as it is before.
        start: where it begins.
        keeps_result: whether a finished training of the same is there, which stays until this one
            is finished, too.
        until: pause after this epoch.

    The metrics of whatever was finished at this place, be it another experiment that is replaced,
    stay until then as well.
    """

    def __init__(
        self,
        experiment: Experiment,
        manifest: Manifest,
        start: _Start,
        *,
        keeps_result: bool,
        until: int | None = None,
    ) -> None:
        self.experiment, self.start, self.until = experiment, start, until
        self.path = experiment.checkpoint_path
        remove_leftovers(self.path, metrics_path(self.path), manifest.path)
        # What an earlier training left is no longer part of the run; resuming must not mix it in.
        kept = {
            key: one
            for key, one in manifest.artifacts.items()
            if one.kind not in (FINAL, PERIODIC, BEST, METRICS)
            or one.made_from.get("training") == start.training
            or (keeps_result and one.kind != PERIODIC)
        }
        self.manifest = replace(manifest, artifacts=kept, code=versions())
        write_manifest(self.manifest)
        finals = self.manifest.of_kind(FINAL).values()
        is_own = any(one.made_from.get("training") == start.training for one in finals)
        self.shows_metrics = is_own or not self.path.exists()
        if start.checkpoint and self.shows_metrics:
            write_text(metrics_path(self.path), metrics_text(start.checkpoint.history))

    def save(self, training: Training) -> None:
        """After an epoch: its line of metrics, and a checkpoint if it is time for one."""
        history, every = training.history, self.experiment.output.save_every_n_epochs
        if self.shows_metrics:
            if len(history) == 1:
                write_text(metrics_path(self.path), metrics_text(history))
            else:
                append_metrics(metrics_path(self.path), history[-1])
        if (every and len(history) % every == 0) or len(history) == self.until:
            path = epoch_path(self.path, len(history))
            held = self._checkpoint(training)
            self._enter({path: {path: checkpoint_bytes(held)}}, self._artifact(PERIODIC, held))

    def finish(self, training: Training) -> Checkpoint:
        """The final checkpoint, the best, and all metrics; an earlier training's are forgotten."""
        held, metrics = self._checkpoint(training), metrics_path(self.path)
        forget = list(self.manifest.of_kind(FINAL, BEST, METRICS))
        files = {
            self.path: {self.path: checkpoint_bytes(held)},
            metrics: {metrics: metrics_text(held.history).encode()},
        }
        artifacts = [self._artifact(FINAL, held), self._artifact(METRICS, held)]
        measure = self.experiment.training.keep_best
        if measure and (best := best_of(held.history, measure)):
            path, chosen = self.experiment.best_path, at_best(held, best)
            files[path] = {path: checkpoint_bytes(chosen)}
            artifacts.append(self._artifact(BEST, chosen))
        self._enter(files, *artifacts, forget=forget)
        return held

    def _checkpoint(self, training: Training) -> Checkpoint:
        return training.checkpoint(
            config=self.experiment.as_dict(),
            data_fingerprint=str(self.manifest.data["fingerprint"]),
            run=self.start.training,
        )

    def _artifact(self, kind: str, held: Checkpoint) -> Artifact:
        made_from: dict[str, Any] = {
            "training": held.run,
            "epoch": held.epoch,
            "epochs": self.experiment.training.epochs,
        }
        losses = {"train_loss": held.train_loss, "val_loss": held.val_loss}
        results = {name: {"value": value} for name, value in losses.items()}
        return Artifact(kind, {}, made_from, results, round(held.seconds, 3))

    def _enter(self, files: Any, *artifacts: Artifact, forget: list[str] | None = None) -> None:
        self.manifest = enter(self.manifest, files, *artifacts, forget=forget or [])


def _epoch_line(epoch: Epoch, epochs: int) -> str:
    val_loss = "" if epoch.val_loss is None else f"val loss {epoch.val_loss:.5f}  "
    val_knn = "" if epoch.val_knn is None else f"val kNN {epoch.val_knn:.4f}  "
    return (
        f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}  train loss {epoch.train_loss:.5f}  "
        f"{val_loss}{val_knn}{epoch.seconds:.1f} s  {epoch.images_per_second:,.0f} images/s"
    )


def _train(
    experiment: Experiment,
    splits: Splits,
    manifest: Manifest,
    start: _Start,
    tensorboard: Path | None,
    keeps_result: bool,
    *,
    quiet: bool,
    until: int | None,
) -> Checkpoint | None:
    """The final checkpoint; None of a training that was paused."""
    settings = experiment.training
    device = resolve_device(settings.device)
    model = initial_model(experiment, splits.image_shape)
    objectives = objectives_of(experiment, model, splits, device)
    inputs = inputs_of(experiment, splits, device, smallest_batch(model, objectives))
    val_knn, left_out = _val_knn(experiment, splits)
    if left_out and not quiet:
        say(f"val kNN: left out, {left_out}")
    record = _Record(experiment, manifest, start, keeps_result=keeps_result, until=until)
    log_to: AbstractContextManager[Any] = nullcontext()
    if tensorboard:
        log_to = tensorboard_log(tensorboard / experiment.name / start.training, start.epochs + 1)
    done = start.epochs
    try:
        every = inputs.count
        with log_to as log, progress_bar("training", settings.epochs * every, done * every) as bar:

            def on_epoch(epoch: Epoch) -> None:
                nonlocal done
                done = epoch.epoch
                if not quiet:
                    bar.say(_epoch_line(epoch, settings.epochs))
                if log:
                    log(epoch)

            training = train(
                model,
                objectives,
                inputs,
                splits.val.images,
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                optimizer=settings.optimizer,
                schedule=settings.schedule,
                val_knn=val_knn,
                stop_by=settings.early_stopping.metric,
                patience=settings.early_stopping.patience,
                keep_best=settings.keep_best,
                start=start.checkpoint,
                until=until,
                cuda_graphs=settings.cuda_graphs,
                on_step=bar.advance,
                on_epoch=on_epoch,
                save=record.save,
                warn=lambda line: say(f"warning: {line}", is_error=True),
            )
            stopping = settings.early_stopping
            stalled = has_stalled(training.history, stopping.metric, stopping.patience)
            if until and len(training.history) < settings.epochs and not stalled:
                return None
            held = record.finish(training)
        if held.epoch < settings.epochs and not quiet:
            say(
                f"stopped after epoch {held.epoch} of {settings.epochs}: {stopping.metric} was no "
                f"better {stopping.patience} times than its best before"
            )
        return held
    except NotFinite as error:
        # What this training has saved keeps its name, and may be wanted.
        if not record.manifest.artifacts:
            raise
        free = shlex.quote(f"experiment.name={_free_name(experiment.name)}")
        raise UserError(f"{error} --set {free}") from None
    except KeyboardInterrupt as end:
        every = experiment.output.save_every_n_epochs
        saved = max(start.epochs, done - done % every if every else 0)
        goes_on = (
            f"the same command with --resume continues after epoch {saved}"
            if saved
            else "before its first checkpoint, so there is nothing of it to resume"
        )
        raise type(end)(
            f"interrupted after {done} of {settings.epochs} epochs; {goes_on}"
        ) from None


def without_val_knn(splits: Splits) -> str:
    """Why the kNN accuracy of the validation images cannot be measured; "" if it can."""
    if splits.train.labels is None or splits.val.labels is None:
        return "it needs labels of the training and validation images"
    return "" if splits.train.has_classes else "the training images are of one class only"


def _val_knn(experiment: Experiment, splits: Splits) -> tuple[KNN | None, str]:
    """How the kNN accuracy of the validation images is measured, or why it is not.

    None and "" if nobody asks for it.

    Raises:
        UserError: it cannot be, and something depends on it, or has too many neighbours.
    """
    settings, chosen = experiment.training.val_knn, experiment.training.chosen_by()
    if not settings.every:
        return None, ""
    if reason := without_val_knn(splits):
        for key, instead in (
            ("training.keep_best", "training.keep_best=null"),
            ("training.early_stopping.metric", "training.early_stopping.patience=0"),
        ):
            if chosen.get(key) == "val_knn":
                raise UserError(f"{key} is val_knn, but {reason}; try --set {instead}")
        return None, reason
    train, val = splits.train.labels, splits.val.labels
    assert train is not None
    assert val is not None
    if settings.k > len(train):
        raise UserError(
            f"training.val_knn.k {settings.k} neighbours, but only {len(train)} training images; "
            f"try --set training.val_knn.k={len(train)}"
        )
    return KNN(train, val, every=settings.every, k=settings.k, metric=settings.metric), ""
