"""An experiment in parts, and one training step, bare: what the loop is compared with."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import nn

import grounding
from grounding import Experiment
from grounding.data import Batch, Splits, TrainingInputs
from grounding.models import Autoencoder
from grounding.objectives import Objectives, reconstruction_error
from grounding.runs.building import initial_model, inputs_of, load_splits, objectives_of
from grounding.training import Training, resolve_precision, smallest_batch, train


class Parts(NamedTuple):
    """What an experiment trains, and on what: all of it fresh, on one device."""

    experiment: Experiment
    splits: Splits
    model: Autoencoder
    objectives: Objectives
    inputs: TrainingInputs
    device: torch.device

    def train(self, **calls: Callable[..., Any]) -> Training:
        """Train it by the loop; `calls` are those that the loop makes."""
        settings = self.experiment.training
        return train(
            self.model,
            self.objectives,
            self.inputs,
            self.splits.val.images,
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            optimizer=settings.optimizer,
            schedule=settings.schedule,
            **calls,
        )

    @property
    def precision(self) -> torch.dtype:
        """Arithmetic of the layers."""
        return resolve_precision(self.experiment.training.precision, self.device)

    def batches(self) -> Iterator[Batch]:
        """Batches of one epoch after the other, without end."""
        for epoch in count(1):
            yield from self.inputs.epoch(epoch)


def parts_of(experiment: Experiment, device: torch.device) -> Parts:
    """The parts of an experiment, its weights as they are before training."""
    experiment, splits = load_splits(experiment)
    model = initial_model(experiment, splits.image_shape)
    objectives = objectives_of(experiment, model, splits, device)
    smallest = smallest_batch(model, objectives)
    inputs = inputs_of(experiment, splits, device, smallest)
    return Parts(experiment, splits, model, objectives, inputs, device)


def config_numbers() -> list[str]:
    """The numbers of the packaged experiments that only reconstruct, as the bare step does."""
    only = {"reconstruction": 1.0}
    return [n for n in "0123456789" if grounding.load_config(n).objective_weights == only]


def with_long_epochs(config: str, **overrides: Any) -> Experiment:
    """An experiment with its own model and batches, and epochs of hundreds of steps.

    Two experiments have epochs of a single step, of all their 100 images; the step of 100 images
    stays, the epoch gets 55,000.
    """
    experiment = grounding.load_config(config)
    longer: dict[str, Any] = {"self_supervised.augmentations_per_sample": 1000}
    if not experiment.self_supervised.enabled:
        size = min(experiment.training.batch_size, experiment.data.train_samples)
        longer = {"data.train_samples": 55_000, "training.batch_size": size}
    return grounding.load_config(config, **{**longer, **overrides})


def bare_steps(
    parts: Parts,
    layers: Callable[[nn.Module], nn.Module] = lambda model: model,
    precision: torch.dtype | None = None,
) -> Callable[[Sequence[Batch]], None]:
    """A function that trains a fresh model on batches: forward, backward, step, nothing else.

    Args:
        parts: of an experiment that only reconstructs.
        layers: changes the model first.
        precision: arithmetic of the layers; default: the loop's.
    """
    device, precision = parts.device, precision or parts.precision
    lower = precision != torch.float32
    model = layers(initial_model(parts.experiment, parts.splits.image_shape)).to(device).train()
    learning_rate = parts.experiment.training.learning_rate
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)

    def steps(batches: Sequence[Batch]) -> None:
        for batch in batches:
            with torch.autocast(device.type, precision if lower else None, enabled=lower):
                images = model(batch.inputs).float()
            reconstruction_error(images, batch.targets).backward()
            optimizer.step()
            optimizer.zero_grad()

    return steps


def settle(device: torch.device) -> Callable[[], None]:
    """A function that waits until the device has done all it was given."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None
