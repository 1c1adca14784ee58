"""What is exported of a run: each file against the run itself, for image sets of all sorts."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import SETS, inside
from safetensors.numpy import load_file
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.data import to_unit
from grounding.export.arrays import read_arrays
from grounding.serve.index import find_runs, index_page


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_points_are_those_of_the_run(special):
    made = special("plain")
    run, values = made.run, made.made("test_latent_points.json")
    assert next(iter(values)) == "arrays"
    assert values["num_points"] == len(values["points"]) == 80
    assert values["labels"] == run.labels()[values["indices"]].tolist()
    x = to_unit(torch.tensor(run.images()))
    errors = ((torch.tensor(run.decode(run.encode(x.numpy()))) - x) ** 2).mean((1, 2, 3))
    assert values["reconstruction_error"] == pytest.approx(errors.tolist(), rel=1e-4)
    assert run.embed().tolist() == pytest.approx(
        np.array(values["points"]).reshape(80, 3), rel=1e-5
    )
    meta, arrays = read_arrays(made.folder / "artifacts/plain_test_latent_points.safetensors")
    assert arrays["points"].tolist() == np.float32(values["points"]).tolist()
    assert meta["image_shape"] == [1, 12, 12]
    place = made.folder / "artifacts/plain_test_latent_points_thumbnails.safetensors"
    assert (read_arrays(place)[1]["thumbnails"] == run.images().reshape(80, -1)).all()
    assert arrays["neighbors"].tolist() == values["neighbors"]


def test_assets_and_models_agree_with_the_run(special):
    made = special("plain")
    run, values = made.run, made.made("test_interactive_assets.json")
    assert (values["projection_k"], values["projection_method"]) == (12, "knn_barycentric")
    raw, unit = (np.array(values[k]) for k in ("reference_latents_raw", "reference_latents"))
    assert np.allclose(raw, run.latents()[values["reference_indices"]], atol=1e-5)
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-5)
    halves = (made.folder / f"artifacts/plain_{half}.onnx" for half in ("encoder", "decoder"))
    encoder, decoder = map(session, halves)
    x = run.images()[values["reference_indices"]].astype(np.float32) / 255
    assert np.allclose(encoder.run(None, {"input": x})[0], raw, atol=1e-4)
    drawn = decoder.run(None, {"latent": raw.astype(np.float32)})[0]
    assert np.allclose(drawn, run.decode(raw.astype(np.float32)), atol=1e-5)
    samples = np.array(values["digit_samples"])
    assert samples.shape == (4, 144)
    for label, sample in enumerate(samples):
        first = run.images()[run.labels() == label][0]
        assert np.allclose(sample, first.ravel() / 255, atol=1e-6)
        own = run.images()[values["sample_indices"][label]]
        assert np.allclose(sample, own.ravel() / 255, atol=1e-6)


def test_how_far_the_meter_of_the_playground_can_be_trusted(special):
    """By kinds of odd images that do not depend on what is drawn."""
    made = special("letters")
    run, assets = made.run, made.made("test_interactive_assets.json")
    references = np.array(assets["reference_latents"], np.float32)
    nearest = NearestNeighbors(n_neighbors=1).fit(references)

    def distance(images):
        z = run.encode(np.ascontiguousarray(images))
        return nearest.kneighbors(z / np.linalg.norm(z, axis=1, keepdims=True))[0][:, 0]

    real = run.images("val")
    assert len(real) >= 20
    told = assets["novelty_auroc"]
    odd = {"inverted": 255 - real, "rotated by 180": np.rot90(real, 2, (2, 3))}
    for kind, images in odd.items():
        scores = np.concatenate([distance(real), distance(images)])
        expected = roc_auc_score(np.arange(len(scores)) >= len(real), scores)
        assert told[kind] == pytest.approx(expected, abs=1e-3)
    assert set(told) == {"noise", *odd, "rotated by 90", "halves", "two at once"}
    eleven = special("plain").made("test_interactive_assets.json")
    assert ("novelty_auroc" in eleven) is (len(special("plain").run.splits.val) >= 20)


@pytest.mark.parametrize("name", SETS)
def test_every_image_set_gets_all_that_can_be_made_of_it(special, name):
    made = special(name)
    run, shape = made.run, made.run.splits.image_shape
    points, assets = (made.made(f"test_{x}.json") for x in ("latent_points", "interactive_assets"))
    assert points["image_shape"] == list(shape)
    assert len({tuple(p) for p in points["points"]}) > len(run.splits.test) // 2
    x = to_unit(torch.tensor(run.images())).numpy()
    (latents,) = session(made.folder / f"artifacts/{name}_encoder.onnx").run(None, {"input": x})
    assert np.allclose(latents, run.latents(), atol=1e-4 * max(1, np.abs(latents).max()))
    has_decoder = (made.folder / f"artifacts/{name}_decoder.onnx").exists()
    assert has_decoder is (name != "encoder_only")
    assert ("reconstruction_error" in points) is has_decoder
    classes = len(set(run.splits.classes))
    assert len(assets["digit_samples"]) == (10 if name == "unlabelled" else classes)
    assert assets["sample_labels"] == ([0] * 10 if not classes else sorted(run.splits.classes))
    assert set(points["labels"]) <= (set(run.splits.classes) or {0})
    assert ("neighbor_label_agreement" in points) is (classes > 1)
    assert points.get("has_labels", True) is assets.get("has_labels", True) is (classes > 0)
    for label, position in zip(assets["sample_labels"], assets["sample_indices"], strict=True):
        own = None if run.labels() is None else run.labels().tolist()
        # -1: the split has none of that class.
        assert own is None or (own[position] == label if position >= 0 else label not in own)
    with inside(made.folder):
        assert main("verify", [name]) == 0


@pytest.mark.parametrize(("metric", "k"), [("euclidean", 5), ("cosine", 3)])
def test_one_name_is_one_number_in_points_and_metrics(special, in_folder, metric, k):
    """Over all points, the agreements that the viewer shows have the metric as their mean."""
    shutil.copytree(special("letters").folder, in_folder, dirs_exist_ok=True)
    given = ["--config", "letters.yaml", "--set", f"analysis.k={k}"]
    given += ["--set", f"analysis.metric={metric}"]
    assert main("points", [*given, "--max-points", "0"]) == 0
    assert main("manifold", given) == 0
    points = json.loads(Path("artifacts/letters_test_latent_points.json").read_text())
    manifold = json.loads(Path("artifacts/letters_manifold_metrics.json").read_text())
    agreement, name = points["neighbor_label_agreement"], "neighbor_label_agreement"
    assert np.mean(agreement) == pytest.approx(manifold["metrics"][name], abs=1e-7)
    # By other means, one by one.
    run = special("letters").run
    z, labels = torch.tensor(run.latents()).double(), torch.tensor(run.labels())
    near = torch.cdist(z, z).fill_diagonal_(torch.inf).argsort(1)[:, :k]
    shares = (labels[near] == labels[:, None]).double().mean(1)
    assert np.allclose(agreement, shares)
    assert points["k_neighbors"] == k
    # Fewer points: the same numbers, among all images of the split.
    assert main("points", [*given, "--max-points", "50"]) == 0
    some = json.loads(Path("artifacts/letters_test_latent_points.json").read_text())
    assert np.allclose(some[name], shares[some["indices"]])


@pytest.mark.parametrize(("name", "columns"), [("line", 1), ("plane", 2)])
def test_few_latent_numbers_are_drawn_as_they_are(special, name, columns):
    made = special(name)
    latents = made.run.latents()
    for ending, key in (("latent_points", "points"), ("interactive_assets", "reference_points")):
        values = made.made(f"test_{ending}.json")
        drawn = np.array(values[key])
        assert values["projection"] == "latent"
        assert values["l2_normalized"] is False
        assert np.allclose(drawn[:, :columns], latents, rtol=1e-5)
        assert (drawn[:, columns:] == 0).all()
    assert np.allclose(values["reference_latents"], latents, rtol=1e-5)
    assert len({tuple(z) for z in values["reference_latents"]}) > 40


def test_weights_are_plain_safetensors(special, in_folder):
    made = special("plain")
    with inside(made.folder):
        (path,) = made.run.export("weights")
        held = load_file(path)
    for name, weights in made.run.model.state_dict().items():
        assert held[name].tolist() == weights.tolist()


def test_export_makes_what_is_asked_for_and_not_up_to_date(special):
    made = special("plain")
    with inside(made.folder):
        run = made.run
        before = {p: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}
        paths = run.export()
        assert {p.name for p in paths} == {
            f"plain_{x}" for x in ("analysis.json", "manifold_metrics.json", "encoder.onnx",
            "decoder.onnx", "test_latent_points.json", "test_interactive_assets.json",
            "dynamics.json", "profile.json")
        }  # fmt: skip
        assert before == {p: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}
        with pytest.raises(ValueError, match="'picture' cannot be exported; there are: analysis"):
            run.export("picture")
    only = special("encoder_only")
    with inside(only.folder):
        assert len(only.run.export()) == 6
        with pytest.raises(ValueError, match="no objective has trained the decoder"):
            only.run.export("decoder")


def test_a_decoder_that_nothing_trains_draws_nothing_and_goes_nowhere(special, in_folder, capsys):
    shutil.copytree(special("encoder_only").folder, in_folder, dirs_exist_ok=True)
    run = grounding.load("encoder_only")
    with pytest.raises(UserError, match="no objective has trained the decoder"):
        run.decode(run.latents())
    (path,) = run.export("weights")
    assert {name.split(".")[0] for name in load_file(path)} == {"encoder"}
    given = ["--config", "encoder_only.yaml"]
    assert main("export-weights", given) == 0
    assert "none of the decoder: no objective has trained the decoder" in capsys.readouterr().out
    assert main("export", given) == 0
    assert "decoder: left out, no objective has trained the decoder" in capsys.readouterr().out
    assert main("export-decoder", given) == 2
    assert not list(Path("artifacts").glob("*decoder.onnx"))
    page = index_page(*find_runs(Path("artifacts"))[:1], Path("artifacts")).decode()
    assert "which leaves out a decoder that no objective trains" in page
    assert "interactive_latent_playground" not in page


def test_options_decide_what_is_drawn(special, in_folder, refused, monkeypatch, capsys):
    shutil.copytree(special("plain").folder, in_folder, dirs_exist_ok=True)
    given = ["--config", "plain.yaml", "--output", "p.json"]
    for options, wanted in (
        (["--max-points", "20", "--split", "val"], {"num_points": 16, "split": "val"}),
        (["--max-points", "20"], {"num_points": 20}),
        (["--umap-n-neighbors", "2"], {"umap_n_neighbors": 2, "num_points": 80}),
        (["--no-l2-normalize", "--max-points", "0"], {"l2_normalized": False}),
    ):
        assert main("points", [*given, *options]) == 0
        values = json.loads(Path("p.json").read_text())
        assert {key: values[key] for key in wanted} == wanted
    monkeypatch.setattr("grounding.runs.exporting.MOST_POINTS", 70)
    capsys.readouterr()
    assert main("points", [*given, "--max-points", "0"]) == 0
    assert "points: 80 points; the pages draw up to 70, set by --max" in capsys.readouterr().out
    assert main("points", [*given, "--max-points", "70"]) == 0
    assert "the pages draw" not in capsys.readouterr().out
    few = ["--max-points", "9", "--projection-k"]
    given[-1] = "i.json"
    assert main("export-assets", [*given, *few, "9"]) == 0
    line = refused("export-assets", *given, *few, "12")
    assert "--projection-k 12 is not in 1 to 9, the number of points" in line
