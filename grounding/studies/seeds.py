"""One experiment for several seeds: what is missing is run, and everything is summed up."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grounding._checksums import json_with_checksum
from grounding._errors import UserError, printable
from grounding._files import check_writable, replacing_together
from grounding._locks import writing
from grounding.experiment.schema import Experiment
from grounding.experiment.section import PATHS_ARE_USED
from grounding.export.report import text_table
from grounding.metrics.spread import Spread, spread
from grounding.runs.chain import trained_now
from grounding.runs.probes import probes_path, probes_step
from grounding.runs.run import Run, trained_run
from grounding.runs.steps import analysis_step, manifold_step
from grounding.training.checkpoint import versions

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class SeedRun:
    """One seed of an experiment, trained and measured.

    Attributes:
        seed: its number.
        experiment: the name of its own experiment.
        checkpoint: the file.
        checkpoint_sha256: of the file.
        metrics: what was measured; None for what cannot be.
    """

    seed: int
    experiment: str
    checkpoint: str
    checkpoint_sha256: str
    metrics: Metrics


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


def run_seeds(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
    tensorboard: Path | None = None,
    force: bool = False,
    resume: bool = False,
) -> None:
    """Run an experiment for several seeds, print a table and write it as JSON and CSV.

    Raises:
        UserError: some seeds could not be done; all others were, and are in the files.
    """
    series = seed_series(experiment, seeds, tensorboard=tensorboard, force=force, resume=resume)
    if series.runs:
        print()
        print("\n".join(summary_lines(series)))
        for ending in ("json", "csv"):
            print(f"wrote {series_path(experiment).with_suffix(f'.{ending}')}")
    check_complete([series])


def seed_series(
    experiment: Experiment,
    seeds: Sequence[int],
    *,
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
    runs: list[SeedRun] = []
    failures: dict[int, str] = {}
    own = [(seed, seed_experiment(experiment, seed)) for seed in seeds]
    named = experiment.name
    try:
        for seed, one in own:
            named = f"{experiment.name}, seed {seed}"
            try:
                run, done = _seed_run(one, tensorboard=tensorboard, force=force, resume=resume)
            except UserError as error:
                failures[seed] = str(error)
                print(f"{named}: {error}", file=sys.stderr, flush=True)
                continue
            runs.append(run)
            _write(Series(experiment, runs, failures), path)
            print(f"{named}: {done}, {_scores(run.metrics)}", flush=True)
    except KeyboardInterrupt as end:
        reason = str(end) or "interrupted; what was written before is intact"
        raise type(end)(f"{named}: {reason}") from None
    series = Series(experiment, runs, failures)
    if runs and failures:
        _write(series, path)
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
    """The same experiment with another seed and outputs of its own (see `variant`)."""
    return variant(experiment, f"_seed{seed}", experiment={"seed": seed})


def variant(experiment: Experiment, mark: str, /, **sections: Mapping[str, Any]) -> Experiment:
    """An experiment with some other values, under names of its own.

    Args:
        experiment: as its config says.
        mark: what its name and, before the ending, the paths of its outputs get, e.g. "_seed1".
        sections: values to replace, by section.

    Raises:
        UserError: that is no experiment any more; says why.
    """
    values = experiment.as_dict()
    for section, replaced in sections.items():
        values[section] |= replaced
    values["experiment"]["name"] += mark
    for key, place in values["output"].items():
        if key.endswith("_path") and place is not None:
            path = Path(place)
            values["output"][key] = path.with_name(f"{path.stem}{mark}{path.suffix}")
    try:
        return Experiment.model_validate(values, context=PATHS_ARE_USED)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{experiment.name} cannot be run as {values['experiment']['name']}: {where}: "
            f"{first['msg']}; change it in the config or with --set"
        ) from None


def series_path(experiment: Experiment) -> Path:
    """Where the seeds of an experiment are summed up, as JSON."""
    return experiment.artifact("seeds.json")


def summarize(metrics: Sequence[Metrics]) -> dict[str, Spread | None]:
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
    head = (f"{series.experiment.name}, {len(series.runs)} seeds", "mean", "sd", "min", "max")
    rows = [
        (name, *_cells(found, 1 if name in COARSE else 4)) for name, found in series.summary.items()
    ]
    return [*text_table("lrrrr", head, rows), "", f"seeds {seeds}; sd with n - 1"]


COARSE = ("manifold_score", "training_seconds", "calinski_harabasz")


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head, numbers as exactly as in JSON, empty cells for None."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _seed_run(
    experiment: Experiment, *, tensorboard: Path | None, force: bool, resume: bool
) -> tuple[SeedRun, str]:
    """Train and measure one seed, and say in a few words what of it was done."""
    run, damage = (None, "") if force else trained_run(experiment)
    said = [f"{damage}; training again"] if damage else []
    made = []
    if run is None:
        run, _ = trained_now(experiment, tensorboard=tensorboard, resume=resume, quiet=True)
        said.append(f"trained in {run.checkpoint.seconds:.1f} s")
    steps = (
        analysis_step(run, experiment.analysis_path),
        manifold_step(run, "test", experiment.manifold_analysis_path),
        probes_step(run, probes_path(experiment)),
    )
    for step in steps:
        if force or step.reason_to_make() is not None:
            step.do()
            made.append(step.name)
    if not said:
        said.append("measured again" if made else "up to date")
    metrics = _metrics(run, *(step.path for step in steps))
    checkpoint = printable(str(run.path))
    done = SeedRun(run.experiment.seed, experiment.name, checkpoint, run.sha256, metrics)
    return done, ", ".join(said)


def _metrics(run: Run, analysis: Path, manifold: Path, probes: Path) -> Metrics:
    held, measured, probed = (
        json.loads(path.read_bytes()) for path in (analysis, manifold, probes)
    )
    # The kNN accuracy is in both analyses, and is the same number.
    of_manifold = {k: v for k, v in measured["metrics"].items() if k != "knn_test_accuracy"}
    return {
        "knn_accuracy": held["knn_accuracy"],
        **{name: v for name, v in probed["probes"].items() if name.endswith("_accuracy")},
        "manifold_score": measured["manifold_score"],
        **of_manifold,
        **{name: v for name, v in probed["probes"].items() if not name.endswith("_accuracy")},
        "training_seconds": run.checkpoint.seconds,
    }


def _write(series: Series, path: Path) -> None:
    """Replace the JSON and the CSV of a series together."""
    rows = [{"experiment": r.experiment, "seed": r.seed, **r.metrics} for r in series.runs]
    table, of_table = csv_text(rows), path.with_suffix(".csv")
    values = {
        "experiment": series.experiment.name,
        "seeds": [run.seed for run in series.runs],
        "summary": spread_values(series.summary),
        "runs": [vars(run) for run in series.runs],
        "failures": {str(seed): why for seed, why in series.failures.items()},
        "versions": versions(),
        "config": series.experiment.as_dict(),
        "report": {"file": of_table.name, "sha256": sha256(table.encode()).hexdigest()},
    }
    document = json_with_checksum(values, indent=2)
    with writing("grounding run --seeds", path), replacing_together(of_table, path) as places:
        places[0].write_bytes(table.encode())
        places[1].write_bytes(document)


def _scores(metrics: Metrics) -> str:
    score = f"manifold score {metrics['manifold_score']:.1f}"
    return f"kNN accuracy {metrics['knn_accuracy']:.4f}, {score}"


def _cells(found: Spread | None, digits: int) -> tuple[str, str, str, str]:
    if found is None:
        return "-", "-", "-", "-"
    values = (found.mean, found.standard_deviation, found.minimum, found.maximum)
    return tuple("-" if v is None else f"{v:.{digits}f}" for v in values)  # type: ignore[return-value]
