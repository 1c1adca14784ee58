"""What a trained run answers, in Python."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import image_set, inside, own_config

import grounding
from grounding.data import to_unit


@pytest.mark.parametrize("name", ["plain", "colour"])
@pytest.mark.parametrize("indices", [[7], [0, 1, 2, 30, 79], list(range(79, 0, -2))])
def test_a_latent_has_the_same_bits_whichever_others_are_asked_for(special, name, indices):
    chosen, made = torch.tensor(indices), special(name)
    run = made.run
    alone = run.latents_of("test", chosen)
    assert alone.shape == (len(indices), run.experiment.model.latent_dim)
    assert torch.equal(alone, made.run.latents_of("test")[chosen])
    run.latents_of("test")
    assert torch.equal(alone, run.latents_of("test", chosen))


def test_only_the_images_asked_for_are_encoded(special, monkeypatch):
    monkeypatch.setattr("grounding.runs.run.EVALUATION_BATCH", 10)
    run, sizes = special("plain").run, []
    run.model.encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    run.latents_of("test", torch.arange(25))
    assert sizes == [10, 10, 10]


def test_images_and_latents_come_back_as_they_are_given(special):
    run = special("plain").run
    images, z = run.images(), run.latents()
    assert images.dtype == np.uint8
    assert images.shape == (80, 1, 12, 12)
    assert np.array_equal(run.encode(images), z)
    assert np.array_equal(run.encode(images[:, 0]), z)
    assert torch.equal(run.encode(to_unit(torch.tensor(images))), torch.tensor(z))
    drawn = run.decode(z)
    assert (drawn.shape, drawn.dtype) == ((80, 1, 12, 12), np.float32)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert np.array_equal(run.decode(torch.tensor(z)).numpy(), drawn)
    assert run.encode(images[:0]).shape == (0, 4)
    assert run.labels("train").shape == (144,)
    assert special("unlabelled").run.labels() is None
    assert repr(run).startswith("Run('plain': naive_conv, 144 training images of 1 x 12 x 12")
    for wrong in (images[..., :5], images[0, 0], images.astype(np.int64)):
        with pytest.raises(ValueError, match="images"):
            run.encode(wrong)
    with pytest.raises(ValueError, match="latents have shape"):
        run.decode(z[:, :3])
    with pytest.raises(ValueError, match="verification"):
        run.latents("verification")


def test_a_run_is_loaded_by_each_of_its_names(special, monkeypatch):
    made = special("plain")
    monkeypatch.chdir(made.folder)
    places = ("plain", "plain.yaml", "artifacts/plain.run.json", "artifacts/plain_final.pt")
    for place in (*places, Path("plain.yaml")):
        assert grounding.load(place).sha256 == made.run.sha256
    assert made.run.manifest.name == "plain"
    for place in ("plane", "artifacts/plane.run.json", "nothing.pt", "7"):
        with pytest.raises(ValueError, match="there is no run"):
            grounding.load(place)


def test_training_in_python_is_the_command_line_s(special, in_folder, capsys):
    image_set(Path("images"))
    config = own_config("plain")
    run = grounding.train(config, quiet=True)
    assert capsys.readouterr().out == ""
    assert np.array_equal(run.latents(), special("plain").run.latents())
    assert grounding.train(run.experiment).sha256 == run.sha256
    other = grounding.train(config, training={"epochs": 1}, experiment={"name": "short"})
    assert (other.name, other.checkpoint.epoch) == ("short", 1)
    with pytest.raises(ValueError, match="the name plain is taken by a run with training"):
        grounding.train(config, training={"epochs": 1})
    with pytest.raises(TypeError, match="change the experiment itself"):
        grounding.train(run.experiment, training={"epochs": 1})
    assert grounding.train(config, force=True).sha256 != run.sha256


def test_an_interrupted_run_says_so(in_folder):
    from grounding.runs.manifest import Manifest, manifest_path, write_manifest

    image_set(Path("images"))
    experiment = grounding.load_config(own_config())
    write_manifest(Manifest(manifest_path("own"), "own", experiment.as_dict()))
    with inside(in_folder), pytest.raises(ValueError, match="its training was interrupted"):
        grounding.load("own")
