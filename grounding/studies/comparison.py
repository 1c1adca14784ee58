"""Experiments beside each other and beside controls on the same images, over several seeds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from grounding._checksums import json_with_checksum
from grounding._errors import UserError
from grounding._files import check_writable, replacing_together
from grounding._locks import writing
from grounding.data.splits import load_splits
from grounding.experiment.schema import Experiment
from grounding.export.figure import FigureRow, spread_figure
from grounding.export.report import text_table
from grounding.metrics.spread import Spread
from grounding.studies.controls import CONTROLS, Control, labels_control, measure_control
from grounding.studies.seeds import (
    Metrics,
    Series,
    check_complete,
    csv_text,
    seed_experiment,
    seed_series,
    spread_values,
    summarize,
)
from grounding.training.checkpoint import versions

# What the table shows: title, metric, digits behind the point.
COLUMNS = (
    ("kNN", "knn_accuracy", 4),
    ("k = 1", "knn_1_accuracy", 4),
    ("linear probe", "linear_probe_accuracy", 4),
    ("augmented bank", "augmented_bank_accuracy", 4),
    ("manifold score", "manifold_score", 1),
    ("reconstruction", "test_reconstruction_error", 4),
    ("drift", "regrounding_drift", 3),
    ("seconds", "training_seconds", 1),
)
# The decoder of an experiment that only learns labels is never trained.
OF_DECODER = ("test_reconstruction_error", "regrounding_drift")


@dataclass
class Row:
    """One line of a comparison.

    Attributes:
        name: of the experiment, or of the control.
        control: "" for an experiment; else which control it is.
        experiments: that it is, or that it is a control of.
        metrics: by seed.
    """

    name: str
    control: str
    experiments: list[Experiment]
    metrics: dict[int, Metrics] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, Spread | None]:
        """Mean and spread of every metric over the seeds that have it."""
        return summarize(list(self.metrics.values()))


def compare(
    experiments: Sequence[Experiment],
    seeds: Sequence[int],
    stem: Path,
    *,
    controls: bool = True,
    resume: bool = False,
) -> None:
    """Compare experiments over several seeds; print a table, write it with a figure.

    Seeds that are not there yet are run first.

    Args:
        experiments: with names of their own.
        seeds: each is a training, and a draw of the splits.
        stem: of the files: STEM.json, STEM.csv, STEM.svg.
        controls: whether to measure the controls as well.
        resume: continue interrupted trainings.

    Raises:
        UserError: two experiments have one name, nothing can be written, or some seeds could not
            be run; the others are compared nevertheless.
    """
    for name, count in Counter(experiment.name for experiment in experiments).items():
        if count > 1:
            raise UserError(f"{count} of the configs have experiment.name {name}; name each once")
    places = [stem.with_name(f"{stem.name}.{ending}") for ending in ("csv", "svg", "json")]
    for place in places:
        check_writable(place)
    named = list(experiments)
    if controls:
        named += [labels_control(experiment) for experiment in experiments]
    every = [seed_series(one, seeds, resume=resume) for one in named]
    rows = [_experiment_row(one) for one in every[: len(experiments)]]
    if controls:
        of = zip(every[len(experiments) :], experiments, strict=True)
        rows += [_labels_row(one, experiment) for one, experiment in of]
        rows += _control_rows(experiments, seeds)
    rows = [row for row in rows if row.metrics]
    if any(not row.control for row in rows):
        _tell_apart(rows)
        print()
        print("\n".join(comparison_lines(rows)))
        _write(rows, seeds, places)
        print(f"\nwrote {', '.join(map(str, reversed(places)))}")
    check_complete(every)


def comparison_lines(rows: Sequence[Row]) -> list[str]:
    """A table of mean and standard deviation, one line a row."""
    head = ("", "seeds", *(title for title, _, _ in COLUMNS))
    cells = []
    for row in rows:
        summary = row.summary
        values = (_plus_minus(summary.get(metric), digits) for _, metric, digits in COLUMNS)
        cells.append((row.name, str(len(row.metrics)), *values))
    return text_table("lr" + "r" * len(COLUMNS), head, cells)


def _experiment_row(series: Series) -> Row:
    metrics = {run.seed: run.metrics for run in series.runs}
    return Row(series.experiment.name, "", [series.experiment], metrics)


def _labels_row(series: Series, experiment: Experiment) -> Row:
    kept: dict[int, Metrics] = {
        run.seed: {name: v for name, v in run.metrics.items() if name not in OF_DECODER}
        for run in series.runs
    }
    return Row("trained with labels", "labels", [experiment], kept)


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
    alike = len({repr(one.self_supervised.augmentation) for one in augmenting}) == 1
    first = (augmenting or group)[0]
    row = Row(control.title(first), control.key, group)
    for seed in seeds:
        experiment = seed_experiment(first, seed)
        splits = load_splits(experiment.data, seed)
        row.metrics[seed] = measure_control(control, experiment, splits, with_bank=alike)
        print(
            f"{row.name}, seed {seed}: kNN accuracy {row.metrics[seed]['knn_accuracy']:.4f}",
            flush=True,
        )
    return row


def _tell_apart(rows: Sequence[Row]) -> None:
    """Add the experiments to names that several rows have."""
    counts = Counter(row.name for row in rows)
    for row in rows:
        if counts[row.name] > 1:
            row.name += f", {' and '.join(one.name for one in row.experiments)}"


def _write(rows: Sequence[Row], seeds: Sequence[int], places: Sequence[Path]) -> None:
    """Replace the CSV, the figure and the JSON together."""
    lines = [
        {"name": row.name, "control": row.control, "seed": seed, **metrics}
        for row in rows
        for seed, metrics in row.metrics.items()
    ]
    parts = [csv_text(lines).encode(), _figure(rows).encode()]
    configs: dict[str, Experiment] = {e.name: e for row in rows for e in row.experiments}
    values = {
        "comparison": [row.name for row in rows if not row.control],
        "seeds": list(seeds),
        "rows": [_values(row) for row in rows],
        "versions": versions(),
        "configs": {name: experiment.as_dict() for name, experiment in configs.items()},
        "report": _named(places[0], parts[0]),
        "figure": _named(places[1], parts[1]),
    }
    parts.append(json_with_checksum(values, indent=2))
    with writing("grounding compare", *places), replacing_together(*places) as temporaries:
        for temporary, part in zip(temporaries, parts, strict=True):
            temporary.write_bytes(part)


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


def _named(place: Path, data: bytes) -> dict[str, str]:
    return {"file": place.name, "sha256": sha256(data).hexdigest()}


def _figure(rows: Sequence[Row]) -> str:
    ks = sorted({experiment.analysis.k for row in rows for experiment in row.experiments})
    drawn = []
    for row in rows:
        values = {seed: _accuracy(metrics) for seed, metrics in row.metrics.items()}
        drawn.append(FigureRow(row.name, values, bool(row.control)))
    return spread_figure(drawn, f"kNN accuracy on test images, k = {' or '.join(map(str, ks))}")


def _accuracy(metrics: Metrics) -> float:
    value = metrics["knn_accuracy"]
    assert value is not None
    return value


def _plus_minus(found: Spread | None, digits: int) -> str:
    if found is None:
        return "-"
    mean = f"{found.mean:.{digits}f}"
    if found.standard_deviation is None:
        return mean
    return f"{mean} ± {found.standard_deviation:.{digits}f}"
