"""Experiments beside each other and beside controls on the same images, over several seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grounding._errors import UserError, say
from grounding._files import check_writable
from grounding.experiment import Experiment
from grounding.export.report import text_table
from grounding.export.report_page import Table
from grounding.metrics import NotMeasurable, Spread, facts, names
from grounding.runs.artifacts import document_bytes
from grounding.runs.building import load_splits
from grounding.runs.manifest import check_not_of_another
from grounding.studies.controls import CONTROLS, ERROR, Control
from grounding.studies.differences import Difference, differences
from grounding.studies.figure import FigureRow, spread_figure
from grounding.studies.labelled import labels_control, without_labels
from grounding.studies.seeds import (
    Series,
    check_complete,
    csv_text,
    seed_experiment,
    seed_series,
    spread_values,
    summarize,
    values_of,
    write_study,
)
from grounding.studies.study_page import AXIS, DRAWN, study_page
from grounding.training.checkpoint import versions

APART = ("kNN accuracy, difference over seeds", "mean", "± 95 %", "p", "p, Holm")


@dataclass
class Row:
    """One line of a comparison.

    Attributes:
        name: of the experiment, or of the control.
        control: "" for an experiment; else which control it is.
        experiments: that it is, or that it is a control of.
        metrics: values by seed.
        facts: title, digits and direction of each metric.
    """

    name: str
    control: str
    experiments: list[Experiment]
    metrics: dict[int, Mapping[str, float | None]] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, Spread | None]:
        """Mean and spread of every metric over the seeds that have it."""
        return summarize(list(self.metrics.values()))


def compare(
    experiments: Sequence[Experiment],
    seeds: Sequence[int],
    stem: Path,
    controls: bool = True,
    resume: bool = False,
    commands: Sequence[str] = (),
) -> None:
    """Compare experiments over several seeds; print a table, write it with a figure.

    Seeds that are not there yet are run first.

    Args:
        experiments: with names of their own.
        seeds: each is a training, and a draw of the splits.
        stem: of the files: STEM.json, STEM.csv, STEM.html, STEM.svg.
        controls: whether to measure the controls as well.
        resume: continue interrupted trainings.
        commands: what trains each of the experiments for these seeds, for messages.

    Raises:
        UserError: two experiments have one name, nothing can be written, or some seeds could not
            be run; the others are compared nevertheless.
    """
    for name, count in Counter(experiment.name for experiment in experiments).items():
        if count > 1:
            raise UserError(f"{count} of the configs have experiment.name {name}; name each once")
    places = [stem.with_name(f"{stem.name}.{ending}") for ending in ("json", "csv", "html", "svg")]
    for place in places:
        check_writable(place)
    check_not_of_another(stem.name, *places, kind="comparison", folder=stem.parent)
    typed = commands or [""] * len(experiments)
    every, rows = [], []
    for experiment, command in zip(experiments, typed, strict=True):
        every.append(seed_series(experiment, seeds, command=command, resume=resume))
        rows.append(_row(experiment.name, "", every[-1], experiment))
    for experiment, command in zip(experiments, typed, strict=True) if controls else ():
        if reason := without_labels(experiment):
            say(f"trained with labels, {experiment.name}: left out, {reason}")
            continue
        control, its_command = labels_control(experiment, command)
        every.append(seed_series(control, seeds, command=its_command, resume=resume))
        rows.append(_row("trained with labels", "labels", every[-1], experiment))
    if controls:
        rows += _control_rows(experiments, seeds)
    rows = [row for row in rows if row.metrics]
    if any(not row.control for row in rows):
        _tell_apart(rows)
        say("", *comparison_lines(rows))
        if apart := _differences(rows, DRAWN):
            say("", *difference_lines(apart))
        written = _write(rows, seeds, places)
        say("", f"wrote {', '.join(map(str, written))}")
    check_complete(every)


def comparison_lines(rows: Sequence[Row]) -> list[str]:
    """A table of mean and standard deviation, one line a row."""
    head, cells = _table(rows)
    return text_table("lr" + "r" * (len(head) - 2), head, cells)


def _table(rows: Sequence[Row]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    of = {name: one for row in rows for name, one in row.facts.items()}
    shown = (name for name, one in of.items() if "compare" in one["tables"])
    columns = sorted(shown, key=lambda name: of[name]["place"])
    titles = {name: of[name]["title"] for name in columns} | {DRAWN: f"kNN, k = {_neighbors(rows)}"}
    head = ("", "seeds", *(titles[name] for name in columns))
    cells = []
    for row in rows:
        summary = row.summary
        values = (_plus_minus(summary.get(name), of[name]["digits"]) for name in columns)
        cells.append((row.name, str(len(row.metrics)), *values))
    return head, cells


def difference_lines(apart: Sequence[Difference]) -> list[str]:
    """A table of paired differences of the kNN accuracy."""
    return text_table("lrrrr", APART, _apart(apart))


def _apart(apart: Sequence[Difference]) -> list[tuple[str, ...]]:
    return [
        (
            f"{one.first} - {one.second}",
            f"{one.mean:+.4f}",
            f"{one.margin:.4f}",
            f"{one.p:.2g}",
            f"{one.p_holm:.2g}",
        )
        for one in apart
    ]


def _differences(rows: Sequence[Row], metric: str) -> list[Difference]:
    values = {row.name: values_of(row.metrics, metric) for row in rows}
    return differences(values, [row.name for row in rows if not row.control])


def _row(name: str, control: str, series: Series, experiment: Experiment) -> Row:
    return Row(
        name,
        control,
        [experiment],
        {run.seed: run.metrics for run in series.runs},
        series.facts,
    )


def _control_rows(experiments: Sequence[Experiment], seeds: Sequence[int]) -> list[Row]:
    """A row for each control, one for all experiments for which it is the same."""
    rows = []
    for control in CONTROLS:
        groups: dict[object, list[Experiment]] = {}
        for experiment in experiments:
            groups.setdefault(control.shared_by(experiment), []).append(experiment)
        rows += [_control_row(control, group, seeds) for group in groups.values()]
    return rows


def _control_row(control: Control, group: list[Experiment], seeds: Sequence[int]) -> Row:
    # Views are drawn as the experiments augment them, if those that do so do it alike.
    augmenting = [experiment for experiment in group if experiment.self_supervised.enabled]
    alike = len({repr(one.self_supervised.augmentations) for one in augmenting}) == 1
    first = (augmenting or group)[0]
    row = Row(control.name(first), control.key, group)
    for seed in seeds:
        try:
            experiment, splits = load_splits(seed_experiment(first, seed))
            values = control.measure(experiment, splits, alike)
        except NotMeasurable as reason:
            say(f"{row.name}, left out: {reason}")
            break
        except UserError as error:
            say(f"{row.name}, seed {seed}: {error}", is_error=True)
            continue
        row.metrics[seed] = values
        for metric in (DRAWN, ERROR):
            if (shown := values.get(metric)) is not None:
                say(f"{row.name}, seed {seed}: {facts(metric).title} {shown:.4f}")
                break
    return row


def _tell_apart(rows: Sequence[Row]) -> None:
    """Add the experiments to names that several rows have."""
    counts = Counter(row.name for row in rows)
    for row in rows:
        if counts[row.name] > 1:
            row.name += f", {' and '.join(one.name for one in row.experiments)}"


def _write(rows: Sequence[Row], seeds: Sequence[int], places: Sequence[Path]) -> list[Path]:
    """Write a comparison; its files, without a figure where there is nothing to draw."""
    lines = [
        {"name": row.name, "control": row.control, "seed": seed, **metrics}
        for row in rows
        for seed, metrics in row.metrics.items()
    ]
    configs: dict[str, Experiment] = {e.name: e for row in rows for e in row.experiments}
    values = {
        "comparison": [row.name for row in rows if not row.control],
        "seeds": list(seeds),
        "rows": [_values(row) for row in rows],
        "differences": {
            metric: [vars(one) for one in _differences(rows, metric)]
            for metric in names(table="compare")
        },
        "versions": versions(),
        "configs": {name: experiment.as_dict() for name, experiment in configs.items()},
    }
    files = {places[0]: document_bytes(values), places[1]: csv_text(lines).encode()}
    drawn = [FigureRow(row.name, _drawn(row), bool(row.control)) for row in rows if _drawn(row)]
    figure = spread_figure(drawn, _axis(rows)) if drawn else b""
    files[places[2]] = _page(rows, seeds, drawn, figure)
    if figure:
        files[places[3]] = figure
    made_from = {"experiments": list(configs), "seeds": list(seeds)}
    write_study(places[0].stem, "comparison", files, made_from, {})
    return list(files)


def _values(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "control": row.control or None,
        "experiments": [experiment.name for experiment in row.experiments],
        "k": row.experiments[0].analysis.k,
        "metric": row.experiments[0].analysis.metric,
        "summary": spread_values(row.summary),
        "values": {str(seed): dict(metrics) for seed, metrics in row.metrics.items()},
    }


def _page(
    rows: Sequence[Row], seeds: Sequence[int], drawn: Sequence[FigureRow], figure: bytes
) -> bytes:
    ours = [row for row in rows if not row.control]
    names = [row.experiments[0].name for row in ours]
    head, cells = _table(rows)
    tables = {}
    if apart := _differences(rows, DRAWN):
        said = (
            "Paired over the seeds: the same images were drawn for both. p by the paired t test, "
            "and for all of them together by Holm's method."
        )
        tables["Differences"] = (said, Table(APART, _apart(apart), range(1, 5)))
    return study_page(
        " and ".join(names),
        f"grounding compare {' '.join(f'{name}.yaml' for name in names)} "
        f"--seeds {','.join(map(str, seeds))}",
        Table(head, cells, range(1, len(head))),
        drawn,
        figure,
        tables=tables,
        configs=[row.experiments[0] for row in ours],
        axis=_axis(rows),
    )


def _axis(rows: Sequence[Row]) -> str:
    return f"{AXIS}, k = {_neighbors(rows)}"


def _neighbors(rows: Sequence[Row]) -> str:
    ks = sorted({experiment.analysis.k for row in rows for experiment in row.experiments})
    return " or ".join(map(str, ks))


def _drawn(row: Row) -> dict[int, float]:
    return values_of(row.metrics, DRAWN)


def _plus_minus(found: Spread | None, digits: int) -> str:
    if found is None:
        return "-"
    mean = f"{found.mean:.{digits}f}"
    if found.standard_deviation is None:
        return mean
    return f"{mean} ± {found.standard_deviation:.{digits}f}"
