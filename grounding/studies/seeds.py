"""One experiment for several seeds: what is missing is run, and everything is summed up."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grounding._errors import UserError, say
from grounding._files import check_writable
from grounding.experiment import Experiment
from grounding.export.report import text_table
from grounding.export.report_page import Table
from grounding.metrics import Spread, spread
from grounding.runs.artifacts import document_bytes, enter, make, reason_to_make
from grounding.runs.building import data_lines, load_splits
from grounding.runs.chain import outputs_of
from grounding.runs.manifest import (
    ENDING,
    Artifact,
    Manifest,
    check_not_of_another,
    manifest_path,
    shown_results,
    writing,
)
from grounding.runs.measuring import measure_run, results_of
from grounding.runs.run import load_run
from grounding.runs.training import train_experiment
from grounding.studies.figure import FigureRow, spread_figure
from grounding.studies.study_page import AXIS, DRAWN, study_page
from grounding.training.checkpoint import versions

MEASURED = ("analysis", "manifold", "probes", "profile")

Results = Mapping[str, Mapping[str, Any]]

COLUMNS = ("mean", "sd", "± 95 %", "min", "max")
LEGEND = "sd with n - 1; ± 95 %: half the interval of the mean, by Student's t"


@dataclass(frozen=True)
class SeedRun:
    """One seed of an experiment, trained and measured.

    Attributes:
        seed: its number.
        name: of its own run.
        checkpoint_sha256: of its checkpoint.
        results: what was measured: name -> value, title, digits, better.
    """

    seed: int
    name: str
    checkpoint_sha256: str
    results: Results

    @property
    def metrics(self) -> dict[str, float | None]:
        """What was measured; None for what cannot be."""
        return {name: one["value"] for name, one in self.results.items()}


@dataclass(frozen=True)
class Series:
    """An experiment over several seeds.

    Attributes:
        experiment: as its config says, with the seed of the config.
        runs: those that could be done, in the order of the seeds.
        failures: by seed, why one could not be done.
    """

    experiment: Experiment
    runs: Sequence[SeedRun]
    failures: Mapping[int, str]

    @property
    def summary(self) -> dict[str, Spread | None]:
        """Mean and spread of every metric over the seeds that have it."""
        return summarize([run.metrics for run in self.runs])

    @property
    def facts(self) -> dict[str, Mapping[str, Any]]:
        """Title, digits and direction of every metric."""
        return {name: one for run in self.runs for name, one in run.results.items()}


def run_seeds(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    command: str = "",
    tensorboard: Path | None = None,
    force: bool = False,
    resume: bool = False,
) -> None:
    """Run an experiment for several seeds, print a table and write it as JSON, CSV and HTML.

    Args:
        experiment: what to run.
        seeds: each is a training, and a draw of the splits.
        command: what its user typed, for messages.
        tensorboard: folder to log to as well.
        force: do everything again, also under names that are taken.
        resume: continue interrupted trainings.

    Raises:
        UserError: some seeds could not be done; all others were, and are in the files.
    """
    series = seed_series(
        experiment, seeds, command=command, tensorboard=tensorboard, force=force, resume=resume
    )
    if series.runs:
        say("", *summary_lines(series))
        for ending in ("json", "csv", "html"):
            say(f"wrote {series_path(experiment).with_suffix(f'.{ending}')}")
    check_complete([series])


def seed_series(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    command: str = "",
    tensorboard: Path | None = None,
    force: bool = False,
    resume: bool = False,
) -> Series:
    """Train and measure an experiment for each seed, skipping what is up to date.

    A line is printed for each seed. What is done so far is written after each, so that one that
    fails or is interrupted never loses the others.

    Raises:
        UserError: nothing can be written, or the experiment's name is too long for a seed's.
        KeyboardInterrupt: as raised before, with the seed it came at.
    """
    path = series_path(experiment)
    check_writable(path)
    files = (path, *(path.with_suffix(ending) for ending in (".csv", ".html")))
    check_not_of_another(study_name(experiment), *files, kind="seeds")
    runs: list[SeedRun] = []
    failures: dict[int, str] = {}
    own = [(seed, seed_experiment(experiment, seed)) for seed in seeds]
    named, shown = experiment.name, list[str]()
    options: Any = {"tensorboard": tensorboard, "force": force, "resume": resume}
    try:
        for seed, one in own:
            named = f"{experiment.name}, seed {seed}"
            try:
                told = data_lines(load_splits(one)[1])
                say(*(line for line in told if line not in shown))
                shown = told
                run, done = _seed_run(one, command=command, **options)
            except UserError as error:
                failures[seed] = str(error)
                say(f"{named}: {error}", is_error=True)
                continue
            runs.append(run)
            _write(Series(experiment, runs, failures))
            say(f"{named}: {done}{_score(run)}")
    except KeyboardInterrupt as end:
        reason = str(end) or "interrupted; what was written before is intact"
        raise type(end)(f"{named}: {reason}") from None
    series = Series(experiment, runs, failures)
    if runs and failures:
        _write(series)
    return series


def check_complete(every: Sequence[Series]) -> None:
    """Raise UserError if a seed of some series failed."""
    failed = [(s.experiment.name, seed, why) for s in every for seed, why in s.failures.items()]
    if failed:
        count = sum(len(series.runs) for series in every) + len(failed)
        name, seed, why = failed[0]
        raise UserError(
            f"{len(failed)} of {count} runs failed, first {name} with seed {seed}: {why}; "
            "the same command again runs what is missing"
        )


def seed_experiment(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment with another seed and outputs of its own."""
    return experiment.variant(f"_seed{seed}", experiment={"seed": seed})


def study_name(experiment: Experiment) -> str:
    """What the seeds of an experiment are called together."""
    return f"{experiment.name}_seeds"


def series_path(experiment: Experiment) -> Path:
    """Where the seeds of an experiment are summed up, as JSON."""
    return experiment.artifact("seeds.json")


def summarize(metrics: Sequence[Mapping[str, float | None]]) -> dict[str, Spread | None]:
    """Mean and spread of every metric over those that have it; None where none has."""
    names = dict.fromkeys(name for one in metrics for name in one)
    values = {name: [one.get(name) for one in metrics] for name in names}
    return {name: spread([v for v in found if v is not None]) for name, found in values.items()}


def spread_values(summary: Mapping[str, Spread | None]) -> dict[str, dict[str, Any] | None]:
    """A summary as plain dictionaries, for JSON."""
    return {name: vars(found) if found else None for name, found in summary.items()}


def summary_lines(series: Series) -> list[str]:
    """A table of every metric over the seeds."""
    seeds = ", ".join(str(run.seed) for run in series.runs)
    named = f"{series.experiment.name}, {len(series.runs)} seeds"
    lines = text_table("lrrrrr", (named, *COLUMNS), _rows(series))
    return [*lines, "", f"seeds {seeds}; {LEGEND}"]


def _rows(series: Series) -> list[tuple[str, ...]]:
    facts = series.facts
    return [(name, *_cells(found, facts[name]["digits"])) for name, found in series.summary.items()]


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head, numbers as exactly as in JSON, empty cells for None."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_study(
    name: str,
    kind: str,
    files: Mapping[Path, bytes],
    made_from: Mapping[str, Any],
    results: Results,
) -> None:
    """Write the files of a study, and a manifest that knows them.

    Args:
        name: the study's; the manifest is `artifacts/<name>.run.json` or, for files elsewhere,
            beside the first of them.
        kind: "seeds" or "comparison".
        files: their bytes, the main one first.
        made_from: what decides their content.
        results: numbers for tables.
    """
    main = next(iter(files))
    path = manifest_path(name, main.parent)
    with writing(path, kind):
        manifest = Manifest(path, name, code=versions())
        enter(manifest, {main: files}, Artifact(kind, {}, made_from, results))


def _seed_run(experiment: Experiment, *, force: bool, **options: Any) -> tuple[SeedRun, str]:
    """Train and measure one seed, and say in a few words what of it was done."""
    line = train_experiment(experiment, force=force, quiet=True, **options)
    run = load_run(experiment)
    said = [] if line.startswith("up to date") else [f"trained in {run.checkpoint.seconds:.1f} s"]
    made = []
    results: dict[str, Mapping[str, Any]] = {}
    for kind in MEASURED:
        output = outputs_of(run)[kind]()
        if force or reason_to_make(run, output) is not None:
            make(run, output)
            made.append(kind)
        manifest = run.manifest
        assert manifest is not None
        found = shown_results(manifest.artifacts[manifest.key(output.path)].results)
        results |= {
            name: one for name, one in found.items() if one.get("is_metric") and not one["alias_of"]
        }
    results |= results_of(measure_run(run, ("training_seconds",)), ("training_seconds",))
    if not said:
        said.append("measured again" if made else "up to date")
    return SeedRun(experiment.seed, experiment.name, run.sha256, results), ", ".join(said)


def _write(series: Series) -> None:
    """Replace the JSON and the CSV of a series."""
    path = series_path(series.experiment)
    rows = [{"experiment": r.name, "seed": r.seed, **r.metrics} for r in series.runs]
    values = {
        "experiment": series.experiment.name,
        "seeds": [run.seed for run in series.runs],
        "summary": spread_values(series.summary),
        "runs": [
            {
                "seed": run.seed,
                "experiment": run.name,
                "checkpoint_sha256": run.checkpoint_sha256,
                "metrics": run.metrics,
            }
            for run in series.runs
        ],
        "failures": {str(seed): why for seed, why in series.failures.items()},
        "versions": versions(),
        "config": series.experiment.as_dict(),
    }
    results = {
        name: {
            **series.facts[name],
            "value": found.mean,
            "deviation": found.standard_deviation,
            "margin": found.margin,
        }
        for name, found in series.summary.items()
        if found
    }
    made_from = {
        "experiment": series.experiment.name,
        "seeds": [run.seed for run in series.runs],
        "runs": [f"{run.name}{ENDING}" for run in series.runs],
    }
    seeds = [run.seed for run in series.runs]
    measured = {run.seed: run.metrics for run in series.runs}
    row = FigureRow(series.experiment.name, values_of(measured, DRAWN))
    page = study_page(
        f"{series.experiment.name}, {len(seeds)} seeds",
        f"grounding run --config {series.experiment.name}.yaml --seeds {','.join(map(str, seeds))}",
        Table(("", *COLUMNS), _rows(series), range(1, 6)),
        [row] if row.values else [],
        spread_figure([row], AXIS) if row.values else b"",
        configs=[series.experiment],
    )
    files = {
        path: document_bytes(values),
        path.with_suffix(".csv"): csv_text(rows).encode(),
        path.with_suffix(".html"): page,
    }
    write_study(study_name(series.experiment), "seeds", files, made_from, results)


def values_of(metrics: Mapping[int, Mapping[str, float | None]], metric: str) -> dict[int, float]:
    """One of the metrics of each seed, where it could be measured."""
    found = {seed: of_seed.get(metric) for seed, of_seed in metrics.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def _score(run: SeedRun) -> str:
    shown = {"knn_accuracy": "kNN accuracy {:.4f}", "rnx_area": "R_NX area {:.3f}"}
    metrics = run.metrics
    found = [text.format(metrics[k]) for k, text in shown.items() if metrics.get(k) is not None]
    return "".join(f", {text}" for text in found)


def _cells(found: Spread | None, digits: int) -> tuple[str, ...]:
    if found is None:
        return ("-",) * 5
    values = (found.mean, found.standard_deviation, found.margin, found.minimum, found.maximum)
    return tuple("-" if v is None else f"{v:.{digits}f}" for v in values)
