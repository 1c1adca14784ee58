"""What a sweep came to: tables, paired differences, files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grounding._errors import say
from grounding.export.report import text_table
from grounding.metrics import Spread, spread
from grounding.runs.artifacts import document_bytes, made_once
from grounding.studies.differences import Difference, differences
from grounding.studies.seeds import csv_text
from grounding.studies.sweeps.record import ENDINGS, result_path, write_results
from grounding.studies.sweeps.trial import state_of
from grounding.training.checkpoint import versions

if TYPE_CHECKING:
    from grounding.studies.sweeps.sweep import Sweep, Tried

HEAD = ("n", "mean", "± 95 %", "less base", "± 95 %", "p, Holm", "seconds", "test kNN", "state")
PRINTED = 40  # points on a terminal; all are in the files


def ranked(sweep: Sweep) -> list[Tried]:
    """The points, best mean first; those without one last, given up before their last epoch."""
    plan, sign = sweep.plan, 1 if sweep.plan.higher_is_better else -1
    found = {id(one): spread([*one.values(plan.metric).values()]) for one in sweep.tried}

    def rank(one: Tried) -> tuple[int, float]:
        value = found[id(one)]
        return (one.is_pruned, -sign * value.mean) if value else (2, 0.0)

    return sorted(sweep.tried, key=rank)


def state(one: Tried, seeds: int, metric: str) -> str:
    """What became of a point: done, pruned, failed or open."""
    if one.is_pruned:
        return "pruned"
    if any(trial.failure for trial in one.trials.values()):
        return "failed"
    return "done" if len(one.values(metric)) == seeds else "open"


def base_of(sweep: Sweep) -> Tried:
    """The point that others are compared with: the config as it is, or else the first."""
    unchanged = f"{sweep.plan.name}_base"
    return next((o for o in sweep.tried if o.experiment.name == unchanged), sweep.tried[0])


def to_base(sweep: Sweep) -> dict[str, Difference]:
    """Each point less the base, over the seeds that both have; p by Holm for all of them."""
    first, plan = base_of(sweep), sweep.plan
    others = [one for one in sweep.tried if one is not first]
    values = {one.experiment.name: one.values(plan.metric) for one in (first, *others)}
    found = differences(values, [first.experiment.name])
    return {one.second: one for one in found}


def label(one: Tried, axes: Sequence[str]) -> str:
    """A point in a few words."""
    ends = [axis.rsplit(".", 1)[1] for axis in axes]
    names = [end if ends.count(end) == 1 else axis for end, axis in zip(ends, axes, strict=True)]
    told = zip(names, axes, strict=True)
    return ", ".join(f"{name} {short(one.point[axis])}" for name, axis in told if axis in one.point)


def short(value: Any) -> str:
    """A value of an axis, in four digits."""
    return f"{value:.4g}" if type(value) is float else str(value)


def point_cells(sweep: Sweep) -> list[tuple[str, ...]]:
    """A row of text for each point, in the order of `ranked`."""
    plan, apart = sweep.plan, to_base(sweep)
    rows: list[tuple[str, ...]] = []
    for one in ranked(sweep):
        found, less = spread([*one.values(plan.metric).values()]), apart.get(one.experiment.name)
        tested = spread([*test_values(one).values()])
        seconds = [t.state.seconds for t in one.trials.values() if t.state.history]
        rows.append(
            (
                label(one, plan.axes),
                *_cells(found),
                *(
                    (
                        f"{round(-less.mean, 4) + 0.0:+.4f}",
                        f"{less.margin:.4f}",
                        f"{less.p_holm:.2g}",
                    )
                    if less
                    else ("base" if one is base_of(sweep) else "-", "-", "-")
                ),
                f"{sum(seconds) / len(seconds):.1f}" if seconds else "-",
                "-" if tested is None else _plus_minus(tested),
                state(one, len(plan.seeds), plan.metric),
            )
        )
    return rows


def table_lines(sweep: Sweep, most: int | None = None) -> list[str]:
    """A table of the points, best first."""
    plan, cells = sweep.plan, point_cells(sweep)
    head = (f"{plan.name}, {plan.metric}", *HEAD)
    lines = text_table("lrrrrrrrrl", head, cells[:most])
    if most is not None and len(cells) > most:
        lines.append(f"... and {len(cells) - most} more points")
    better = "higher" if plan.higher_is_better else "lower"
    return [*lines, "", f"of validation images, {better} is better; ± 95 %: half the interval of "
            "the mean, by Student's t; less base: paired over the seeds"]  # fmt: skip


def trial_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """A row for each trial."""
    plan, rows = sweep.plan, []
    for one in sweep.tried:
        values, tested = one.values(plan.metric), test_values(one)
        became = state(one, len(plan.seeds), plan.metric)
        for seed in plan.seeds:
            trial = one.trials.get(seed)
            history = trial.state.history if trial else ()
            named = {axis: _plain(one.point[axis]) if axis in one.point else None
                     for axis in plan.axes}  # fmt: skip
            rows.append(
                {
                    "run": trial.experiment.name if trial else f"{one.experiment.name}_seed{seed}",
                    **named,
                    "seed": seed,
                    "state": "failed" if trial and trial.failure else "done" if seed in values
                    else became if became == "pruned" else "open",
                    plan.metric: values.get(seed),
                    "test_knn_accuracy": tested.get(seed),
                    "epochs": len(history),
                    "seconds": round(trial.state.seconds, 3) if trial else 0.0,
                    "failure": trial.failure if trial else "",
                }
            )  # fmt: skip
    return rows


def test_values(one: Tried) -> dict[int, float]:
    """The kNN accuracy on the test images by seed, where `--final` or somebody has measured it."""
    found = {seed: trial.state.tested for seed, trial in one.trials.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def measure_best(sweep: Sweep, count: int) -> None:
    """Measure the best points on the test images, unless that was done; the ledger counts it."""
    from grounding.runs.measuring import analysis_output
    from grounding.runs.run import load_run

    plan = sweep.plan
    done = [one for one in ranked(sweep) if state(one, len(plan.seeds), plan.metric) == "done"]
    for one in done[:count]:
        for trial in one.trials.values():
            run = load_run(trial.experiment)
            made_once(run, analysis_output(run, run.experiment.analysis_path))
            trial.state = state_of(trial.experiment)


def write_report(sweep: Sweep, final: int = 0) -> None:
    """Print the table of a sweep, and write it as JSON, CSV, parquet and HTML.

    Args:
        sweep: whose trials are done as far as they can be.
        final: so many of the best points are measured on the test images first.
    """
    from grounding.studies.sweeps.report import sweep_page

    if final:
        measure_best(sweep, final)
    plan, rows = sweep.plan, trial_rows(sweep)
    apart = {name: vars(one) for name, one in to_base(sweep).items()}
    values = {
        "sweep": plan.name,
        "plan": plan.as_dict(),
        "base": base_of(sweep).experiment.name,
        "points": [
            {
                "name": one.experiment.name,
                "point": dict(one.point),
                "state": state(one, len(plan.seeds), plan.metric),
                "summary": _summary(spread([*one.values(plan.metric).values()])),
                "values": {str(seed): value for seed, value in one.values(plan.metric).items()},
                "base_less_this": apart.get(one.experiment.name),
            }
            for one in ranked(sweep)
        ],
        "trials": rows,
        "versions": versions(),
    }
    files = {
        result_path(plan.name, "json"): document_bytes(values),
        result_path(plan.name, "csv"): csv_text(rows).encode(),
        result_path(plan.name, "html"): sweep_page(sweep),
        **{result_path(plan.name, "parquet"): data for data in _parquet(rows)},
    }
    write_results(plan.name, files, [row["run"] for row in rows])
    say("", *table_lines(sweep, PRINTED), "")
    say(*(f"wrote {result_path(plan.name, ending)}" for ending in ENDINGS
          if result_path(plan.name, ending) in files))  # fmt: skip


def _parquet(rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The rows as parquet, where pyarrow is installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        say('no parquet without pyarrow: pip install "grounding[parquet]"')
        return
    sink = io.BytesIO()
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    parquet.write_table(pyarrow.table(columns), sink)
    yield sink.getvalue()


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) else json.dumps(value)


def _summary(found: Spread | None) -> dict[str, Any] | None:
    return vars(found) if found else None


def _plus_minus(found: Spread) -> str:
    return f"{found.mean:.4f}" + (f" ± {found.margin:.4f}" if found.margin is not None else "")


def _cells(found: Spread | None) -> tuple[str, str, str]:
    if found is None:
        return "0", "-", "-"
    margin = "-" if found.margin is None else f"{found.margin:.4f}"
    return str(found.count), f"{found.mean:.4f}", margin
