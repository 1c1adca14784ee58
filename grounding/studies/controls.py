"""What an experiment is measured against: its images without it, and its encoder with labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data import Splits, to_unit
from grounding.experiment import Experiment, setting
from grounding.metrics import Space, measure, names
from grounding.projection.components import principal_components
from grounding.runs.building import initial_model, load_splits
from grounding.runs.measuring import augmented_views, encoded, has_bank
from grounding.training.device import resolve_device

Encoder = Callable[[Tensor], Tensor]


class Control(NamedTuple):
    """A space in which nothing was trained.

    Attributes:
        key: its name in files.
        encoder: what places images (B, C, H, W) in [0, 1] as (B, D), given experiment and splits.
        depends_on_model: whether experiments with other models get another space.
    """

    key: str
    encoder: Callable[[Experiment, Splits], Encoder]
    depends_on_model: bool = False

    def title(self, experiment: Experiment) -> str:
        """Its name in tables."""
        return f"PCA-{experiment.model.latent_dim}" if self.key == "pca" else TITLES[self.key]

    def shared_by(self, experiment: Experiment) -> tuple[object, ...]:
        """What experiments for which this control is the same have in common."""
        data = experiment.data.model_dump(exclude={"num_workers"})
        model = experiment.model
        space = model if self.depends_on_model else model.latent_dim
        return tuple(map(repr, (data, experiment.analysis, space)))


def labels_control(experiment: Experiment, command: str = "") -> tuple[Experiment, str]:
    """The same experiment, trained to name the training labels from the latents instead.

    Args:
        experiment: which one.
        command: what trains it.

    Returns:
        The control, and what trains that.
    """
    # The views stay: they decide which images a batch holds.
    views, given = experiment.objectives.views, experiment.objectives.model_dump(mode="json")
    defaults = type(experiment.objectives)().model_dump(mode="json")
    labels_only = {**defaults, "reconstruction": 0.0, "labels": 1.0, "views": views}
    changed: dict[str, Any] = {}
    training = experiment.training.model_dump(mode="json")
    stopping = training["early_stopping"]
    if training["keep_best"] == "val_loss":  # which it has not
        training["keep_best"] = changed["training.keep_best"] = None
    if stopping["metric"] == "val_loss" and stopping["patience"]:
        stopping["patience"] = changed["training.early_stopping.patience"] = 0
    control = experiment.variant("_labels", objectives=labels_only, training=training)
    changed |= {f"objectives.{k}": v for k, v in labels_only.items() if v != given[k]}
    changed["experiment.name"] = control.name
    return control, command and " ".join([command, *(setting(k, v) for k, v in changed.items())])


def has_labels(experiment: Experiment) -> bool:
    """Whether an experiment's training images have labels; true if they cannot be read."""
    try:
        return load_splits(experiment)[1].train.labels is not None
    except UserError:  # which its training says
        return True


def measure_control(
    control: Control, experiment: Experiment, splits: Splits, *, with_bank: bool
) -> dict[str, float | None]:
    """What the labels of the training images say of the test images in a control's space.

    Args:
        control: the space.
        experiment: with the seed that the splits belong to.
        splits: the images.
        with_bank: whether to ask augmented views of the training images, too.

    Returns:
        Values of the metrics that comparisons show; those that cannot be measured here are left
        out.

    Raises:
        UserError: the model does not fit the images.
    """
    device = resolve_device(experiment.training.device)
    encode = control.encoder(experiment, splits)

    def place(images: Tensor) -> Tensor:
        return encoded(encode, images, device)

    bank = with_bank and has_bank(experiment, splits)
    space = Space(
        z=place(to_unit(splits.test.images[:])),
        labels=splits.test.labels,
        train_z=place(to_unit(splits.train.images[:])),
        train_labels=splits.train.labels,
        bank_z=(lambda: place(augmented_views(experiment, splits))) if bank else None,
        k=experiment.analysis.k,
        metric=experiment.analysis.metric,
    )
    return dict(measure(space, names(table="compare")).values)


def _pixels(experiment: Experiment, splits: Splits) -> Encoder:  # noqa: ARG001
    return lambda images: images.flatten(1)


def _principal_components(experiment: Experiment, splits: Splits) -> Encoder:
    """As many principal components of the training images as the latent has numbers."""
    images = to_unit(splits.train.images[:]).flatten(1)
    fitted = principal_components(images, experiment.model.latent_dim)

    def project(batch: Tensor) -> Tensor:
        return torch.from_numpy(fitted.transform(batch.cpu().flatten(1))).float().to(batch.device)

    return project


def _untrained(experiment: Experiment, splits: Splits) -> Encoder:
    """The encoder with the weights that training begins with."""
    model = initial_model(experiment, splits.image_shape).eval()
    model.to(resolve_device(experiment.training.device))
    return model.encode


TITLES = {"untrained": "untrained encoder", "raw_pixels": "raw pixels"}
CONTROLS = (
    Control("untrained", _untrained, depends_on_model=True),
    Control("pca", _principal_components),
    Control("raw_pixels", _pixels),
)
