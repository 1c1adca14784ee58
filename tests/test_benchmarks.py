"""The suite of measurements measures what it says; how long anything takes is not tested."""

import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
import torch
from conftest import REPOSITORY

from grounding.cli.arguments import SUMMARIES
from grounding.data.splits import load_splits
from grounding.experiment.load import load_experiment
from grounding.models.build import build_autoencoder
from grounding.training.loop import initial_model, train

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import suite
from harness import document, reference, step, usual
from harness.chart import line_chart
from harness.flops import forward_flops, training_flops
from harness.measure import (
    PeakMemory,
    alone,
    alternate,
    fitted_exponent,
    median_ratio,
    process,
)
from harness.question import Curve, Effort, answer, fits, names, series
from harness.table import markdown, number
from questions import arithmetic, commands, gpu, projection

CPU = torch.device("cpu")
MACHINE = {
    "processor": "Abacus",
    "cores": 2,
    "threads": 1,
    "memory_gb": 4,
    "gpu": None,
    "system": "Linux x86_64",
    "python": "3.11.0",
    "versions": {"torch": "2.0", "umap-learn": None},
}
CURVE = {"name": "growth", "x": "n", "lines": ["ours, s"], "by": None, "fits": {"ours, s": 2.0}}


def answered(**changes):
    made = {
        "title": "Growth",
        "text": "What grows.",
        "rows": [{"n": 10, "ours, s": 0.25, "limit": "memory"}, {"n": 20, "ours, s": 1.0}],
        "curves": [CURVE],
        "effort": "standard",
        "command": "python benchmarks/suite.py --only growth",
        "date": "2026-01-01 00:00 UTC",
        "seconds": 1.5,
        "load": 0.1,
        "machine": MACHINE,
    }
    made["rows"][1]["limit"] = None
    return made | changes


@pytest.mark.parametrize("name", names())
def test_every_question_answers_with_sane_rows(name, in_folder):
    measured = answer(name, "quick")
    assert measured["title"]
    assert measured["text"]
    rows = measured["rows"]
    assert rows or (name == "gpu" and not torch.cuda.is_available())
    for row in rows:
        assert list(row) == list(rows[0])
        for column, value in row.items():
            if isinstance(value, float):
                assert math.isfinite(value), column
            if value is not None and column.endswith(("s", "FLOP", "times as fast")):
                assert isinstance(value, str) or value > 0, column
            if value is not None and column.endswith((", MB", "overlap", "same neighbours")):
                assert value >= 0, column
    for curve in measured["curves"]:
        assert series(rows, curve), "a curve names columns that are not there"
    json.dumps(measured, allow_nan=False)
    assert markdown({"answers": {name: answered(**measured)}})


@pytest.mark.full
def test_both_projections_keep_about_as_many_neighbours():
    row = projection.row(500, ("ours", "umap-learn"), 1)
    assert row["ours, overlap"] == pytest.approx(row["umap-learn, overlap"], abs=0.05)
    assert 0.3 < row["ours, overlap"] < 1


@pytest.mark.parametrize("power", [0.0, 1.0, 1.7, 2.0])
def test_the_exponent_of_a_power_law_is_its_power(power):
    sizes = [100, 250, 1000, 4000]
    assert fitted_exponent(sizes, [3e-4 * n**power for n in sizes]) == pytest.approx(power)


def test_the_exponent_is_the_slope_of_the_best_line():
    """Logarithms to base 2: x 0, 1, 2 and y 0, 3, 3 have the slope 1.5."""
    assert fitted_exponent([1, 2, 4], [1, 8, 8]) == pytest.approx(1.5)


def test_a_curve_has_a_line_and_an_exponent_for_each_of_its_groups():
    rows = [
        {"n": n, "model": model, "s": n**power, "theirs": n if n < 100 else None}
        for model, power in (("a", 1), ("b", 2))
        for n in (10, 20, 100)
    ]
    curve = Curve("growth", "n", ("s", "theirs"), "model")
    found = fits(rows, curve)
    assert found == pytest.approx({"a: s": 1, "a: theirs": 1, "b: s": 2, "b: theirs": 1})
    assert fits(rows[:1], curve) == {}
    assert fits([{"n": 1, "s": 0.0, "model": "a"}, *rows], curve) == found


@pytest.mark.parametrize(("sizes", "costs"), [([5, 5], [1, 2]), ([1, 2], [0, 1]), ([3], [1])])
def test_no_exponent_from_what_has_none(sizes, costs):
    with pytest.raises(ValueError, match="an exponent needs"):
        fitted_exponent(sizes, costs)


def test_operations_of_the_linear_experiment_by_hand():
    model = initial_model(load_experiment("0"), (1, 28, 28))
    one_way = 784 * 256 + 256 * 128 + 128 * 32
    assert forward_flops(model, (1, 28, 28)) == 2 * (2 * one_way) == 950_272
    assert training_flops(model, (1, 28, 28), 128) == 3 * 128 * 950_272
    assert model.training


def test_operations_of_the_convolutional_experiment_by_hand():
    first, second, linear = 8 * 14 * 14 * 9, 16 * 7 * 7 * 9 * 8, 784 * 32
    model = initial_model(load_experiment("1"), (1, 28, 28))
    assert forward_flops(model, (1, 28, 28)) == 2 * 2 * (first + second + linear) == 382_592


def test_operations_of_the_residual_experiment_by_hand():
    maps, halves, quarters = 28 * 28, 14 * 14, 7 * 7
    encoder = 16 * 9 * maps
    encoder += 2 * (16 * 16 * 9) * maps
    encoder += (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32) * halves
    encoder += (32 * 64 * 9 + 64 * 64 * 9 + 32 * 64) * quarters
    encoder += 64 * 16 * quarters + 784 * 32
    decoder = 784 * 32 + 16 * 8 * 9 * quarters + 8 * 9 * halves
    model = initial_model(load_experiment("5"), (1, 28, 28))
    assert forward_flops(model, (1, 28, 28)) == 2 * (encoder + decoder)


def test_calls_and_bytes_of_an_addition_by_hand():
    numbers = torch.ones(1000)
    assert arithmetic.traffic_of(lambda: numbers + numbers) == (1, 3 * 4000)
    assert arithmetic.traffic_of(lambda: numbers.view(10, 100).t()) == (2, 0)
    assert arithmetic.traffic_of(lambda: numbers.add_(numbers)) == (1, 3 * 4000)


def test_backward_counts_as_well():
    weights = torch.ones(1000, requires_grad=True)
    forward = arithmetic.traffic_of(lambda: weights.square().sum())
    both = arithmetic.traffic_of(lambda: weights.square().sum().backward())
    assert both.calls > forward.calls
    assert both.bytes > forward.bytes


def test_ways_take_turns_and_warm_up_is_not_counted():
    called = []
    ways = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    seconds = alternate(ways, 2, settle=lambda: None)
    assert called == ["a", "b"] * 3
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_the_median_of_neighbours():
    """A busy minute in the middle hits both and does not move the ratio."""
    assert median_ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == 2.0


def test_the_memory_of_a_process_is_its_own(tmp_path):
    """This process holds torch; a small one that it starts must not be said to."""
    small = process([sys.executable, "-S", "-c", "pass"], tmp_path)
    held = "held = bytearray(300_000_000)"
    large = process([sys.executable, "-S", "-c", held], tmp_path)
    assert small.memory_mb < 60
    assert large.memory_mb - small.memory_mb == pytest.approx(300, rel=0.1)


def test_a_command_that_fails_is_not_measured(tmp_path):
    with pytest.raises(RuntimeError, match="no such thing"):
        process([sys.executable, "-S", "-c", "raise SystemExit('no such thing')"], tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says")
def test_peak_memory_is_above_the_beginning():
    kept = bytearray(50_000_000)
    with PeakMemory() as memory:
        del kept
        bytearray(b"1") * 120_000_000
    assert 40 < memory.mb < 130


def test_a_function_runs_alone():
    assert alone(math.hypot, 3, 4) == 5.0


def test_the_bare_step_does_what_the_loop_does(tmp_path):
    """The same weights after the same batches: the yardstick leaves out no work."""
    short = ["training.epochs=1", "data.val_samples=10", "training.batch_size=32"]
    experiment = load_experiment("2", [*short, f"output.checkpoint_path={tmp_path / 'x.pt'}"])
    splits = load_splits(experiment.data, experiment.seed)
    models = []
    bare = step.bare_steps(experiment, splits, CPU, lambda model: models.append(model) or model)
    bare(step.some_batches(experiment, splits, CPU, step.steps_in_epoch(experiment)))
    trained = train(experiment, splits, CPU).state_dict
    for name, weights in models[0].state_dict().items():
        assert torch.equal(weights, trained[name]), name


@pytest.mark.parametrize("architecture", ["naive_conv", "asymmetric_resnet"])
def test_the_yardsticks_model_is_the_same_model(architecture):
    shape = {"image_shape": (1, 28, 28), "latent_dim": 4, "hidden_dims": [8, 16]}
    model = build_autoencoder(architecture, **shape).train()
    images = torch.rand(3, 1, 28, 28)
    before = model(images)
    plain = usual.plain_layers(model)
    kinds = {type(layer).__module__ for layer in plain.modules()}
    assert not any(kind.endswith(".strided") for kind in kinds)
    assert torch.allclose(plain(images), before, atol=1e-5)


def test_the_usual_training_learns(in_folder):
    small = ["data.val_samples=10", "training.epochs=1", "data.train_samples=64"]
    usual.train(load_experiment("4", [*small, "self_supervised.augmentations_per_sample=2"]),
                load_splits(load_experiment("4", small).data, 0))  # fmt: skip


def test_the_device_question_runs_wherever_there_is_a_device():
    quick = Effort("quick")
    rows = [gpu.training("2", CPU, quick), gpu.whole("2", CPU, quick)]
    rows += [gpu.beside_processor(n, work, CPU, quick) for n, work in gpu.works(quick).items()]
    assert len(rows) == 5
    for row in rows:
        assert list(row) == list(rows[0])
        assert row["ours"] > 0
        assert (row["ratio"] or 0) > 0 or row["what"] == "experiment 2, trained whole"
    assert 0.1 < rows[1]["kNN accuracy"] < 1


def test_epochs_are_long_enough_to_measure_steps_inside():
    for config in step.config_numbers():
        assert step.steps_in_epoch(step.with_long_epochs(config)) > 300


def test_commands_are_those_there_are():
    assert {"train", "analyze", *reference.COMMANDS} <= SUMMARIES.keys()


def test_the_sum_of_all_by_hand():
    kinds = [("train", c) for c in "012345"]
    kinds += [(c, kind) for kind in "04" for c in ("analyze", *reference.COMMANDS)]
    rows = [{"command": c, "experiment": e, "seconds": 1.0, "memory, MB": 5.0} for c, e in kinds]
    whole = commands.sum_of_all(rows)
    assert whole["seconds"] == 4 + 6 * 6
    earlier = 95 + 112 + 127 + 313 + 4 * 5 + 2 * 20 + 6 * (15 + 45 + 25 + 6 + 5)
    assert whole["times as fast"] == pytest.approx(earlier / 40)
    assert commands.sum_of_all(rows[:-1]) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), ("memory", "memory"), (12, "12"), (12345.6, "12,346"), (0.12345, "0.123"),
        (2.0, "2.00"), (123.4, "123"), (0.00001, "1.0e-05"), (-3.21, "-3.21"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_that_count(value, shown):
    assert number(value) == shown


def test_the_table_says_what_the_document_holds():
    shown = markdown({"answers": {"growth": answered()}})
    assert "## Growth\n\nWhat grows.\n" in shown
    assert "| n | ours, s | limit |\n| ---: | ---: | --- |\n| 10 | 0.250 | memory |" in shown
    assert "| 20 | 1.00 | – |" in shown
    assert "![Growth](benchmarks/growth.svg)" in shown
    assert "Exponents over n: ours, s 2.00." in shown
    assert (
        "Abacus, 2 cores, 1 threads, 4 GB; no GPU; Linux x86_64, Python 3.11.0, torch 2.0" in shown
    )
    assert "umap-learn" not in shown
    assert "python benchmarks/suite.py --only growth`, 2026-01-01 00:00 UTC" in shown
    assert "quick look" not in shown


def test_the_table_says_what_does_not_count_and_what_was_elsewhere():
    elsewhere = answered(machine=MACHINE | {"gpu": "Big One"})
    quick = answered(effort="quick", rows=[], curves=[])
    busy = answered(load=3.2)
    shown = markdown({"answers": {"a": quick, "b": answered(), "c": elsewhere, "d": busy}})
    assert shown.count("busy with other work (load 3.20)") == 1
    assert shown.count("no figure of it counts") == 1
    assert "No rows: no GPU was there." in shown
    assert shown.count("On another machine: Abacus") == 1
    assert "Nothing has been measured yet" in markdown({"answers": {}})


def test_a_picture_draws_growth_along_straight_lines():
    """Equal factors are equal steps on logarithmic axes."""
    rows = [{"n": n, "ours, s": n**2 * 1e-6} for n in (10, 100, 1000)]
    svg = ET.fromstring(line_chart(rows, CURVE, "Growth"))
    (line,) = (node for node in svg.iter() if node.tag.endswith("polyline"))
    points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2
    assert y0 > y1 > y2
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    shown = [node.text for node in svg.iter() if node.tag.endswith("text")]
    assert {"n", "ours, s", "10", "100", "1,000"} <= set(shown)
    assert line_chart([{"n": 1, "ours, s": None}], CURVE, "Growth") == ""


@pytest.fixture
def growth(monkeypatch):
    """A suite of two questions that answers at once."""
    monkeypatch.setattr(suite, "names", lambda: ["decay", "growth"])
    monkeypatch.setattr(suite, "asked", lambda name, effort: answered(title=name, effort=effort))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_suite_writes_document_table_and_pictures(growth, tmp_path):
    assert suite.main(["--output", str(tmp_path)]) == 0
    written = contents(tmp_path)
    assert set(written) == {"benchmarks.json", "benchmarks.md", "growth.svg"}
    kept = document.read(tmp_path)
    assert list(kept["answers"]) == ["decay", "growth"]
    assert written["benchmarks.md"].decode() == markdown(kept)


def test_one_question_leaves_the_other_answers_alone(growth, tmp_path):
    suite.main(["--output", str(tmp_path)])
    suite.main(["--output", str(tmp_path), "--only", "growth", "--full"])
    answers = document.read(tmp_path)["answers"]
    assert (answers["decay"]["effort"], answers["growth"]["effort"]) == ("standard", "full")


def test_the_table_follows_the_document(growth, tmp_path):
    suite.main(["--output", str(tmp_path)])
    answers = document.read(tmp_path)["answers"]
    answers["growth"]["rows"][0]["ours, s"] = 0.777
    document.write(tmp_path / "other", answers)
    suite.main(["--output", str(tmp_path), "--merge", str(tmp_path / "other/benchmarks.json")])
    assert "0.777" in (tmp_path / "benchmarks.md").read_text()
    (tmp_path / "benchmarks.md").unlink()
    assert suite.main(["--output", str(tmp_path), "--draw"]) == 0
    assert "0.777" in (tmp_path / "benchmarks.md").read_text()


def test_an_interrupted_run_leaves_the_old_files(growth, tmp_path, monkeypatch, capsys):
    suite.main(["--output", str(tmp_path)])
    before = contents(tmp_path)

    def interrupted(name, effort):
        if name == "growth":
            raise KeyboardInterrupt
        return answered(title="changed")

    monkeypatch.setattr(suite, "asked", interrupted)
    assert suite.main(["--output", str(tmp_path)]) == 130
    assert contents(tmp_path) == before
    assert "interrupted" in capsys.readouterr().err


def test_a_question_without_an_answer_is_named(growth, tmp_path, monkeypatch, capsys):
    suite.main(["--output", str(tmp_path)])

    def failing(name, effort):
        if name == "growth":
            raise RuntimeError("no memory")
        return answered(title="changed")

    monkeypatch.setattr(suite, "asked", failing)
    assert suite.main(["--output", str(tmp_path)]) == 1
    answers = document.read(tmp_path)["answers"]
    assert (answers["decay"]["title"], answers["growth"]["title"]) == ("changed", "growth")
    assert "without an answer: growth" in capsys.readouterr().err


def test_a_damaged_document_is_refused(growth, tmp_path, capsys):
    suite.main(["--output", str(tmp_path)])
    file = tmp_path / "benchmarks.json"
    file.write_bytes(file.read_bytes().replace(b"0.25", b"0.05"))
    assert suite.main(["--output", str(tmp_path), "--draw"]) == 2
    assert str(file) in capsys.readouterr().err
    file.write_text("[]")
    assert suite.main(["--output", str(tmp_path), "--draw"]) == 2


def test_the_table_in_the_documents_is_drawn_from_their_figures(tmp_path):
    docs = REPOSITORY / "docs"
    kept = document.read(docs)["answers"]
    document.write(tmp_path, kept)
    for name, content in contents(tmp_path).items():
        place = docs / document.PICTURES if name.endswith(".svg") else docs
        assert (place / name).read_bytes() == content, f"{name}: benchmarks/suite.py --draw"
    assert all(one["effort"] != "quick" for one in kept.values())


def test_the_suite_is_a_command():
    command = [sys.executable, str(REPOSITORY / "benchmarks/suite.py"), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in names():
        assert name in shown
