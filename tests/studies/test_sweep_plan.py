"""What a sweep is asked to try: axes, points, names, what is refused before anything is trained."""

import random
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

import grounding
from grounding._errors import UserError
from grounding.experiment.document import read_document
from grounding.studies.sweeps.plan import Plan, Space, grid_axis, grid_points, space_axis
from grounding.studies.sweeps.search import Known, first_points, suggested
from grounding.studies.sweeps.stages import Stage, last_epoch, stages, survivors

RATE = "training.learning_rate"
ONE = ["--config", "2", "--grid", f"{RATE}=1e-3,1e-2"]


def plan(**changed):
    document = read_document("2")
    given = {
        "grid": {RATE: [0.001, 0.01], "training.batch_size": [32, 64]},
        "spaces": {},
        "seeds": [0, 1],
        "prune": [],
    }
    return Plan("s", document.values, str(document.path), **{**given, **changed})


def test_axes_are_read_as_yaml_is():
    assert grid_axis(f"{RATE}=2e-3,5e-3") == (RATE, [0.002, 0.005])
    assert grid_axis("model.hidden_dims=[8, 16],[16, 32]")[1] == [[8, 16], [16, 32]]
    assert grid_axis("training.optimizer=adam,adamw")[1] == ["adam", "adamw"]
    assert space_axis("objectives.temperature=log:0.03:0.5")[1] == Space("log", 0.03, 0.5)
    assert space_axis("model.latent_dim=logint:4:64")[1] == Space("logint", 4, 64)


@pytest.mark.parametrize(
    "text", ["a.b", "a.b=", "a=1", "=1", "a.b=log", "a.b=log:0:1", "a.b=int:1.5:2", "a.b=x:1:2",
             "a.b=linear:2:1", "a.b=linear:nan:1"],
)  # fmt: skip
def test_what_is_no_axis_is_refused_with_an_example(text):
    read = space_axis if ":" in text or "log" in text else grid_axis
    with pytest.raises(UserError, match=r"e\.g\. (training|objectives)"):
        read(text)


def test_a_point_is_known_by_what_it_changes():
    sweep = plan()
    points = grid_points(sweep)
    assert points[1] == {RATE: 0.001, "training.batch_size": 64}
    names = [sweep.experiment(point).name for point in points]
    assert len(set(names)) == 4
    assert sweep.experiment({RATE: 0.001, "training.batch_size": 128}).name == "s_base"
    # An axis that comes later leaves the names of those that have the config's own value.
    more = sweep.extended(grid={"training.weight_decay": [0.0, 0.1]})
    again = [more.experiment(one).name for one in grid_points(more)]
    assert [name for name in again if name in names] == names
    assert Plan.from_dict(sweep.as_dict()) == sweep


def test_a_command_may_ask_for_what_is_there_and_for_no_other_sweep():
    held = plan().extended(seeds=[2], grid={RATE: [0.1]})
    assert held.seeds == [0, 1, 2]
    assert held.continued(plan()) == held
    for other, problem in (
        (plan(seeds=[0, 9]), "no seed 9; to extend it: --add-seeds 9"),
        (plan(grid={RATE: [0.5]}), r"no training.learning_rate=0.5; to extend it: --add-grid"),
        (plan(metric="val_knn"), "training.val_knn.every=0 .here 1."),
        (plan(prune=["epochs"]), "prune none .here epochs."),
        (replace(plan(), config={**plan().config, "training": {"epochs": 3}}), "epochs=30 .here 3"),
    ):
        with pytest.raises(UserError, match=f"s holds another sweep, with .*{problem}.*another na"):
            held.continued(other)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--grid", "training.learning_rat=1"], "unknown key; did you mean learning_rate?"),
        (["--grid", f"{RATE}=1e-3,-1"], "learning_rate: should be greater than 0, got -1"),
        (["--grid", f"{RATE}=1,1"], "1 is there twice"),
        (["--grid", "experiment.seed=1,2"], "no axis of a sweep; seeds are named by --seeds"),
        (["--space", "training.epochs=int:0:3"], "is a range, of which there is no grid"),
        (["--space", "training.epochs=int:0:3", "--search", "random", "--trials", "2"],
         "training.epochs: should be greater than or equal to 1"),
        (["--space", f"{RATE}=log:1e-3:1e-2"], "--search random needs --trials N"),
        (["--grid", f"{RATE}=1", "--metric", "knn_accuracy"], "only what is measured on validat"),
        (["--grid", f"{RATE}=1", "--prune", "seeds"], "needs 4 seeds or more, e.g. --seeds 0-4"),
        (["--grid", "training.epochs=4,5", "--set", "training.val_knn.every=2", "--metric",
          "val_knn"], "training.val_knn.every 2 does not divide training.epochs 5"),
        ([], "a sweep needs an axis, e.g. --grid"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_any_training(in_folder, refused, arguments, problem):
    search = ["--search", "grid"] if "no grid" in problem else []
    assert problem in refused("sweep", "s", "--config", "2", *arguments, *search)
    assert not Path("artifacts").exists()


def test_a_sweep_that_is_not_there_or_whose_name_is_none(in_folder, refused):
    assert "there is no sweep s to go on with; begin one: grounding" in refused("sweep", "s")
    assert "'a b' is no name of a sweep" in refused("sweep", "a b", *ONE)
    assert "--seeds begins a sweep and needs --config" in refused("sweep", "s", "--seeds", "1")


def test_random_points_stay_what_they_are_when_more_are_drawn():
    spaces = {RATE: Space("log", 1e-4, 1e-1), "model.latent_dim": Space("int", 2, 9)}
    sweep = plan(spaces=spaces, grid={"training.optimizer": ["adam", "adamw"]}, search="random",
                 trials=200)  # fmt: skip
    points = first_points(sweep, [])
    assert first_points(replace(sweep, trials=5), []) == points[:5]
    assert first_points(sweep, points[:7]) == points
    rates = sorted(point[RATE] for point in points)
    assert 1e-4 <= rates[0] <= rates[-1] <= 1e-1
    assert 1e-3 < statistics.median(rates) < 1e-2  # in the middle of the logarithms
    assert {point["model.latent_dim"] for point in points} == set(range(2, 10))
    few = plan(grid={RATE: [0.1, 0.2]}, search="random", trials=3)
    with pytest.raises(UserError, match="no more than 2 different points; --trials 2"):
        first_points(few, [])


def test_what_optuna_suggests_is_near_the_best_and_follows_from_what_is_known_alone():
    pytest.importorskip("optuna")
    sweep = plan(grid={"training.optimizer": ["adam", "adamw"]}, search="tpe", trials=60,
                 spaces={RATE: Space("log", 1e-4, 1.0)})  # fmt: skip
    draws = random.Random(0)
    known = []
    for _ in range(40):
        rate, kind = 10 ** draws.uniform(-4, 0), draws.choice(["adam", "adamw"])
        loss = abs(rate - 0.01) + (kind == "adam")
        known.append(Known({"training.optimizer": kind, RATE: rate}, loss))
    known.append(Known({"training.optimizer": "adam", RATE: 0.5}, None))
    points = suggested(sweep, known, [], 8)
    assert points == suggested(sweep, known, [], 8)
    assert not any(one in points[:2] for one in suggested(sweep, known, points[:2], 6))
    assert statistics.median(point[RATE] for point in points) < 0.1
    assert sum(point["training.optimizer"] == "adamw" for point in points) > 4
    assert not any(point == one.point for point in points for one in known)


def test_halving_keeps_the_best_third_at_each_share_of_the_epochs():
    assert stages(plan()) == [Stage((0, 1), 1.0)]
    whole = plan(prune=["epochs", "seeds"], seeds=[0, 1, 2, 3, 4])
    found = stages(whole)
    assert [(len(stage.seeds), round(stage.share * 9)) for stage in found] == [
        (3, 1), (3, 3), (3, 9), (4, 9), (5, 9),
    ]  # fmt: skip
    experiment = grounding.load_config("2", training={"epochs": 30})
    assert [last_epoch(experiment, stage.share) for stage in found[:3]] == [4, 10, 30]
    sparse = grounding.load_config("2", training={"epochs": 30, "val_knn": {"every": 5}})
    assert [last_epoch(sparse, stage.share) for stage in found[:3]] == [5, 10, 30]
    values = {name: {0: float(place), 1: 0.0} for place, name in enumerate("abcdefg")}
    early = Stage((0, 1), 1 / 9)
    assert survivors(early, values, True) == ["g", "f", "e"]
    assert survivors(early, values, False) == ["a", "b", "c"]


def test_a_point_is_given_up_over_seeds_if_it_is_surely_worse_than_the_best():
    best, near, worse = [0.9, 0.8, 0.85], [0.88, 0.81, 0.83], [0.85, 0.74, 0.81]
    assert ttest_rel(best, near).pvalue > 0.05 > ttest_rel(best, worse).pvalue
    values = {name: dict(enumerate(found)) for name, found in
              (("near", near), ("best", best), ("worse", worse))}  # fmt: skip
    assert survivors(Stage((0, 1, 2), 1.0), values, True) == ["best", "near"]
    losses = {name: {seed: 1 - one for seed, one in of.items()} for name, of in values.items()}
    assert survivors(Stage((0, 1, 2), 1.0), losses, False) == ["best", "near"]
