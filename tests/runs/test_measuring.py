"""What is measured of a run, against other means; and of image sets that lack something."""

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import image_set, own_config, write_idx
from sklearn.metrics import silhouette_score

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.data import to_unit
from grounding.export.report import text_table
from grounding.runs.building import load_splits
from grounding.runs.measuring import augmented_views, has_bank

LABELLED = {
    *("knn_test_accuracy", "silhouette", "calinski_harabasz", "davies_bouldin"),
    *("neighbor_label_agreement", "fisher_ratio"),
}
FREE = {"trustworthiness", "continuity"}
ESTIMATED = {"trustworthiness", "continuity", "neighbor_label_agreement", "silhouette"}


def test_a_report_by_other_means(special):
    made = special("plain")
    run, values = made.run, made.made("analysis.json")
    distances = torch.cdist(*(torch.tensor(run.latents(s)).double() for s in ("test", "train")))
    near = torch.tensor(run.labels("train"))[distances.topk(5, largest=False).indices]
    predicted = near.mode(1).values.numpy()
    labels = run.labels("test")
    assert values["knn_accuracy"] == pytest.approx((predicted == labels).mean(), abs=0.03)
    for one in values["classes"]:
        own, told = labels == one["label"], predicted == one["label"]
        assert one["support"] == own.sum() == 20
        assert one["recall"] == pytest.approx((own & told).sum() / 20, abs=0.11)
    total = sum(p.numel() for p in run.model.parameters())
    assert values["total_parameters"] == values["trainable_parameters"] == total
    text = (made.folder / "artifacts/plain_analysis.txt").read_text()
    assert f"total parameters      {total}\n" in text
    accuracy = f"kNN accuracy          {values['knn_accuracy']:.4f}"
    assert f"{accuracy}  (k = 5, euclidean, 144 train -> 80 test)\n" in text


def test_manifold_metrics_by_other_means(special):
    made = special("plain")
    values, z, y = made.made("manifold_metrics.json"), made.run.latents(), made.run.labels()
    metrics = values["metrics"]
    assert set(metrics) == LABELLED | FREE
    assert metrics["silhouette"] == pytest.approx(silhouette_score(z, y), abs=1e-5)
    groups = [z[y == label].astype(float) for label in np.unique(y)]
    between = sum(len(g) * ((g.mean(0) - z.mean(0)) ** 2).sum() for g in groups)
    within = sum(((g - g.mean(0)) ** 2).sum() for g in groups)
    assert metrics["fisher_ratio"] == pytest.approx(between / within, rel=1e-4)
    assert metrics["calinski_harabasz"] == pytest.approx(between / 3 / (within / 76), rel=1e-4)
    parts = [metrics[k] for k in ("knn_test_accuracy", "trustworthiness")]
    parts += [metrics["neighbor_label_agreement"], (metrics["silhouette"] + 1) / 2]
    parts += [1 / (1 + metrics["davies_bouldin"])]
    parts += [metrics["fisher_ratio"] / (1 + metrics["fisher_ratio"])]
    assert values["manifold_score"] == pytest.approx(100 * sum(parts) / 6)
    assert made.run.measure("silhouette", "fisher_ratio") == pytest.approx(
        {name: metrics[name] for name in ("silhouette", "fisher_ratio")}
    )
    with pytest.raises(ValueError, match="silhouette"):
        made.run.measure("silhuette")


def test_a_metric_is_what_its_file_says_of_it(measured):
    """Of each: the split, the neighbours and the distance; kNN alone is measured otherwise."""
    options = ["--split", "val", "--set", "analysis.k=3", "--set", "analysis.metric=cosine"]
    told = measured(*options)[0]["measured_with"]
    run = grounding.load("letters")
    assert told["silhouette"] == {"split": "val"}
    assert told["knn_test_accuracy"] == {"split": "test", "k": 3, "metric": "cosine"}
    assert told["neighbor_label_agreement"] == {"split": "val", "k": 3, "metric": "euclidean"}
    assert told["trustworthiness"] == {"split": "val", "k": 5, "metric": "euclidean"}
    values = json.loads(Path("m.json").read_text())["metrics"]
    z, x, y = run.latents("val"), run.images("val"), run.labels("val")
    functions = grounding.metrics
    assert values["silhouette"] == pytest.approx(functions.silhouette(z, y))
    agreement = functions.neighbor_label_agreement(z, y, 3)
    assert values["neighbor_label_agreement"] == pytest.approx(agreement)
    assert values["trustworthiness"] == pytest.approx(functions.trustworthiness(x, z, 5))
    references = run.latents("train"), run.labels("train"), run.latents("test"), run.labels("test")
    accuracy = functions.knn_accuracy(*references, 3, metric="cosine")
    assert values["knn_test_accuracy"] == accuracy


def test_probes_by_other_means(special):
    made = special("augmented")
    run, values = made.run, made.made("probes.json")
    probes = values["probes"]
    assert values["probe_settings"]["augmented_bank"] == {"views": 30, "k": 15}
    told = values["measured_with"]
    assert told["knn_1_accuracy"] == {"split": "test", "k": 1, "metric": "euclidean"}
    assert told["augmented_bank_accuracy"] == {"split": "test", "k": 15, "metric": "euclidean"}
    assert told["test_reconstruction_error"] == {"split": "test"}
    z, references = (torch.tensor(run.latents(s)).double() for s in ("test", "train"))
    right = run.labels("train")[torch.cdist(z, references).argmin(1)] == run.labels("test")
    assert probes["knn_1_accuracy"] == pytest.approx(right.mean())
    x = to_unit(torch.tensor(run.images("test")))
    drawn = torch.tensor(run.decode(run.encode(x.numpy())))
    assert probes["test_reconstruction_error"] == pytest.approx(float((drawn - x).square().mean()))
    assert probes["regrounding_drift"] > 0
    assert 0.25 < probes["linear_probe_accuracy"] <= 1
    assert special("plain").made("probes.json")["probes"]["augmented_bank_accuracy"] is None


def test_the_bank_holds_views_of_each_of_few_images(special):
    run = special("augmented").run
    count = len(run.splits.train)
    views = augmented_views(run.experiment, run.splits)
    assert views.shape == (30 * count, 1, 12, 12)
    assert torch.equal(views, augmented_views(run.experiment, run.splits))
    clean = to_unit(run.splits.train.images).flatten(1)
    found = torch.cdist(views.flatten(1), clean).argmin(1)
    assert (found == torch.arange(30 * count) % count).double().mean() > 2 / count
    assert has_bank(run.experiment, run.splits)
    assert not has_bank(special("plain").run.experiment, run.splits)
    for images, expected in ((1000, True), (1001, False)):
        many = grounding.load_config("4", **{"data.train_samples": images})
        assert has_bank(many, load_splits(many)[1]) is expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [("unlabelled", "needs labels"), ("one_class", "one class only, at least 2 are needed")],
)
def test_what_needs_labels_is_left_out_with_its_reason(special, name, reason):
    made = special(name)
    values = made.made("manifold_metrics.json")
    for metric, value in values["metrics"].items():
        assert (value is None) is (metric in LABELLED)
    assert set(values["left_out"]) == {*LABELLED, "manifold_score"}
    assert all(why.endswith(reason) for why in values["left_out"].values())
    assert values["manifold_score"] is None
    analysis = made.made("analysis.json")
    assert (analysis["knn_accuracy"], analysis["classes"]) == (None, [])
    # As `probe` says it, and as `run` does, line by line in its profile.
    probe = rf"^linear_probe_accuracy +undefined +left out, [a-z_ ]*{re.escape(reason)}"
    assert re.search(probe, made.printed, re.MULTILINE)
    for title in ("kNN accuracy", "kNN, k = 1", "linear probe"):
        assert re.search(rf"^[ a-z]* {title} +- +left out, ", made.printed, re.MULTILINE), title
    probes = made.made("probes.json")["probes"]
    assert probes["linear_probe_accuracy"] is None
    assert probes["test_reconstruction_error"] > 0
    assert name in made.printed
    found = made.run.measure()
    assert FREE & found.keys() == FREE
    assert all(found.get(k) is None or math.isnan(found[k]) for k in LABELLED)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("letters", range(1, 27)),
        ("gaps", [3, 70, 200]),
        ("numbers", [-3, 5, 70_000]),
        ("eleven", range(4)),
    ],
)
def test_labels_are_reported_as_they_are(special, name, labels):
    analysis = special(name).made("analysis.json")
    assert [one["label"] for one in analysis["classes"]] == list(labels)
    assert all(one["support"] > 0 for one in analysis["classes"])
    assert analysis["knn_accuracy"] > 1 / len(labels)
    metrics = special(name).made("manifold_metrics.json")
    assert metrics["left_out"] == {}
    assert metrics["manifold_score"] > 0


@pytest.mark.parametrize(
    ("split", "labels", "line", "left_out"),
    [
        ("train", None, "the train images have no labels", {"knn_test_accuracy"}),
        ("train", [0], "the train images have none of class 1, 2, 3", {"knn_test_accuracy"}),
        ("t10k", None, "the test images have no labels", LABELLED),
        (
            "t10k",
            [2],
            "the test images have none of class 0, 1, 3",
            LABELLED - {"knn_test_accuracy"},
        ),
        ("t10k", [7, 9], "the test images have none of class 0, 1, 2, 3", set()),
    ],
)
def test_labels_that_one_split_lacks_cost_what_needs_them(
    in_folder, capsys, split, labels, line, left_out
):
    """The rest is made, of sixty images."""
    image_set(Path("images"), train=60, test=20)
    path = Path(f"images/{split}-labels-idx1-ubyte")
    path.unlink()
    if labels:
        count = 60 if split == "train" else 20
        write_idx(path, np.resize(np.array(labels, np.uint8), count))
    assert main("run", ["--config", own_config()]) == 0
    assert f"data: {line}\n" in capsys.readouterr().out
    values = json.loads(Path("artifacts/own_manifold_metrics.json").read_text())
    score = {"manifold_score"} if left_out else set()
    assert set(values["left_out"]) == left_out | score
    for ending in ("analysis.json", "encoder.onnx", "test_interactive_assets.json"):
        assert Path(f"artifacts/own_{ending}").exists()


def test_eleven_test_images_are_enough(special):
    made = special("eleven")
    assert made.made("analysis.json")["classes"][0]["support"] == 3
    assert made.made("manifold_metrics.json")["trustworthiness_neighbors"] == 5
    assert made.made("test_latent_points.json")["num_points"] == 11


def test_without_a_trained_decoder_nothing_is_said_of_its_images(special):
    made = special("encoder_only")
    probes = made.made("probes.json")
    for name in ("test_reconstruction_error", "regrounding_drift"):
        assert probes["probes"][name] is None
        assert "decoder" in probes["left_out"][name]
    assert "decoder: left out, no objective has trained the decoder" in made.printed


def test_numbers_that_do_not_fit_the_data_are_refused_one_by_one(in_folder, refused, capsys):
    image_set(Path("images"))
    given = ["--config", own_config(), "--set", "analysis.k=145"]
    line = "analysis.k 145 neighbours, but only 144 training images; try --set analysis.k=144"
    assert main("run", given) == 2
    shown = capsys.readouterr()
    for kind in ("analysis", "manifold"):
        assert f"{kind}: failed" in shown.out
        assert f"error: {kind}: {line}\n" in shown.err
    assert Path("artifacts/own_encoder.onnx").exists()
    assert line in refused("analyze", *given)
    assert not Path("artifacts/own_analysis.json").exists()
    assert main("run", [*given, "--set", "analysis.k=144"]) == 0
    assert main("manifold", ["--config", "own.yaml", "--set", "data.test_samples=5"]) == 0
    shown = capsys.readouterr().out
    for name in ("trustworthiness", "continuity", "manifold_score"):
        why = r"left out, k is 5, allowed: at least 1 and less than half of 5 points"
        assert re.search(rf"^{name} +undefined +{why}$", shown, re.MULTILINE)


@pytest.fixture
def measured(special, in_folder, capsys):
    """Measure the manifold of a copied run with options; the JSON and what was printed."""
    shutil.copytree(special("letters").folder, in_folder, dirs_exist_ok=True)

    def measure(*options):
        capsys.readouterr()
        assert main("manifold", ["--config", "letters.yaml", "--output", "m.json", *options]) == 0
        return json.loads(Path("m.json").read_text()), capsys.readouterr().out

    return measure


def test_estimates_are_announced_shown_and_written(measured, monkeypatch, refused):
    exact, shown = measured()
    assert "estimate" not in exact
    assert "+-" not in shown
    found, shown = measured("--anchors", "120")
    estimate = found["estimate"]
    assert (estimate["anchors"], estimate["points"], estimate["confidence"]) == (120, 200, 0.95)
    assert set(estimate["margins"]) == ESTIMATED
    for name, value in exact["metrics"].items():
        error = abs(found["metrics"][name] - value)
        assert error <= 2 * estimate["margins"][name] if name in ESTIMATED else error == 0
    assert found["made_from"]["options"]["anchors"] == 120
    assert "manifold: 200 images, estimating from 120 of them" in shown
    assert "with confidence intervals; the command manifold can measure all\n" in shown
    margin = estimate["margins"]["continuity"]
    assert f"{found['metrics']['continuity']:.4f}  +- {margin:.4f}" in shown
    again, _ = measured("--anchors", "120")
    assert (again["metrics"], again["estimate"]) == (found["metrics"], estimate)
    monkeypatch.setattr("grounding.metrics.anchors.EXACT_POINTS", 150)
    monkeypatch.setattr("grounding.metrics.anchors.DEFAULT_ANCHORS", 110)
    assert measured()[0]["estimate"]["anchors"] == 110
    assert "estimate" not in measured("--exact")[0]
    line = refused("manifold", "--config", "letters.yaml", "--exact", "--anchors", "200")
    assert "--exact and --anchors exclude each other" in line


def test_weights_that_are_not_finite_are_never_measured(special, in_folder, refused):
    made = special("plain")
    values = torch.load(made.folder / "artifacts/plain_final.pt", weights_only=True)
    next(iter(values["state_dict"].values())).fill_(torch.nan)
    torch.save(values, "nan.pt")
    image_set(Path("images"))
    given = ["--config", own_config("plain"), "--checkpoint", "nan.pt"]
    assert main("analyze", [*given, "--output", "a.txt"]) == 2
    with pytest.raises(UserError, match="some latents are not finite numbers"):
        grounding.load(Path("nan.pt")).latents()
    assert not Path("a.txt").exists()
    assert not Path("artifacts").exists() or not list(Path("artifacts").glob("*.json"))


def test_tables_align():
    rows = [("a", "1.0"), ("long", "-22.5")]
    assert text_table("lr", ("x", "value"), rows) == ["x     value", "a       1.0", "long  -22.5"]
