"""The dynamics of a run: JSON, arrays and figures against the run itself and other means."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, image_set, inside, own_config
from matplotlib.image import imread
from sklearn.metrics import roc_auc_score

import grounding
from grounding.cli import main
from grounding.dynamics.portrait import PATH_TIMES, Portrait
from grounding.export.arrays import read_arrays
from grounding.metrics.novelty import odd_images
from grounding.runs.dynamics import page_arrays, trails_of_others

PAGE = (REPOSITORY / "docs" / "dynamics.md").read_text(encoding="utf-8")
FIGURES = ("retention", "spectrum", "attractors")


def steps(run, z, count):
    """z and where it is after each of some steps, by the public functions alone."""
    places = [np.asarray(z, np.float32)]
    for _ in range(count):
        places.append(run.encode(run.decode(places[-1])))
    return np.stack(places)


@pytest.fixture(scope="module")
def plain(special):
    """The run, what its JSON says, and its arrays."""
    made = special("plain")
    place = made.folder / "artifacts/plain_dynamics.safetensors"
    return made, made.made("dynamics.json"), read_arrays(place)[1]


def test_speed_and_accuracy_by_other_means(plain):
    made, values, _ = plain
    run = made.run
    assert (values["images"], values["gaussian_starts"], values["steps"]) == (80, 250, 200)
    z = run.latents()
    scale = np.linalg.norm(z - z.mean(axis=0), axis=1).mean()
    assert values["scale"] == pytest.approx(scale, rel=1e-5)
    places = steps(run, z, 5)
    train, labels = run.latents("train"), run.labels("train")
    accuracy = [
        grounding.metrics.knn_accuracy(train, labels, place, run.labels(), 5) for place in places
    ]
    assert values["times"][:6] == [0, 1, 2, 3, 4, 5]
    assert values["knn_accuracy"][:6] == pytest.approx(accuracy, abs=0.03)
    kept = [t for t, a in zip(values["times"], values["knn_accuracy"], strict=True)
            if a >= values["knn_accuracy"][0] - 0.01 - 1e-9]  # fmt: skip
    assert values["safe_horizon"] == kept[-1]
    assert values["converged"] + values["cycling"] + values["diverging"] <= 1


def test_who_has_settled_stands_still_and_the_basins_add_up(plain):
    made, values, arrays = plain
    members = arrays["reference_attractor"]
    settled = members >= 0
    assert settled.any()
    ends = steps(made.run, made.run.latents(), 200)[-1]
    assert np.isfinite(ends).all()
    away = np.linalg.norm(ends - arrays["attractor_latents"][members], axis=1)
    still = settled & (arrays["attractor_periods"][members] == 1)
    assert (away[still] < 0.1 * values["scale"]).mean() > 0.95
    assert (
        np.bincount(members[settled]).tolist()
        == arrays["attractor_counts"][arrays["attractor_counts"] > 0].tolist()
    )
    gallery = values["gallery"]
    assert len(gallery) == values["attractors_in_all"] == len(arrays["attractor_latents"])
    assert sum(one["share"] for one in gallery) == pytest.approx(1)
    for number, one in enumerate(gallery):
        of_it = made.run.labels()[members == number]
        assert one["classes"] == {
            str(label): int((of_it == label).sum()) for label in np.unique(of_it)
        }
        drawn = made.run.decode(arrays["attractor_latents"][number : number + 1])
        training = made.run.images("train") / 255
        apart = np.linalg.norm((training - drawn).reshape(len(training), -1), axis=1)
        assert one["nearest_training_image"] == apart.argmin()
        assert one["nearest_training_distance"] == pytest.approx(apart.min(), rel=1e-3)
        picture = arrays["attractor_images"][number].reshape(drawn.shape[1:])
        assert np.abs(picture / 255 - drawn[0]).max() <= 0.5 / 255 + 1e-3


def test_eigenvalues_by_differences(plain):
    made, values, arrays = plain
    run, h = made.run, 1e-2 * values["scale"]
    z = run.latents()[:1]
    columns = []
    for axis in np.eye(z.shape[1], dtype=np.float32):
        ahead, behind = (run.encode(run.decode(z + s * h * axis)) for s in (1, -1))
        columns.append((ahead - behind)[0] / (2 * h))
    largest = np.abs(np.linalg.eigvals(np.stack(columns, axis=1))).max()
    assert values["spectral_radius"]["derivative"] == "reverse mode"
    of_data = values["spectral_radius"]["test_latents"]
    assert of_data["count"] == 64
    found = np.hypot(*arrays["eigenvalues_at_data"][0].T)
    assert found[0] == found.max()
    assert found[0] == pytest.approx(largest, rel=0.1)
    mean = np.hypot(*np.moveaxis(arrays["eigenvalues_at_data"], 2, 0))[:, 0].mean()
    assert of_data["mean"] == pytest.approx(mean, rel=1e-5)


def test_paths_are_where_the_playground_would_put_the_latents(plain):
    made, values, arrays = plain
    run, assets = made.run, made.made("test_interactive_assets.json")
    assert arrays["reference"].tolist() == list(range(80))
    z = run.latents()[assets["reference_indices"]]
    for time, place in zip(PATH_TIMES[:2], (1, 2), strict=True):
        there = steps(run, z, time)[-1]
        unit = there / np.linalg.norm(there, axis=1, keepdims=True)
        apart = np.linalg.norm(unit[:, None] - np.array(assets["reference_latents"]), axis=2)
        near = np.argsort(apart, axis=1)[:, :12]
        weights = 1 / (np.take_along_axis(apart, near, 1) + 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        points = np.array(assets["reference_points"])[near]
        expected = (weights[:, :, None] * points).sum(axis=1)
        close = np.abs(arrays["reference_path"][:, place - 1] - expected).max(axis=1) < 0.05
        assert close.mean() > 0.9  # a neighbour more or less, by rounding, moves a point
    assert arrays["reference_path"].shape == (80, 6, 3)
    assert arrays["attractor_points"].shape == (values["attractors_in_all"], 3)


def test_the_references_that_are_not_measured_flow_to_the_same_attractors(plain):
    """Of 80 references, 20 are measured and 60 are followed for the page alone."""
    made, values, arrays = plain
    run = made.run
    found = run.dynamics(20)
    further = trails_of_others(run, found, 20)
    shown, of_others = page_arrays(run, found, further, 20)
    assert shown["reference"].tolist() == list(range(80))
    np.testing.assert_allclose(shown["reference_points"], arrays["reference_points"])
    members, every = shown["reference_attractor"], arrays["reference_attractor"]
    assert len(of_others) == len(further.others)
    assert len(shown["attractor_latents"]) == len(found.attractors) + len(of_others)
    assert members.max() < len(shown["attractor_latents"])
    # The numbers are others, the places are not: compared with all 80 followed as measured ones.
    both = (members >= 0) & (every >= 0)
    assert both.mean() > 0.9
    ends = shown["attractor_latents"][members[both]], arrays["attractor_latents"][every[both]]
    assert (np.linalg.norm(ends[0] - ends[1], axis=1) < 0.1 * values["scale"]).mean() > 0.95
    away = np.abs(shown["reference_path"] - arrays["reference_path"]).max(axis=(1, 2))
    assert (away < 0.05).mean() > 0.9
    settled = (shown["reference_steps"] >= 0) & (arrays["reference_steps"] >= 0)
    assert np.median(np.abs(shown["reference_steps"] - arrays["reference_steps"])[settled]) <= 2


def test_pictures_of_the_nearest_training_images(plain):
    made, values, arrays = plain
    for one, pixels in zip(values["gallery"], arrays["attractor_nearest_images"], strict=True):
        image = made.run.images("train")[one["nearest_training_image"]]
        assert (pixels == image.ravel()).all()


def test_novelty_by_other_means(plain):
    made, values, _ = plain
    run, novelty = made.run, values["novelty"]
    real = torch.tensor(run.images()) / 255
    odd = odd_images(real, torch.tensor(run.labels()), 42)
    assert set(novelty["auroc"]["first_step"]) == set(odd)

    def first_step(images):
        z = run.encode(images.numpy())
        return np.linalg.norm(steps(run, z, 1)[1] - z, axis=1)

    for kind, images in odd.items():
        scores = np.concatenate((first_step(real), first_step(images)))
        expected = roc_auc_score(np.arange(160) >= 80, scores)
        assert novelty["auroc"]["first_step"][kind] == pytest.approx(expected, abs=0.01)
    for score, kinds in novelty["auroc"].items():
        assert novelty["mean_auroc"][score] == pytest.approx(np.mean(list(kinds.values())))


def test_figures_are_pictures_and_say_the_same_each_time(plain):
    made, values, _ = plain
    for name in FIGURES:
        place = made.folder / f"artifacts/plain_dynamics_{name}"
        svg = place.with_suffix(".svg").read_text()
        assert svg.startswith("<?xml")
        assert "</svg>" in svg
        assert imread(place.with_suffix(".png")).std() > 0.01
    text = (made.folder / "artifacts/plain_dynamics_retention.svg").read_text()
    assert f"safe horizon {values['safe_horizon']}" in text
    assert "dynamics: done" in made.printed


def test_every_key_and_array_is_documented(plain):
    made, values, arrays = plain
    head = made.made("probes.json").keys() | {"arrays", "split"}

    def keys(value):
        if isinstance(value, dict):
            for key, one in value.items():
                if not key.isdigit() and " " not in key:
                    yield key
                yield from keys(one) if key not in ("classes", "auroc", "mean_auroc") else ()
        elif isinstance(value, list):
            for one in value:
                yield from keys(one)

    documented = set(re.findall(r"^\| `([a-z_]+)`", PAGE, re.MULTILINE))
    said = set(keys({k: v for k, v in values.items() if k not in head})) | set(arrays)
    assert said - documented == set()
    assert documented - said == set()


def test_again_it_is_up_to_date_and_from_python_the_same(plain, in_folder, capsys):
    made, values, _ = plain
    shutil.copytree(made.folder, in_folder, dirs_exist_ok=True)
    run = grounding.load("plain")
    before = (in_folder / "artifacts/plain_dynamics.json").read_bytes()
    run.export("dynamics")
    assert (in_folder / "artifacts/plain_dynamics.json").read_bytes() == before
    found = run.dynamics()
    assert isinstance(found, Portrait)
    assert found is run.dynamics()
    assert found.safe_horizon == values["safe_horizon"]
    assert found.converged == values["converged"]
    few = run.dynamics(10, gaussian_starts=5, seed=1)
    assert (few.images, len(few.flow.steps)) == (10, 15)
    given = ["--config", "plain.yaml", "--images", "10", "--output", "few.json"]
    assert main("dynamics", given) == 0
    shown = capsys.readouterr().out
    assert re.search(r"spectral radius +\d\.\d{3}  mean at test latents", shown)
    again = json.loads((in_folder / "few.json").read_text())
    assert again["images"] == 10
    assert (in_folder / "few_spectrum.png").exists()
    assert main("verify", ["plain"]) == 0


def test_no_more_neighbours_are_named_than_there_are(special):
    made = special("augmented")  # with 60 - 6 images to train on
    with inside(made.folder):
        given = ["--config", "augmented", "--set", "analysis.k=500", "--output", "k.json"]
        assert main("dynamics", given) == 0
        values = json.loads(Path("k.json").read_text())
    assert values["k"] == len(made.run.splits.train) < 500


@pytest.mark.parametrize("name", ["unlabelled", "one_class", "eleven", "line"])
def test_image_sets_of_all_sorts_have_dynamics(special, name):
    made = special(name)
    values = made.made("dynamics.json")
    assert values["converged"] >= 0
    assert len(values["speed"]) == 200
    if name == "unlabelled":
        assert values["knn_accuracy"] is values["safe_horizon"] is values["purity"] is None
        assert "classes" not in values["gallery"][0]
    elif name == "one_class":  # told apart from what?
        assert values["knn_accuracy"] is values["safe_horizon"] is values["purity"] is None
        assert values["normalized_mutual_information"] is None
        profile = made.made("profile.json")
        assert "one class only" in profile["left_out"]["safe_horizon"]
    else:
        assert values["knn_accuracy"][0] > 0.25
    assert "rotated by 90" in values["novelty"]["auroc"]["path_length"]


def test_colour_images_that_are_wider_than_high_have_dynamics(in_folder, capsys):
    image_set(in_folder / "images", shape=(12, 20, 3))
    given = ["--config", own_config(), "--set", "training.learning_rate=0.001"]
    assert main("train", given) == 0
    assert main("dynamics", [*given, "--images", "20"]) == 0
    values = json.loads((in_folder / "artifacts/own_dynamics.json").read_text())
    assert values["images"] == 20
    assert "rotated by 90" not in values["novelty"]["auroc"]["path_length"]
    assert imread(in_folder / "artifacts/own_dynamics_attractors.png").ndim == 3


def test_latents_that_are_all_the_same_have_none(special):
    """Of a model whose last hidden layer has died."""
    run = special("plain").run
    with torch.no_grad():
        for weights in run.model.encoder.parameters():
            weights.zero_()
    with pytest.raises(grounding.UserError, match="all test latents are the same"):
        run.dynamics()


def test_without_a_trained_decoder_there_is_one_line(special, refused):
    made = special("encoder_only")
    assert "dynamics: left out, no objective has trained the decoder" in made.printed
    assert not (made.folder / "artifacts/encoder_only_dynamics.json").exists()
    with inside(made.folder):
        line = refused("dynamics", "--config", "encoder_only.yaml")
        assert "no objective has trained the decoder" in line
        with pytest.raises(grounding.UserError, match="has trained the decoder"):
            made.run.dynamics()
