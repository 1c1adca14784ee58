"""What an experiment is measured against: the same images, of which nothing was learnt.

Spaces of pixels and of features that somebody thought out, distances between images, and what draws
a test image without a model.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._progress import progress_bar
from grounding.data import Splits, to_unit
from grounding.experiment import Experiment
from grounding.metrics import (
    NotMeasurable,
    Space,
    accuracy,
    deskew,
    hidden_markov_distortion,
    hog,
    image_distortion,
    knn_predict,
    measure,
    names,
    pca_error,
)
from grounding.metrics.neighbors import check_k
from grounding.projection.components import principal_components
from grounding.runs.building import initial_model
from grounding.runs.measuring import augmented_views, encoded, has_bank
from grounding.training.device import resolve_device

Encoder = Callable[[Tensor], Tensor]
Values = dict[str, float | None]
ERROR = "test_reconstruction_error"

LARGEST = 2_000_000_000  # values of the images of all pairs that are deformed: minutes on two cores


class Control(NamedTuple):
    """A row of a comparison for which nothing is trained.

    Attributes:
        key: its name in files.
        title: its name in tables; `{latent_dim}` stands for that of the experiment.
        measure: values of the metrics that comparisons show, given an experiment with the seed that
            the splits belong to, the splits, and whether to ask augmented views of the training
            images, too. Those that cannot be measured are left out; raises NotMeasurable if there
            is none.
        depends_on: what of an experiment, beside its data, decides them.
        is_space: whether it places images somewhere, as an encoder does.
    """

    key: str
    title: str
    measure: Callable[[Experiment, Splits, bool], Values]
    depends_on: tuple[str, ...] = ()
    is_space: bool = False

    def name(self, experiment: Experiment) -> str:
        """Its name in tables, beside an experiment."""
        return self.title.format(latent_dim=experiment.model.latent_dim)

    def shared_by(self, experiment: Experiment) -> tuple[object, ...]:
        """What experiments for which this control is the same have in common."""
        # No control looks at validation images, which change the training images only where these
        # are what is left of all.
        apart = {"num_workers"} | ({"val_samples"} if experiment.data.train_samples else set())
        data = experiment.data.model_dump(exclude=apart)
        return tuple(map(repr, (data, *(attrgetter(one)(experiment) for one in self.depends_on))))


def _in(space: Callable[[Experiment, Splits], Encoder]) -> Callable[..., Values]:
    """A control that is a space: what places images (B, C, H, W) in [0, 1] as (B, D)."""

    def measured(experiment: Experiment, splits: Splits, with_bank: bool) -> Values:
        device = resolve_device(experiment.training.device)
        encode = space(experiment, splits)

        def place(images: Tensor) -> Tensor:
            return encoded(encode, images, device)

        bank = with_bank and has_bank(experiment, splits)
        found = Space(
            z=place(to_unit(splits.test.images[:])),
            labels=splits.test.labels,
            train_z=place(to_unit(splits.train.images[:])),
            train_labels=splits.train.labels,
            bank_z=(lambda: place(augmented_views(experiment, splits))) if bank else None,
            k=experiment.analysis.k,
            metric=experiment.analysis.metric,
        )
        return dict(measure(found, names(table="compare")).values)

    return measured


def _by(title: str, distances: Callable[..., Tensor]) -> Callable[..., Values]:
    """A control that is a distance between upright images."""

    def measured(experiment: Experiment, splits: Splits, with_bank: bool) -> Values:  # noqa: ARG001
        train, test, k = splits.train, splits.test, experiment.analysis.k
        if train.labels is None or test.labels is None:
            raise NotMeasurable("there are no labels")
        if not train.has_classes:
            raise NotMeasurable("the training images are of one class only")
        check_k(k, len(train))
        most = LARGEST // prod(splits.image_shape)
        if len(train) * len(test) > most:
            raise NotMeasurable(
                f"{len(train):,} x {len(test):,} pairs of images take too long, at most {most:,} "
                "pairs of this size are measured"
            )
        upright = (deskew(split.images[:]) for split in (test, train))
        with progress_bar(title) as bar:
            nearest = distances(*upright, bar.set).sort(dim=1, stable=True).indices[:, :k]
        found = train.labels[nearest]
        return {
            "knn_accuracy": accuracy(test.labels, knn_predict(found)),
            "knn_1_accuracy": accuracy(test.labels, found[:, 0]),
        }

    return measured


def _untrained(experiment: Experiment, splits: Splits) -> Encoder:
    """The encoder with the weights that training begins with."""
    if not register.model[experiment.model.architecture].facts.get("trains", True):
        raise NotMeasurable("the model was trained elsewhere, and what it began with is not known")
    model = initial_model(experiment, splits.image_shape).eval()
    model.to(resolve_device(experiment.training.device))
    return model.encode


def _components(experiment: Experiment, splits: Splits) -> Encoder:
    """As many principal components of the training images as the latent has numbers."""
    images = to_unit(splits.train.images[:]).flatten(1)
    fitted = principal_components(images, experiment.model.latent_dim)

    def project(batch: Tensor) -> Tensor:
        return torch.from_numpy(fitted.transform(batch.cpu().flatten(1))).float().to(batch.device)

    return project


def _pca(experiment: Experiment, splits: Splits, with_bank: bool) -> Values:
    found = _in(_components)(experiment, splits, with_bank)
    return found | {ERROR: _error(splits, experiment.model.latent_dim)}


def _mean_image(experiment: Experiment, splits: Splits, with_bank: bool) -> Values:  # noqa: ARG001
    return {ERROR: _error(splits, 0)}


def _error(splits: Splits, components: int) -> float:
    return pca_error(splits.train.images, splits.test.images, components)


def _pixels(experiment: Experiment, splits: Splits) -> Encoder:  # noqa: ARG001
    return lambda images: images.flatten(1)


def _upright_pixels(experiment: Experiment, splits: Splits) -> Encoder:  # noqa: ARG001
    return lambda images: deskew(images.cpu()).flatten(1).to(images.device)


def _upright_hog(experiment: Experiment, splits: Splits) -> Encoder:  # noqa: ARG001
    return lambda images: hog(deskew(images.cpu())).to(images.device)


IDM, P2DHMDM = "IDM, deskewed", "P2DHMDM, deskewed"
CONTROLS = (
    Control("untrained", "untrained encoder", _in(_untrained), ("model", "analysis"), True),
    Control("pca", "PCA-{latent_dim}", _pca, ("model.latent_dim", "analysis"), True),
    Control("raw_pixels", "raw pixels", _in(_pixels), ("analysis",), True),
    Control("deskewed_pixels", "pixels, deskewed", _in(_upright_pixels), ("analysis",), True),
    Control("hog", "HOG, deskewed", _in(_upright_hog), ("analysis",), True),
    Control("image_distortion", IDM, _by(IDM, image_distortion), ("analysis.k",)),
    Control("p2dhmdm", P2DHMDM, _by(P2DHMDM, hidden_markov_distortion), ("analysis.k",)),
    Control("mean_image", "mean image", _mean_image),
)
