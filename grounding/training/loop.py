"""The training loop: one function for every architecture, read from top to bottom."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding._files import check_writable
from grounding._streams import generator, stream_seed
from grounding.data.augmented import TrainingInputs
from grounding.data.splits import Splits, to_unit
from grounding.experiment.schema import Experiment
from grounding.models.autoencoder import Autoencoder
from grounding.models.build import build_autoencoder
from grounding.models.layers import Dropout
from grounding.objectives.losses import reconstruction_error
from grounding.objectives.weighted import Objective
from grounding.training.checkpoint import (
    Checkpoint,
    epoch_path,
    machine,
    save_checkpoint,
    versions,
)
from grounding.training.history import Epoch, append_metrics, metrics_path, write_metrics
from grounding.training.memory import keep_freed_memory
from grounding.training.optimizer import Adam, new_optimizer, set_step_size
from grounding.training.precision import resolve_precision
from grounding.training.resume import Start, find_start, optimizer_tensors, restore

EVALUATION_BATCH = 500


def train(
    experiment: Experiment,
    splits: Splits,
    device: torch.device,
    *,
    start: Start | None = None,
    on_step: Callable[[int], None] = lambda _: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Checkpoint:
    """Train an experiment's model and write its checkpoints and metrics.

    Args:
        experiment: what to train and where its outputs go.
        splits: its images.
        device: where to compute.
        start: where to begin; default: at the first epoch.
        on_step: called after each step with the number of inputs it used.
        on_epoch: called after each epoch.

    Returns:
        The final checkpoint, which is also at `experiment.checkpoint_path`.

    Raises:
        UserError: an output cannot be written, the model does not fit the images, or the loss is
            no longer finite (checkpoints written before that stay).
    """
    path = experiment.checkpoint_path
    check_writable(path)
    keep_freed_memory()
    start = start or find_start(experiment, splits.fingerprint)
    model = initial_model(experiment, splits.image_shape).to(device)
    precision = resolve_precision(experiment.training.precision, device)
    objective = Objective(experiment, model, splits, precision).to(device)
    optimizer = new_optimizer(experiment.training, [*model.parameters(), *objective.parameters()])
    inputs = TrainingInputs(splits.train.images.to(device), experiment, splits.fingerprint)
    settings = experiment.training
    val_images = splits.val.images.to(device)
    held = partial(_checkpoint, experiment, splits, model, objective, optimizer, start.run)
    history: list[Epoch] = []
    if start.checkpoint:
        restore(start, model, objective, optimizer)
        history += start.checkpoint.history
        write_metrics(metrics_path(path), history)

    for number in range(len(history) + 1, settings.epochs + 1):
        started = time.perf_counter()
        objective.begin_epoch(model, inputs, number)
        model.train()
        _seed_dropout(model, experiment.seed, number, device)
        total = torch.zeros((), dtype=torch.float64, device=device)
        for step, batch in enumerate(inputs.epoch(number), (number - 1) * inputs.steps):
            set_step_size(optimizer, settings, step, settings.epochs * inputs.steps)
            loss = objective(model, batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            # Summed on the device: asking for the number here would wait for every step.
            total.add_(loss.detach(), alpha=len(batch.inputs))
            on_step(len(batch.inputs))
        train_loss = total.item() / inputs.count
        trained = time.perf_counter()
        val_loss = reconstruction_loss(model, val_images)
        _stop_if_not_finite(train_loss, val_loss, number, experiment, history)

        done = time.perf_counter()
        epoch = Epoch(
            number, train_loss, val_loss, done - started, inputs.count / (trained - started)
        )
        history.append(epoch)
        # The first epoch replaces the file of an earlier run.
        if number == 1:
            write_metrics(metrics_path(path), history)
        else:
            append_metrics(metrics_path(path), epoch)
        every = experiment.output.save_every_n_epochs
        if every and number % every == 0:
            save_checkpoint(held(history), epoch_path(path, number))
        on_epoch(epoch)

    final = held(history)
    save_checkpoint(final, path)
    return final


def initial_model(experiment: Experiment, image_shape: tuple[int, int, int]) -> Autoencoder:
    """The model before training, on the CPU, its weights drawn from the experiment's seed.

    Raises:
        UserError: the model does not fit images of this shape.
    """
    # torch's initialisers draw from the global state: seed it for them alone.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(experiment.seed, "init"))
        try:
            return build_autoencoder(
                **experiment.model.build_arguments(),
                image_shape=image_shape,
                dropout=experiment.regularization.dropout_p,
            )
        except ValueError as error:
            raise UserError(f"model: {error}") from None


@torch.inference_mode()
def reconstruction_loss(model: Autoencoder, images: Tensor) -> float:
    """Mean squared error of D(E(x)) over images uint8 (N, C, H, W), without dropout."""
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device=images.device)
    for batch in images.split(EVALUATION_BATCH):
        clean = to_unit(batch)
        total += reconstruction_error(model(clean), clean) * len(batch)
    return total.item() / len(images)


def _checkpoint(
    experiment: Experiment,
    splits: Splits,
    model: Autoencoder,
    objective: Objective,
    optimizer: Adam,
    run: str,
    history: Sequence[Epoch],
) -> Checkpoint:
    return Checkpoint(
        state_dict={k: v.cpu().contiguous() for k, v in model.state_dict().items()},
        objective={k: v.cpu() for k, v in objective.state_dict().items()},
        optimizer=optimizer_tensors(model, objective, optimizer),
        experiment=experiment,
        epoch=len(history),
        train_loss=history[-1].train_loss,
        val_loss=history[-1].val_loss,
        history=tuple(history),
        image_shape=splits.image_shape,
        data_fingerprint=splits.fingerprint,
        versions=versions(),
        device=next(model.parameters()).device.type,
        machine=machine(),
        threads=torch.get_num_threads(),
        seconds=sum(past.seconds for past in history),
        run=run,
    )


def _seed_dropout(model: Autoencoder, seed: int, epoch: int, device: torch.device) -> None:
    draws = generator(seed, "dropout", epoch, device)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = draws


def _stop_if_not_finite(
    train_loss: float, val_loss: float, number: int, experiment: Experiment, history: list[Epoch]
) -> None:
    if math.isfinite(train_loss) and math.isfinite(val_loss):
        return
    before = f"it was {history[-1].train_loss:.4g} before" if history else "in the first epoch"
    raise UserError(
        f"the loss of epoch {number} is {train_loss} ({before}); training stopped and "
        f"{experiment.checkpoint_path} was not written; try a smaller step: "
        f"--set training.learning_rate={experiment.training.learning_rate / 10:g}"
    )
