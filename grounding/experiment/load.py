"""A config, or what a checkpoint carries -> an `Experiment`, or one line that says why not."""

from __future__ import annotations

import difflib
import reprlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from grounding import _registry as register
from grounding._errors import UserError
from grounding.experiment.document import Document, Overrides, modern_values, read_document
from grounding.experiment.schema import Experiment, experiment_type


def load_experiment(config: str | Path | Document, overrides: Overrides = ()) -> Experiment:
    """The experiment that a YAML file describes, or what `read_document` has made of one.

    Raises:
        UserError: one line with file, line and column, the key, its value and what is allowed.
    """
    document = config if isinstance(config, Document) else read_document(config, overrides)
    return validated(document.values, str(document.path), document.places)


def load_config(name_or_path: str | Path, /, **overrides: Any) -> Experiment:
    """The experiment of a file, or of a packaged config's name or number, with values replaced.

    Examples:
        >>> load_config("5", training={"epochs": 3}, **{"data.train_samples": 1000})

    Raises:
        ValueError: one line with the place, the key, its value and what is allowed.
    """
    document = read_document(name_or_path, overrides)
    for note in document.notes:
        warnings.warn(note, stacklevel=2)
    return load_experiment(document)


def experiment_from_dict(values: dict[str, Any], source: str) -> Experiment:
    """The experiment that a checkpoint or a manifest carries; earlier spellings are understood.

    Raises:
        UserError: the values are not an experiment of this version; names `source`.
    """
    what = f"{source}: its config is not readable here"
    return validated(modern_values(values, what), what, {})


def validated(values: dict[str, Any], source: str, places: Mapping[Any, str]) -> Experiment:
    """The experiment that values by section describe; `places` are where they were given.

    Raises:
        UserError: one line with the place, else `source`, the key, its value and what is allowed.
    """
    kind, model = experiment_type(), values.get("model")
    if isinstance(model, dict) and not isinstance(given := model.get("architecture", ""), str):
        # As text, and not all of it, as pydantic would take it into its message.
        values = {**values, "model": {**model, "architecture": _shown(given)}}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(error, kind, places, source)) from None


def explain(
    error: ValidationError, kind: type[BaseModel], places: Mapping[Any, str], source: str
) -> str:
    """The first problem in validating a `kind`, at its place, else `source`; and how many more."""
    # A missing key is often one that is misspelt.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first, location = problems[0], problems[0]["loc"]
    if location[:1] == ("model",):  # after it comes the architecture, which is no key
        location = ("model", *location[2:])
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] == "extra_forbidden":
        text = _unknown_key(location, kind)
    elif first["type"].startswith("union_tag"):
        given, location = first["input"].get("architecture"), ("model", "architecture")
        text = f"{_shown(given)} is unknown; {_meant(given, register.model.names())}"
    elif first["type"] == "missing":
        text = "missing; this key has no default"
    elif first["type"] in ("model_type", "model_attributes_type"):
        text = f"a section, with keys of its own, not {_shown(first['input'])}"
    elif first["type"] != "value_error":
        text += f", got {_shown(first['input'])}"
    if location:
        text = f"{'.'.join(map(str, location))}: {text}"
    # A rule that joins keys of two sections has no location, and begins with one of them.
    location = location or tuple(text.split()[0].strip(":").split("."))
    nearer = (location[:length] for length in range(len(location), 0, -1))
    at = (places[p] for path in nearer for p in places if p[: len(path)] == path)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{next(at, source)}: {text}{more}"


def _shown(value: Any) -> str:
    return "nothing (null)" if value is None else reprlib.repr(value)


def _unknown_key(location: tuple[Any, ...], kind: type[BaseModel]) -> str:
    key, every = location[-1], list(dict.fromkeys(_keys(kind)))
    owners = [c.name for c in register.model.components() if key in c.settings.model_fields]
    if location[:-1] == ("model",) and owners:
        return f"is only for {' and '.join(owners)}; leave it out"
    siblings = [path[-1] for path in every if path[:-1] == location[:-1]]
    elsewhere = [".".join(path) for path in every if path[-1] == key]
    return f"unknown key; {_meant(key, siblings, elsewhere)}"


def _meant(given: Any, allowed: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    close = difflib.get_close_matches(given, allowed, 1, cutoff=0.5) if type(given) is str else []
    nearest = [*close, *elsewhere][:1]
    return "".join(f"did you mean {name}? " for name in nearest) + f"allowed: {', '.join(allowed)}"


def _keys(kind: type[BaseModel], section: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all keys; those of `model` of every architecture."""
    for key, field in kind.model_fields.items():
        yield (*section, key)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _keys(inner, (*section, key))
