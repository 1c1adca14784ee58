"""`grounding run --seeds`: what is run, skipped, kept and summed up."""

import csv
import json
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, overrides

from grounding._errors import UserError
from grounding.cli.arguments import grounding_parser
from grounding.cli.commands import main
from grounding.experiment.load import load_experiment
from grounding.studies.seeds import csv_text, seed_experiment, summarize, variant

NAME = "naive_covnet_autoencoder_low_samples"
SUMMARY = Path(f"artifacts/{NAME}_seeds.json")


def parsed(text):
    return grounding_parser("0").parse_args(["run", "--config", "2", "--seeds", text]).seeds


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
    assert parsed(text) == seeds


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
def test_other_seeds_are_refused_in_one_line(capsys, text, problem):
    with pytest.raises(SystemExit, match="2"):
        parsed(text)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert problem in error


def test_a_seed_has_every_output_to_itself():
    places = ["checkpoint_path=a/b.c.pt", "analysis_path=r", "manifold_analysis_path=null"]
    experiment = load_experiment("2", [f"output.{place}" for place in places])
    one = seed_experiment(experiment, 7)
    assert (one.seed, one.name) == (7, f"{NAME}_seed7")
    assert one.checkpoint_path == Path("a/b.c_seed7.pt")
    assert one.analysis_path == Path("r_seed7")
    assert one.manifold_analysis_path == Path(f"artifacts/{NAME}_seed7_manifold_metrics.json")
    same = {"experiment", "output"}
    assert one.model_dump(exclude=same) == experiment.model_dump(exclude=same)


def test_a_variant_that_is_no_experiment_says_why():
    experiment = load_experiment("2", [f"experiment.name={'x' * 97}"])
    with pytest.raises(UserError, match=r"cannot be run as x+_seed1: experiment.name: .*100"):
        seed_experiment(experiment, 1)
    with pytest.raises(UserError, match="all weights are 0"):
        variant(experiment, "", objectives={"reconstruction": 0.0})


def test_what_cannot_be_measured_for_a_seed_is_left_out_of_its_spread():
    found = summarize([{"a": 1.0, "b": None}, {"a": 4.0, "b": None}, {"a": None, "b": None}])
    assert found["b"] is None
    assert (found["a"].mean, found["a"].count) == (2.5, 2)
    assert found["a"].standard_deviation == pytest.approx(4.5**0.5)


def test_csv_has_every_column_and_every_digit():
    text = csv_text([{"name": 'a,"b"', "x": 0.1 + 0.2}, {"name": "c", "x": None, "y": 1}])
    assert text == 'name,x,y\n"a,""b""",0.30000000000000004,\nc,,1\n'


def run(*arguments, config="2"):
    return main("run", ["--config", config, *overrides(), *arguments])


def modified():
    return {p: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}


def test_seeds_are_run_summed_up_and_skipped(in_folder, capsys):
    assert run("--seeds", "0,2") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = shown.out.splitlines()
    for seed, line in zip((0, 2), lines, strict=False):
        assert line.startswith(f"{NAME}, seed {seed}: trained in ")
    assert "epoch" not in shown.out
    summary = json.loads(SUMMARY.read_text())
    assert summary["seeds"] == [0, 2]

    # The summary against what the outputs of each seed say.
    folder = Path("artifacts")
    config = "2_naive_covnet_autoencoder_low_samples"
    analyses = [
        json.loads((folder / f"{config}_analysis_seed{seed}.json").read_text()) for seed in (0, 2)
    ]
    assert [one["seed"] for one in analyses] == [0, 2]
    measured = {
        "knn_accuracy": [one["knn_accuracy"] for one in analyses],
        "manifold_score": [], "silhouette": [], "linear_probe_accuracy": [],
    }  # fmt: skip
    for seed in (0, 2):
        manifold = json.loads((folder / f"{NAME}_seed{seed}_manifold_metrics.json").read_text())
        probes = json.loads((folder / f"{NAME}_seed{seed}_probes.json").read_text())
        measured["manifold_score"].append(manifold["manifold_score"])
        measured["silhouette"].append(manifold["metrics"]["silhouette"])
        measured["linear_probe_accuracy"].append(probes["probes"]["linear_probe_accuracy"])
    for name, values in measured.items():
        found = summary["summary"][name]
        assert found["mean"] == pytest.approx(statistics.mean(values))
        assert found["standard_deviation"] == pytest.approx(statistics.stdev(values))
        assert (found["minimum"], found["maximum"]) == (min(values), max(values))
        assert [one["metrics"][name] for one in summary["runs"]] == values
        digits = 1 if name == "manifold_score" else 4
        shown_values = [f"{found[key]:.{digits}f}" for key in ("mean", "standard_deviation")]
        assert [name, *shown_values] in [line.split()[:3] for line in lines]
    rows = list(csv.DictReader(SUMMARY.with_suffix(".csv").read_text().splitlines()))
    for row, one in zip(rows, summary["runs"], strict=True):
        numbers = {k: float(v) if v else None for k, v in row.items() if k != "experiment"}
        assert numbers == {"seed": one["seed"], **one["metrics"]}

    # Again: nothing is made but the summary, which has the same bytes.
    before, bytes_before = modified(), SUMMARY.read_bytes()
    assert run("--seeds", "0,2") == 0
    assert capsys.readouterr().out.count(": up to date, kNN accuracy") == 2
    after = modified()
    assert {p.name for p in after if after[p] != before[p]} == {SUMMARY.name, f"{NAME}_seeds.csv"}
    assert SUMMARY.read_bytes() == bytes_before

    # One more seed; and one whose output is damaged is measured again, not trained.
    probes = folder / f"{NAME}_seed2_probes.json"
    good = json.loads(probes.read_text())["probes"]
    probes.write_text(probes.read_text()[:-30])
    assert run("--seeds", "0-2") == 0
    first, second, third, *_ = capsys.readouterr().out.splitlines()
    assert "seed 0: up to date" in first
    assert "seed 1: trained in" in second
    assert "seed 2: measured again" in third
    assert json.loads(probes.read_text())["probes"] == good
    assert main("verify", ["artifacts"]) == 0


def test_force_does_every_seed_again(in_folder, capsys):
    assert run("--seeds", "1") == 0
    assert run("--seeds", "1", "--force") == 0
    assert capsys.readouterr().out.count("seed 1: trained in") == 2
    alone = json.loads(SUMMARY.read_text())["summary"]["knn_accuracy"]
    assert (alone["count"], alone["standard_deviation"]) == (1, None)


def test_a_seed_is_the_same_run_as_its_seed_alone(in_folder):
    assert run("--seeds", "3") == 0
    name = "experiment.name=alone"
    place = "output.checkpoint_path=artifacts/alone.pt"
    assert main("train", ["--config", "2", *overrides("experiment.seed=3", name, place)]) == 0
    import torch

    first, second = (
        torch.load(Path("artifacts") / f, weights_only=True)["state_dict"]
        for f in ("2_naive_covnet_autoencoder_low_samples_final_seed3.pt", "alone.pt")
    )
    assert all(torch.equal(first[key], second[key]) for key in second)


def test_a_seed_that_fails_loses_no_other(in_folder, capsys):
    blocked = Path("artifacts/2_naive_covnet_autoencoder_low_samples_final_seed1.pt")
    blocked.mkdir(parents=True)
    assert run("--seeds", "0-2") == 2
    shown = capsys.readouterr()
    assert "knn_accuracy" in shown.out
    failed, error = shown.err.splitlines()
    assert failed.startswith(f"{NAME}, seed 1: cannot write {blocked}: it is a folder")
    assert error.startswith(f"error: 1 of 3 runs failed, first {NAME} with seed 1: cannot write")
    summary = json.loads(SUMMARY.read_text())
    assert summary["seeds"] == [0, 2]
    assert list(summary["failures"]) == ["1"]
    blocked.rmdir()
    assert run("--seeds", "0-2") == 0
    assert capsys.readouterr().out.count("up to date") == 2
    assert json.loads(SUMMARY.read_text())["failures"] == {}


def test_all_seeds_failing_is_an_error_without_a_table(in_folder, capsys):
    assert run("--seeds", "0-1", "--set", "data.train_samples=70000") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[-1].startswith("error: 2 of 2 runs failed")
    assert not SUMMARY.exists()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_seed_loses_no_other(in_folder, capsys, sign):
    command = [sys.executable, "-m", "grounding", "run", "--config", "2", "--seeds", "0-40"]
    with subprocess.Popen(
        [*command, *overrides()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    ) as process:
        assert "seed 0: trained" in process.stdout.readline()
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
    if sign == signal.SIGTERM:
        assert process.returncode == 143
        assert errors.startswith(f"{NAME}, seed ")
        assert errors.count("\n") == 1
    assert 0 in json.loads(SUMMARY.read_text())["seeds"]
    assert run("--seeds", "0") == 0
    assert "seed 0: up to date" in capsys.readouterr().out


def test_an_interrupt_between_two_trainings_names_the_seed(in_folder, capsys, monkeypatch):
    def interrupted(values, indent):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("grounding.studies.seeds.json_with_checksum", interrupted)
        assert run("--seeds", "3") == 130
    assert capsys.readouterr().err.startswith(f"{NAME}, seed 3: interrupted")
    assert run("--seeds", "3") == 0
    assert "seed 3: up to date" in capsys.readouterr().out


def test_an_interrupted_training_is_resumed(in_folder, capsys):
    """The longer training of a seed goes on from the checkpoints of the shorter one."""
    assert run("--seeds", "5") == 0
    assert run("--seeds", "5", "--resume", "--set", "training.epochs=3") == 0
    whole = json.loads(SUMMARY.read_text())["runs"][0]["metrics"]
    assert run("--seeds", "5", "--force", "--set", "training.epochs=3") == 0
    again = json.loads(SUMMARY.read_text())["runs"][0]["metrics"]
    assert {**whole, "training_seconds": 0} == {**again, "training_seconds": 0}
