"""Which points a sweep tries: all of a grid, some at random, or what Optuna suggests."""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from grounding._errors import UserError
from grounding.studies.sweeps.plan import Plan, Point, Space, grid_points

BATCH = 4
"""Points that TPE suggests at once, from all before them: what it suggests does not depend on
which training is done first."""
ATTEMPTS = 1000  # to draw a point that is not there yet


class Known(NamedTuple):
    """A point that was tried; `value` is None if it was given up or failed."""

    point: Point
    value: float | None


def first_points(plan: Plan, drawn: Sequence[Point]) -> list[Point]:
    """The points that are known before anything is trained.

    Args:
        plan: of the sweep.
        drawn: what was drawn earlier.

    Raises:
        UserError: there are not as many different points.
    """
    if plan.search == "grid":
        return grid_points(plan)
    points = list(drawn)
    while plan.search == "random" and len(points) < plan.trials:
        points.append(random_point(plan, points))
    return points


def random_point(plan: Plan, others: Sequence[Point]) -> Point:
    """A point that is none of the others: a function of how many these are, and of what they are.

    Raises:
        UserError: there seems to be none.
    """
    for attempt in range(ATTEMPTS):
        draws = random.Random(f"{len(others)}/{attempt}")
        point = {key: draws.choice(values) for key, values in plan.grid.items()}
        point |= {key: _draw(space, draws.random()) for key, space in plan.spaces.items()}
        if point not in others:
            return point
    count = len(others)
    raise UserError(f"there are no more than {count} different points; --trials {count}")


def suggested(
    plan: Plan, known: Sequence[Known], drawn: Sequence[Point], count: int
) -> list[Point]:
    """What the tree-structured Parzen estimator suggests after some points.

    The study is made anew from what is known, each time: nothing of it is kept anywhere.
    Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011.

    Args:
        plan: of the sweep.
        known: what was tried.
        drawn: further points, which will be tried together with those that are asked for.
        count: how many are asked for.

    Raises:
        UserError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise UserError(
            '--search tpe needs Optuna: pip install "grounding[sweep]", or --search random'
        ) from None
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, BaseDistribution] = {
        key: CategoricalDistribution([json.dumps(value) for value in values])
        for key, values in plan.grid.items()
    }
    for key, space in plan.spaces.items():
        whole, log = space.kind in ("int", "logint"), space.kind.startswith("log")
        distributions[key] = (
            IntDistribution(int(space.low), int(space.high), log=log)
            if whole
            else FloatDistribution(space.low, space.high, log=log)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Optuna calls experimental
        sampler = optuna.samplers.TPESampler(seed=len(known) + len(drawn), constant_liar=True)
        direction = "maximize" if plan.higher_is_better else "minimize"
        study = optuna.create_study(sampler=sampler, direction=direction)
        for one in known:
            params = {k: _param(plan, k, value) for k, value in one.point.items()}
            told: dict[str, Any] = {"params": params}
            told["distributions"] = {key: distributions[key] for key in params}
            if one.value is None:
                study.add_trial(optuna.trial.create_trial(state=_failed(), **told))
            else:
                study.add_trial(optuna.trial.create_trial(value=one.value, **told))
        for point in drawn:
            study.enqueue_trial({k: _param(plan, k, value) for k, value in point.items()})
            study.ask(distributions)
        asked = [study.ask(distributions).params for _ in range(count)]
    points: list[Point] = []
    others = [*(one.point for one in known), *drawn]
    for params in asked:
        new: Point = {k: json.loads(v) if k in plan.grid else v for k, v in params.items()}
        # Of few categories it suggests some twice, which would train nothing new.
        again = new in others or new in points
        points.append(random_point(plan, [*others, *points]) if again else new)
    return points


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _param(plan: Plan, key: str, value: Any) -> Any:
    return json.dumps(value) if key in plan.grid else value


def _draw(space: Space, share: float) -> float:
    low, high = space.low, space.high
    if space.kind in ("int", "logint"):
        low, high = low - 0.5, high + 0.5
    if space.kind.startswith("log"):
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    value = min(max(value, space.low), space.high)
    return round(value) if space.kind in ("int", "logint") else value
