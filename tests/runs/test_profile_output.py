"""The profile of a run: the file and the table against the run itself, and what is left out."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

import grounding
from grounding.cli import main
from grounding.export.report import profile_table
from grounding.metrics import facts, names

AXES = ["classes", "geometry", "spread", "decoder", "dynamics", "invariance", "novelty"]
PAGE = (REPOSITORY / "docs" / "profile.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plain(special):
    made = special("plain")
    return made, made.made("profile.json")


def test_numbers_are_those_of_the_functions(plain):
    made, values = plain
    run, metrics = made.run, grounding.metrics
    found = {name: one["value"] for name, one in values["profile"].items()}
    z, x, y = run.latents(), run.images(), run.labels()
    train, labels = run.latents("train"), run.labels("train")
    unit = x / 255
    expected = {
        "knn_accuracy": metrics.knn_accuracy(train, labels, z, y, 5),
        "knn_1_accuracy": metrics.knn_accuracy(train, labels, z, y, 1),
        "rnx_area": metrics.rnx_area(x, z),
        "latent_dimension": metrics.two_nn_dimension(z),
        "pixel_dimension": metrics.two_nn_dimension(x),
        "rank_me": metrics.rank_me(z),
        "uniformity": metrics.uniformity(z),
        "test_reconstruction_error": ((run.decode(z) - unit) ** 2).mean(),
        "mean_image_error": ((run.images("train").mean(axis=0) / 255 - unit) ** 2).mean(),
        "pca_error": metrics.pca_error(run.images("train"), x, z.shape[1]),
        "cycle_accuracy": metrics.knn_accuracy(train, labels, run.encode(run.decode(z)), y, 5),
        "safe_horizon": run.dynamics().safe_horizon,
        "attractors": run.dynamics().reached_from_images,
        "spectral_radius": float(run.dynamics().radii_at_data.mean()),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=2e-2), name
    assert run.measure("rank_me", "rnx_area") == pytest.approx(
        {name: found[name] for name in ("rank_me", "rnx_area")}
    )


def test_every_number_says_what_it_is_of(plain):
    _, values = plain
    profile = values["profile"]
    assert list(profile) == list(names(report="profile"))
    assert list(dict.fromkeys(one["axis"] for one in profile.values())) == AXES
    for name, one in profile.items():
        assert one["split"] == "test"
        assert one["unit"] == facts(name).unit
        assert one["images"] == min(facts(name).sample or 80, 80)
        assert one["meaning"]
    assert (profile["knn_accuracy"]["k"], profile["knn_1_accuracy"]["k"]) == (5, 1)
    assert profile["knn_accuracy"]["metric"] == "euclidean"
    assert profile["rank_me"]["k"] is None
    distance = profile["novelty_distance"]  # to the nearest training latent
    assert (distance["k"], distance["metric"]) == (1, "euclidean")
    for name in ("response", "strength_r2", "novelty_distance", "novelty_error", "novelty_drift"):
        parts = list(profile[name]["parts"].values())
        assert len(parts) >= 6
        assert profile[name]["value"] == pytest.approx(np.mean(parts))
    groups = values["calibration"]
    assert sum(one["images"] for one in groups) == 80
    right = sum(one["accuracy"] * one["images"] for one in groups) / 80
    assert right == pytest.approx(profile["knn_accuracy"]["value"])


def test_every_key_and_number_is_documented(plain):
    made, values = plain
    head = made.made("probes.json").keys()
    documented = set(re.findall(r"`([a-z_0-9]+)`", PAGE))
    said = set(values) - set(head) | {key for one in values["profile"].values() for key in one}
    assert said | set(values["profile"]) <= documented


def test_the_table_has_the_axes_and_is_what_a_run_ends_with(plain, in_folder, capsys, monkeypatch):
    made, values = plain
    rows = made.printed[made.printed.index("axis ") :]
    assert re.search(r"classes +kNN accuracy +\d\.\d{4}\n", rows)
    assert re.search(rf"spread +RankMe +{values['profile']['rank_me']['value']:.1f}\n", rows)
    assert "manifold score" not in made.printed
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copytree(made.folder, in_folder, dirs_exist_ok=True)
    assert main("measure", ["--config", "plain.yaml", "--output", "p.json"]) == 0
    again = json.loads(Path("p.json").read_text())
    assert again["profile"] == values["profile"]
    shown = capsys.readouterr().out
    assert re.search(r"spectral radius +\d\.\d\d +64 images\n", shown)
    assert re.search(r"novelty by distance +\d\.\d{3} +AUROC, noise \d\.\d{3}, inverted", shown)


def test_what_is_left_out_has_a_reason(special):
    unlabelled = special("unlabelled").made("profile.json")
    assert unlabelled["calibration"] is None
    assert unlabelled["profile"]["knn_accuracy"]["value"] is None
    assert unlabelled["left_out"]["cycle_accuracy"].startswith("needs labels")
    assert unlabelled["profile"]["rank_me"]["value"] >= 1
    assert unlabelled["profile"]["novelty_distance"]["value"] is not None
    blind = special("encoder_only").made("profile.json")
    for name in ("test_reconstruction_error", "safe_horizon", "novelty_error", "spectral_radius"):
        assert blind["profile"][name]["value"] is None
        assert blind["left_out"][name] == "needs a trained decoder"
    assert blind["profile"]["novelty_distance"]["value"] > 0
    eleven = special("eleven").made("profile.json")
    assert "at least 20 are needed" in eleven["left_out"]["response"]
    assert "left out, needs a trained decoder" in special("encoder_only").printed


def test_a_latent_space_that_has_collapsed_is_warned_of(special):
    made = special("plain")
    run = made.run
    with torch.no_grad():
        last = run.model.encoder[-1]
        last.weight.mul_(1e-3)
        last.bias.fill_(5)
    from grounding.runs.measuring import profile_output

    said = profile_output(run, Path("unused.json")).make({})
    warning = "the latents have collapsed to 1.0 dimensions of 4 (RankMe)"
    assert said.said.endswith(f"warning: {warning}")
    (data,) = said.files.values()
    assert json.loads(data)["warnings"] == [warning]


def test_an_estimate_has_its_interval_and_a_missing_number_its_reason(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    facts_of = {"unit": "", "digits": 2, "axis": "a", "images": 5}
    table = profile_table(
        {
            "x": {"title": "X", "value": 0.5, "margin": 0.25, **facts_of},
            "y": {"title": "Y", "value": None, "left_out": "needs labels", **facts_of},
            "z": {"title": "Z", "value": 1.0, "parts": {"p": 0.5, "q": None}, **facts_of},
        },
        10,
    )
    head, _, *rows = (line.split() for line in table.splitlines())
    assert head == ["axis", "measure", "value"]
    assert rows[0] == ["a", "X", "0.50", "±", "0.25", "5", "images"]
    assert rows[1] == ["Y", "-", "left", "out,", "needs", "labels"]
    assert rows[2] == ["Z", "1.00", "5", "images,", "p", "0.50,", "q", "-"]
