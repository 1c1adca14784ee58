"""`grounding run --seeds`: what is run, skipped, kept and summed up."""

import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY, image_set, own_config

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.cli.options import SEEDS
from grounding.studies.seeds import csv_text, seed_experiment, summarize

SUMMARY = Path("artifacts/own_seeds.json")
CLOCK = {"training_seconds"}


@pytest.fixture
def run(in_folder):
    """Run some seeds of a small experiment on data in the current folder."""
    image_set(Path("images"))
    config = own_config(more="output: {save_every_n_epochs: 1}\n")
    return lambda seeds, *more: main("run", ["--config", config, "--seeds", seeds, *more])


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", (3,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("0,1,5-7", (0, 1, 5, 6, 7)),
        ("9, 2", (9, 2)),
        ("4294967295", (2**32 - 1,)),
        ("0-999", tuple(range(1000))),
    ],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert SEEDS.convert(text, None, None) == seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is no list of seeds from 0 to 4294967295; write e.g. 0-4 or 0,1,5-7"),
        ("0,", "'0,' is no list of seeds"),
        ("a-b", "'a-b' is no list of seeds"),
        ("-1", "'-1' is no list of seeds"),
        ("1-2-3", "'1-2-3' is no list of seeds"),
        ("4294967296", "'4294967296' is no list of seeds"),
        ("9" * 5000, "is no list of seeds"),
        ("4-0", "4-0 goes down; write 0-4"),
        ("0-2,1", "0-2,1 has seed 1 twice"),
        ("0-1000", "0-1000 is more than 1000 seeds"),
        ("0-4294967295", "is more than 1000 seeds"),
    ],
)
def test_other_seeds_are_refused_in_one_line(refused, text, problem):
    assert problem in refused("run", "--config", "2", f"--seeds={text}")


def test_a_seed_has_every_output_to_itself():
    output = {"checkpoint_path": "a/b.c.pt", "analysis_path": "r"}
    experiment = grounding.load_config("2", output=output, experiment={"name": "x"})
    one = seed_experiment(experiment, 7)
    assert (one.seed, one.name) == (7, "x_seed7")
    assert one.checkpoint_path == Path("a/b.c_seed7.pt")
    assert one.analysis_path == Path("r_seed7")
    assert one.manifold_analysis_path == Path("artifacts/x_seed7_manifold_metrics.json")
    same = {"experiment", "output"}
    assert one.model_dump(exclude=same) == experiment.model_dump(exclude=same)
    long = grounding.load_config("2", experiment={"name": "x" * 97})
    with pytest.raises(UserError, match=r"cannot be run as x+_seed1: experiment.name: .*100"):
        seed_experiment(long, 1)


def test_sums_and_tables_of_hand_made_values():
    found = summarize([{"a": 1.0, "b": None}, {"a": 4.0, "b": None}, {"a": None, "b": None}])
    assert found["b"] is None
    assert (found["a"].mean, found["a"].count) == (2.5, 2)
    assert found["a"].standard_deviation == pytest.approx(4.5**0.5)
    text = csv_text([{"name": 'a,"b"', "x": 0.1 + 0.2}, {"name": "c", "x": None, "y": 1}])
    assert text == 'name,x,y\n"a,""b""",0.30000000000000004,\nc,,1\n'


def test_seeds_are_run_summed_up_and_skipped(run, capsys):
    assert run("0,2") == 0
    data, *lines = capsys.readouterr().out.splitlines()
    assert data.startswith("data: images, 1 x 12 x 12: 144 to train on")
    for seed, line in zip((0, 2), lines, strict=False):
        assert line.startswith(f"own, seed {seed}: trained in ")
    assert not any(line.startswith("epoch") for line in lines)
    summary = json.loads(SUMMARY.read_text())
    assert summary["seeds"] == [0, 2]

    # The summary against what the outputs of each seed say.
    def measured(kind):
        return [json.loads(Path(f"artifacts/own_seed{s}_{kind}.json").read_text()) for s in (0, 2)]

    manifold = measured("manifold_metrics")
    values = {
        "knn_accuracy": [one["knn_accuracy"] for one in measured("analysis")],
        "manifold_score": [one["manifold_score"] for one in manifold],
        "silhouette": [one["metrics"]["silhouette"] for one in manifold],
        "linear_probe_accuracy": [
            one["probes"]["linear_probe_accuracy"] for one in measured("probes")
        ],
    }
    for name, two in values.items():
        found = summary["summary"][name]
        assert found["mean"] == pytest.approx(statistics.mean(two))
        assert found["standard_deviation"] == pytest.approx(statistics.stdev(two))
        assert (found["minimum"], found["maximum"]) == (min(two), max(two))
        assert [one["metrics"][name] for one in summary["runs"]] == two
        digits = 1 if name == "manifold_score" else 4
        shown = [f"{found[key]:.{digits}f}" for key in ("mean", "standard_deviation")]
        assert [name, *shown] in [line.split()[:3] for line in lines]
    rows = list(csv.DictReader(SUMMARY.with_suffix(".csv").read_text().splitlines()))
    for row, one in zip(rows, summary["runs"], strict=True):
        numbers = {k: float(v) if v else None for k, v in row.items() if k != "experiment"}
        assert numbers == {"seed": one["seed"], **one["metrics"]}

    # Again: nothing is made but the summary, which has the same bytes.
    before = {p: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}
    first = SUMMARY.read_bytes()
    assert run("0,2") == 0
    assert capsys.readouterr().out.count(": up to date, kNN accuracy") == 2
    changed = {p.name for p, at in before.items() if p.stat().st_mtime_ns != at}
    assert changed == {f"own_seeds.{ending}" for ending in ("json", "csv", "html", "run.json")}
    assert SUMMARY.read_bytes() == first

    # One more seed; and one whose output is damaged is measured again, not trained.
    probes = Path("artifacts/own_seed2_probes.json")
    good = probes.read_bytes()
    probes.write_bytes(good[:-30])
    assert run("0-2") == 0
    lines = capsys.readouterr().out.splitlines()
    first, second, third = (line for line in lines if line.startswith("own, seed "))
    assert "seed 0: up to date" in first
    assert "seed 1: trained in" in second
    assert "seed 2: measured again" in third
    assert probes.read_bytes() == good
    assert main("verify", ["artifacts"]) == 0

    # Other numbers under these names are refused seed by seed, and with --force they replace them.
    assert run("0,1", "--set", "training.epochs=1") == 2
    error = capsys.readouterr().err
    assert error.count("is taken by a run with training.epochs=2 (here 1)") == 3
    typed = "grounding run --config own.yaml --set training.epochs=1 --seeds 0,1"
    assert f": {typed} --set experiment.name=own_seed0_2, or replace that run: {typed} --f" in error
    assert run("1", "--set", "training.epochs=1", "--force") == 0
    alone = json.loads(SUMMARY.read_text())["summary"]["knn_accuracy"]
    assert (alone["count"], alone["standard_deviation"]) == (1, None)


def test_a_seed_is_the_same_run_as_its_seed_alone(run):
    assert run("3") == 0
    alone = ["--set", "experiment.seed=3", "--set", "experiment.name=alone"]
    assert main("train", ["--config", "own.yaml", *alone]) == 0
    first, second = (
        torch.load(f"artifacts/{name}_final.pt", weights_only=True)["state_dict"]
        for name in ("own_seed3", "alone")
    )
    assert all(torch.equal(first[key], second[key]) for key in second)


def test_a_seed_that_fails_loses_no_other(run, capsys):
    blocked = Path("artifacts/own_seed1_final.pt")
    blocked.mkdir(parents=True)
    assert run("0-2") == 2
    shown = capsys.readouterr()
    assert "knn_accuracy" in shown.out
    failed, error = (x for x in shown.err.splitlines() if "collapsed" not in x)
    assert failed.startswith(f"own, seed 1: cannot write {blocked}: it is a folder")
    assert error.startswith("error: 1 of 3 runs failed, first own with seed 1: cannot write")
    summary = json.loads(SUMMARY.read_text())
    assert (summary["seeds"], list(summary["failures"])) == ([0, 2], ["1"])
    blocked.rmdir()
    assert run("0-2") == 0
    assert capsys.readouterr().out.count("up to date") == 2
    assert json.loads(SUMMARY.read_text())["failures"] == {}


def test_no_file_of_a_run_is_replaced_by_a_study(run, refused, capsys):
    """Neither its manifest, under a study's name, nor an output at a study's place."""
    for name in ("own_seeds", "comparison"):
        assert main("train", ["--config", "own.yaml", "--set", f"experiment.name={name}"]) == 0
    taken = ["--set", "experiment.name=other", "--set", "output.analysis_path=artifacts/x.txt"]
    assert main("train", ["--config", "own.yaml", *taken]) == 0
    assert main("analyze", ["--config", "own.yaml", *taken]) == 0
    before = {path: path.read_bytes() for path in Path("artifacts").iterdir()}
    line = refused("run", "--config", "own.yaml", "--seeds", "0")
    assert "own_seeds is taken by a run; take another: --set experiment.name=NAME" in line
    line = refused("compare", "own.yaml", "--seeds", "0")
    assert "the name comparison is taken by a run; take another: --output STEM" in line
    line = refused("compare", "own.yaml", "--seeds", "0", "--output", "artifacts/x")
    assert "artifacts/x.json belongs to other, as its analysis; name another file" in line
    assert {path: path.read_bytes() for path in Path("artifacts").iterdir()} == before
    # And the other way round.
    assert main("compare", ["own.yaml", "--seeds", "0", "--no-controls", "--output", "artifacts/c",
                            "--set", "experiment.name=own2"]) == 0  # fmt: skip
    study = Path("artifacts/c.run.json").read_bytes()
    line = refused("train", "--config", "own.yaml", "--set", "experiment.name=c")
    assert "the name c is taken by a study; take another: --set experiment.name=NAME" in line
    line = refused("points", "--config", "own.yaml", *taken, "--output", "artifacts/c.json")
    assert "artifacts/c.json belongs to c, as its comparison; name another file" in line
    with pytest.raises(UserError, match="c is no run, but a study"):
        grounding.load("c")
    assert "config c does not exist" in refused("analyze", "--config", "c")
    Path("other").mkdir()  # a folder of a run's name, e.g. its data
    assert main("analyze", ["--config", "other"]) == 0
    assert Path("artifacts/c.run.json").read_bytes() == study
    assert main("verify", ["artifacts"]) == 0


def test_all_seeds_failing_is_an_error_without_a_table(run, capsys):
    assert run("0-1", "--set", "data.train_samples=70000") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("error: 2 of 2 runs failed")
    assert not SUMMARY.exists()


def test_a_series_that_is_ended_loses_no_seed(run, capsys):
    command = [sys.executable, "-m", "grounding", "run", "--config", "own.yaml", "--seeds", "0-400"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert "data: images" in process.stdout.readline()
        assert "seed 0: trained" in process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert errors.splitlines()[-1].startswith("own, seed ")
    assert 0 in json.loads(SUMMARY.read_text())["seeds"]
    assert run("0") == 0
    assert "seed 0: up to date" in capsys.readouterr().out


def test_an_interrupted_series_goes_on_with_resume(run, capsys):
    """The longer training of a seed goes on from the checkpoints of the shorter one."""
    assert run("5") == 0
    assert run("5", "--resume", "--set", "training.epochs=3") == 0
    whole = json.loads(SUMMARY.read_text())["runs"][0]["metrics"]
    assert run("5", "--force", "--set", "training.epochs=3") == 0
    again = json.loads(SUMMARY.read_text())["runs"][0]["metrics"]
    assert {**whole, "training_seconds": 0} == {**again, "training_seconds": 0}
