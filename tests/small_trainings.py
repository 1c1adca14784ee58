"""Trainings of a second: one of each kind that the packaged experiments are of."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch

from grounding import data, models, objectives
from grounding.training import Checkpoint, Training, initial_model, train

CPU = torch.device("cpu")
AUGMENTED = {
    "augmentations": {
        "translation": {"enabled": True, "max_shift": 2},
        "rotation": {"enabled": True, "max_degrees": 12.0},
        "noise": {"enabled": True, "std": 0.08},
        "masking": {"enabled": True, "prob": 0.08},
    },
    "each": 2,
}
VIEWS = {**AUGMENTED, "views": 2}


class Kind(NamedTuple):
    """What models.build, objectives.build, the loader and `train` are given."""

    model: Mapping[str, Any] = {"name": "naive_conv"}
    weights: Mapping[str, float] = {"reconstruction": 1.0}
    settings: Mapping[str, Any] = {}
    loader: Mapping[str, Any] = {}
    train: Mapping[str, Any] = {}


KINDS = {
    "fully connected": Kind({"name": "vanilla_fc", "hidden_dims": [32, 16]}),
    "conv": Kind(),
    "dropout": Kind({"name": "naive_conv", "dropout": 0.2}),
    "augmented": Kind(loader=AUGMENTED),
    "one fixed set": Kind(loader={"each": 2}),
    "resnet": Kind({"name": "asymmetric_resnet"}, loader=AUGMENTED),
    "contrastive": Kind(
        {"name": "vgg", "hidden_dims": [4, 8]},
        {"contrastive": 1.0, "reconstruction": 8.0},
        {"temperature": 0.1, "near": 4, "close": 2, "near_from": 0.5},
        {**VIEWS, "target": "view", "mirrored": True, "composites": 3},
        {"optimizer": "adamw", "schedule": "one_cycle", "weight_decay": 0.01},
    ),
    "regrounded": Kind(
        {"name": "vgg", "hidden_dims": [4, 8]},
        {"contrastive": 1.0, "reconstruction": 8.0, "regrounding": 1.0},
        {"temperature": 0.1, "regrounding_to_decoder": 0.3},
        {**VIEWS, "target": "view"},
    ),
    "vicreg": Kind(weights={"vicreg": 1.0}, loader=VIEWS),
    "variational": Kind(
        {"name": "vanilla_fc", "hidden_dims": [32, 16]}, {"kl": 1e-3, "reconstruction": 1.0}
    ),
    "labels": Kind(weights={"labels": 1.0}),
}


@cache
def splits(train: int = 64, val: int = 32) -> data.Splits:
    """Some images of the packaged MNIST."""
    return data.cut(data.load(), train=train, val=val, test=16, seed=42)


def new_model(kind: str, seed: int = 42) -> models.Autoencoder:
    """The model before training."""
    settings = {"latent_dim": 8, **KINDS[kind].model}
    name = settings.pop("name")
    return initial_model(lambda: models.build(name, (1, 28, 28), **settings), seed)


def new_objectives(
    kind: str, model: models.Autoencoder, epochs: int, seed: int = 42, **arguments: Any
) -> objectives.Objectives:
    """The weighted sum of a kind."""
    chosen = KINDS[kind]
    if "labels" in chosen.weights:
        arguments["labels"] = splits().train.labels
    return objectives.build(
        chosen.weights, model=model, epochs=epochs, seed=seed, **chosen.settings, **arguments
    )


def trained(
    kind: str,
    *,
    device: torch.device = CPU,
    epochs: int = 2,
    batch_size: int = 24,
    seed: int = 42,
    precision: torch.dtype = torch.float32,
    images: data.Splits | None = None,
    model: models.Autoencoder | None = None,
    weighted: objectives.Objectives | None = None,
    loader: dict[str, Any] | None = None,
    **arguments: Any,
) -> Training:
    """Train a model of a kind; `arguments` are of `train`."""
    images = images or splits()
    model = model or new_model(kind, seed)
    chosen = {**KINDS[kind].loader, **(loader or {})}
    if kind == "one fixed set":
        chosen["fixed_set"] = images.train.images.flip(-1).repeat(2, 1, 1, 1)
    if "augmentations" in chosen:
        chosen["augmentations"] = data.Augmentations(chosen["augmentations"])
    return train(
        model,
        weighted or new_objectives(kind, model, epochs, seed, precision=precision),
        data.TrainingInputs(
            images.train.images.to(device), seed=seed, batch_size=batch_size, **chosen
        ),
        images.val.images,
        epochs=epochs,
        **{**KINDS[kind].train, **arguments},
    )


def kept(training: Training) -> Checkpoint:
    """The checkpoint of a training."""
    return training.checkpoint(config={"a": 1}, data_fingerprint="abc", run="000001-00000000")
