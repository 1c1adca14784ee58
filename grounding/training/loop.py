"""The training loop: one function for every architecture, read from top to bottom."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding._memory import hand_back_freed_memory, keep_freed_memory
from grounding._streams import seeded
from grounding.data.loader import Batch, TrainingInputs
from grounding.data.stored import ImageTensor
from grounding.models.autoencoder import Autoencoder
from grounding.models.layers import Dropout
from grounding.objectives.base import Objectives
from grounding.training.checkpoint import Checkpoint, machine, not_finite, versions
from grounding.training.graphs import GraphedStep, can_capture
from grounding.training.history import Epoch, Measure, best_of, has_stalled
from grounding.training.optimizer import Adam, one_cycle
from grounding.training.resume import best_weights, restore
from grounding.training.validation import KNN, collapse, mean, reconstruction_loss


class NotFinite(UserError):  # noqa: N818 - named after what was found
    """A loss or a weight is no longer a finite number; the message ends in what to set instead."""


@dataclass(eq=False)
class Training:
    """A training after some epochs: the objects that are trained, and what each epoch came to.

    `best` are the model's weights, on the CPU, after the best epoch, if that is asked for.
    """

    model: Autoencoder
    objectives: Objectives
    optimizer: Adam
    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    def checkpoint(self, *, config: dict[str, Any], data_fingerprint: str, run: str) -> Checkpoint:
        """All of it as it is now, on the CPU; for the arguments see `Checkpoint`."""
        return Checkpoint(
            state_dict=_copies(self.model.state_dict()),
            objectives=_copies(self.objectives.state_dict()),
            optimizer={name: _copies(state) for name, state in self.optimizer.state.items()},
            config=config,
            epoch=len(self.history),
            train_loss=self.history[-1].train_loss,
            val_loss=self.history[-1].val_loss,
            history=tuple(self.history),
            image_shape=self.model.image_shape,
            data_fingerprint=data_fingerprint,
            versions=versions(),
            device=next(self.model.parameters()).device.type,
            machine=machine(),
            threads=torch.get_num_threads(),
            seconds=sum(epoch.seconds for epoch in self.history),
            run=run,
            best=self.best,
        )


def train(
    model: Autoencoder,
    objectives: Objectives,
    loader: TrainingInputs,
    val_images: ImageTensor | None = None,
    *,
    epochs: int,
    learning_rate: float = 0.001,
    weight_decay: float = 0.0,
    optimizer: Literal["adam", "adamw"] = "adam",
    schedule: Literal["constant", "one_cycle"] = "constant",
    val_knn: KNN | None = None,
    stop_by: Measure = "val_loss",
    patience: int = 0,
    keep_best: Measure | None = None,
    start: Checkpoint | None = None,
    until: int | None = None,
    cuda_graphs: bool = False,
    on_step: Callable[[int], None] = lambda _: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    save: Callable[[Training], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Training:
    """Train a model; it and its objectives are moved to the device that the loader's images are on.

    Args:
        model: with its initial weights.
        objectives: what is made smaller, and in which precision.
        loader: what each epoch reads; its seed decides on all that is drawn.
        val_images: uint8 (N, C, H, W), to measure reconstructions with after each epoch.
        epochs: passes over the loader, those before `start` included; at most so many.
        learning_rate: step size; with one_cycle the largest.
        weight_decay: L2 penalty of adam; decoupled decay of adamw.
        optimizer: "adam" or "adamw".
        schedule: of the step size: "constant" or "one_cycle".
        val_knn: how the kNN accuracy of val_images is measured; default: not at all.
        stop_by: "val_loss" or "val_knn", what `patience` is about.
        patience: end after so many measurements in a row that are no better than the best before
            them; 0 for never.
        keep_best: "val_loss" or "val_knn", by which the weights of the best epoch are kept in
            `Training.best`; default: none are.
        start: where to go on; default: at the first epoch.
        until: pause after this epoch; what goes on from there ends with the same bits.
        cuda_graphs: on CUDA, capture a step of each epoch and replay it (see `GraphedStep`).
        on_step: called after each step with the number of inputs it used.
        save: called after each epoch; `Training.checkpoint` is what can be kept of it.
        on_epoch: called after that.
        warn: called with a line about what is not as it should be.

    Raises:
        ValueError: an unknown optimizer or schedule, or nothing to stop or choose by.
        NotFinite: a loss or a weight is no longer finite.
        UserError: a step is too small for the model, or `start` does not fit.
    """
    if optimizer not in ("adam", "adamw") or schedule not in ("constant", "one_cycle"):
        raise ValueError(f"optimizer {optimizer!r} or schedule {schedule!r} is unknown")
    measured = {"val_loss": objectives.trains_decoder, "val_knn": val_knn}
    for asked in (keep_best, stop_by if patience else None):
        if asked and (val_images is None or not measured[asked]):
            raise ValueError(f"there is no {asked} to choose by")
    keep_freed_memory()
    device = loader.images.device
    model.to(device)
    objectives.to(device)
    adam = Adam(
        {**dict(model.named_parameters()), **dict(objectives.named_parameters("objectives"))},
        learning_rate,
        weight_decay=weight_decay,
        decoupled=optimizer == "adamw",
        capturable=can_capture(device),
    )
    smallest = smallest_batch(model, objectives)
    training = Training(model, objectives, adam)
    history = training.history
    if start:
        restore(start, model, objectives, adam)
        history += start.history
        if keep_best and best_of(history, keep_best):
            training.best = best_weights(start)
    if val_images is not None:
        val_images = val_images.to(device)

    def step_on(batch: Batch) -> Tensor:
        loss: Tensor = objectives(model, batch)
        loss.backward()
        adam.step()
        adam.zero_grad()
        return loss.detach()

    graphed = None
    if cuda_graphs and can_capture(device):
        graphed = GraphedStep(step_on, {"model": model, "objectives": objectives}, warn)

    for number in range(len(history) + 1, min(epochs, until or epochs) + 1):
        if has_stalled(history, stop_by, patience):
            break
        started = time.perf_counter()
        # Everything of ours draws from streams of its own; parts of other people may not.
        with seeded(loader.seed, "epoch", number):
            objectives.begin_epoch(model, loader, number)
            model.train()
            _seed_dropout(model, loader.generator("dropout", number))
            take_step = graphed.in_epoch(loader.steps) if graphed else step_on
            losses = torch.zeros(loader.steps, device=device)
            sizes = []
            for step, batch in enumerate(loader.epoch(number)):
                if len(batch.inputs) < smallest * loader.views:
                    raise UserError(
                        f"a step of {len(batch.inputs)} inputs is too small: the model or its "
                        f"objectives need {smallest} images; try --set training.batch_size="
                        f"{smallest * loader.views} or more, and {smallest} or more training images"
                    )
                if schedule == "one_cycle":
                    share = one_cycle((number - 1) * loader.steps + step, epochs * loader.steps)
                    adam.learning_rate = learning_rate * share
                # Kept on the device: asking for the number here would wait for every step.
                losses[step] = take_step(batch)
                sizes.append(len(batch.inputs))
                on_step(sizes[-1])
        train_loss = mean(losses, sizes)
        trained = time.perf_counter()
        val_loss = accuracy = None
        if val_images is not None and objectives.trains_decoder:
            val_loss = reconstruction_loss(model, val_images)
        if val_images is not None and val_knn and number % val_knn.every == 0:
            accuracy = val_knn.accuracy(model, loader.images, val_images)
        found = {
            "training loss": train_loss,
            "validation loss": val_loss,
            "validation kNN accuracy": accuracy,
        }
        _check_finite(training, found, learning_rate)

        seconds = time.perf_counter() - started
        speed = loader.count / (trained - started)
        epoch = Epoch(number, train_loss, val_loss, seconds, speed, accuracy)
        history.append(epoch)
        if keep_best and best_of(history, keep_best) is epoch:
            training.best = _copies(model.state_dict())
        save(training)
        on_epoch(epoch)

    if history and history[-1].train_loss == 0:
        number = history[-1].epoch
        warn(f"the training loss of epoch {number} is exactly 0: nothing is learnt any more")
    if history and val_images is not None and (line := collapse(model, val_images)):
        warn(line)
    hand_back_freed_memory()
    return training


def initial_model(build: Callable[[], Autoencoder], seed: int) -> Autoencoder:
    """The model that `build` makes, its weights drawn from a seed."""
    with seeded(seed, "init"):
        return build()


def smallest_batch(model: nn.Module, objectives: Objectives) -> int:
    """Images without which a step cannot be computed; for the loader, if it comes after these.

    Batch normalisation needs two, for there is no spread in views of one; objectives say what they
    need.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    normalises = any(isinstance(m, kinds) for part in (model, objectives) for m in part.modules())
    return max(objectives.smallest_batch, 2 if normalises else 1)


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()
    }


def _seed_dropout(model: Autoencoder, draws: torch.Generator) -> None:
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = draws


def _check_finite(
    training: Training, found: Mapping[str, float | None], learning_rate: float
) -> None:
    """Refuse to go on with what an epoch has found, or with its weights, if one is not finite."""
    history, objectives = training.history, training.objectives
    wrong = [
        f"the {name} of epoch {len(history) + 1} is {value}"
        for name, value in found.items()
        if value is not None and not math.isfinite(value)
    ]
    weights = {**training.model.state_dict(), **objectives.state_dict()}
    if not wrong and (name := not_finite(weights)):
        wrong = [f"{name} holds weights that are not finite after epoch {len(history) + 1}"]
    if not wrong:
        return
    before = f" (training loss before: {history[-1].train_loss:.4g})" if history else ""
    advice = f"a smaller step: --set training.learning_rate={learning_rate / 10:g}"
    if objectives.precision != torch.float32:
        advice = f"float32 and {advice} --set training.precision=float32"
    raise NotFinite(
        f"{wrong[0]}{before}; training stopped and its checkpoint was not written; try {advice}"
    )
