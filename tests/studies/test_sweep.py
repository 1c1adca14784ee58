"""`grounding sweep`: what is trained, kept, gone on with, given up and summed up."""

import csv
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY, image_set, inside, own_config
from scipy.stats import t as student
from scipy.stats import ttest_rel

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.runs.ledger import looks
from grounding.runs.manifest import (
    Artifact,
    FileEntry,
    Manifest,
    manifest_bytes,
    manifest_path,
    read_manifest,
    write_manifest,
)
from grounding.runs.training import metrics_path, train_experiment
from grounding.studies.sweeps.local import LocalEngine
from grounding.studies.sweeps.trial import Task, state_of, train_trial
from grounding.training import Epoch
from grounding.training.history import metrics_text

RATE = "training.learning_rate"
GRID = [f"--grid={RATE}=0.003,0.01,0.03", "--metric=val_knn_1"]
ALONE = ["--workers", "1", "--threads", "1"]


def prepared(folder, more=""):
    """A folder with noisy images and a config."""
    folder.mkdir(exist_ok=True)
    with inside(folder):
        image_set(Path("images"))
        own_config(more=more)


@pytest.fixture(scope="module")
def swept(shared):
    """A finished sweep of three points and two seeds; look, do not touch."""

    def build(folder):
        prepared(folder)
        with inside(folder):
            assert (
                main("sweep", ["rates", "--config", "own.yaml", *GRID, "--seeds=0,1", *ALONE]) == 0
            )

    return shared("sweep", build)


@pytest.fixture
def copy(swept, in_folder):
    """A copy of it, as the current folder."""
    shutil.copytree(swept, in_folder, dirs_exist_ok=True)
    return in_folder


@pytest.fixture
def at_once(monkeypatch):
    """Trials are trained in this process, which spares the start of another one."""

    class Here:
        def __init__(self, workers, threads):
            pass

        def run(self, tasks, wait):
            for task in tasks:
                wait()
                yield task, train_trial(task)

        def close(self):
            pass

    threads = torch.get_num_threads()
    monkeypatch.setattr("grounding.studies.sweeps.sweep.LocalEngine", Here)
    yield
    torch.set_num_threads(threads)


def weights(name):
    return torch.load(f"artifacts/{name}_final.pt", weights_only=True)["state_dict"]


def equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first.keys() | second.keys())


def last_line(name):
    return json.loads(Path(f"artifacts/{name}_final_metrics.jsonl").read_text().splitlines()[-1])


def times():
    return {path: path.stat().st_mtime_ns for path in Path("artifacts").glob("*.pt")}


def test_a_trial_is_an_ordinary_run_and_the_table_is_what_they_say(swept):
    with inside(swept):
        found = json.loads(Path("artifacts/rates_sweep.json").read_text())
        assert len(found["points"]) == 3
        for point in found["points"]:
            values = []
            for seed in (0, 1):
                run = grounding.load(f"{point['name']}_seed{seed}")
                assert run.experiment.training.learning_rate == point["point"][RATE]
                assert (run.experiment.seed, run.experiment.training.val_knn.k) == (seed, 1)
                values.append(last_line(run.name)["val_knn"])
            assert point["summary"]["mean"] == pytest.approx(statistics.mean(values))
            margin = student.ppf(0.975, 1) * statistics.stdev(values) / 2**0.5
            assert point["summary"]["margin"] == pytest.approx(margin)
        means = [point["summary"]["mean"] for point in found["points"]]
        assert means == sorted(means, reverse=True)
        assert found["base"] == "rates_base"  # the config's own learning rate is among them
        rows = list(csv.DictReader(Path("artifacts/rates_sweep.csv").read_text().splitlines()))
        assert [(row["run"], row["seed"]) for row in rows] == [
            (row["run"], str(row["seed"])) for row in found["trials"]
        ]
        from pyarrow import parquet

        assert parquet.read_table("artifacts/rates_sweep.parquet").to_pylist() == found["trials"]
        page = Path("artifacts/rates_sweep.html").read_text()
        assert all(f"<h2>{title}" in page for title in ("Parallel", "Each axis", "Against time"))
        assert "<script" not in page
        assert not looks()  # nobody has looked at a test image
        assert main("verify", ["artifacts"]) == 0
        sweep = grounding.Sweep("rates")
        assert sweep.rows() == found["trials"]
        assert "base" in sweep.table()


def test_the_same_command_trains_nothing_and_an_extension_only_what_is_new(copy, at_once, capsys):
    before = times()
    assert main("sweep", ["rates", "--config", "own.yaml", *GRID, "--seeds=0,1", *ALONE]) == 0
    assert times() == before
    capsys.readouterr()
    more = ["--add-seeds=5", f"--add-grid={RATE}=0.02", *ALONE]
    assert main("sweep", ["rates", *more]) == 0
    shown = capsys.readouterr().out
    assert shown.count(": val_knn_1 ") == 3 + 3  # a seed of three points, three of the new one
    assert "\nrates_base_seed5: warning: the latents have collapsed" in shown
    after = times()
    assert len(after) == 12
    assert {path: after[path] for path in before} == before
    assert main("sweep", ["rates", "--config", "own.yaml", *GRID, "--seeds=0,1", *ALONE]) == 0
    assert times() == after


def test_a_trial_has_the_bits_of_the_same_training_alone(swept, in_folder):
    with inside(swept):
        run = grounding.load("rates_base_seed1")
        inside_the_sweep = weights("rates_base_seed1")
    shutil.copytree(swept / "images", "images")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train_experiment(run.experiment.variant("_alone"), quiet=True)
    finally:
        torch.set_num_threads(threads)
    assert equal(weights("rates_base_seed1_alone"), inside_the_sweep)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("grid", bad) for bad in (3, {}, {"training.epochs": 3}, {"a.b": [1] * 10_001})),
        *(("grid", {f"a.b{i}": [1, 2] for i in range(60)}), ("seeds", 3), ("seeds", [[]])),
        *(("metric", {}), ("search", "tpe"), ("spaces", []), ("name", "../x"), ("prune", "all")),
    ],
)
def test_a_plan_of_others_is_one_line_before_a_point_of_it_is_made(in_folder, refused, key, value):
    grid = {"training.epochs": [1, 2]}
    plan = {"name": "s", "config": {}, "source": "x", "grid": grid, "spaces": {}, "seeds": [0]}
    made_from = {"plan": plan | {key: value}, "points": [], "failures": {}}
    files = {"s_sweep_plan.json": FileEntry("", 0)}
    one = Artifact("sweep plan", files, made_from)
    write_manifest(Manifest(manifest_path("s_sweep"), "s", artifacts={"s_sweep_plan.json": one}))
    assert "take another NAME" in refused("sweep", "s", "--list")


def test_metrics_of_others_are_read_as_far_as_they_go_and_a_pipe_is_none(in_folder):
    """Looked at while a sweep is shown: nobody may be waited for."""
    experiment = grounding.load_config("2", experiment={"name": "x"})
    write_manifest(Manifest(manifest_path("x"), "x", experiment.as_dict()))
    path = metrics_path(experiment.checkpoint_path)
    whole = metrics_text([Epoch(i, 0.5, None, 1.0, 10.0) for i in (1, 2)])
    for more in ("", "[" * 99_999, '{"epoch": "\\n", "train_loss": []}', "[1]", "{}"):
        path.write_text(f"{whole}{more}\n{whole}" if more else whole)
        assert [epoch.epoch for epoch in state_of(experiment).history] == [1, 2]
    path.unlink()
    os.mkfifo(path)
    assert state_of(experiment).history == ()


def test_the_best_are_measured_on_the_test_images_once(copy, capsys):
    assert main("sweep", ["rates", "--final", "1", *ALONE]) == 0
    (found,) = looks()
    assert (found.checkpoints, found.configs, found.looks) == (2, 1, 2)
    best = json.loads(Path("artifacts/rates_sweep.json").read_text())
    rows = [row for row in best["trials"] if row["test_knn_accuracy"] is not None]
    assert {row["run"].rsplit("_", 1)[0] for row in rows} == {best["points"][0]["name"]}
    for row in rows:
        analysis = json.loads(Path(f"artifacts/{row['run']}_analysis.json").read_text())
        assert analysis["knn_accuracy"] == row["test_knn_accuracy"]
    assert main("sweep", ["rates", "--final", "1", *ALONE]) == 0
    assert len(Path("artifacts/ledger.jsonl").read_text().splitlines()) == 2


def test_a_name_that_holds_something_else_is_refused(copy, refused):
    line = refused("sweep", "rates", "--config", "own.yaml", *GRID, "--set", "training.epochs=3")
    assert "rates holds another sweep, with training.epochs=2 (here 3)" in line
    assert "go on with that one: grounding sweep rates" in line
    train = ["--config", "own.yaml", "--set", "experiment.name=other_sweep"]
    assert main("train", train) == 0
    line = refused("sweep", "other", "--config", "own.yaml", *GRID)
    assert "the name other_sweep is taken by a run; take another NAME" in line
    line = refused("train", "--config", "own.yaml", "--set", "experiment.name=rates_sweep")
    assert "the name rates_sweep is taken by a study" in line


def test_a_trial_that_fails_says_why_stops_no_other_and_waits_to_be_asked_for(
    in_folder, at_once, capsys
):
    prepared(in_folder)
    blocked = Path("artifacts/s_base_seed0_final.pt")
    blocked.mkdir(parents=True)
    asked = ["s", "--config", "own.yaml", f"--grid={RATE}=0.01,0.02", "--seeds=0", *ALONE]
    assert main("sweep", asked) == 2
    shown = capsys.readouterr()
    assert f"s_base_seed0: failed, cannot write {blocked}: it is a folder" in shown.out
    assert "error: 1 of 2 trials failed, first s_base_seed0: cannot write" in shown.err
    assert "to try these again: grounding sweep s --retry" in shown.err
    states = {row["run"]: row["state"] for row in grounding.Sweep("s").rows()}
    assert sorted(states.values()) == ["done", "failed"]
    blocked.rmdir()
    assert main("sweep", asked) == 2
    assert ": val_loss " not in capsys.readouterr().out
    assert main("sweep", ["s", "--retry", *ALONE]) == 0
    assert capsys.readouterr().out.count(": val_loss ") == 1


def test_points_are_given_up_over_epochs_and_what_is_left_has_the_same_bits(
    in_folder, at_once, capsys
):
    prepared(in_folder)
    more = ["--set", "training.epochs=9", "--set", "training.schedule=one_cycle", "--seeds=0"]
    axis = f"--grid={RATE}=1e-6,1e-5,1e-4,1e-2,3e-2"
    assert main("sweep", ["s", "--config", "own.yaml", axis, *more, "--prune=epochs", *ALONE]) == 0
    rows = {row[RATE]: row for row in grounding.Sweep("s").rows()}
    epochs = {rate: row["epochs"] for rate, row in rows.items()}
    assert sorted(epochs.values()) == [1, 1, 1, 3, 9]
    assert {epochs[rate] for rate in (1e-6, 1e-5, 1e-4)} == {1}
    states = [row["state"] for row in sorted(rows.values(), key=lambda row: row["epochs"])]
    assert states == ["pruned"] * 4 + ["done"]
    capsys.readouterr()
    assert main("sweep", ["s", *ALONE]) == 0  # decides the same, and trains nothing
    assert ": val_loss " not in capsys.readouterr().out
    (best,) = (row["run"] for row in rows.values() if row["state"] == "done")
    experiment = grounding.load(best).experiment
    train_experiment(experiment.variant("_whole"), quiet=True)
    assert [replace(e, seconds=0, images_per_second=0) for e in state_of(experiment).history] == [
        replace(e, seconds=0, images_per_second=0)
        for e in state_of(experiment.variant("_whole")).history
    ]
    assert equal(weights(best), weights(f"{best}_whole"))


def test_points_are_given_up_over_seeds_and_shown_with_those_they_had(in_folder, at_once):
    prepared(in_folder)
    asked = ["s", "--config", "own.yaml", f"--grid={RATE}=1e-5,1e-2", "--seeds=0-4", *ALONE]
    assert main("sweep", [*asked, "--prune=seeds"]) == 0
    found = json.loads(Path("artifacts/s_sweep.json").read_text())
    best, other = found["points"]
    assert (best["point"][RATE], best["state"], best["summary"]["count"]) == (0.01, "done", 5)
    assert (other["state"], other["summary"]["count"]) == ("pruned", 3)
    pairs = [(best["values"][seed], other["values"][seed]) for seed in "012"]
    assert ttest_rel(*zip(*pairs, strict=True)).pvalue < 0.05


def test_trials_on_data_that_have_changed_are_not_set_beside_others(copy, refused):
    before = Path("artifacts/rates_sweep.json").read_bytes()
    image_set(Path("images"), test=90)
    for command in (["rates"], ["rates", "--add-seeds", "5"]):
        line = refused("sweep", *command)
        assert "was trained on other data: images as it was then; put that back, or begin" in line
    assert Path("artifacts/rates_sweep.json").read_bytes() == before
    assert not list(Path("artifacts").glob("rates*seed5*"))


def test_data_that_are_missing_or_have_no_labels_are_told_before_any_trial(in_folder, refused):
    image_set(Path("images"), labels=[])
    own_config()
    asked = ["s", "--config", "own.yaml", *GRID]
    line = refused("sweep", *asked)
    assert "val_knn_1 cannot steer: it needs labels of the training and validation images" in line
    assert line.endswith("; --metric val_loss\n")
    image_set(Path("images"), labels=[7])
    assert "of one class only; --metric val_loss" in refused("sweep", *asked)
    assert "elsewhere" in refused("sweep", *asked, "--set", "data.data_dir=elsewhere")
    assert not [*Path("artifacts").iterdir()]


def test_ctrl_c_says_how_to_go_on(copy, capsys, monkeypatch):
    def run(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("grounding.studies.sweeps.local.LocalEngine.run", run)
    assert main("sweep", ["rates", "--add-seeds=7", *ALONE]) == 130
    assert "on the disk, and goes on with: grounding sweep rates" in capsys.readouterr().err
    assert [row["seed"] for row in grounding.Sweep("rates").rows()] == [0, 1, 7] * 3


def test_tpe_goes_on_from_the_runs_that_are_there(in_folder, at_once, capsys):
    pytest.importorskip("optuna")
    prepared(in_folder)
    asked = ["s", "--config", "own.yaml", f"--space={RATE}=log:1e-4:1e-1", "--search=tpe", *ALONE]
    assert main("sweep", [*asked, "--trials=5", "--set", "training.epochs=1"]) == 0
    first = grounding.Sweep("s").rows()
    assert len({row[RATE] for row in first}) == 5
    before = times()
    assert main("sweep", [*asked, "--trials=6", "--set", "training.epochs=1"]) == 0
    assert grounding.Sweep("s").rows()[:5] == first
    assert len(times()) == 6
    assert before.items() <= times().items()


def workers_of(pid):
    """Of a driver: what it has started, and what that has split off."""
    children = [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return [*children, *(worker for child in children for worker in workers_of(child))]


def until(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("which", [pytest.param(0, marks=pytest.mark.full), -1])
def test_a_worker_and_then_the_driver_are_killed_and_no_trial_is_lost_or_done_twice(
    which, in_folder
):
    """The first worker has been started by the driver, the other is a copy of it."""
    prepared(in_folder, more="output: {save_every_n_epochs: 1}\n")
    command = [sys.executable, "-m", "grounding", "sweep", "s", "--config", "own.yaml", "--seeds=0"]
    command += [f"--grid={RATE}=0.01,0.02,0.03", "--set", "training.epochs=25", "--workers=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *sys.path])

    def lines():
        every = Path("artifacts").glob("s_*_metrics.jsonl")
        return {path.name: len(path.read_bytes().splitlines()) for path in every}

    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as driver:
        until(lambda: any(n > 3 for n in lines().values()))
        killed = workers_of(driver.pid)
        assert len(killed) == 2
        os.kill(killed[which], signal.SIGKILL)
        until(lambda: any(n > 3 for n in lines().values()) and len(lines()) > 1)
        workers = workers_of(driver.pid)
        driver.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert main("sweep", ["s", *ALONE]) == 0
    rows = grounding.Sweep("s").rows()
    assert [row["state"] for row in rows] == ["done"] * 3
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for row in rows:
            experiment = grounding.load(row["run"]).experiment
            train_experiment(experiment.variant("_whole"), quiet=True)
            assert equal(weights(row["run"]), weights(f"{row['run']}_whole"))
            # One training, which was gone on with: another one would be the second of its name.
            manifest = read_manifest(Path(f"artifacts/{row['run']}.run.json"))
            (final,) = manifest.of_kind("checkpoint").values()
            assert final.made_from["training"].startswith("000001-")
    finally:
        torch.set_num_threads(threads)


def test_a_trial_that_ends_its_process_is_given_up_and_its_neighbour_is_trained(
    in_folder, monkeypatch
):
    monkeypatch.setattr("grounding.studies.sweeps.local.TRIES", 2)
    prepared(in_folder)
    Path("fatal.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    experiment = grounding.load_config("own.yaml")
    well = Task(experiment.name, experiment.as_dict(), None, str(in_folder), (), 1)
    ill = replace(well, name="ill", modules=("fatal",))
    with closing(LocalEngine(2, 1)) as engine:
        found = {task.name: answer for task, answer in engine.run([ill, well], lambda: None)}
        processes = [one._started for one in engine._every]
    assert found["ill"].failure == "its process died 2 times: status -9"
    assert found[well.name].failure == ""
    (collapsed,) = found[well.name].warnings  # of two epochs
    assert collapsed.startswith("warning: the latents have collapsed")
    assert state_of(experiment).is_done
    assert len({process.pid for process in processes}) == 3  # one was shared
    assert all(process.returncode is not None for process in processes)


def test_an_array_of_jobs_trains_one_trial_each(in_folder, capsys):
    prepared(in_folder)
    asked = ["s", "--config", "own.yaml", f"--grid={RATE}=0.01,0.02", "--seeds=0"]
    assert main("sweep", [*asked, "--engine=slurm", "--workers=8"]) == 0
    script = capsys.readouterr().out
    assert "#SBATCH --array=0-1%8" in script
    python = f"{Path(sys.executable)} -m grounding"
    assert python in script
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
    subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.PIPE,
                   env={**environment, "SLURM_ARRAY_TASK_ID": "1"})  # fmt: skip
    states = [row["state"] for row in grounding.Sweep("s").rows()]
    assert states == ["open", "done"]
    with pytest.raises(UserError, match="x is no trial of s; those are listed by --list"):
        grounding.Sweep("s").train_one("x")
    assert main("sweep", ["s", "--list"]) == 0
    assert "open" in capsys.readouterr().out


def test_without_ray_the_command_that_installs_it_is_named(in_folder, refused, monkeypatch):
    prepared(in_folder)
    monkeypatch.setitem(sys.modules, "ray", None)
    line = refused("sweep", "s", "--config", "own.yaml", *GRID, "--engine=ray")
    assert 'needs Ray 2.60 or newer: pip install "grounding[ray]"' in line
    monkeypatch.setitem(sys.modules, "optuna", None)
    more = [f"--space={RATE}=log:0.1:1", "--search=tpe", "--trials=2", *ALONE]
    line = refused("sweep", "t", "--config", "own.yaml", *more)
    assert 'needs Optuna: pip install "grounding[sweep]", or --search random' in line


@pytest.mark.full
def test_a_thousand_trials_are_listed_and_reported_in_five_seconds(copy):
    """Two hundred points of five seeds, made of a manifest of a real one."""
    from grounding.studies.sweeps.results import write_report

    rates = ",".join(f"{0.001 + 0.0001 * n:.4f}" for n in range(200))
    asked = ["many", "--config", "own.yaml", f"--grid={RATE}={rates}", "--seeds=0-4"]
    assert main("sweep", [*asked, "--engine=slurm"]) == 0
    manifest = read_manifest(Path("artifacts/rates_base_seed0.run.json"))
    sweep = grounding.Sweep("many")
    for row in sweep.rows():
        files = {name.replace("rates_base_seed0", row["run"]): replace(
            one, files={n.replace("rates_base_seed0", row["run"]): f for n, f in one.files.items()}
        ) for name, one in manifest.artifacts.items()}  # fmt: skip
        for name in manifest.artifacts:
            place = Path("artifacts", name)
            place.with_name(name.replace("rates_base_seed0", row["run"])).hardlink_to(place)
        path = Path(f"artifacts/{row['run']}.run.json")
        path.write_bytes(manifest_bytes(replace(manifest, name=row["run"], artifacts=files)))
    started = time.process_time()  # seconds of a machine that is idle otherwise
    sweep = grounding.Sweep("many")
    assert len(sweep.table().splitlines()) > 200
    write_report(sweep)
    assert time.process_time() - started < 5
    assert {row["state"] for row in sweep.rows()} == {"done"}
