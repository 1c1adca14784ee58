"""What a trained run answers, in Python."""

from pathlib import Path

import pytest
import torch
from conftest import image_set, own_config

import grounding
from grounding.runs.manifest import Manifest, manifest_path, write_manifest


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
    monkeypatch.setattr("grounding.runs.run.BATCH", 10)
    run, sizes = special("plain").run, []
    run.model.encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    run.latents_of("test", torch.arange(25))
    assert sizes == [10, 10, 10]


def test_an_interrupted_run_says_so(in_folder):
    image_set(Path("images"))
    experiment = grounding.load_config(own_config())
    write_manifest(Manifest(manifest_path("own"), "own", experiment.as_dict()))
    with pytest.raises(ValueError, match="its training was interrupted"):
        grounding.load("own")
