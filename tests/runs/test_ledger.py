"""Every model that was measured on the test images is counted, and counted once."""

import json
import shutil
import time

import pytest
from conftest import inside

from grounding.cli import main
from grounding.runs.ledger import looks


@pytest.fixture
def place(special, tmp_path):
    """A copy of a finished run, whose ledger may be written to."""
    shutil.copytree(special("plain").folder, tmp_path / "own")
    with inside(tmp_path / "own"):
        yield tmp_path / "own"


def test_a_run_is_one_model_however_often_it_is_measured(place):
    (before,) = looks()
    assert (before.checkpoints, before.configs, before.runs) == (1, 1, 1)
    assert before.looks == 5  # analysis, manifold, dynamics, profile, probes
    assert main("analyze", ["--config", "plain.yaml"]) == 0
    assert looks() == [before._replace(last=looks()[0].last)]
    assert main("manifold", ["--config", "plain.yaml", "--split", "val"]) == 0
    assert len((place / "artifacts/ledger.jsonl").read_bytes().splitlines()) == 6


def test_a_seed_is_another_model_of_the_same_config_and_a_setting_another_config(place, capsys):
    (before,) = looks()
    for settings in (["experiment.seed=7"], ["experiment.seed=7", "training.epochs=1"]):
        name = f"other_{len(settings)}"
        given = [part for one in (*settings, f"experiment.name={name}") for part in ("--set", one)]
        assert main("train", ["--config", "plain.yaml", *given]) == 0
        assert main("analyze", ["--config", "plain.yaml", *given]) == 0
    found = looks()
    assert sum(one.checkpoints for one in found) == 3
    assert sum(one.looks for one in found) == before.looks + 2
    entries = [*map(json.loads, (place / "artifacts/ledger.jsonl").read_text().splitlines())]
    of = {one["run"]: one["config"] for one in entries}
    assert of["plain"] == of["other_1"] != of["other_2"]
    assert entries[-1]["metrics"] == sorted(entries[-1]["metrics"])
    assert "knn_accuracy" in entries[-1]["metrics"]
    capsys.readouterr()
    assert main("ledger", []) == 0
    assert f" {before.data} " in capsys.readouterr().out


def test_a_ledger_that_is_none_or_was_cut_is_read_as_far_as_it_goes(place, capsys):
    path = place / "artifacts/ledger.jsonl"
    whole = looks()
    path.write_bytes(path.read_bytes() + b'{"time": "2026-\n[1]\n\xff\n{"time": 1}\n')
    assert looks() == whole
    path.unlink()
    assert looks() == []
    assert main("ledger", []) == 2
    assert "nothing was measured there yet" in capsys.readouterr().err


def test_a_ledger_of_others_takes_little_time_and_no_line_is_endless(tmp_path):
    keys = ("time", "run", "kind", "checkpoint", "config", "source")
    lines = [json.dumps(dict.fromkeys(keys, str(i % 7)) | {"data": str(i)}) for i in range(20_000)]
    endless = json.dumps(dict.fromkeys(keys, "") | {"data": "x", "more": [0] * 100_000})
    (tmp_path / "ledger.jsonl").write_text("\n".join([*lines, endless, lines[3]]))
    started = time.process_time()
    found = looks(tmp_path)
    assert time.process_time() - started < 5
    assert len(found) == 20_000
    assert found[8] == ("8", "1", 1, 1, 1, 1, "1", "1")
