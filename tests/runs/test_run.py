"""What a trained run computes."""

import pytest
import torch

from grounding.data.splits import to_unit
from grounding.experiment.load import load_experiment
from grounding.runs.run import load_run


@pytest.fixture(params=["2", "5"])
def load(request, trained, monkeypatch):
    made = trained(request.param)
    monkeypatch.chdir(made.folder)
    overrides = [setting for setting in made.arguments[2:] if setting != "--set"]
    return lambda: load_run(load_experiment(made.arguments[1], overrides))[0]


@pytest.mark.parametrize("indices", [[7], [0, 1, 2, 150, 299], list(range(299, 0, -2))])
def test_a_latent_has_the_same_bits_whichever_others_are_asked_for(load, indices):
    chosen = torch.tensor(indices)
    run = load()
    alone = run.latents("test", chosen)
    assert alone.shape == (len(indices), run.experiment.model.latent_dim)
    assert torch.equal(alone, load().latents("test")[chosen])
    run.latents("test")
    assert torch.equal(alone, run.latents("test", chosen))


def test_only_the_images_asked_for_are_encoded(load, monkeypatch):
    monkeypatch.setattr("grounding.runs.run.EVALUATION_BATCH", 10)
    run, sizes = load(), []
    run.model.encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    run.latents("test", torch.arange(25))
    assert sizes == [10, 10, 10]


def test_reconstruction_errors_are_those_of_each_image(load):
    run, chosen = load(), torch.tensor([3, 200, 4])
    latents = run.latents("test", chosen)
    errors = run.reconstruction_errors("test", chosen, latents)
    images = to_unit(run.splits.test.images[chosen])
    with torch.inference_mode():
        expected = [float((run.model(x[None]) - x).square().mean()) for x in images]
    assert errors.tolist() == pytest.approx(expected, rel=1e-4)
