"""The suite of measurements measures what it says; how long anything takes is not tested."""

import json
import math
import mmap
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from itertools import islice

import pytest
import torch
from conftest import REPOSITORY

import grounding

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import side_by_side
import suite
from harness import document, step, usual
from harness.chart import line_chart
from harness.measure import PeakMemory, alone, alternate, median_ratio, process
from harness.question import Curve, Effort, answer, fits, names, series
from questions import arithmetic, commands, gpu

CPU = torch.device("cpu")
MACHINE = {
    "processor": "Abacus", "cores": 2, "threads": 1, "memory_gb": 4, "gpu": None,
    "system": "Linux x86_64", "python": "3.11.0", "versions": {"torch": "2", "umap-learn": None},
}  # fmt: skip
CURVE = {"name": "growth", "x": "n", "lines": ["ours, s"], "by": None, "fits": {"ours, s": 2.0}}


def answered(**changes):
    first, second = {"n": 10, "ours, s": 0.25, "limit": "memory"}, {"n": 20, "ours, s": 1.0}
    made = {
        "title": "Growth", "text": "What grows.", "rows": [first, {**second, "limit": None}],
        "curves": [CURVE], "effort": "standard", "load": 0.1, "machine": MACHINE, "seconds": 1.5,
        "command": "python benchmarks/suite.py --only growth", "date": "2026-01-01 00:00 UTC",
    }  # fmt: skip
    return made | changes


# Most take half a minute of their own: they start whole processes.
QUICK = ("neighbors",)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in names()]
)
def test_every_question_answers_with_sane_rows(name, in_folder):
    measured = answer(name, "quick")
    assert measured["title"]
    assert measured["text"]
    rows = measured["rows"]
    assert rows or (name == "gpu" and not torch.cuda.is_available())
    for row in rows:
        assert list(row) == list(rows[0])
        for column, value in row.items():
            if value is not None and column.endswith(("s", "FLOP", "times as fast")):
                assert isinstance(value, str) or value > 0, column
            if value is not None and column.endswith((", MB", "overlap", "same neighbours")):
                assert value >= 0, column
    for curve in measured["curves"]:
        assert series(rows, curve), "a curve names columns that are not there"
    json.dumps(measured, allow_nan=False)
    assert document.markdown({name: answered(**measured)})


def test_a_curve_has_a_line_and_an_exponent_for_each_of_its_groups():
    rows = [
        {"n": n, "model": model, "s": n**power, "theirs": n if n < 100 else None}
        for model, power in (("a", 1), ("b", 2))
        for n in (10, 20, 100)
    ]
    curve = asdict(Curve("growth", "n", ("s", "theirs"), "model"))
    found = fits(rows, curve)
    assert found == pytest.approx({"a: s": 1, "a: theirs": 1, "b: s": 2, "b: theirs": 1})
    assert fits(rows[:1], curve) == {}
    assert fits([{"n": 1, "s": 0.0, "model": "a"}, *rows], curve) == found


def test_operations_of_the_packaged_models_by_hand():
    linear = 2 * (784 * 256 + 256 * 128 + 128 * 32)
    conv = 2 * (8 * 14 * 14 * 9 + 16 * 7 * 7 * 9 * 8 + 784 * 32)
    residual = (16 * 9 + 2 * 16 * 16 * 9) * 28 * 28
    residual += (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32) * 14 * 14
    residual += (32 * 64 * 9 + 64 * 64 * 9 + 32 * 64 + 64 * 16) * 7 * 7 + 784 * 32
    residual += 784 * 32 + 16 * 8 * 9 * 7 * 7 + 8 * 9 * 14 * 14
    for config, multiplications in {"0": linear, "1": conv, "5": residual}.items():
        arguments = grounding.load_config(config).model_arguments()
        model = grounding.models.build(image_shape=(1, 28, 28), **arguments)
        assert arithmetic.forward_flop(model, (1, 28, 28)) == 2 * multiplications
        assert model.training


def test_calls_and_bytes_of_an_addition_by_hand():
    numbers = torch.ones(1000)
    assert arithmetic.traffic_of(lambda: numbers + numbers) == (1, 3 * 4000)
    assert arithmetic.traffic_of(lambda: numbers.view(10, 100).t()) == (2, 0)
    assert arithmetic.traffic_of(lambda: numbers.add_(numbers)) == (1, 3 * 4000)


def test_ways_take_turns_and_warm_up_is_not_counted():
    called = []
    ways = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    seconds = alternate(ways, 2, settle=lambda: None)
    assert called == ["a", "b"] * 3
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    # A busy minute in the middle hits both and does not move the ratio.
    assert median_ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == 2.0


def test_a_process_is_measured_by_itself_if_it_succeeds(tmp_path):
    """This process holds torch; a small one that it starts must not be said to."""
    small = process([sys.executable, "-S", "-c", "pass"], tmp_path)
    held = "held = bytearray(300_000_000)"
    large = process([sys.executable, "-S", "-c", held], tmp_path)
    assert small.memory_mb < 60
    assert large.memory_mb - small.memory_mb == pytest.approx(300, rel=0.1)
    with pytest.raises(RuntimeError, match="no such thing"):
        process([sys.executable, "-S", "-c", "raise SystemExit('no such thing')"], tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says")
def test_peak_memory_is_above_the_beginning():
    # Straight from the system: what other tests have freed is kept for allocations of Python's.
    def taken(megabytes):
        memory = mmap.mmap(-1, megabytes * 1_000_000)
        for _ in range(megabytes):
            memory.write(b"1" * 1_000_000)
        return memory

    kept = taken(50)
    with PeakMemory() as memory:
        kept.close()
        taken(120).close()
    assert 40 < memory.mb < 130


def test_a_function_runs_alone_and_its_errors_come_back():
    assert alone(math.hypot, 3, 4) == 5.0
    with pytest.raises(ValueError, match="math domain error"):
        alone(math.sqrt, -1)


def test_the_bare_step_does_what_the_loop_does():
    """The same weights after the same batches: the yardstick leaves out no work."""
    short = {"training.epochs": 1, "data.val_samples": 10, "training.batch_size": 32}
    parts = step.parts_of(grounding.load_config("2", **short), CPU)
    models = []
    bare = step.bare_steps(parts, lambda model: models.append(model) or model)
    bare(list(islice(parts.batches(), parts.inputs.steps)))
    parts.train()
    for name, weights in models[0].state_dict().items():
        assert torch.equal(weights, parts.model.state_dict()[name]), name


@pytest.mark.parametrize("architecture", ["naive_conv", "asymmetric_resnet"])
def test_the_yardsticks_model_is_the_same_model(architecture):
    settings = {"latent_dim": 4, "hidden_dims": [8, 16]}
    model = grounding.models.build(architecture, (1, 28, 28), **settings).train()
    images = torch.rand(3, 1, 28, 28)
    before = model(images)
    plain = usual.plain_layers(model)
    kinds = {type(layer).__module__ for layer in plain.modules()}
    assert not any(kind.endswith(".strided") for kind in kinds)
    assert torch.allclose(plain(images), before, atol=1e-5)


@pytest.mark.full
def test_the_device_question_runs_wherever_there_is_a_device():
    rows = gpu.rows_on(CPU, Effort("quick"))
    assert len(rows) == 5
    for row in rows:
        assert list(row) == list(rows[0])
        assert row["ours"] > 0
        assert (row["ratio"] or 0) > 0 or row["what"] == "experiment 2, trained whole"
    assert 0.1 < rows[1]["kNN accuracy"] < 1


def test_commands_are_those_there_are():
    from grounding.cli.commands import COMMANDS

    assert COMMANDS.keys() >= set(commands.AFTER_TRAINING)
    assert COMMANDS.keys() >= {words[0] for words in side_by_side.COMMANDS.values()} - {"--help"}


def test_numbers_have_three_digits_that_count():
    shown = {
        None: "–", "memory": "memory", 12: "12", 12345.6: "12,346", 0.12345: "0.123",
        2.0: "2.00", 123.4: "123", 0.00001: "1.0e-05", -3.21: "-3.21", 0.0: "0",
    }  # fmt: skip
    assert {value: document.number(value) for value in shown} == shown


@pytest.mark.full
def test_two_versions_side_by_side(monkeypatch, tmp_path, capsys):
    written = tmp_path / "found.json"
    arguments = [str(REPOSITORY), "--only=--help", "--runs", "1", "--json", str(written)]
    monkeypatch.setattr(sys, "argv", ["side_by_side.py", *arguments])
    monkeypatch.setattr(side_by_side, "RUN", ["--help"])  # in place of a training
    side_by_side.main()
    (row,) = json.loads(written.read_text())["rows"]
    assert row["command"] == "--help"
    assert row["times as fast"] > 0
    assert "| --help |" in capsys.readouterr().out


def test_the_table_says_what_the_document_holds():
    elsewhere = answered(machine=MACHINE | {"gpu": "Big One"})
    quick = answered(effort="quick", rows=[], curves=[])
    shown = document.markdown(
        {"a": quick, "b": answered(), "c": elsewhere, "d": answered(load=3.2)}
    )
    for said in (
        "## Growth\n\nWhat grows.\n",
        "| n | ours, s | limit |\n| ---: | ---: | --- |\n| 10 | 0.250 | memory |",
        "| 20 | 1.00 | – |",
        "![Growth](benchmarks/growth.svg)",
        "Exponents over n: ours, s 2.00.",
        "Machine: Abacus, 2 cores, 1 threads, 4 GB; no GPU; Linux x86_64, Python 3.11.0, torch 2.",
        "`python benchmarks/suite.py --only growth`, 2026-01-01 00:00 UTC",
        "No rows: no GPU was there.",
    ):
        assert said in shown
    assert shown.count("busy with other work (load 3.20)") == 1
    assert shown.count("no figure of it counts") == 1
    assert "No rows: no GPU was there." in shown
    assert shown.count("On another machine: Abacus") == 1


def test_a_picture_names_what_it_draws():
    rows = [{"n": n, "ours, s": n**2 * 1e-6} for n in (10, 100, 1000)]
    svg = ET.fromstring(line_chart(rows, CURVE, "Growth"))
    shown = {node.text for node in svg.iter() if node.tag.endswith("text")}
    assert {"n", "ours, s", "10", "100", "1,000"} <= shown
    assert line_chart([{"n": 1, "ours, s": None}], CURVE, "Growth") == ""


@pytest.fixture
def growth(monkeypatch):
    """A suite of two questions that answers at once."""
    monkeypatch.setattr(suite, "names", lambda: ["decay", "growth"])
    monkeypatch.setattr(suite, "asked", lambda name, effort: answered(title=name, effort=effort))


def test_one_question_leaves_the_other_answers_alone(growth, tmp_path):
    assert suite.main(["--output", str(tmp_path)]) == 0
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"benchmarks.json", "benchmarks.md", "growth.svg"}
    suite.main(["--output", str(tmp_path), "--only", "growth", "--full"])
    answers = document.read(tmp_path / document.DOCUMENT)
    assert (answers["decay"]["effort"], answers["growth"]["effort"]) == ("standard", "full")
    answers["growth"]["rows"][0]["ours, s"] = 0.777
    document.write(tmp_path / "other machine", answers)
    other = str(tmp_path / "other machine" / document.DOCUMENT)
    assert suite.main(["--output", str(tmp_path), "--draw", other]) == 0
    assert "0.777" in (tmp_path / "benchmarks.md").read_text()


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, 130), (RuntimeError, 1)])
def test_what_has_no_answer_leaves_the_old_one(
    growth, tmp_path, monkeypatch, capsys, error, status
):
    suite.main(["--output", str(tmp_path)])

    def failing(name, effort):
        if name == "growth":
            raise error
        return answered(title="changed")

    monkeypatch.setattr(suite, "asked", failing)
    assert suite.main(["--output", str(tmp_path)]) == status
    answers = document.read(tmp_path / document.DOCUMENT)
    assert answers["growth"]["title"] == "growth"
    assert answers["decay"]["title"] == ("decay" if status == 130 else "changed")
    said = "interrupted" if status == 130 else "without an answer: growth"
    assert said in capsys.readouterr().err


def test_the_table_in_the_documents_is_made_from_their_figures():
    docs = REPOSITORY / "docs"
    kept = document.read(docs / document.DOCUMENT)
    said = "again: python benchmarks/suite.py --draw"
    assert (docs / document.TABLE).read_text(encoding="utf-8") == document.markdown(kept), said
    assert all(one["effort"] != "quick" for one in kept.values())
