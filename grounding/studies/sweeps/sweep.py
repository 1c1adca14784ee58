"""A sweep: points of a config's space, each trained for several seeds, kept as ordinary runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from grounding._errors import UserError, say
from grounding.data import Splits
from grounding.experiment import Experiment
from grounding.experiment.document import Document, read_document
from grounding.runs.building import data_lines, load_splits
from grounding.runs.manifest import manifest_path, writing
from grounding.runs.training import without_val_knn
from grounding.studies.seeds import seed_experiment
from grounding.studies.sweeps.live import Shown, shown
from grounding.studies.sweeps.local import Engine, LocalEngine, shared_out
from grounding.studies.sweeps.plan import Plan, Point, Search, Space, space_axis
from grounding.studies.sweeps.record import Record, check_free, read_record, study_name
from grounding.studies.sweeps.search import BATCH, Known, first_points, suggested
from grounding.studies.sweeps.stages import Stage, last_epoch, stages, survivors
from grounding.studies.sweeps.trial import State, Task, needed_modules, state_of

READ_BY = ("data_dir", "source", "resize", "mode")  # keys of `data` that decide which images


@dataclass
class Trial:
    """One seed of a point.

    Attributes:
        experiment: its run's.
        state: what there is of it.
        failure: why it failed, "" if it did not.
    """

    experiment: Experiment
    state: State
    failure: str = ""


@dataclass
class Tried:
    """A point with its trials.

    Attributes:
        point: the value of each axis.
        experiment: its config.
        trials: by seed.
        stage: the last that it was trained in, from 0.
        is_pruned: whether it was given up.
    """

    point: Point
    experiment: Experiment
    trials: dict[int, Trial]
    stage: int = 0
    is_pruned: bool = False

    def has_ended(self, stage: Stage, metric: str) -> bool:
        """Whether a stage is over, be it that a trial has failed."""
        found = self.values(metric, stage.share)
        return all(seed in found or self.trials[seed].failure for seed in stage.seeds)

    def values(self, metric: str, share: float = 1.0) -> dict[int, float]:
        """The metric by seed, after a share of the epochs; of those that have it."""
        until = last_epoch(self.experiment, share)
        found = {
            seed: trial.state.value(trial.experiment, metric, until)
            for seed, trial in self.trials.items()
        }
        return {seed: value for seed, value in found.items() if value is not None}


@dataclass
class _Work:
    """How a sweep is worked off; with no engine, nothing is trained."""

    engine: Engine | None
    workers: int
    show: Shown
    modules: tuple[str, ...] = ()


class Sweep:
    """A sweep, on disk as soon as it runs.

    Examples:
        >>> rates = {"training.learning_rate": [1e-3, 3e-3]}
        >>> sweep = grounding.Sweep("rates", "2", grid=rates, seeds=range(5), metric="val_knn")
        >>> print(sweep.run(workers=2).table())

    Args:
        name: with which the names of its runs begin.
        config: a YAML file, the name or number of a packaged one; None for a sweep that is there.
        overrides: values that replace those of the config, by "section.key".
        grid: values of each axis, by "section.key".
        space: ranges, as "log:0.03:0.5"; kinds are log, linear, int and logint.
        seeds: each point is trained once for each; default: the config's.
        search: "grid", "random" or "tpe"; default: grid, or random where there is a range.
        trials: how many points are drawn by "random" and "tpe".
        metric: "val_loss", "val_knn" or "val_knn_K", by which points are judged.
        prune: of "epochs" and "seeds", where points that do badly are given up.
        add_grid: further values and axes of a sweep that is there.
        add_seeds: further seeds of it.

    Raises:
        UserError: it cannot be done, or the name holds another sweep; one line.
    """

    def __init__(
        self,
        name: str,
        config: str | Path | None = None,
        *,
        overrides: Mapping[str, Any] | Sequence[str] = (),
        grid: Mapping[str, Sequence[Any]] | None = None,
        space: Mapping[str, str | Space] | None = None,
        seeds: Sequence[int] = (),
        search: Search | None = None,
        trials: int = 0,
        metric: str = "val_loss",
        prune: Sequence[str] = (),
        add_grid: Mapping[str, Sequence[Any]] | None = None,
        add_seeds: Sequence[int] = (),
    ) -> None:
        held = read_record(name)
        plan = held.plan if held else None
        if config is not None:
            document = config if isinstance(config, Document) else read_document(config, overrides)
            spaces = {key: _space(key, one) for key, one in (space or {}).items()}
            asked = Plan(
                name,
                document.values,
                str(document.path),
                {key: list(values) for key, values in (grid or {}).items()},
                spaces,
                list(seeds),
                search or ("random" if spaces else "grid"),
                trials,
                metric,
                list(prune),
            )
            asked.check()
            asked = replace(asked, seeds=asked.seeds or [asked.base.seed])
            plan = plan.continued(asked) if plan else asked
        if plan is None:
            raise UserError(
                f"there is no sweep {name} to go on with; begin one: grounding sweep "
                f"{shlex.quote(name)} --config 2 --grid training.learning_rate=2e-3,5e-3"
            )
        if add_grid or add_seeds:
            plan = plan.extended(seeds=add_seeds, grid=add_grid)
            plan.check()
        self.record = replace(held, plan=plan) if held else Record(plan)

    @property
    def plan(self) -> Plan:
        """What is to be tried."""
        return self.record.plan

    def run(
        self,
        *,
        engine: str = "local",
        workers: int | None = None,
        threads: int | None = None,
        gpus: float = 0,
        address: str | None = None,
        final: int = 0,
        retry: bool = False,
    ) -> Sweep:
        """Train what is missing, and write tables and a report of all.

        Args:
            engine: "local", or "ray".
            workers: trials at once; default: as many as cores, or as GPUs; with Ray as many as fit.
            threads: of PyTorch in each; default: cores / workers. The numbers depend on it.
            gpus: of Ray, that a trial takes.
            address: of a Ray cluster; default: the one that is there, or one of this machine.
            final: measure the best so many points on the test images, which enters the ledger.
            retry: try again what has failed.

        Raises:
            UserError: it cannot be begun, or trials failed; all others are done then.
            KeyboardInterrupt: as raised before; the sweep can be gone on with.
        """
        from grounding.studies.sweeps.results import write_report

        plan, name = self.plan, self.plan.name
        check_free(name)
        splits = load_splits(plan.base)[1]  # what no trial could read is told before any begins
        if plan.metric != "val_loss" and (reason := without_val_knn(splits)):
            raise UserError(f"{plan.metric} cannot steer: {reason}; --metric val_loss")
        self._check_data(splits)
        say(*data_lines(splits))
        with writing(manifest_path(study_name(name)), f"sweep {name}"):
            if retry:
                self.record.failures.clear()
            self.record.save()
            made: Engine
            if engine == "ray":
                from grounding.studies.sweeps.on_ray import RayEngine

                made, most = RayEngine(address, threads or 1, gpus), workers or 1
            else:
                most, each = shared_out(workers, threads)
                made = LocalEngine(most, each)
            planned = len(plan.seeds) * (plan.trials or len(first_points(plan, self.record.points)))
            try:
                with closing(made), shown(planned) as show:
                    work = _Work(made, most, show, needed_modules())
                    self.tried = self._work_off(work)
            except KeyboardInterrupt as end:
                raise type(end)(
                    f"interrupted; what is trained is on the disk, and goes on with: "
                    f"grounding sweep {name}"
                ) from None
            write_report(self, final)
        if failed := self.failures:
            first, why = next(iter(failed.items()))
            raise UserError(
                f"{len(failed)} of {planned} trials failed, first {first}: {why}; to try these "
                f"again: grounding sweep {name} --retry"
            )
        return self

    @property
    def failures(self) -> dict[str, str]:
        """Why trials failed, by the name of their run."""
        trials = self._trials()
        return {name: why for name, why in self.record.failures.items() if name in trials}

    @cached_property
    def tried(self) -> list[Tried]:
        """All points with what the disk has of them."""
        return self._work_off(_Work(None, 0, Shown(None, 0)))

    def script(self, *, workers: int | None = None, threads: int = 1, gpus: float = 0) -> str:
        """An array of jobs for Slurm that train what is missing; see `grounding sweep`.

        Raises:
            UserError: nothing is missing, or what is tried depends on what comes out.
        """
        from grounding.studies.sweeps.slurm import array_script

        plan = self.plan
        if plan.search == "tpe" or plan.prune:
            raise UserError(
                "an array of jobs cannot learn from its results: Slurm takes --search grid or "
                "random without --prune; for the others start Ray in a job, and --engine ray"
            )
        check_free(plan.name)
        self.record.points = [] if plan.search == "grid" else first_points(plan, self.record.points)
        with writing(manifest_path(study_name(plan.name)), f"sweep {plan.name}"):
            self.record.save()
        missing = [name for name, trial in self._trials().items() if not trial.state.is_done]
        if not missing:
            raise UserError(f"all of {plan.name} is trained: grounding sweep {plan.name}")
        return array_script(plan.name, missing, workers=workers, threads=threads, gpus=gpus)

    def train_one(self, name: str) -> str:
        """Train one trial in this process; a line about it, after one about the data is printed.

        Raises:
            UserError: it is none of this sweep, or cannot be trained.
        """
        from grounding.runs.training import train_experiment

        trials = self._trials()
        if name not in trials:
            raise UserError(f"{name} is no trial of {self.plan.name}; those are listed by --list")
        splits = load_splits(self.plan.base)[1]
        self._check_data(splits)
        say(*data_lines(splits))
        return train_experiment(trials[name].experiment, quiet=True, resume=True)

    def _check_data(self, splits: Splits) -> None:
        """Refuse to set trials beside others that were trained on other data.

        Raises:
            UserError: the base's images are not those that its trials were trained on.
        """
        base = self.plan.base.data
        for name, trial in self._trials().items():
            data = trial.experiment.data
            same = all(getattr(data, key) == getattr(base, key) for key in READ_BY)
            if same and trial.state.history and trial.state.data != splits.fingerprint:
                raise UserError(
                    f"{name} was trained on other data: {splits.source} as it was then; put that "
                    "back, or begin another sweep: take another NAME"
                )

    def _trials(self) -> dict[str, Trial]:
        return {one.experiment.name: one for t in self.tried for one in t.trials.values()}

    def table(self) -> str:
        """Mean, 95 % interval and number of seeds of each point, best first, as text."""
        from grounding.studies.sweeps.results import table_lines

        return "\n".join(table_lines(self))

    def rows(self) -> list[dict[str, Any]]:
        """A row for each trial: name, axes, seed, state, metric, seconds."""
        from grounding.studies.sweeps.results import trial_rows

        return trial_rows(self)

    def _work_off(self, work: _Work) -> list[Tried]:
        """Go through generations and stages; train what is missing, if there is an engine.

        What is given up follows from what is measured alone, so going through it again, after a
        kill or to show it, gives up the same.
        """
        plan, record = self.plan, self.record
        points = first_points(plan, record.points)
        if plan.search == "random" and len(points) > len(record.points) and work.engine:
            record.points = points
            record.save()
        if plan.search != "tpe":
            return self._generation([self._tried(point) for point in points], [], work)
        tried: list[Tried] = []
        while len(tried) < plan.trials:
            count = min(BATCH, plan.trials - len(tried))
            if len(points) < len(tried) + count:
                if not work.engine:
                    break
                known = [Known(one.point, _mean(one, plan)) for one in tried]
                missing = len(tried) + count - len(points)
                points = [*points, *suggested(plan, known, points[len(tried) :], missing)]
                record.points = points
                record.save()
            new = [self._tried(one) for one in points[len(tried) : len(tried) + count]]
            tried = self._generation(new, tried, work)
        return tried + [self._tried(point) for point in points[len(tried) :]]

    def _tried(self, point: Point) -> Tried:
        experiment = self.plan.experiment(point)
        return Tried(point, experiment, {})

    def _generation(self, new: list[Tried], earlier: list[Tried], work: _Work) -> list[Tried]:
        """Take new points through all stages, beside those that came before."""
        plan, every = self.plan, [*earlier, *new]
        alive = list(new)
        for number, stage in enumerate(stages(plan)):
            for one in alive:
                one.stage = number
                for seed in stage.seeds:
                    if seed not in one.trials:
                        experiment = seed_experiment(one.experiment, seed)
                        failure = self.record.failures.get(experiment.name, "")
                        one.trials[seed] = Trial(experiment, state_of(experiment), failure)
            work.show.done = sum(t.state.is_done for one in every for t in one.trials.values())
            self._train(alive, stage, work)
            alive = self._left(alive, every, stage, number, work)
        return every

    def _train(self, alive: Sequence[Tried], stage: Stage, work: _Work) -> None:
        """Train what is missing of a stage."""
        plan, todo = self.plan, {}
        for one in alive:
            until = last_epoch(one.experiment, stage.share)
            for seed in stage.seeds:
                trial = one.trials[seed]
                is_last = until == one.experiment.training.epochs
                there = trial.state.is_done or (not is_last and len(trial.state.history) >= until)
                if not there and not trial.failure:
                    todo[trial.experiment.name] = (trial, until, is_last)
        if not work.engine or not todo:
            return
        folder = str(Path.cwd())
        tasks = [
            (
                Task(
                    name,
                    trial.experiment.as_dict(),
                    None if is_last else until,
                    folder,
                    work.modules,
                    1,
                ),
                trial.experiment,
                until,
            )
            for name, (trial, until, is_last) in todo.items()
        ]
        work.show.begin(tasks, work.workers)
        answers = work.engine.run([task for task, _, _ in tasks], work.show.update)
        for task, (why, warnings) in answers:
            trial, until, is_last = todo[task.name]
            trial.state = state_of(trial.experiment)
            value = trial.state.value(trial.experiment, plan.metric, until)
            if not why and value is None:
                why = f"it has no {plan.metric} after epoch {until}; grounding verify {task.name}"
            if why:
                trial.failure = self.record.failures[task.name] = why
                self.record.save()
                work.show.failed += 1
                work.show.ended(task, f"failed, {why}")
                continue
            work.show.done += is_last
            ended = "" if is_last else f", paused after epoch {until}"
            seconds = f"{trial.state.seconds:.1f} s{ended}"
            work.show.ended(task, f"{plan.metric} {value:.4f}, {seconds}", *warnings)

    def _left(
        self, alive: list[Tried], every: Sequence[Tried], stage: Stage, number: int, work: _Work
    ) -> list[Tried]:
        """Who goes on after a stage; all who have been through it are compared."""
        plan = self.plan
        if number + 1 == len(stages(plan)):
            return alive
        if not work.engine and any(not one.has_ended(stage, plan.metric) for one in alive):
            return []  # nobody knows yet
        values = {}
        for one in every:
            found = one.values(plan.metric, stage.share)
            if one.stage >= number and all(seed in found for seed in stage.seeds):
                values[one.experiment.name] = found
        names = set(survivors(stage, values, plan.higher_is_better))
        for one in alive:
            if one.experiment.name in values and one.experiment.name not in names:
                one.is_pruned = True
                work.show.pruned += 1
        return [one for one in alive if one.experiment.name in names]


def _space(key: str, given: str | Space) -> Space:
    return given if isinstance(given, Space) else space_axis(f"{key}={given}")[1]


def _mean(one: Tried, plan: Plan) -> float | None:
    """What the search learns of a point: None of what was given up, or failed for some seed."""
    found = one.values(plan.metric)
    if one.is_pruned or len(found) < len(plan.seeds):
        return None
    return sum(found.values()) / len(found)
