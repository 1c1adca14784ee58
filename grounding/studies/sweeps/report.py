"""The report of a sweep: one HTML file with tables, and figures of how axes and metric go."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from grounding.export.report_page import Picture, Section, Table, report_page
from grounding.metrics import spread
from grounding.studies.figure import CONTROL, EXPERIMENT, TEXT, svg_bytes
from grounding.studies.sweeps.results import HEAD, label, point_cells, ranked, short, state

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from grounding.studies.sweeps.sweep import Sweep, Tried

BEST = "#d55e00"  # Okabe and Ito's vermilion
MOST_LINES = 300  # of parallel coordinates; the best are drawn
BOXES_IN_ROW = 3


def sweep_page(sweep: Sweep) -> bytes:
    """The report of a sweep as HTML, UTF-8, that needs no network."""
    plan = sweep.plan
    points = [one for one in ranked(sweep) if one.values(plan.metric)]
    head = ["", *HEAD]
    table = Table(head, point_cells(sweep), range(1, len(HEAD)))
    sections = [Section("Points", [_told(sweep)], [table])]
    if points:
        drawn = (
            ("Parallel coordinates", _parallel, "each line is a point; the best is orange"),
            ("Each axis alone", _marginals, "each dot is a point, the line the mean of a value"),
            ("Against time", _pareto, "the line joins points that none beats in both"),
        )
        for title, draw, alt in drawn:
            picture = Picture(
                "svg", svg_bytes(draw(sweep, points), Title=title), f"{title}: {alt}", alt
            )
            sections.append(Section(title, pictures=[picture]))
    failed = [
        (trial.experiment.name, trial.failure)
        for one in sweep.tried
        for trial in one.trials.values()
        if trial.failure
    ]
    if failed:
        sections.append(Section("Failed", tables=[Table(["run", "why"], failed)]))
    config = yaml.safe_dump(plan.base.as_dict(), sort_keys=False, allow_unicode=True)
    said = "The command goes on with this sweep; below it the config that all points share."
    code = [f"grounding sweep {shlex.quote(plan.name)}", config]
    sections.append(Section("How to repeat it", [said], code=code))
    return report_page(f"{plan.name}, {plan.metric} of {len(sweep.tried)} points", [], sections)


def _told(sweep: Sweep) -> str:
    plan = sweep.plan
    became = [state(one, len(plan.seeds), plan.metric) for one in sweep.tried]
    counts = ", ".join(f"{became.count(one)} {one}" for one in dict.fromkeys(became))
    better = "higher" if plan.higher_is_better else "lower"
    return (
        f"{counts}. {plan.metric} of validation images, {better} is better, with half the 95 % "
        "interval of its mean over the seeds; each point less the base, paired over the seeds, p "
        "by Holm's method for all of them together."
    )


def _mean(one: Tried, metric: str) -> float:
    found = spread([*one.values(metric).values()])
    assert found
    return found.mean


def _scale(values: Sequence[Any], *, is_log: bool = False) -> tuple[list[float], list[str]]:
    """Places of values in [0, 1], numbers by size and all else in order; and what stands there."""
    if all(type(value) in (int, float) for value in values):
        numbers = np.array(values, float)
        ends = float(numbers.min()), float(numbers.max())
        if (is_log or ends[1] > 20 * ends[0]) and ends[0] > 0:
            numbers, low, high = np.log(numbers), math.log(ends[0]), math.log(ends[1])
        else:
            low, high = ends[0], ends[1]
        places = (numbers - low) / ((high - low) or 1)
        return places.tolist(), [short(end) for end in ends]
    names = list(dict.fromkeys(map(str, values)))
    last = max(1, len(names) - 1)
    return [names.index(str(value)) / last for value in values], names


def _parallel(sweep: Sweep, points: Sequence[Tried]) -> Figure:
    from matplotlib.figure import Figure

    plan, points = sweep.plan, points[:MOST_LINES]
    axes = [axis for axis in plan.axes if all(axis in one.point for one in points)]
    columns = [[one.point[axis] for one in points] for axis in axes]
    columns.append([_mean(one, plan.metric) for one in points])
    scales = [_scale(column, is_log=_is_log(plan, axis))
              for axis, column in zip([*axes, ""], columns, strict=True)]  # fmt: skip
    figure = Figure(figsize=(9, 4), layout="constrained")
    drawing = figure.add_subplot()
    for number in reversed(range(len(points))):
        heights = [places[number] for places, _ in scales]
        best = number == 0
        drawing.plot(heights, color=BEST if best else EXPERIMENT, lw=2 if best else 0.8,
                     alpha=1 if best else 0.35)  # fmt: skip
    for place, (_, names) in enumerate(scales):
        drawing.axvline(place, color=CONTROL, lw=0.8)
        for name, height in zip(names, np.linspace(0, 1, len(names)), strict=True):
            drawing.annotate(name, (place, height), color=TEXT, fontsize=8, xytext=(4, 2),
                             textcoords="offset points")  # fmt: skip
    drawing.set_xticks(range(len(scales)), [*axes, plan.metric])
    drawing.set_yticks([])
    drawing.set_xlim(-0.05, len(scales) - 0.8)
    _plain(drawing)
    return figure


def _marginals(sweep: Sweep, points: Sequence[Tried]) -> Figure:
    from matplotlib.figure import Figure

    plan = sweep.plan
    rows = -(-len(plan.axes) // BOXES_IN_ROW)
    wide = min(len(plan.axes), BOXES_IN_ROW)
    figure = Figure(figsize=(3 * wide, 2.8 * rows), layout="constrained")
    for number, axis in enumerate(plan.axes):
        drawing = figure.add_subplot(rows, wide, number + 1)
        there = [one for one in points if axis in one.point]
        values, means = [o.point[axis] for o in there], [_mean(o, plan.metric) for o in there]
        is_number = all(type(value) in (int, float) for value in values)
        if not is_number:
            values = [str(value) for value in values]
        elif _is_log(plan, axis) or (min(values) > 0 and max(values) > 20 * min(values)):
            drawing.set_xscale("log")
        drawing.scatter(values, means, s=12, color=EXPERIMENT, alpha=0.6, lw=0)
        if axis in plan.grid:
            known = sorted(set(values)) if is_number else list(dict.fromkeys(values))
            of_value = [[m for v, m in zip(values, means, strict=True) if v == one]
                        for one in known]  # fmt: skip
            drawing.plot(known, [sum(m) / len(m) for m in of_value], color=BEST, lw=1.2)
        drawing.set_xlabel(axis)
        drawing.set_ylabel(plan.metric)
        _plain(drawing)
    return figure


def _pareto(sweep: Sweep, points: Sequence[Tried]) -> Figure:
    from matplotlib.figure import Figure

    plan = sweep.plan
    sign = 1 if plan.higher_is_better else -1
    found = []
    for one in points:
        seconds = [t.state.seconds for t in one.trials.values() if t.state.is_done]
        if seconds:
            found.append((sum(seconds) / len(seconds), _mean(one, plan.metric), one))
    front, reached = [], -math.inf
    for spent, value, one in sorted(found, key=lambda each: (each[0], -sign * each[1])):
        if sign * value > reached:
            front.append((spent, value, one))
            reached = sign * value
    figure = Figure(figsize=(9, 4), layout="constrained")
    drawing = figure.add_subplot()
    drawing.scatter([s for s, _, _ in found], [v for _, v, _ in found], s=14, color=EXPERIMENT,
                    alpha=0.6, lw=0)  # fmt: skip
    drawing.step([s for s, _, _ in front], [v for _, v, _ in front], where="post", color=BEST)
    for spent, value, one in front:
        drawing.annotate(label(one, plan.axes), (spent, value), fontsize=7, color=TEXT,
                         xytext=(3, 3), textcoords="offset points")  # fmt: skip
    drawing.set_xlabel("seconds of training, mean over the seeds")
    drawing.set_ylabel(plan.metric)
    _plain(drawing)
    return figure


def _is_log(plan: Any, axis: str) -> bool:
    return axis in plan.spaces and plan.spaces[axis].kind.startswith("log")


def _plain(drawing: Any) -> None:
    drawing.tick_params(colors=TEXT, labelsize=8)
    drawing.xaxis.label.set_color(TEXT)
    drawing.yaxis.label.set_color(TEXT)
    for spine in drawing.spines.values():
        spine.set_visible(False)
