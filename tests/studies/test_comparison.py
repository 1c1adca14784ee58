"""`grounding compare`: experiments beside controls, on few images."""

import csv
import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
import torch
from conftest import overrides

from grounding.cli.commands import main
from grounding.data.splits import load_splits, to_unit
from grounding.experiment.load import load_experiment, packaged_configs
from grounding.metrics.classification import knn_predict
from grounding.studies.controls import labels_control

TWO = "naive_covnet_autoencoder_low_samples"
FOUR = "self_supervised_covnet_aug100"
SMALL = ("self_supervised.augmentations_per_sample=2", "training.epochs=1")


def compare(*arguments, settings=SMALL):
    return main("compare", [*arguments, *overrides(*settings)])


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two configs and all controls over two seeds; folder and document."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert compare("4", "2", "--seeds", "0-1") == 0
    return folder, json.loads((folder / "artifacts/comparison.json").read_text())


def test_experiments_first_then_controls(compared):
    _, document = compared
    assert document["comparison"] == [FOUR, TWO]
    assert [(row["name"], row["control"]) for row in document["rows"]] == [
        (FOUR, None),
        (TWO, None),
        (f"trained with labels, {FOUR}", "labels"),
        (f"trained with labels, {TWO}", "labels"),
        ("untrained encoder", "untrained"),
        ("PCA-32", "pca"),
        ("raw pixels", "raw_pixels"),
    ]
    for row in document["rows"]:
        assert set(row["values"]) == {"0", "1"}
        values = [row["values"][seed]["knn_accuracy"] for seed in ("0", "1")]
        assert row["summary"]["knn_accuracy"]["mean"] == pytest.approx(sum(values) / 2)
        assert all(0.1 < value < 1 for value in values)
        assert ("test_reconstruction_error" in row["values"]["0"]) is (row["control"] is None)


def test_raw_pixels_by_other_means(compared):
    _, document = compared
    row = document["rows"][-1]
    experiment = load_experiment("2", overrides(*SMALL)[1::2])
    for seed in (0, 1):
        splits = load_splits(experiment.data, seed)
        x, references = (
            to_unit(split.images).flatten(1).double() for split in (splits.test, splits.train)
        )
        nearest = torch.cdist(x, references).topk(5, largest=False).indices
        predicted = knn_predict(splits.train.labels[nearest], 10)
        share = (predicted == splits.test.labels).double().mean().item()
        assert row["values"][str(seed)]["knn_accuracy"] == pytest.approx(share)


@pytest.mark.parametrize("config", packaged_configs(), ids=lambda path: path.stem)
def test_the_control_with_labels_learns_labels_only(config):
    experiment = load_experiment(config)
    control = labels_control(experiment)
    assert control.name == f"{experiment.name}_labels"
    assert control.checkpoint_path.name == f"{experiment.checkpoint_path.stem}_labels.pt"
    assert control.objectives.views == experiment.objectives.views
    weights = control.objectives
    assert (weights.labels, weights.reconstruction, weights.kl) == (1, 0, 0)
    assert (weights.contrastive, weights.vicreg) == (0, 0)
    assert control.training == experiment.training
    assert control.self_supervised == experiment.self_supervised


def test_csv_json_and_figure_agree(compared):
    folder, document = compared
    rows = list(csv.DictReader((folder / "artifacts/comparison.csv").read_text().splitlines()))
    assert len(rows) == 7 * 2
    values = {row["name"]: row["values"] for row in document["rows"]}
    for row in rows:
        of_seed = values[row["name"]][row["seed"]]
        measured = {k: v for k, v in row.items() if v and k not in ("name", "control", "seed")}
        numbers = {name: float(value) for name, value in measured.items()}
        assert numbers == {name: v for name, v in of_seed.items() if v is not None}
    svg = parse(folder / "artifacts/comparison.svg").getroot()
    dots = [e.text for e in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert dots == [f"seed {row['seed']}: {float(row['knn_accuracy']):.4f}" for row in rows]


def test_again_in_the_same_bytes_and_whole(compared, monkeypatch, capsys):
    folder, _ = compared
    monkeypatch.chdir(folder)
    places = [Path(f"artifacts/comparison.{ending}") for ending in ("json", "csv", "svg")]
    before = [place.read_bytes() for place in places]
    assert compare("4", "2", "--seeds", "0-1") == 0
    shown = capsys.readouterr().out
    assert shown.count(": up to date, ") == 8
    assert before == [place.read_bytes() for place in places]
    assert f"{FOUR} " in shown
    assert " ± " in shown
    assert main("verify", ["artifacts"]) == 0
    shown = capsys.readouterr().out
    for ending in ("json", "csv", "svg"):
        assert f"artifacts/comparison.{ending}: " in shown


def test_a_changed_figure_is_found_out(compared, tmp_path, monkeypatch, capsys):
    import shutil

    folder, _ = compared
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    svg = Path("artifacts/comparison.svg")
    svg.write_text(svg.read_text().replace("0.", "1.", 1))
    assert main("verify", ["artifacts/comparison.json"]) == 2
    assert "artifacts/comparison.svg: is damaged" in capsys.readouterr().out


def test_without_controls_elsewhere(in_folder, capsys):
    arguments = ["2", "--seeds", "7", "--no-controls", "--output", "out/a.b"]
    assert compare(*arguments) == 0
    document = json.loads(Path("out/a.b.json").read_text())
    assert [row["name"] for row in document["rows"]] == [TWO]
    assert Path("out/a.b.svg").exists()
    assert Path("out/a.b.csv").exists()
    assert not Path("artifacts/comparison.json").exists()
    assert "labels" not in capsys.readouterr().out


def test_what_cannot_be_compared(in_folder, capsys):
    assert compare("2", "3", "--set", "experiment.name=x") == 2
    assert "2 of the configs have experiment.name x" in capsys.readouterr().err
    Path("file").touch()
    assert compare("2", "--output", "file/x") == 2
    assert "cannot write file/x.csv" in capsys.readouterr().err
    assert compare("99") == 2
    assert "config 99 does not exist" in capsys.readouterr().err


def test_a_failed_seed_leaves_the_others_compared(in_folder, capsys):
    Path(f"artifacts/2_{TWO}_final_seed1.pt").mkdir(parents=True)
    assert compare("2", "--seeds", "0-1", "--no-controls") == 2
    assert "1 of 2 runs failed" in capsys.readouterr().err
    (row,) = json.loads(Path("artifacts/comparison.json").read_text())["rows"]
    assert list(row["values"]) == ["0"]
