"""What a training step makes smaller: a weighted sum of objectives, each a file of its own.

`build` makes the sum from weights and settings; the losses are functions of tensors or arrays.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from grounding import _registry as register
from grounding._registry import Settings
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.base import (
    Array,
    Context,
    Objective,
    Objectives,
    Step,
    check,
    trains_decoder,
)
from grounding.objectives.contrastive import contrastive_loss
from grounding.objectives.kl import kl_divergence
from grounding.objectives.labels import classification_loss
from grounding.objectives.reconstruction import reconstruction_error
from grounding.objectives.regrounding import regrounding_distance
from grounding.objectives.vicreg import vicreg_loss

__all__ = [
    "Array",
    "Context",
    "Objective",
    "Objectives",
    "Step",
    "build",
    "check",
    "classification_loss",
    "contrastive_loss",
    "kl_divergence",
    "reconstruction_error",
    "regrounding_distance",
    "trains_decoder",
    "vicreg_loss",
]


def build(
    weights: Mapping[str, float],
    *,
    model: Autoencoder,
    views: int | None = None,
    epochs: int = 1,
    images: int | None = None,
    labels: Array | Sequence[int] | None = None,
    precision: torch.dtype = torch.float32,
    seed: int = 0,
    **settings: Any,
) -> Objectives:
    """The weighted sum of some objectives: `build({"contrastive": 1}, model=m, temperature=0.1)`.

    Args:
        weights: by name of the objective.
        model: the autoencoder to train.
        views: inputs of each image in one step; default: as few as the objectives need.
        epochs: of the whole training.
        images: training images, if they are known.
        labels: whole numbers (N,), of the training images.
        precision: arithmetic of the model's layers, bfloat16 or float32.
        seed: of the weights of layers that only training needs.
        **settings: of the objectives, by the keys of the experiment's `objectives` section.

    Raises:
        ValueError: an objective or setting is unknown, or cannot be used here; one line.
    """
    components = [register.objective[name] for name in weights]
    allowed = {key for component in components for key in component.settings.model_fields}
    for key in sorted(settings.keys() - allowed):
        close = difflib.get_close_matches(key, allowed, 1)
        meant = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(allowed))}"
        raise ValueError(f"{key}: there is no such setting of {', '.join(weights)}; {meant}")
    made: dict[str, Settings] = {}
    for component in components:
        given = {k: v for k, v in settings.items() if k in component.settings.model_fields}
        try:
            made[component.name] = component.settings(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, (component.name, *first["loc"])))
            raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    train_labels = None if labels is None else torch.as_tensor(labels)
    context = Context(
        model,
        epochs=epochs,
        views=views or max((c.facts.get("needs_views", 1) for c in components), default=1),
        images=images,
        train_labels=train_labels,
        classes=() if train_labels is None else tuple(train_labels.unique().tolist()),
    )
    return Objectives(weights, made, context, precision=precision, seed=seed)
