"""YAML text -> plain values that know where they stood.

Experiments are sent around, so a file is treated as hostile until it has been read: it is walked
as a stream of parser events, and size, depth, anchors, tags and duplicate keys are refused before
anything is built from them. Plain scalars follow YAML 1.2 (`1e-4` is a number, `no` is a string).
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from grounding._errors import UserError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8

# YAML 1.2 core schema, less octal, hexadecimal, infinities and NaN: no experiment needs those.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}

Path = tuple[str | int, ...]


class Position(NamedTuple):
    """Where something stands in a file; both count from 1."""

    line: int
    column: int


class Document(NamedTuple):
    """The values of a YAML file, and where each key or list item stands."""

    values: Any
    positions: dict[Path, Position]


def parse_document(text: str, source: str) -> Document:
    """Read one YAML document.

    Args:
        text: the file's text, at most 64 KiB.
        source: name of the file for error messages.

    Raises:
        UserError: not YAML, or YAML with anchors, aliases, tags, merge keys, duplicate or
            non-string keys, more than one document, or too much size or depth.
    """
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MAX_BYTES:
        raise UserError(f"{source}: {size} bytes; an experiment has at most {MAX_BYTES}")
    try:
        return _Builder(yaml.parse(text, Loader=yaml.SafeLoader), source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise UserError(f"{where}: not valid YAML: {_one_line(error.problem)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{source}: not valid YAML: {_one_line(str(error))}") from None
    except UserError:
        raise
    except (ValueError, OverflowError):  # PyYAML lets them through: "\U99999999", %YAML 1.999...
        raise UserError(
            f"{source}: not valid YAML: an escape or a number is out of range"
        ) from None


def parse_scalar(text: str) -> Any:
    """The value of a plain scalar: None, a bool, an int, a float, or the text itself."""
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    # 4,300 digits is where Python's own int() gives up; no setting has more than 20.
    if _INTEGER.fullmatch(text) and len(text) <= 100:
        return int(text)
    if _FLOAT.fullmatch(text) and not text.lstrip("+-").isdigit():
        return float(text)
    return text


class _Builder:
    """Builds values from parser events, refusing what an experiment does not need."""

    def __init__(self, events: Iterator[yaml.Event], source: str) -> None:
        self.events = events
        self.source = source
        self.positions: dict[Path, Position] = {}

    def document(self) -> Document:
        next(self.events)  # stream start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise UserError(
                f"{self.source}: the file is empty; an experiment starts with experiment:"
            )
        values = self._value(next(self.events), ())
        next(self.events)  # document end
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise self._error(following, "a second document (---); one file is one experiment")
        return Document(values, self.positions)

    def _value(self, event: yaml.Event, path: Path) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, f"alias *{event.anchor} is not allowed; write the value out")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise self._error(event, f"anchor &{event.anchor} is not allowed; write the value out")
        if (tag := getattr(event, "tag", None)) is not None:
            raise self._error(event, f"tag {tag} is not allowed; write a plain value")
        if len(path) > MAX_DEPTH:
            raise self._error(event, f"more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.ScalarEvent):
            return parse_scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, yaml.MappingStartEvent), event
        return self._mapping(path)

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.positions[here] = _position(event)
            items.append(self._value(event, here))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a plain word")
            key = event.value
            if key == "<<":
                raise self._error(event, "merge key << is not allowed; write the values out")
            if event.anchor is not None or event.tag is not None:
                raise self._error(event, f"anchor or tag on key {key!r} is not allowed")
            here = (*path, key)
            if key in mapping:
                first = self.positions[here].line
                raise self._error(event, f"{_dotted(here)} is given twice, first in line {first}")
            self.positions[here] = _position(event)
            mapping[key] = self._value(next(self.events), here)
        return mapping

    def _error(self, event: yaml.Event, what: str) -> UserError:
        line, column = _position(event)
        return UserError(f"{self.source}:{line}:{column}: {what}")


def _position(event: yaml.Event) -> Position:
    assert event.start_mark is not None
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _one_line(text: str | None) -> str:
    return " ".join((text or "unknown problem").split())
