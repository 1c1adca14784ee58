"""The weighted sum, what it refuses, and objectives of other people."""

from typing import Annotated

import pytest
import torch
from pydantic import Field
from small_trainings import new_model, splits, trained
from torch import nn

from grounding import _registry as register
from grounding import objectives
from grounding._registry import Settings
from grounding.data import Batch, TrainingInputs
from grounding.models import Autoencoder
from grounding.objectives import Objective, Step, check
from grounding.objectives.contrastive import ContrastiveSettings


def batch(model, views=1):
    images = splits().train.images.float()[:8] / 255
    inputs = images.repeat(views, 1, 1, 1)
    return model, Batch(inputs, inputs, torch.arange(8).repeat(views))


def test_the_sum_is_weighted():
    model = new_model("conv").eval()
    single = {
        name: objectives.build({name: 1.0}, model=model, seed=3)(*batch(model, 2)).item()
        for name in ("reconstruction", "contrastive", "vicreg")
    }
    weights = {"reconstruction": 8.0, "contrastive": 0.5, "vicreg": 1.0, "kl": 0.0}
    whole = objectives.build(weights, model=model, seed=3)
    assert list(whole) == ["reconstruction", "contrastive", "vicreg"]
    expected = sum(weights[name] * loss for name, loss in single.items())
    assert whole(*batch(model, 2)).item() == pytest.approx(expected, rel=1e-6)


def test_each_head_is_drawn_from_the_seed_alone():
    model = new_model("conv")
    before = torch.random.get_rng_state()
    alone = objectives.build({"vicreg": 1.0}, model=model, seed=1)
    beside = objectives.build({"contrastive": 1.0, "vicreg": 1.0}, model=model, seed=1)
    other = objectives.build({"vicreg": 1.0}, model=model, seed=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, weights in alone.state_dict().items():
        assert torch.equal(weights, beside.state_dict()[name])
    assert not torch.equal(
        alone["vicreg"].projection[0].weight, other["vicreg"].projection[0].weight
    )


def test_the_model_is_asked_once_in_a_step():
    model, asked = new_model("variational"), []
    model.encoder[0].register_forward_hook(lambda *_: asked.append("encoder"))
    model.decoder.register_forward_hook(lambda *_: asked.append("decoder"))
    weights = {"reconstruction": 1.0, "kl": 1.0, "contrastive": 1.0}
    whole = objectives.build(weights, model=model)
    assert whole(*batch(model, 2)).isfinite()
    assert asked == ["encoder", "decoder"]
    asked.clear()
    objectives.build({"contrastive": 1.0}, model=model)(*batch(model, 2))
    assert asked == ["encoder"]


def test_the_variational_decoder_sees_a_sample_around_the_latent():
    model = new_model("variational").eval()
    sum_of = objectives.build({"kl": 1.0, "reconstruction": 1.0}, model=model)
    with torch.no_grad():
        sum_of["kl"].log_variance.weight.zero_()
        sum_of["kl"].log_variance.bias.fill_(2 * torch.log(torch.tensor(0.1)))
    images = splits().train.images
    sum_of.begin_epoch(model, TrainingInputs(images, seed=0, batch_size=8), 1)
    step = Step(model, batch(model)[1], sum_of)
    difference = step.sample - step.latents
    assert difference.std().item() == pytest.approx(0.1, rel=0.3)
    assert step.sample is step.sample


def test_labels_can_be_any_whole_numbers():
    model = new_model("conv")
    labels = 7 * splits().train.labels - 30
    spread = objectives.build({"labels": 1.0}, model=model, labels=labels)
    plain = objectives.build({"labels": 1.0}, model=model, labels=splits().train.labels)
    assert spread["labels"].classifier.out_features == len(labels.unique())
    assert spread(*batch(model)).item() == plain(*batch(model)).item()
    with pytest.raises(ValueError, match="labels needs training images with labels"):
        objectives.build({"labels": 1.0}, model=model)


def test_what_a_training_has_to_know_of_it():
    model = new_model("conv")
    plain = objectives.build({"reconstruction": 1.0}, model=model)
    views = objectives.build({"contrastive": 1.0, "vicreg": 1.0}, model=model, near=3)
    assert (plain.trains_decoder, views.trains_decoder) == (True, False)
    assert (plain.smallest_batch, views.smallest_batch) == (1, 2)
    settings = [ContrastiveSettings(near=n, near_from=f) for n, f in ((0, 0.2), (3, 0.2), (3, 0.0))]
    assert [one.depends_on_epochs for one in settings] == [False, True, False]


@pytest.mark.parametrize(
    ("weights", "arguments", "words"),
    [
        ({"reconstruction": 0.0}, {}, "all weights are 0; give at least one"),
        ({"reconstruction": -1.0}, {}, "the weight of reconstruction is -1.0"),
        ({"contrastiv": 1.0}, {}, "did you mean contrastive"),
        ({"contrastive": 1.0}, {}, "contrastive compares views .* set views to 2 or more"),
        ({"vicreg": 1.0}, {"views": 1}, "vicreg compares views"),
        ({"labels": 1.0}, {"mirrored": True}, "mirrored makes images without a label; drop it, or"),
        ({"labels": 1.0}, {"composites": 3}, "composites makes images without a label"),
        ({"reconstruction": 1.0}, {"near": 3}, "near has an effect on contrastive only"),
        ({"contrastive": 1.0}, {"near": 9, "views": 2, "images": 9}, "near 9 needs more images"),
    ],
)
def test_what_cannot_be_is_refused_by_name(weights, arguments, words):
    settings = {"contrastive": ContrastiveSettings(near=arguments.pop("near", 0))}
    with pytest.raises(ValueError, match=words):
        check(weights, settings, **arguments)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperatur": 0.1}, "temperatur: there is no such setting of contrastive; did you mean"),
        ({"temperature": 0.0}, "contrastive.temperature: .* greater than 0"),
        ({"near": 1, "close": 2}, "contrastive: close 2 is more than near 1"),
    ],
)
def test_settings_are_checked_in_one_line(settings, words):
    with pytest.raises(ValueError, match=rf"^[^\n]*{words}[^\n]*$"):
        objectives.build({"contrastive": 1.0}, model=new_model("conv"), **settings)


def test_an_encoder_without_a_linear_layer_at_its_end_is_refused_by_kl():
    model = Autoencoder(nn.Flatten(), nn.Identity(), image_shape=(1, 2, 2), latent_dim=4)
    with pytest.raises(ValueError, match="kl needs an encoder that"):
        objectives.build({"kl": 1.0}, model=model)


class SparsitySettings(Settings):
    target: Annotated[float, Field(ge=0)] = 0.0
    """How large values may be for nothing."""


def test_an_objective_of_ones_own_is_a_class_and_a_decorator(monkeypatch):
    monkeypatch.setattr(register.objective, "_components", {**register.objective._components})

    @register.objective("sparsity", settings=SparsitySettings)
    class Sparsity(Objective):
        """Mean size of the latents' values above a target."""

        def forward(self, step: Step) -> torch.Tensor:
            return (step.latents.abs() - self.settings.target).relu().mean()

    model = new_model("conv")
    sum_of = objectives.build({"sparsity": 1.0, "reconstruction": 0.01}, model=model, target=0.1)
    expected = (model.encode(batch(model)[1].inputs).abs() - 0.1).relu().mean()
    alone = objectives.build({"sparsity": 1.0}, model=model, target=0.1)
    assert alone(*batch(model)).item() == pytest.approx(expected.item())
    assert sum_of.trains_decoder
    assert not alone.trains_decoder
    assert register.objective["sparsity"].summary == Sparsity.__doc__


def test_a_training_by_two_objectives_goes_down():
    losses = [epoch.train_loss for epoch in trained("contrastive", epochs=4).history]
    assert losses[-1] < losses[0]
