"""A training as its user meets it: started or continued, announced, shown, ended."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from grounding._files import check_writable, remove_leftovers
from grounding._locks import writing
from grounding._progress import TrainingProgress
from grounding.data.augmented import inputs_in_epoch
from grounding.data.splits import Splits, load_splits
from grounding.experiment.schema import Experiment
from grounding.training.checkpoint import Checkpoint
from grounding.training.device import resolve_device
from grounding.training.history import Epoch, metrics_path
from grounding.training.loop import train
from grounding.training.precision import resolve_precision
from grounding.training.resume import Start, find_resumption, find_start
from grounding.training.tensorboard import tensorboard_log


def train_experiment(
    experiment: Experiment,
    tensorboard: Path | None = None,
    *,
    resume: bool = False,
    quiet: bool = False,
) -> str:
    """Train an experiment, showing progress, and return a line about the result.

    Args:
        experiment: what to train.
        tensorboard: folder to log to as well.
        resume: whether to continue the last training, if it was interrupted.
        quiet: whether to show nothing but warnings and, on a terminal, the bar.

    Raises:
        UserError: it cannot be trained or continued, or another process is training to the same
            checkpoint.
        KeyboardInterrupt: as raised before, with a line about how to continue.
    """
    path = experiment.checkpoint_path
    check_writable(path)
    with writing(f"training of {experiment.name}", path, metrics_path(path)):
        remove_leftovers(path.parent, path.stem)
        device = resolve_device(experiment.training.device)
        splits = load_splits(experiment.data, experiment.seed)
        start = (
            find_resumption(experiment, splits.fingerprint, device)
            if resume
            else find_start(experiment, splits.fingerprint)
        )
        for line in start.warnings:
            print(f"warning: {line}", file=sys.stderr)
        if start.is_finished:
            return start.notes[0]
        if not quiet:
            _announce(experiment, splits, device, start.notes)
        checkpoint = _train(experiment, splits, device, start, tensorboard, quiet=quiet)
    return (
        f"{checkpoint.seconds:.1f} s, validation loss {checkpoint.val_loss:.5f}, "
        f"metrics in {metrics_path(path)}, wrote {path}"
    )


def _announce(
    experiment: Experiment, splits: Splits, device: torch.device, notes: Sequence[str]
) -> None:
    settings = experiment.self_supervised
    each = settings.augmentations_per_sample if settings.enabled else 1
    precision = resolve_precision(experiment.training.precision, device)
    if experiment.data.num_workers:
        print(
            f"data.num_workers {experiment.data.num_workers} has no effect: the images are one "
            "tensor in memory, augmented as whole batches, so there is no work for workers"
        )
    if not splits.is_standard:
        print(f"data: {splits.source}, which is not the published {experiment.data.dataset}")
    for line in notes:
        print(line)
    print(
        f"training {experiment.name}: {experiment.model.architecture}, {len(splits.train)} images "
        f"x {each}, {experiment.training.epochs} epochs, {device.type}, "
        f"{torch.get_num_threads()} threads, {str(precision).removeprefix('torch.')}",
        flush=True,
    )


def _train(
    experiment: Experiment,
    splits: Splits,
    device: torch.device,
    start: Start,
    tensorboard: Path | None,
    *,
    quiet: bool,
) -> Checkpoint:
    inputs = inputs_in_epoch(experiment, len(splits.train))
    log_to = tensorboard_log(tensorboard / experiment.name) if tensorboard else nullcontext()
    done = start.epochs
    try:
        with (
            log_to as log,
            TrainingProgress(experiment.training.epochs, inputs, start.epochs) as progress,
        ):

            def on_epoch(epoch: Epoch) -> None:
                nonlocal done
                done = epoch.epoch
                if not quiet:
                    progress.on_epoch(epoch)
                if log:
                    log(epoch)

            return train(
                experiment,
                splits,
                device,
                start=start,
                on_step=progress.on_step,
                on_epoch=on_epoch,
            )
    except KeyboardInterrupt as end:
        every = experiment.output.save_every_n_epochs
        saved = max(start.epochs, done - done % every if every else 0)
        goes_on = (
            f"the same command with --resume continues after epoch {saved}"
            if saved
            else "before its first checkpoint, so there is nothing of it to resume"
        )
        raise type(end)(
            f"interrupted after {done} of {experiment.training.epochs} epochs; {goes_on}"
        ) from None
