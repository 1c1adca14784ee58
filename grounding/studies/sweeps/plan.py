"""What a sweep is to try: a config, its axes, seeds, and by what it is judged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from math import isfinite, prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from grounding._errors import UserError
from grounding.experiment import Experiment, load_experiment
from grounding.experiment.document import by_path, document_of, parse_yaml
from grounding.experiment.sections import LONGEST_NAME, NAME
from grounding.runs.building import has_trained_decoder

Search: TypeAlias = Literal["grid", "random", "tpe"]
Point: TypeAlias = Mapping[str, Any]
"""A value for each axis, by "section.key"."""

KINDS = ("log", "linear", "int", "logint")
MOST_POINTS, MOST_SEEDS = 10_000, 10_000
METRIC = re.compile(r"val_loss|val_knn(?:_([1-9][0-9]{0,3}))?")


@dataclass(frozen=True)
class Space:
    """A range that values are drawn from.

    Attributes:
        kind: "log" or "linear" for real numbers; "int" or "logint" for whole ones.
        low: the least.
        high: the largest.
    """

    kind: str
    low: int | float
    high: int | float


@dataclass(frozen=True)
class Plan:
    """What a sweep is to try.

    Attributes:
        name: of the sweep, with which the names of its trials begin.
        config: the config that all trials share, by section, as its file and `--set` say.
        source: where that is from.
        grid: values of each axis, by "section.key".
        spaces: ranges, likewise.
        seeds: each point is trained once for each.
        search: how points are chosen.
        trials: how many points are drawn; 0 for a grid, which is tried in full.
        metric: "val_loss", "val_knn", or "val_knn_K" with K neighbours.
        prune: of "epochs" and "seeds", where points that do badly are given up.
    """

    name: str
    config: Mapping[str, Any]
    source: str
    grid: Mapping[str, Sequence[Any]]
    spaces: Mapping[str, Space]
    seeds: Sequence[int]
    search: Search = "grid"
    trials: int = 0
    metric: str = "val_loss"
    prune: Sequence[str] = ()

    @property
    def axes(self) -> list[str]:
        """The keys that differ between points."""
        return [*self.grid, *self.spaces]

    @property
    def higher_is_better(self) -> bool:
        """Of the metric."""
        return self.metric != "val_loss"

    @cached_property
    def base(self) -> Experiment:
        """The experiment that all points are variants of."""
        return self.experiment({})

    @cached_property
    def _base_values(self) -> dict[str, str]:
        return _values(self.base)

    def experiment(self, point: Point) -> Experiment:
        """The experiment of a point, under the name of its trials less the seed.

        Raises:
            UserError: it is none; one line that names the axis.
        """
        chosen = {**point, **_of_metric(self.metric, self.config), "experiment.name": self.name}
        given = load_experiment(document_of(self.config, Path(self.source), {}, chosen))
        if not point:
            return given
        # Known by what it does otherwise than the base: a new axis, whose value in the base is what
        # the trials had that are there, and new keys of a config leave it where it is.
        mine, theirs = _values(given), self._base_values
        apart = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
        digest = sha256(json.dumps([(k, mine.get(k)) for k in apart]).encode()).hexdigest()
        return given.variant(f"_{digest[:10]}" if apart else "_base")

    def check(self) -> None:
        """Find out before any training whether all of it can be done.

        Raises:
            UserError: one line; what cannot, and what is allowed.
        """
        self.check_itself()
        self._check_points()

    def check_itself(self) -> None:
        """Find out whether it is a plan, before any of its points are looked at.

        Raises:
            UserError: one line; what is wrong, and what is allowed.
        """
        if not re.fullmatch(NAME, self.name) or len(self.name) > LONGEST_NAME - 30:
            raise UserError(
                f"{self.name!r} is no name of a sweep: letters, digits, _, . and -, at most "
                f"{LONGEST_NAME - 30} of them"
            )
        if not METRIC.fullmatch(self.metric):
            raise UserError(
                f"{self.metric!r} cannot steer a sweep: only what is measured on validation "
                "images can, val_loss, val_knn or val_knn_K with K neighbours; the test images "
                "are looked at once, with --final"
            )
        if not self.axes:
            raise UserError("a sweep needs an axis, e.g. --grid training.learning_rate=2e-3,5e-3")
        for key in self.axes:
            if key in ("experiment.seed", "experiment.name") or key.startswith("output."):
                raise UserError(f"{key} is no axis of a sweep; seeds are named by --seeds 0-4")
            if key in self.grid and key in self.spaces:
                raise UserError(f"{key} has values and a range; give one of them")
        if self.search == "grid" and self.spaces:
            key = next(iter(self.spaces))
            raise UserError(
                f"{key} is a range, of which there is no grid; give values with --grid, or search "
                "it: --search random --trials 20"
            )
        if self.search != "grid" and not 1 <= self.trials <= MOST_POINTS:
            raise UserError(f"--search {self.search} needs --trials N, of 1 to {MOST_POINTS:,}")
        if "seeds" in self.prune and len(self.seeds) < 4:
            raise UserError("to give points up over seeds needs 4 seeds or more, e.g. --seeds 0-4")
        if self.search == "grid" and prod(map(len, self.grid.values())) > MOST_POINTS:
            raise UserError(f"the grid has more than {MOST_POINTS:,} points; draw some of them: "
                            "--search random --trials 100")  # fmt: skip
        if len(self.seeds) > MOST_SEEDS:
            raise UserError(f"{len(self.seeds):,} seeds; at most {MOST_SEEDS:,} can be tried")

    def _check_points(self) -> None:
        singles = [{k: value} for k, values in self.grid.items() for value in values]
        singles += [{k: end} for k, s in self.spaces.items() for end in (s.low, s.high)]
        # With several axes a single value need not fit the config: it is tried with the others.
        first = {k: values[0] for k, values in self.grid.items()} | {
            k: space.low for k, space in self.spaces.items()
        }
        points = grid_points(self) if self.search == "grid" else [first | one for one in singles]
        for point in points:
            made = self.experiment(point)
            every, epochs = made.training.val_knn.every, made.training.epochs
            if self.metric != "val_loss" and epochs % every:
                raise UserError(
                    f"training.val_knn.every {every} does not divide training.epochs {epochs}, so "
                    "it is not measured at the end; --set training.val_knn.every=1"
                )
            if self.metric == "val_loss" and not has_trained_decoder(made):
                raise UserError("no objective trains the decoder, so there is no val_loss to steer "
                                "by; --metric val_knn")  # fmt: skip

    def extended(
        self, *, seeds: Sequence[int] = (), grid: Mapping[str, Sequence[Any]] | None = None
    ) -> Plan:
        """The plan with further seeds, values and axes."""
        values = {key: list(found) for key, found in self.grid.items()}
        for key, more in (grid or {}).items():
            known = values.setdefault(key, [])
            known += [value for value in more if value not in known]
        both = [*self.seeds, *(seed for seed in seeds if seed not in self.seeds)]
        return replace(self, seeds=both, grid=values)

    def continued(self, asked: Plan) -> Plan:
        """The plan of a command that goes on with this one; it may ask for less, or more trials.

        Raises:
            UserError: the command means another sweep; says what differs.
        """
        mine, theirs = _values(self.base), _values(asked.base)
        apart = [k for k in sorted(mine.keys() | theirs.keys()) if mine.get(k) != theirs.get(k)]
        problem = ""
        if apart:
            was, given = mine.get(apart[0], "missing"), theirs.get(apart[0], "missing")
            problem = f"{apart[0]}={was} (here {given})"
        for what in ("search", "metric", "prune"):
            was, given = getattr(self, what), getattr(asked, what)
            if was != given:
                problem = problem or f"{what} {_said(was)} (here {_said(given)})"
        more = {k: [v for v in found if v not in self.grid.get(k, ())]
                for k, found in asked.grid.items()}  # fmt: skip
        for key, values in more.items():
            if values or key not in self.grid:
                shown = ",".join(map(json.dumps, values or asked.grid[key]))
                problem = problem or f"no {key}={shown}; to extend it: --add-grid {key}={shown}"
        for key, space in asked.spaces.items():
            if self.spaces.get(key) != space:
                problem = problem or f"another range of {key}"
        if new := [seed for seed in asked.seeds if seed not in self.seeds]:
            seeds = ",".join(map(str, new))
            problem = problem or f"no seed {seeds}; to extend it: --add-seeds {seeds}"
        if problem:
            raise UserError(
                f"the name {self.name} holds another sweep, with {problem}; take another name, or "
                f"go on with that one: grounding sweep {self.name}"
            )
        return replace(self, trials=max(self.trials, asked.trials))

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return dict(json.loads(json.dumps(asdict(self), default=str)))

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Plan:
        """The plan that `as_dict` has made plain.

        Raises:
            ValueError: the values are those of no plan.
        """
        return TypeAdapter(Plan).validate_python(values)


def grid_points(plan: Plan) -> list[Point]:
    """Every combination of the axes' values; the last axis changes first."""
    return [dict(zip(plan.grid, values, strict=True)) for values in product(*plan.grid.values())]


def grid_axis(text: str) -> tuple[str, list[Any]]:
    """The axis that `training.learning_rate=2e-3,5e-3` means.

    Raises:
        UserError: it is not written like that, or has a value twice.
    """
    key, equals, values = text.partition("=")
    found = parse_yaml(f"[{values}]", f"--grid {key}")[0] if equals and values.strip() else None
    if not found or "." not in key:
        raise UserError(
            f"--grid {text}: write an axis as key=value,value, e.g. "
            "training.learning_rate=2e-3,5e-3"
        )
    for place, value in enumerate(found):
        if value in found[:place]:
            raise UserError(f"--grid {key}: {value} is there twice")
    return key.strip(), found


def space_axis(text: str) -> tuple[str, Space]:
    """The axis that `objectives.temperature=log:0.03:0.5` means.

    Raises:
        UserError: it is not written like that.
    """
    key, _, given = text.partition("=")
    kind, *ends = given.strip().split(":")
    try:
        whole = kind in ("int", "logint")
        low, high = (int(end) if whole else float(end) for end in ends)
        if kind not in KINDS or "." not in key or not isfinite(low) or not low < high:
            raise ValueError
        if kind.startswith("log") and low <= 0:
            raise ValueError
    except ValueError:
        raise UserError(
            f"--space {text}: write a range as key=kind:low:high, kind one of {', '.join(KINDS)}, "
            "low below high, above 0 for log; e.g. objectives.temperature=log:0.03:0.5"
        ) from None
    return key.strip(), Space(kind, low, high)


def _of_metric(metric: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config has to say for a metric to be measured."""
    found = METRIC.fullmatch(metric)
    if not found or metric == "val_loss":
        return {}
    said = dict(by_path(config)).get(("training", "val_knn", "every"))
    neighbors = {"training.val_knn.k": int(found[1])} if found[1] else {}
    return {"training.val_knn.every": said or 1, **neighbors}


def _values(experiment: Experiment) -> dict[str, str]:
    """All that an experiment says but its name, its seed and its places, as JSON by key."""
    values = experiment.as_dict()
    del values["experiment"], values["output"]
    return {".".join(map(str, keys)): json.dumps(value) for keys, value in by_path(values)}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(map(str, value)) or "none"
