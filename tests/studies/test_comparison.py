"""`grounding compare`: experiments beside controls, on few images."""

import csv
import json
import re
import shlex
import shutil
from base64 import b64decode
from pathlib import Path

import pytest
import torch
from conftest import VIEWS, image_set, inside, own_config

import grounding
from grounding.cli import main
from grounding.data import to_unit
from grounding.experiment import load_experiment
from grounding.metrics import NotMeasurable
from grounding.runs.building import load_splits
from grounding.studies.controls import CONTROLS
from grounding.studies.labelled import labels_control, without_labels
from grounding.studies.seeds import seed_experiment


def compare(*arguments):
    return main("compare", list(arguments))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two configs and all controls over two seeds; folder and document."""
    folder = tmp_path_factory.mktemp("compared")
    with inside(folder):
        image_set(Path("images"))
        own_config("two"), own_config("four", more=VIEWS)
        assert compare("four.yaml", "two.yaml", "--seeds", "0-1") == 0
    return folder, json.loads((folder / "artifacts/comparison.json").read_text())


def test_the_control_with_labels_chooses_by_nothing_that_it_has_not():
    for measure, stays in (("val_loss", False), ("val_knn", True)):
        training = {
            "val_knn": {"every": 1},
            "early_stopping": {"metric": measure, "patience": 3},
            "keep_best": measure,
        }
        experiment = grounding.load_config("2", training=training)
        typed = [f"training.keep_best={measure}", f"training.early_stopping.metric={measure}"]
        typed += ["training.early_stopping.patience=3", "training.val_knn.every=1"]
        control, command = labels_control(
            experiment, " ".join(["grounding run --config 2", *(f"--set {one}" for one in typed)])
        )
        assert control.training.chosen_by() == (experiment.training.chosen_by() if stays else {})
        words = shlex.split(command)
        said = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        assert load_experiment("2", said) == control


def test_experiments_first_then_controls(compared):
    _, document = compared
    assert document["comparison"] == ["four", "two"]
    assert [(row["name"], row["control"]) for row in document["rows"]] == [
        ("four", None),
        ("two", None),
        ("trained with labels, four", "labels"),
        ("trained with labels, two", "labels"),
        ("untrained encoder", "untrained"),
        ("PCA-4", "pca"),
        ("raw pixels", "raw_pixels"),
        ("pixels, deskewed", "deskewed_pixels"),
        ("HOG, deskewed", "hog"),
        ("IDM, deskewed", "image_distortion"),
        ("P2DHMDM, deskewed", "p2dhmdm"),
        ("mean image", "mean_image"),
    ]
    for row in document["rows"]:
        assert set(row["values"]) == {"0", "1"}
        error = row["values"]["0"].get("test_reconstruction_error")
        assert (error is not None) is (row["control"] in (None, "pca", "mean_image"))
        if row["control"] == "mean_image":
            assert row["values"]["0"].keys() == {"test_reconstruction_error"}
            continue
        for k in ("knn_accuracy", "knn_1_accuracy"):
            values = [row["values"][seed][k] for seed in ("0", "1")]
            assert row["summary"][k]["mean"] == pytest.approx(sum(values) / 2)
            assert all(0.2 < value <= 1 for value in values)


def test_paired_differences_are_of_the_values(compared):
    _, document = compared
    values = {row["name"]: row["values"] for row in document["rows"]}
    found = document["differences"]["knn_accuracy"]
    # Of two experiments to all others, each pair once; the mean image has no neighbours.
    assert len(found) == 10 + 9
    for one in found:
        apart = [
            values[one["first"]][seed]["knn_accuracy"] - values[one["second"]][seed]["knn_accuracy"]
            for seed in ("0", "1")
        ]
        assert one["mean"] == pytest.approx(sum(apart) / 2)
        assert one["seeds"] == 2
        assert 0 <= one["p"] <= one["p_holm"] <= 1


def test_raw_pixels_by_other_means(compared, monkeypatch):
    folder, document = compared
    monkeypatch.chdir(folder)
    row = next(row for row in document["rows"] if row["name"] == "raw pixels")
    for seed in (0, 1):
        experiment = seed_experiment(grounding.load_config("two.yaml"), seed)
        splits = load_splits(experiment)[1]
        x, references = (
            to_unit(split.images).flatten(1).double() for split in (splits.test, splits.train)
        )
        nearest = torch.cdist(x, references).topk(5, largest=False).indices
        predicted = splits.train.labels[nearest].mode(1).values
        share = (predicted == splits.test.labels).double().mean().item()
        assert row["values"][str(seed)]["knn_accuracy"] == pytest.approx(share, abs=0.02)


def test_what_a_control_cannot_do_is_said_once(in_folder, capsys, monkeypatch):
    image_set(Path("images"), shape=(10, 10))
    monkeypatch.setattr("grounding.studies.controls.LARGEST", 144 * 80 * 100 - 1)
    assert compare(own_config(), "--seeds", "0-1", "--set", "training.epochs=1") == 0
    said = [line for line in capsys.readouterr().out.splitlines() if ", left out: " in line]
    few = "144 x 80 pairs of images take too long, at most 11,519 pairs of this size are measured"
    assert said == [
        "HOG, deskewed, left out: images are 10 x 10 pixels, at least 12 x 12 are needed",
        f"IDM, deskewed, left out: {few}",
        f"P2DHMDM, deskewed, left out: {few}",
    ]
    rows = json.loads(Path("artifacts/comparison.json").read_text())["rows"]
    kept = ["labels", "untrained", "pca", "raw_pixels", "deskewed_pixels", "mean_image"]
    assert [row["control"] for row in rows[1:]] == kept


def test_images_without_classes_have_no_neighbours_to_name_them(in_folder):
    controls = {control.key: control for control in CONTROLS}
    for labels, reason in (([], "there are no labels"), ([7], "of one class only")):
        image_set(Path("images"), labels=labels)
        experiment, splits = load_splits(grounding.load_config(own_config()))
        assert reason in without_labels(experiment)
        with pytest.raises(NotMeasurable, match=reason):
            controls["p2dhmdm"].measure(experiment, splits, False)
        assert "knn_accuracy" not in controls["hog"].measure(experiment, splits, False)
        error = controls["mean_image"].measure(experiment, splits, False)
        pixels = [to_unit(split.images[:]).double() for split in (splits.train, splits.test)]
        expected = (pixels[1] - pixels[0].mean(0)).square().mean().item()
        assert error == {"test_reconstruction_error": pytest.approx(expected)}


def test_a_control_has_one_row_for_all_experiments_for_which_it_is_the_same():
    one = grounding.load_config("2")
    changed = {
        "validation": grounding.load_config("2", data={"val_samples": 500}),
        "images": grounding.load_config("2", data={"train_samples": 200}),
        "metric": grounding.load_config("2", analysis={"metric": "cosine"}),
        "k": grounding.load_config("2", analysis={"k": 3}),
        "latent": grounding.load_config("2", model={"latent_dim": 16}),
    }
    alike = {
        control.key: {
            name for name, other in changed.items()
            if control.shared_by(other) == control.shared_by(one)
        }
        for control in CONTROLS
    }  # fmt: skip
    assert alike["untrained"] == {"validation"}
    assert alike["pca"] == {"validation"}
    assert alike["raw_pixels"] == alike["hog"] == {"validation", "latent"}
    assert alike["p2dhmdm"] == {"validation", "latent", "metric"}
    assert alike["mean_image"] == {"validation", "latent", "metric", "k"}


@pytest.mark.parametrize("config", [str(number) for number in range(11)])
def test_the_control_with_labels_learns_labels_only(config):
    experiment = grounding.load_config(config)
    control, command = labels_control(experiment, f"grounding run --config {config}")
    words = shlex.split(command)
    typed = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert load_experiment(config, typed) == control
    assert control.name == f"{experiment.name}_labels"
    assert control.checkpoint_path == Path(f"artifacts/{control.name}_final.pt")
    assert control.objective_weights == {"labels": 1.0}
    assert control.objectives.views == experiment.objectives.views
    assert control.training == experiment.training
    assert control.self_supervised == experiment.self_supervised


def test_csv_json_and_figure_agree(compared):
    folder, document = compared
    rows = list(csv.DictReader((folder / "artifacts/comparison.csv").read_text().splitlines()))
    assert len(rows) == 12 * 2
    values = {row["name"]: row["values"] for row in document["rows"]}
    for row in rows:
        measured = {k: v for k, v in row.items() if v and k not in ("name", "control", "seed")}
        numbers = {name: float(value) for name, value in measured.items()}
        of_seed = values[row["name"]][row["seed"]]
        assert numbers == {name: v for name, v in of_seed.items() if v is not None}
    svg, page = ((folder / f"artifacts/comparison.{e}").read_text() for e in ("svg", "html"))
    for row in document["rows"][:-1]:
        mean = row["summary"]["knn_accuracy"]
        assert f"{mean['mean']:.4f} ± {mean['standard_deviation']:.4f}" in svg
        assert f"{mean['mean']:.4f} ± {mean['standard_deviation']:.4f}" in page
    assert svg.encode() in b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", page)[1])
    for one in document["differences"]["knn_accuracy"]:
        assert f"{one['first']} - {one['second']}" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_again_in_the_same_bytes_and_whole(compared, monkeypatch, capsys):
    folder, _ = compared
    monkeypatch.chdir(folder)
    places = [Path(f"artifacts/comparison.{ending}") for ending in ("json", "csv", "html", "svg")]
    before = [place.read_bytes() for place in places]
    assert compare("four.yaml", "two.yaml", "--seeds", "0-1") == 0
    shown = capsys.readouterr().out
    assert shown.count(": up to date, ") == 8
    assert before == [place.read_bytes() for place in places]
    assert " ± " in shown
    assert main("verify", ["artifacts"]) == 0
    shown = capsys.readouterr().out
    for place in places:
        assert f"{place}: comparison of comparison" in shown


def test_any_changed_file_of_a_study_is_found_out(compared, in_folder, capsys):
    shutil.copytree(compared[0], in_folder, dirs_exist_ok=True)
    studies = ("comparison", "four_seeds", "two_labels_seeds")
    for path in sorted(Path("artifacts").iterdir()):
        if path.name.startswith(studies):
            whole = path.read_bytes()
            for place in (0, len(whole) // 2, len(whole) - 2):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                assert main("verify", ["artifacts"]) == 2
                assert f"damaged          {path}: " in capsys.readouterr().out
            path.write_bytes(whole)
    assert main("verify", ["artifacts"]) == 0


def test_without_controls_elsewhere(in_folder, capsys):
    image_set(Path("images"))
    arguments = [own_config(), "--seeds", "7", "--no-controls", "--output", "out/a.b"]
    assert compare(*arguments) == 0
    document = json.loads(Path("out/a.b.json").read_text())
    assert [row["name"] for row in document["rows"]] == ["own"]
    assert Path("out/a.b.svg").exists()
    assert Path("out/a.b.csv").exists()
    assert not Path("artifacts/comparison.json").exists()
    assert "labels" not in capsys.readouterr().out
    assert main("verify", ["out"]) == 0


def test_what_cannot_be_compared(in_folder, refused):
    line = refused("compare", "2", "3", "--set", "experiment.name=x")
    assert "2 of the configs have experiment.name x" in line
    Path("file").touch()
    assert "cannot write file/x.json" in refused("compare", "2", "--output", "file/x")
    assert "config 99 does not exist" in refused("compare", "99")


def test_a_failed_seed_leaves_the_others_compared(in_folder, capsys):
    image_set(Path("images"))
    Path("artifacts/own_seed1_final.pt").mkdir(parents=True)
    assert compare(own_config(), "--seeds", "0-1", "--no-controls") == 2
    assert "1 of 2 runs failed" in capsys.readouterr().err
    (row,) = json.loads(Path("artifacts/comparison.json").read_text())["rows"]
    assert list(row["values"]) == ["0"]
