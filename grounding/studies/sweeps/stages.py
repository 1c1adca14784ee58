"""In which steps points are trained, and which are given up in between."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from grounding.experiment import Experiment
from grounding.metrics import spread
from grounding.studies.differences import p_value
from grounding.studies.sweeps.plan import Plan

KEEP = 3  # of so many points one goes on, after a third and after a ninth of the epochs
FIRST_SEEDS = 3  # a paired test of fewer says little
SURE = 0.05


class Stage(NamedTuple):
    """All points that are left are trained for some seeds up to a share of their epochs."""

    seeds: tuple[int, ...]
    share: float


def stages(plan: Plan) -> list[Stage]:
    """The steps of a sweep: one, or several with points given up after each but the last."""
    seeds = tuple(plan.seeds)
    first = seeds[:FIRST_SEEDS] if "seeds" in plan.prune else seeds
    shares = (1 / KEEP**2, 1 / KEEP, 1.0) if "epochs" in plan.prune else (1.0,)
    found = [Stage(first, share) for share in shares]
    return found + [Stage(seeds[:n], 1.0) for n in range(len(first) + 1, len(seeds) + 1)]


def last_epoch(experiment: Experiment, share: float) -> int:
    """The epoch at which a stage ends: one after which the metric is measured."""
    epochs, every = experiment.training.epochs, experiment.training.val_knn.every or 1
    return min(epochs, max(every, every * math.ceil(epochs * share / every - 1e-9)))


def survivors(
    stage: Stage, values: Mapping[str, Mapping[int, float]], higher_is_better: bool
) -> list[str]:
    """Which points go on after a stage, by name.

    Before the last epoch it is the best third of their means over the seeds: successive halving
    (Jamieson and Talwalkar, 2016). After it all go on whose paired difference to the best, over
    the seeds so far, may be chance.

    Args:
        stage: that has ended.
        values: of the metric by name and seed; points that failed are not among them.
        higher_is_better: of the metric.
    """
    sign = 1.0 if higher_is_better else -1.0
    found = {name: [sign * of[seed] for seed in stage.seeds] for name, of in values.items()}
    ranked = sorted(found, key=lambda name: -sum(found[name]))
    if stage.share < 1:
        return ranked[: math.ceil(len(ranked) / KEEP)]
    return [name for name in ranked if not _is_worse(found[ranked[0]], found[name])]


def _is_worse(best: Sequence[float], other: Sequence[float]) -> bool:
    apart = spread([a - b for a, b in zip(best, other, strict=True)])
    if apart is None or apart.standard_deviation is None:
        return False
    p = p_value(apart.mean, apart.standard_deviation, apart.count)
    return apart.mean > 0 and p < SURE
