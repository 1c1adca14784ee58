"""From an experiment to its parts: images, model, objectives, batches."""

from __future__ import annotations

from functools import partial

import torch

from grounding import training
from grounding._errors import UserError
from grounding.data import Augmentations, ImageSet, Splits, TrainingInputs, cut
from grounding.data.cache import augmented_set
from grounding.data.pictures import Wanted
from grounding.data.sources import changed, read
from grounding.experiment import Experiment
from grounding.experiment.schema import with_sizes
from grounding.models import Autoencoder, build
from grounding.models.attached import AttachedSettings
from grounding.objectives import Context, Objectives, trains_decoder

PYTHON = "python"  # the source of arrays that were given


def read_images(experiment: Experiment) -> ImageSet:
    """The data set that an experiment names.

    Raises:
        UserError: there is none where it says, it cannot be read, or it is arrays of Python.
    """
    data = experiment.data
    if data.source == PYTHON:
        raise UserError(
            f"the images of {experiment.name} are arrays that were given from Python, and have to "
            f"be given again: grounding.load({experiment.name!r}, images=..., labels=...)"
        )
    wanted = _wanted(experiment)
    return read(data.data_dir, data.source, wanted, fallback_to_packaged=data.falls_back)


def load_splits(
    experiment: Experiment, images: ImageSet | None = None
) -> tuple[Experiment, Splits]:
    """The images that an experiment is trained and judged on, and the experiment with their sizes.

    Args:
        experiment: what it is.
        images: given from Python; None for those that the experiment names.

    Raises:
        UserError: there is no data set where the config says, or it has fewer images.
    """
    data = experiment.data
    images = changed(images, _wanted(experiment)) if images else read_images(experiment)
    splits = cut(
        images,
        train=data.train_samples,
        val=data.val_samples,
        test=data.test_samples,
        seed=experiment.seed,
    )
    sizes = {name: len(splits.named(name)) for name in ("train", "val", "test")}
    return with_sizes(experiment, **sizes), splits


def _wanted(experiment: Experiment) -> Wanted:
    data = experiment.data
    return Wanted((data.resize[0], data.resize[1]) if data.resize else None, data.mode)


def described(splits: Splits) -> str:
    """One line that says which images are read."""
    counts = f"{len(splits.train):,} to train on, {len(splits.val):,} for validation"
    shape = " x ".join(map(str, splits.image_shape))
    return f"data: {splits.source}, {shape}: {counts}, {len(splits.test):,} to test"


def data_lines(splits: Splits) -> list[str]:
    """Which images are read, and what is worth knowing of them."""
    return [described(splits), *(f"data: {note}" for note in splits.notes)]


def build_model(experiment: Experiment, image_shape: tuple[int, int, int]) -> Autoencoder:
    """The model of an experiment, its weights drawn from torch's global state.

    Raises:
        UserError: it does not fit images of this shape.
    """
    arguments = experiment.model_arguments()
    try:
        return build(arguments.pop("name"), image_shape, **arguments)
    except ValueError as error:
        raise UserError(f"model: {error}") from None


def initial_model(experiment: Experiment, image_shape: tuple[int, int, int]) -> Autoencoder:
    """The model before training, on the CPU, its weights drawn from the experiment's seed.

    Raises:
        UserError: it does not fit images of this shape.
    """
    return training.initial_model(partial(build_model, experiment, image_shape), experiment.seed)


def objectives_of(
    experiment: Experiment, model: Autoencoder, splits: Splits, device: torch.device
) -> Objectives:
    """What a training step of an experiment makes smaller.

    Raises:
        UserError: an objective cannot be used here.
    """
    weights = experiment.objective_weights
    context = Context(
        model,
        epochs=experiment.training.epochs,
        views=experiment.objectives.views,
        images=len(splits.train),
        train_labels=splits.train.labels,
        classes=splits.classes,
    )
    try:
        return Objectives(
            weights,
            {name: experiment.objective_settings(name) for name in weights},
            context,
            precision=training.resolve_precision(experiment.training.precision, device),
            seed=experiment.seed,
        )
    except ValueError as error:
        raise UserError(f"objectives: {error}") from None


def augmentations_of(experiment: Experiment) -> Augmentations:
    """How an experiment changes images."""
    section = experiment.self_supervised.augmentations
    return Augmentations(
        experiment.augmentation_settings,
        clamp_min=section.clamp_min,
        clamp_max=section.clamp_max,
        fill=section.fill,
    )


def inputs_of(
    experiment: Experiment, splits: Splits, device: torch.device, smallest_batch: int
) -> TrainingInputs:
    """The batches of an experiment's epochs, on a device.

    Raises:
        UserError: its augmented set cannot be read, kept or held in memory.
    """
    settings, objectives = experiment.self_supervised, experiment.objectives
    images = splits.train.images.to(device)
    each = settings.augmentations_per_sample if settings.enabled else 1
    augmentations = augmentations_of(experiment) if settings.enabled else None
    fixed_set = None
    if augmentations is not None and not settings.refreshes:
        fixed_set = augmented_set(
            images,
            augmentations,
            each=each,
            seed=experiment.seed,
            fingerprint=splits.fingerprint,
            path=settings.cache_path if settings.precompute else None,
        )
    return TrainingInputs(
        images,
        seed=experiment.seed,
        batch_size=experiment.training.batch_size,
        augmentations=augmentations,
        each=each,
        views=objectives.views,
        target="view" if getattr(objectives, "reconstruction_of", "image") == "view" else "image",
        mirrored=objectives.mirrored,
        composites=objectives.composites,
        fixed_set=fixed_set,
        smallest_batch=smallest_batch,
    )


def has_trained_decoder(experiment: Experiment) -> bool:
    """Whether an objective of an experiment trains the decoder, or one was attached."""
    if isinstance(experiment.model, AttachedSettings):
        return experiment.model.decoder_bytes > 0
    return trains_decoder(experiment.objective_weights)
