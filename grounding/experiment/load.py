"""YAML file + overrides -> a checked, frozen `Experiment`."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from grounding._errors import UserError
from grounding.experiment.document import MAX_BYTES, Document, parse_document
from grounding.experiment.schema import Experiment
from grounding.experiment.section import PATHS_ARE_USED

PACKAGED_CONFIGS = Path(__file__).parents[1] / "configs"

Location = tuple[str | int, ...]


def load_experiment(config: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment that a YAML file describes.

    Args:
        config: path of the file. A relative path that does not exist is also looked up among the
            packaged configs, with or without `.yaml`, whole or just the number in front.
        overrides: `section.key=value` strings that replace values of the file; the value is read
            as YAML, and everything goes through the same checks.

    Raises:
        UserError: one line with file, line and column, the key, its value and what is allowed.
    """
    path = find_config(config)
    document = parse_document(_read_text(path), str(path))
    if not isinstance(document.values, dict):
        raise UserError(f"{path}: not a mapping of sections; an experiment starts with experiment:")
    origins = dict.fromkeys(document.positions, "")
    for override in overrides:
        _apply(document.values, override, origins)
    try:
        return Experiment.model_validate(document.values, context=PATHS_ARE_USED)
    except ValidationError as error:
        raise UserError(_explain(error, document, path, origins)) from None


def experiment_from_dict(values: dict[str, Any], source: str) -> Experiment:
    """The experiment that a checkpoint carries.

    Raises:
        UserError: the values are not an experiment of this version; names `source`.
    """
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{_dotted(first['loc'])}: " if first["loc"] else ""
        raise UserError(
            f"{source}: its config is not readable here: {where}{first['msg']}"
        ) from None


def find_config(config: str | Path) -> Path:
    """The file that a `--config` argument means (see `load_experiment`).

    Raises:
        UserError: there is none; names the packaged configs.
    """
    path = Path(config)
    if path.exists() or path.is_absolute():
        if path.is_dir():
            raise UserError(f"{path} is a folder; --config takes a YAML file")
        if not path.exists():
            raise UserError(f"config {path} does not exist; packaged are: {_packaged_names()}")
        return path
    if path.parent in (Path(), Path("configs"), Path("grounding/configs")):
        name = path.name.removesuffix(".yaml")
        for candidate in packaged_configs():
            if name in (candidate.stem, candidate.stem.split("_")[0]):
                return candidate
    close = difflib.get_close_matches(path.stem, [p.stem for p in packaged_configs()], 1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise UserError(f"config {path} does not exist; {meant}packaged are: {_packaged_names()}")


def packaged_configs() -> list[Path]:
    """The YAML files that come with the package, in order of their numbers."""
    return sorted(
        PACKAGED_CONFIGS.glob("*.yaml"), key=lambda p: (len(p.stem.split("_")[0]), p.stem)
    )


def _packaged_names() -> str:
    return ", ".join(path.stem for path in packaged_configs())


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read config {path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: over {MAX_BYTES} bytes; an experiment is smaller than that")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.start} is not UTF-8 text; is this a YAML file?"
        ) from None


def _apply(values: dict[str, Any], override: str, origins: dict[Location, str]) -> None:
    name, equals, text = override.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or len(keys) < 2 or not all(keys):
        raise UserError(f"--set {override}: write it as section.key=value, e.g. training.epochs=3")
    target = values
    for depth, key in enumerate(keys[:-1], start=1):
        inner = target.setdefault(key, {})
        if inner is None:
            inner = target[key] = {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: {_dotted(keys[:depth])} is a value, not a section")
        target = inner
    target[keys[-1]] = parse_document(text, f"--set {name}").values if text.strip() else None
    for depth in range(1, len(keys) + 1):
        origins.setdefault(keys[:depth], override)
    origins[keys] = override


def _explain(
    error: ValidationError, document: Document, path: Path, origins: dict[Location, str]
) -> str:
    # A key that is missing is often one that is misspelt: say that first.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    location = _data_location(first["loc"], document.values)
    where = _where(location, document, path, origins)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    # A rule that joins keys of two sections has no place of its own.
    named = [where, _dotted(location)] if location else [where]
    return f"{': '.join(named)}: {_problem(first, location)}{more}"


def _where(location: Location, document: Document, path: Path, origins: dict[Location, str]) -> str:
    """The file's line and column, or the `--set` that the value came from."""
    for length in range(len(location), 0, -1):
        if origins.get(location[:length]):
            return f"--set {origins[location[:length]]}"
        if position := document.positions.get(location[:length]):
            return f"{path}:{position.line}:{position.column}"
    return str(path)


def _data_location(location: Location, values: Any) -> Location:
    """The part of pydantic's location that is keys of the file (unions add names of their own)."""
    kept: list[str | int] = []
    for key in location:
        if isinstance(values, dict) and isinstance(key, str):
            kept.append(key)
            values = values.get(key)
        elif isinstance(values, list) and isinstance(key, int) and key < len(values):
            kept.append(key)
            values = values[key]
    return tuple(kept)


def _problem(error: ErrorDetails, location: Location) -> str:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return f"unknown key; {_nearest(location)}"
    if kind == "missing":
        return "missing; this key has no default"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "value_error" or isinstance(value, dict):
        return message
    shown = repr(value) if value is not None else "nothing (null)"
    if len(shown) > 60:
        shown = shown[:57] + "..."
    return f"{message}, got {shown}"


def _nearest(location: Location) -> str:
    key = str(location[-1])
    siblings = list(_fields_at(location[:-1]))
    close = difflib.get_close_matches(key, siblings, 1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    elsewhere = [dotted for dotted in _all_keys(Experiment) if dotted.split(".")[-1] == key]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    return f"allowed: {', '.join(siblings)}"


def _fields_at(location: Location) -> Iterator[str]:
    model: type[BaseModel] = Experiment
    for key in location:
        model = _section_type(model, str(key)) or model
    yield from model.model_fields


def _section_type(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    field = model.model_fields.get(key)
    annotation = field.annotation if field else None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for key in model.model_fields:
        yield prefix + key
        if inner := _section_type(model, key):
            yield from _all_keys(inner, f"{prefix}{key}.")


def _dotted(location: Location) -> str:
    return ".".join(map(str, location))
