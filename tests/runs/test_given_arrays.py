"""Runs on arrays that were given from Python: known by what is in them, and asked for again."""

import numpy as np
import pytest

import grounding
from grounding.cli import main
from grounding.runs.manifest import manifest_path, read_manifest

RNG = np.random.default_rng(0)
LABELS = np.arange(80) % 4
IMAGES = RNG.integers(0, 60, (80, 10, 12), dtype=np.uint8)
IMAGES[np.arange(80), LABELS * 2] = 220
SMALL = {
    "experiment": {"name": "given"},
    "data": {"train_samples": 40, "val_samples": 10, "test_samples": 20},
    "model": {"hidden_dims": [4, 4], "latent_dim": 3},
    "training": {"epochs": 1, "device": "cpu"},
}


def train(images=IMAGES, labels=LABELS, **more):
    return grounding.train("1", images=images, labels=labels, quiet=True, **{**SMALL, **more})


def test_a_run_on_arrays_has_all_outputs(in_folder):
    run = train(labels=np.array(["ant", "bee", "cat", "dog"])[LABELS])
    assert len(run.splits.train) == 40
    assert run.splits.class_names[2] == "cat"
    assert (run.images("test") == IMAGES[run.splits.test.indices][:, None]).all()
    assert len(run.export()) == 8
    held = read_manifest(manifest_path("given"))
    assert held.data["source"] == "arrays"
    assert (
        held.data["fingerprint"]
        == grounding.datasets.from_arrays(
            IMAGES, np.array(["ant", "bee", "cat", "dog"])[LABELS]
        ).fingerprint
    )
    assert held.config["data"]["source"] == "python"


def test_the_same_arrays_are_the_same_run_and_others_are_not(in_folder):
    first = train()
    assert train(IMAGES / 255, LABELS.tolist()).sha256 == first.sha256
    changed = IMAGES.copy()
    changed[3, 4, 5] ^= 1
    with pytest.raises(grounding.UserError, match="the name given is taken by a run with other da"):
        train(changed)
    with pytest.raises(grounding.UserError, match="the name given is taken by a run with other da"):
        train(labels=None)


def test_later_the_arrays_have_to_be_given_again(in_folder, capsys):
    first = train()
    for name in ("given", "artifacts/given.run.json", "artifacts/given_final.pt"):
        with pytest.raises(grounding.UserError) as caught:
            grounding.load(name)
        assert str(caught.value) == (
            "the images of given are arrays that were given from Python, and have to be given "
            "again: grounding.load('given', images=..., labels=...)"
        )
        again = grounding.load(name, images=IMAGES, labels=LABELS)
        assert (again.latents() == first.latents()).all()
    with pytest.raises(grounding.UserError, match=r"other data .*; give the arrays that it was"):
        grounding.load("given", images=IMAGES[:-1], labels=LABELS[:-1])
    config = ["--config", "1", "--set", "experiment.name=given", "--set", "data.source=python"]
    assert main("analyze", config) == 2
    assert "have to be given again" in capsys.readouterr().err
    assert main("verify", ["given"]) == 0


def test_all_parts_can_be_given(in_folder):
    data = grounding.datasets.from_arrays(
        IMAGES[:50],
        LABELS[:50],
        test_images=IMAGES[50:70],
        test_labels=LABELS[50:70],
        val_images=IMAGES[70:],
        name="my arrays",
    )
    run = train(data, None)
    assert [len(run.splits.named(n)) for n in ("train", "val", "test")] == [40, 10, 20]
    assert (run.images("val") == IMAGES[70:, None]).all()
    assert run.splits.source == "my arrays"
    with pytest.raises(TypeError, match="labels belong to images that are given as an array"):
        train(data, LABELS)
    with pytest.raises(TypeError, match="labels belong to images"):
        train(None, LABELS)


def test_they_are_made_what_the_config_wants(in_folder):
    run = train(data={**SMALL["data"], "resize": [5, 6], "mode": "rgb"})
    assert run.splits.image_shape == (3, 5, 6)
    with pytest.raises(grounding.UserError, match=r"data\.mode=rgb \(here None\), data\.resize="):
        train()
