from itertools import pairwise

import pytest
import torch
from torch import nn

from grounding.models.autoencoder import count_parameters
from grounding.models.build import ARCHITECTURES, build_autoencoder
from grounding.models.layers import Dropout, activation
from grounding.models.resnet import BasicBlock

HIDDEN = {
    "vanilla_fc": (32, 16),
    "naive_conv": (4, 8),
    "asymmetric_resnet": (4, 8),
    "vgg": (4, 8, 8),
}


def build(architecture: str, image_shape=(1, 28, 28), latent_dim=5, **numbers):
    torch.manual_seed(0)
    numbers = {"hidden_dims": HIDDEN[architecture], "base_channels": 8, **numbers}
    return build_autoencoder(
        architecture, image_shape=image_shape, latent_dim=latent_dim, **numbers
    ).eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 32, 32), (2, 17, 30), (1, 5, 1)])
@pytest.mark.parametrize("name", ["relu", "gelu", "tanh"])
def test_any_image_goes_in_and_comes_out_in_its_own_shape(architecture, image_shape, name):
    model = build(architecture, image_shape, activation_name=name)
    images = torch.rand(3, *image_shape)
    latents = model.encode(images)
    assert latents.shape == (3, 5)
    decoded = model.decode(latents)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert torch.equal(model(images), decoded)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_image_is_encoded_on_its_own(architecture):
    model = build(architecture)
    images = torch.rand(4, 1, 28, 28)
    alone = torch.cat([model.encode(image[None]) for image in images])
    assert torch.allclose(model.encode(images), alone, atol=1e-6)


def test_parameter_counts_by_hand():
    # 784 -> 256 -> 128 -> 32 -> 128 -> 256 -> 784, weights and biases.
    widths = [784, 256, 128, 32, 128, 256, 784]
    by_hand = sum(a * b + b for a, b in pairwise(widths))
    fc = build("vanilla_fc", hidden_dims=(256, 128), latent_dim=32)
    assert count_parameters(fc) == (by_hand, by_hand)
    # Two convolutions, a linear layer each way over 16 x 7 x 7, two transposed convolutions.
    linear = (784 * 32 + 32) + (32 * 784 + 784)
    by_hand = (9 * 8 + 8) + (8 * 9 * 16 + 16) + linear + (16 * 9 * 8 + 8) + (8 * 9 + 1)
    conv = build("naive_conv", hidden_dims=(8, 16), latent_dim=32)
    assert count_parameters(conv)[0] == by_hand == 53_473


def test_vgg_parameters_by_hand():
    convolutions = [(25, 1, 4), (9, 4, 8), (9, 8, 8), (9, 8, 8), (9, 8, 8)]
    encoder = sum(size * a * b + 2 * b for size, a, b in convolutions) + (8 * 5 + 5)
    # Three halvings of 28 leave 4 x 4; three transposed convolutions lead back.
    decoder = (5 * 128 + 128) + (9 * 8 * 8 + 8) + (9 * 8 * 4 + 4) + (9 * 4 + 1)
    assert count_parameters(build("vgg"))[0] == encoder + decoder


def test_the_reference_resnet_has_130385_parameters():
    resnet = build(
        "asymmetric_resnet", hidden_dims=(8, 16), latent_dim=32, base_channels=16, encoder_depth=8
    )
    assert count_parameters(resnet) == (130_385, 130_385)
    for parameter in resnet.decoder.parameters():
        parameter.requires_grad_(False)
    assert count_parameters(resnet)[1] == 130_385 - (32 * 784 + 784 + 16 * 9 * 8 + 8 + 8 * 9 + 1)


@pytest.mark.parametrize(("depth", "blocks"), [(8, 3), (14, 6), (20, 9)])
def test_resnet_depth_counts_weighted_layers(depth, blocks):
    model = build("asymmetric_resnet", encoder_depth=depth)
    found = [m for m in model.encoder.modules() if isinstance(m, BasicBlock)]
    assert len(found) == blocks
    # The stem, two convolutions a block and the latent layer; projections do not count.
    assert 1 + 2 * blocks + 1 == depth


def test_a_residual_block_starts_as_its_shortcut():
    block = BasicBlock(8, 8, 1, "relu")
    x = torch.rand(2, 8, 6, 6)
    assert torch.equal(block(x), x)


def test_activations_are_torchs():
    x = torch.linspace(-2, 2, 9)
    assert torch.equal(activation("gelu")(x), nn.functional.gelu(x))
    with pytest.raises(ValueError, match="'swish' is not one of relu, gelu, tanh"):
        activation("swish")


@pytest.mark.parametrize(
    ("architecture", "numbers", "problem"),
    [
        ("vanilla_fc", {"input_dim": 100}, "input_dim 100 does not fit images of 1 x 28 x 28"),
        ("asymmetric_resnet", {"encoder_depth": 10}, "10 is not 6n"),
        ("asymmetric_resnet", {"base_channels": 12}, "not a multiple of 8"),
        ("asymmetric_resnet", {"hidden_dims": (8,)}, "two channel counts"),
    ],
)
def test_numbers_a_model_cannot_have(architecture, numbers, problem):
    with pytest.raises(ValueError, match=problem):
        build(architecture, **numbers)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="'vae' is not one of vanilla_fc"):
        build_autoencoder("vae", image_shape=(1, 28, 28), latent_dim=2, hidden_dims=(2,))


class TestDropout:
    def test_whole_channels_are_dropped_and_the_rest_scaled(self):
        dropout = Dropout(0.25)
        dropout.generator = torch.Generator().manual_seed(1)
        out = dropout(torch.ones(400, 10, 3, 3))
        per_channel = out.flatten(2)
        assert torch.equal(per_channel.amin(2), per_channel.amax(2))
        assert out.unique().tolist() == pytest.approx([0, 4 / 3])
        assert out.mean().item() == pytest.approx(1, abs=0.05)

    def test_units_are_dropped_one_by_one(self):
        out = Dropout(0.5)(torch.ones(50, 40))
        assert 0.3 < (out == 0).float().mean() < 0.7

    def test_it_draws_from_its_own_generator_only(self):
        dropout = Dropout(0.5)
        drawn = []
        for noise in (1, 2):
            torch.manual_seed(noise)
            dropout.generator = torch.Generator().manual_seed(7)
            drawn.append(dropout(torch.ones(20, 20)))
        assert torch.equal(*drawn)

    def test_evaluation_changes_nothing(self):
        x = torch.rand(3, 4)
        assert Dropout(0.9).eval()(x) is x

    def test_p_is_checked(self):
        with pytest.raises(ValueError, match="p = 1"):
            Dropout(1)

    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_every_architecture_takes_it(self, architecture):
        assert not [m for m in build(architecture).modules() if isinstance(m, Dropout)]
        model = build(architecture, dropout=0.5)
        for half in (model.encoder, model.decoder):
            assert [m for m in half.modules() if isinstance(m, Dropout)]
        images = torch.rand(2, 1, 28, 28)
        assert torch.equal(model(images), model(images))
        model.train()
        assert not torch.equal(model(images), model(images))
