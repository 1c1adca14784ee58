"""What an experiment is measured against: its images without it, and its encoder with labels."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from grounding.data.splits import Splits, to_unit
from grounding.experiment.learning import ObjectivesSection
from grounding.experiment.schema import Experiment
from grounding.projection.components import principal_components
from grounding.runs.probes import augmented_views, encoded, has_bank, knn_accuracy, label_probes
from grounding.runs.step import finite
from grounding.studies.seeds import Metrics, variant
from grounding.training.device import resolve_device
from grounding.training.loop import initial_model

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
        model = experiment.model.build_arguments()
        space = model if self.depends_on_model else model["latent_dim"]
        return tuple(map(repr, (data, experiment.analysis, space)))


def labels_control(experiment: Experiment) -> Experiment:
    """The same experiment, trained to name the training labels from the latents instead."""
    # The views stay: they decide which images a batch holds.
    labels_only = ObjectivesSection(
        reconstruction=0.0, labels=1.0, views=experiment.objectives.views
    )
    return variant(experiment, "_labels", objectives=labels_only.model_dump())


def measure_control(
    control: Control, experiment: Experiment, splits: Splits, *, with_bank: bool
) -> Metrics:
    """What the labels of the training images say of the test images in a control's space.

    Args:
        control: the space.
        experiment: with the seed that the splits belong to.
        splits: the images.
        with_bank: whether to ask augmented views of the training images, too.

    Returns:
        Accuracies in [0, 1]; None for what is not measured.

    Raises:
        UserError: the model does not fit the images, or places some at no finite numbers.
    """
    device = resolve_device(experiment.training.device)
    encode = control.encoder(experiment, splits)

    def place(images: Tensor) -> Tensor:
        return finite(encoded(encode, images, device))

    train, test = place(to_unit(splits.train.images)), place(to_unit(splits.test.images))
    bank = None
    if with_bank and has_bank(experiment, splits):
        bank = place(augmented_views(experiment, splits))
    settings, labels = experiment.analysis, splits.train.labels
    knn = knn_accuracy(
        test, splits.test.labels, train, labels, settings.k, settings.metric, splits.num_classes
    )
    return {"knn_accuracy": knn, **label_probes(experiment, splits, train, test, bank)}


def _pixels(experiment: Experiment, splits: Splits) -> Encoder:  # noqa: ARG001
    return lambda images: images.flatten(1)


def _principal_components(experiment: Experiment, splits: Splits) -> Encoder:
    """As many principal components of the training images as the latent has numbers."""
    images = to_unit(splits.train.images).flatten(1)
    fitted = principal_components(images, experiment.model.latent_dim)
    return lambda batch: fitted.project(batch.cpu().flatten(1)).float().to(batch.device)


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
