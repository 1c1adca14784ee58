"""One training step, bare: what the loop is compared with."""

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import nn

from grounding.data.augmented import Batch, TrainingInputs
from grounding.data.splits import Splits
from grounding.experiment.learning import ObjectivesSection
from grounding.experiment.load import load_experiment, packaged_configs
from grounding.experiment.schema import Experiment
from grounding.objectives.losses import reconstruction_error
from grounding.training.loop import initial_model
from grounding.training.precision import resolve_precision

Batches = list[Batch]


def config_numbers() -> list[str]:
    """The numbers of the packaged experiments that only reconstruct, as the bare step does."""
    return [
        path.stem.partition("_")[0]
        for path in packaged_configs()
        if load_experiment(str(path)).objectives == ObjectivesSection()
    ]


def with_long_epochs(config: str, *overrides: str) -> Experiment:
    """An experiment with its own model and batches, and epochs of hundreds of steps.

    Two experiments have epochs of a single step, of all their 100 images; the step of 100 images
    stays, the epoch gets 55,000.
    """
    experiment = load_experiment(config)
    inputs = experiment.data.train_samples
    if experiment.self_supervised.enabled:
        longer = ["self_supervised.augmentations_per_sample=1000"]
    else:
        size = min(experiment.training.batch_size, inputs)
        longer = ["data.train_samples=55000", f"training.batch_size={size}"]
    return load_experiment(config, [*longer, *overrides])


def steps_in_epoch(experiment: Experiment) -> int:
    """Batches of an epoch, the last one included if it is not full."""
    settings = experiment.self_supervised
    each = settings.augmentations_per_sample if settings.enabled else 1
    return -(-experiment.data.train_samples * each // experiment.training.batch_size)


def some_batches(
    experiment: Experiment, splits: Splits, device: torch.device, count: int
) -> Batches:
    """The first batches of an experiment's first epoch."""
    inputs = TrainingInputs(splits.train.images.to(device), experiment, splits.fingerprint)
    return list(islice(inputs.epoch(1), count))


def endless_batches(
    experiment: Experiment, splits: Splits, device: torch.device
) -> Iterator[Batch]:
    """Batches of one epoch after the other."""
    inputs = TrainingInputs(splits.train.images.to(device), experiment, splits.fingerprint)
    number = 0
    while True:
        number += 1
        yield from inputs.epoch(number)


def bare_steps(
    experiment: Experiment,
    splits: Splits,
    device: torch.device,
    layers: Callable[[nn.Module], nn.Module] = lambda model: model,
    *,
    fused: bool = True,
    precision: torch.dtype | None = None,
) -> Callable[[Batches], None]:
    """A function that trains a fresh model on batches: forward, backward, step, nothing else.

    Args:
        experiment: its model and optimiser.
        splits: their shape.
        device: where to compute.
        layers: changes the model first.
        fused: whether Adam is one kernel, as in the loop, or torch's default.
        precision: arithmetic of the layers; default: the loop's.
    """
    precision = precision or resolve_precision(experiment.training.precision, device)
    lower = precision != torch.float32
    model = layers(initial_model(experiment, splits.image_shape)).to(device).train()
    optimizer = torch.optim.Adam(
        model.parameters(), lr=experiment.training.learning_rate, fused=fused or None
    )

    def steps(batches: Batches) -> None:
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
