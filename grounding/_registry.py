"""Components by name: models, objectives, augmentations, metrics and data sources.

A component is one file: a function or class, its settings, its docstring, and what tables have to
know of it, joined by a decorator. Whoever needs the names asks the registry; nobody lists them a
second time. Components of other people are registered in the same way, by an installed package
that names a module under the entry point group `grounding.components`, or by a module that is
imported before: a config or a checkpoint alone imports nothing.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

ENTRY_POINTS = "grounding.components"

T = TypeVar("T", bound=Callable[..., Any])


class Settings(BaseModel):
    """Base of all settings: frozen, no unknown keys, no conversions, no NaN or infinity.

    The docstring under a field is its description, in the JSON Schema and in `--help`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


@dataclass(frozen=True)
class Component:
    """One component.

    Attributes:
        kind: "model", "objective", "augmentation", "metric" or "data source".
        name: by which configs and reports call it.
        make: the function or class that was registered.
        settings: what a config may say of it.
        facts: what tables and other code have to know of it, e.g. a metric's `unit`.
    """

    kind: str
    name: str
    make: Callable[..., Any]
    settings: type[Settings]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring, on one line."""
        return " ".join((inspect.getdoc(self.make) or "").split("\n\n")[0].split())

    @property
    def is_ours(self) -> bool:
        """Whether it comes with this package."""
        return self.make.__module__.split(".")[0] == "grounding"

    def code_hash(self) -> str:
        """SHA-256 of the file that it is written in; of its name where there is no file."""
        source = inspect.getsourcefile(inspect.unwrap(self.make))
        code = Path(source).read_bytes() if source else self.make.__qualname__.encode()
        return hashlib.sha256(code).hexdigest()


class Registry:
    """The components of one kind.

    Args:
        kind: what they are, for messages.
        packages: those that hold ours; all their modules are imported when the first name is asked
            for.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind = kind
        self._packages = packages
        self._components: dict[str, Component] = {}

    def __call__(
        self, name: str, *, settings: type[Settings] = Settings, **facts: Any
    ) -> Callable[[T], T]:
        """A decorator that registers a function or class under a name.

        Raises:
            ValueError: the name is no identifier, or another component has it.
        """
        if not name.isidentifier():
            raise ValueError(f"{self.kind} {name!r}: a name has letters, digits and _ only")

        def register(make: T) -> T:
            before = self._components.get(name)
            if before and _place(before.make) != _place(make):  # not the same module again
                raise ValueError(
                    f"{self.kind} {name} is registered already, by {before.make.__module__}"
                )
            self._components[name] = Component(self.kind, name, make, settings, facts)
            return make

        return register

    def __getitem__(self, name: str) -> Component:
        """The component of a name.

        Raises:
            ValueError: there is none; says which there are.
        """
        names = self.names()
        if name not in self._components:
            close = difflib.get_close_matches(name, names, 1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise ValueError(
                f"{self.kind} {name!r} is unknown; {meant}there are: {', '.join(names)}"
            )
        return self._components[name]

    def names(self) -> tuple[str, ...]:
        """All names, those of ours first, in alphabetical order."""
        self._load()
        return tuple(sorted(self._components, key=lambda n: (not self._components[n].is_ours, n)))

    def components(self) -> list[Component]:
        """All components, in the order of `names`."""
        return [self._components[name] for name in self.names()]

    def _load(self) -> None:
        for package in self._packages:
            _import_package(package)
        _import_installed()


@cache
def _import_package(name: str) -> None:
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{name}.{module.name}")


@cache
def _import_installed() -> None:
    """Import what installed packages add; one that is broken is named and left out."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except Exception as error:  # it is somebody else's code
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            print(f"warning: components of {point.value} left out: {said}", file=sys.stderr)


def _place(make: Callable[..., Any]) -> tuple[str, str]:
    return make.__module__, make.__qualname__


model = Registry("model", "grounding.models")
objective = Registry("objective", "grounding.objectives")
augmentation = Registry("augmentation", "grounding.data.augmentations")
metric = Registry("metric", "grounding.metrics", "grounding.dynamics")
source = Registry("data source", "grounding.data.sources")
REGISTRIES = (model, objective, augmentation, metric, source)
