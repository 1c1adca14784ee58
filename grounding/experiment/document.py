"""A config's text, and what is set beside it, as plain values in today's spellings.

Experiments are sent around, so a file is hostile until it has been read: size, depth, anchors,
aliases and tags are refused while it is parsed, before any value is made. Plain scalars follow
YAML 1.2 (`1e-4` is a number, `no` is a string). Neither pydantic nor torch is needed for all this,
so mistakes in a config's text are told at once.
"""

from __future__ import annotations

import itertools
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from grounding._errors import UserError
from grounding._files import open_regular
from grounding._paths import given_path

PACKAGED_CONFIGS = Path(__file__).parents[1] / "configs"

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MOST_VALUES = 10_000
# YAML 1.2 core schema, less octal, hexadecimal, infinities and NaN: no experiment needs those, nor
# numbers of so many digits that int() gives up.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)

_DEEPEST = 4  # no setting has more keys than self_supervised.augmentations.noise.std

# Earlier names of settings.
_THEN, _NOW = "self_supervised.augmentation", "self_supervised.augmentations"
_TODAY = {
    "model.encoder_depth": "model.encoder.resnet_depth",
    "model.base_channels": "model.encoder.base_channels",
    f"{_THEN}.max_shift": f"{_NOW}.translation.max_shift",
    f"{_THEN}.max_rotation": f"{_NOW}.rotation.max_degrees",
    f"{_THEN}.intensity": f"{_NOW}.intensity.max_scale",
    f"{_THEN}.noise_std": f"{_NOW}.noise.std",
    f"{_THEN}.mask_probability": f"{_NOW}.masking.prob",
    f"{_THEN}.subpixel_shift": f"{_NOW}.subpixel_translation.max_shift",
    f"{_THEN}.scale": f"{_NOW}.scaling.max_change",
    f"{_THEN}.shear": f"{_NOW}.shear.max_shear",
    f"{_THEN}.elastic": f"{_NOW}.elastic.std",
    f"{_THEN}.thickness": f"{_NOW}.thickness.max_weight",
    f"{_THEN}.cutout": f"{_NOW}.cutout.side",
}
# The same in other words: keys of the original system, whose files are read as they are.
_SAME = {"data.dataset": "data.source"}
# Keys of `model` that were null where the architecture has none of them, or has a default.
_WERE_NULL = ("encoder_depth", "base_channels", "input_dim", "hidden_dims")

Location = tuple[str | int, ...]
Overrides = Sequence[str] | Mapping[str, Any]


class Document(NamedTuple):
    """What a config says, not checked yet."""

    path: Path
    values: dict[str, Any]
    places: dict[Location, str]  # of keys and list items: "x.yaml:3:1", "--set a.b=1"
    notes: list[str]  # a line for each earlier spelling, to be shown to the user


def read_document(config: str | Path, overrides: Overrides = ()) -> Document:
    """Read a YAML file and put what is set beside it in its place.

    Args:
        config: see `find_config`.
        overrides: "section.key=value" with a value in YAML; or values by section and key.

    Raises:
        UserError: one line: no such file, not YAML of an experiment, or an override without a key.
    """
    path = find_config(config)
    try:
        with open_regular(path) as file:
            values, places = parse_yaml(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise UserError(f"cannot read config {path}: {error.strerror or error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: not a mapping of sections; an experiment starts with experiment:")
    return document_of(values, path, places, overrides)


def document_of(
    values: Mapping[str, Any], path: Path, places: dict[Location, str], overrides: Overrides = ()
) -> Document:
    """Values by section, and what is set beside them in its place.

    Args:
        values: by section.
        path: where they are from.
        places: where each of them was given, as far as that is known.
        overrides: as `read_document` takes them.

    Raises:
        UserError: an override has no key.
    """
    said = _by_path(values, str(path))
    notes = _modernize(said, places, str(path))
    for keys, value, place in _given(overrides):
        if len(keys) < 2 or not all(keys):
            raise UserError(f"{place}: write it as section.key=value, e.g. training.epochs=3")
        _put(said, places, keys, value, place)
        notes += _modernize(said, places, place)
    return Document(path, _by_section(said), places, notes)


def modern_values(values: dict[str, Any], source: str) -> dict[str, Any]:
    """Values by section, as a checkpoint has them, in today's spellings."""
    said = _by_path(values, source)
    _modernize(said, {}, source)
    return _by_section(said)


def find_config(config: str | Path) -> Path:
    """The file of a path that exists, or a packaged one by its name, its number, or a path to it.

    Raises:
        UserError: there is none; names the packaged configs.
    """
    path, packaged = given_path(config), {path.stem: path for path in packaged_configs()}
    if path.exists() and not path.is_dir():  # a folder may be called 7 as well
        return path
    if path.parent in (Path(), Path("configs"), Path("grounding/configs")):
        name = path.name.removesuffix(".yaml")
        for stem, candidate in packaged.items():
            if name in (stem, stem.split("_")[0]):
                return candidate
    problem = "is a folder" if path.is_dir() else "does not exist"
    raise UserError(f"config {path} {problem}; packaged are: {', '.join(packaged)}")


def packaged_configs() -> list[Path]:
    """The YAML files that come with the package, in order of their numbers."""
    return sorted(PACKAGED_CONFIGS.glob("*.yaml"), key=lambda p: int(p.stem.split("_")[0]))


def by_path(values: Any, path: Location = ()) -> Iterator[tuple[Location, Any]]:
    """The values in nested sections, each with the keys that lead to it."""
    if isinstance(values, Mapping) and values and len(path) < _DEEPEST:
        for key, inner in values.items():
            yield from by_path(inner, (*path, key))
    elif path:
        yield path, list(values) if isinstance(values, tuple) else values


def _by_path(values: Any, source: str) -> dict[Location, Any]:
    """As `by_path`; refused if they are too many for an experiment.

    Raises:
        UserError: a manifest or a checkpoint of somebody else says so much.
    """
    said = dict(itertools.islice(by_path(values), MOST_VALUES + 1))
    if len(said) > MOST_VALUES:
        raise UserError(f"{source}: more than {MOST_VALUES:,} keys; an experiment has fewer")
    return said


def _by_section(said: Mapping[Location, Any]) -> dict[Any, Any]:
    """The nested sections of which `by_path` has made values by path."""
    values: dict[Any, Any] = {}
    for (*outer, key), value in said.items():
        section = values
        for name in outer:
            section = section.setdefault(name, {})
        section[key] = value
    return values


def _given(overrides: Overrides) -> Iterator[tuple[Location, Any, str]]:
    """The path, value and place of each override."""
    if isinstance(overrides, Mapping):
        for name, values in overrides.items():
            for path, value in by_path(values, tuple(name.split("."))):
                yield path, value, f"{'.'.join(map(str, path))}={value!r}"
        return
    for override in overrides:
        name, equals, text = override.partition("=")
        keys = tuple(name.strip().split(".")) if equals else ()
        yield keys, parse_yaml(text, f"--set {name}")[0], f"--set {override}"


def _put(
    said: dict[Location, Any], places: dict[Location, str], path: Location, value: Any, place: str
) -> None:
    """Let a value replace what is said at and below its path."""
    for at in list(said):
        if at == path[: len(at)] or path == at[: len(path)]:
            del said[at]
            places.pop(at, None)
    for at in [at for at in places if path == at[: len(path)]]:
        del places[at]
    said |= by_path(value, path)
    places[path] = place


def _modernize(said: dict[Location, Any], places: dict[Location, str], source: str) -> list[str]:
    """Replace earlier spellings by today's, in values by path; a line for each, with its place."""
    for key in _WERE_NULL:
        if said.get(("model", key), key) is None:
            del said["model", key]
    for other, ours in _SAME.items():
        path = tuple(other.split("."))
        if path in said:
            place = places.get(path, source)
            _put(said, places, tuple(ours.split(".")), said.pop(path), place)
    notes = []
    for earlier, today in _TODAY.items():
        path = tuple(earlier.split("."))
        if path in said:
            place = places.get(path, source)
            says = _says(earlier, today, said.pop(path))
            for key, value in says.items():
                _put(said, places, tuple(key.split(".")), value, place)
            words = ", ".join(f"{key}: {reprlib.repr(value)}" for key, value in says.items())
            notes.append(f"{place}: {earlier} is now {words}")
    return notes


def _says(earlier: str, today: str, value: Any) -> dict[str, Any]:
    """What an earlier key says, by today's keys; 0 switched an augmentation off."""
    if not earlier.startswith(_THEN):
        return {today: value}
    section, is_number = today.rpartition(".")[0], isinstance(value, int | float)
    if is_number and value == 0:
        return {f"{section}.enabled": False}
    says = {f"{section}.enabled": True, today: value}
    if is_number and earlier == f"{_THEN}.intensity":
        # A factor of 1 - value to 1 + value; rounded, for 1 - 0.9 is 0.09999999999999998.
        value = max(-2, min(value, 2))  # what is larger is refused, but may be too large for floats
        says[f"{section}.min_scale"] = round(1.0 - value, 12)
        says[f"{section}.max_scale"] = round(1.0 + value, 12)
    return says


def parse_yaml(text: str | bytes, source: str) -> tuple[Any, dict[Location, str]]:
    """The values of a YAML document, and where each key and list item stands: "x.yaml:3:1".

    Raises:
        UserError: not YAML, or YAML with anchors, aliases, tags, merge keys, duplicate or
            non-string keys, more than one document, over 64 KiB, or of too much depth.
    """
    if len(text) > MAX_BYTES:
        raise UserError(f"{source}: over {MAX_BYTES} bytes; an experiment is smaller than that")
    try:
        loader = _Loader(text)
        loader.name = source
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        why = ", ".join(filter(None, (error.context, error.problem)))
        raise UserError(f"{_place(error.problem_mark)}: cannot be read as YAML: {why}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: "\U99999999"
        why = " ".join(str(error).split())
        raise UserError(f"{source}: cannot be read as YAML: {why}") from None
    places: dict[Location, str] = {}
    return (_value(node, (), places) if node else None), places


class _Loader(yaml.SafeLoader):
    """Composes nodes that are written out, and only some levels of them."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        problem = f"more than {MAX_DEPTH} levels deep" if self.depth > MAX_DEPTH else ""
        for kind in ("anchor", "tag"):  # an alias names an anchor
            if (name := getattr(event, kind, None)) is not None:
                problem = f"{kind} {name} is not allowed; write the value out"
        if problem:
            raise yaml.MarkedYAMLError(None, None, problem, event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _value(node: yaml.Node, path: Location, places: dict[Location, str]) -> Any:
    places[path] = _place(node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), places) for index, item in enumerate(node.value)]
    values: dict[str, Any] = {}
    for key, inner in node.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise UserError(f"{place}: a key must be a plain word, and << is none")
        here = (*path, key.value)
        if key.value in values:
            dotted, first = ".".join(map(str, here)), places[here].split(":")[-2]
            raise UserError(f"{place}: {dotted} is given twice, first in line {first}")
        values[key.value] = _value(inner, here, places)
        places[here] = place
    return values


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _place(mark: Any) -> str:
    return f"{mark.name}:{mark.line + 1}:{mark.column + 1}"
