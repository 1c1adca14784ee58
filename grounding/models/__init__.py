"""Autoencoders. Each architecture is one file, which registers it under its name."""

import difflib
from typing import Any

from pydantic import ValidationError

from grounding import _registry as register
from grounding._errors import printable
from grounding.models.autoencoder import Autoencoder, ModelSettings, count_parameters

__all__ = ["Autoencoder", "ModelSettings", "build", "count_parameters"]


def build(
    name: str, image_shape: tuple[int, int, int], *, dropout: float = 0.0, **settings: Any
) -> Autoencoder:
    """An autoencoder with freshly drawn weights, from torch's global random state.

    Args:
        name: of a registered architecture, e.g. "naive_conv".
        image_shape: (C, H, W) of one image.
        dropout: probability in [0, 1) of dropping what a hidden layer gives; 0 builds no layers
            for it.
        **settings: the keys of the experiment's `model` section, e.g. `latent_dim=16`.

    Raises:
        ValueError: an unknown name, a setting that it does not have or cannot have, or settings
            that do not fit the images; one line.
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise ValueError(f"image_shape {image_shape} is not (channels, height, width), each >= 1")
    architecture = register.model[name]
    try:
        checked = architecture.settings(**settings)
    except ValidationError as error:
        allowed = list(architecture.settings.model_fields)
        raise ValueError(printable(f"{name}: {_first_problem(error, allowed)}")) from None
    model: Autoencoder = architecture.make(tuple(image_shape), checked, dropout=dropout)
    return model


def _first_problem(error: ValidationError, allowed: list[str]) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, allowed, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        return f"{key}: there is no such setting{meant}"
    message = problem["msg"].removeprefix("Value error, ")
    # A rule that joins several settings names them, and their values, itself.
    return f"{key}: {message}, got {problem['input']!r}" if key else message
