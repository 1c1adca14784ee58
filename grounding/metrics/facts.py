"""What reports and tables have to know of the registered metrics."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Literal

from grounding import _registry as register


@dataclass(frozen=True)
class Facts:
    """What a metric says of itself where it is registered.

    Attributes:
        title: its name in tables for people; default: that of the metric, with spaces.
        report: the report that holds it: "analysis", "manifold", "probes" or "profile"; "" for
            none; default: "profile" of what has an axis, else "manifold".
        axis: of the profile, which holds every metric that has one, whatever report it is of:
            "classes", "geometry", "spread", "decoder", "dynamics", "invariance" or "novelty".
        unit: behind the value, e.g. "of 100".
        digits: behind the point.
        better: which values are; None if neither.
        k: neighbours, if it always takes as many; None for the `k` that it asks for, if any.
        tables: those that show it: "index", "compare", and "seeds", which is the index page's
            summary of several seeds.
        alias_of: the metric of another report that it is the same number as.
        sample: so many points at most are measured; 0 for all.
        place: where it stands in reports and tables, lowest first.
    """

    title: str
    report: str
    unit: str = ""
    digits: int = 4
    better: Literal["higher", "lower"] | None = None
    k: int | None = None
    tables: tuple[str, ...] = ("index", "compare")
    alias_of: str = ""
    axis: str = ""
    sample: int = 0
    place: int = 1000


def facts(name: str) -> Facts:
    """The facts of a metric.

    Raises:
        ValueError: there is none of that name.
    """
    given = register.metric[name].facts
    report = "profile" if given.get("axis") else "manifold"
    return Facts(**{"title": name.replace("_", " "), "report": report, **given})


def names(*, report: str | None = None, table: str | None = None) -> tuple[str, ...]:
    """Names of all metrics, or of those of a report or a table, in the order of both."""
    found = {name: facts(name) for name in register.metric.names()}
    chosen = [
        name
        for name, of in found.items()
        if (report in (None, of.report) or (report == "profile" and of.axis))
        and (table is None or table in of.tables)
    ]
    return tuple(sorted(chosen, key=lambda name: found[name].place))


def meaning(name: str) -> str:
    """What a metric is, in a few words: the first paragraph of its docstring."""
    scored = name in needs("manifold_score") or facts(name).report != "manifold"
    return register.metric[name].summary.rstrip(".") + ("" if scored else ", not scored")


def needs(name: str) -> tuple[str, ...]:
    """What a metric asks of a `Space`, or which other metrics: the names of its parameters."""
    return tuple(inspect.signature(register.metric[name].make).parameters)
