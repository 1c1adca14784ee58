"""What is true of every architecture, and what each one builds."""

import hashlib
from itertools import pairwise

import pytest
import torch

from grounding import _registry as register
from grounding.models import ModelSettings, build, count_parameters
from grounding.models.asymmetric_resnet import BasicBlock
from grounding.models.layers import Dropout

NAMES = ("asymmetric_resnet", "naive_conv", "vanilla_fc", "vgg")
SMALL = {
    "vanilla_fc": {"hidden_dims": (32, 16)},
    "naive_conv": {"hidden_dims": (4, 8)},
    "asymmetric_resnet": {"hidden_dims": (4, 8), "encoder": {"base_channels": 8}},
    "vgg": {"hidden_dims": (4, 8, 8)},
}
MNIST = (1, 28, 28)

# Made by version 0.1.0, with and without dropout: the number of parameters, a hash of their names
# and shapes, the sum of the drawn weights times a ramp, torch's next random number. While these
# stay, earlier checkpoints load and trainings repeat.
DRAWN = {
    ("asymmetric_resnet", MNIST): (130385, "c7bdfe424b5f72b3", -92.8928372, 0.021114),
    ("asymmetric_resnet", (3, 17, 30)): (121459, "cd6e6ff04823380d", -79.8159626, 0.147038),
    ("naive_conv", MNIST): (53473, "cf88fd37f9291c07", 7.12817321, 0.719076),
    ("naive_conv", (3, 17, 30)): (44403, "10c65379616b93f6", 2.60888873, 0.866791),
    ("vanilla_fc", MNIST): (476720, "6e15c59d7d4593a5", 5.18515736, 0.771366),
    ("vanilla_fc", (3, 17, 30)): (859418, "d72d2e97eedab494", -6.07680856, 0.492878),
    ("vgg", MNIST): (129041, "6784eef7d74b4a9e", -123.653885, 0.028382),
    ("vgg", (3, 17, 30)): (121683, "da652fa091e1714d", -89.3514141, 0.437929),
}


def small(name, image_shape=MNIST, **settings):
    torch.manual_seed(0)
    return build(name, image_shape, **SMALL[name] | {"latent_dim": 5} | settings).eval()


@pytest.mark.parametrize(("name", "image_shape"), DRAWN)
def test_names_order_and_drawn_weights_stay(name, image_shape):
    torch.manual_seed(0)
    model = build(name, image_shape, dropout=0.0 if image_shape == MNIST else 0.2)
    after = torch.rand(1).item()
    shapes = "".join(f"{key}{tuple(value.shape)}" for key, value in model.state_dict().items())
    weights = torch.cat([p.detach().double().flatten() for p in model.parameters()])
    ramp = torch.linspace(-1, 1, len(weights), dtype=torch.float64)
    count, digest, total, random_number = DRAWN[name, image_shape]
    assert hashlib.sha256(shapes.encode()).hexdigest()[:16] == digest
    assert count_parameters(model) == (count, count)
    assert (weights * ramp).sum().item() == pytest.approx(total, rel=1e-6)
    assert after == pytest.approx(random_number, abs=1e-6)


def test_the_architectures_register_themselves():
    assert set(NAMES) <= set(register.model.names())
    for name in NAMES:
        component = register.model[name]
        assert issubclass(component.settings, ModelSettings)
        assert component.summary.endswith(".")
        described = component.settings.model_json_schema()["properties"]
        assert all("description" in field or "$ref" in field for field in described.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("image_shape", [MNIST, (3, 32, 32), (2, 17, 30), (1, 5, 1)])
@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_any_image_goes_in_and_comes_out_in_its_own_shape(name, image_shape, activation):
    model = small(name, image_shape, activation=activation)
    images = torch.rand(3, *image_shape)
    latents = model.encode(images)
    assert latents.shape == (3, 5)
    decoded = model.decode(latents)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert torch.equal(model(images), decoded)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_encoded_on_its_own(name):
    model = small(name)
    images = torch.rand(4, *MNIST)
    alone = torch.cat([model.encode(image[None]) for image in images])
    assert torch.allclose(model.encode(images), alone, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_meta_device_gives_shapes_without_memory(name):
    with torch.device("meta"):
        shapes = build(name, MNIST, dropout=0.1).state_dict()
    real = build(name, MNIST, dropout=0.1).state_dict()
    assert {value.device.type for value in shapes.values()} == {"meta"}
    assert [(k, v.shape) for k, v in shapes.items()] == [(k, v.shape) for k, v in real.items()]


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_takes_dropout(name):
    assert not [m for m in small(name).modules() if isinstance(m, Dropout)]
    model = small(name, dropout=0.5)
    for half in (model.encoder, model.decoder):
        assert [m for m in half.modules() if isinstance(m, Dropout)]
    images = torch.rand(2, *MNIST)
    assert torch.equal(model(images), model(images))
    model.train()
    assert not torch.equal(model(images), model(images))


def test_parameter_counts_by_hand():
    # 784 -> 256 -> 128 -> 32 -> 128 -> 256 -> 784, weights and biases.
    widths = [784, 256, 128, 32, 128, 256, 784]
    assert DRAWN["vanilla_fc", MNIST][0] == sum(a * b + b for a, b in pairwise(widths))
    # Two convolutions, a linear layer each way over 16 x 7 x 7, two transposed convolutions.
    linear = (784 * 32 + 32) + (32 * 784 + 784)
    by_hand = (9 * 8 + 8) + (8 * 9 * 16 + 16) + linear + (16 * 9 * 8 + 8) + (8 * 9 + 1)
    assert DRAWN["naive_conv", MNIST][0] == by_hand
    # Three halvings of 28 leave 4 x 4; three transposed convolutions lead back.
    convolutions = [(25, 1, 4), (9, 4, 8), (9, 8, 8), (9, 8, 8), (9, 8, 8)]
    encoder = sum(size * a * b + 2 * b for size, a, b in convolutions) + (8 * 5 + 5)
    decoder = (5 * 128 + 128) + (9 * 8 * 8 + 8) + (9 * 8 * 4 + 4) + (9 * 4 + 1)
    assert count_parameters(small("vgg"))[0] == encoder + decoder


@pytest.mark.parametrize("depth", [8, 14, 20])
def test_resnet_depth_counts_weighted_layers(depth):
    model = small("asymmetric_resnet", encoder={"resnet_depth": depth, "base_channels": 8})
    blocks = sum(isinstance(m, BasicBlock) for m in model.encoder.modules())
    # The stem, two convolutions a block and the latent layer; projections do not count.
    assert 1 + 2 * blocks + 1 == depth


def test_a_residual_block_starts_as_its_shortcut_unless_told_otherwise():
    x = torch.rand(2, 8, 6, 6)
    assert torch.equal(BasicBlock(8, 8, 1, "relu")(x), x)
    other = small("asymmetric_resnet", encoder={"zero_init_residual": False})
    blocks = [m for m in other.encoder.modules() if isinstance(m, BasicBlock)]
    assert all((block.norm2.weight == 1).all() for block in blocks)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("vanilla_fc", {"input_dim": 784}),
        ("naive_conv", {"input_channels": 1, "input_size": 28}),
        ("asymmetric_resnet", {"input_channels": 1, "input_size": 28, "kernel_size": 3}),
        ("vgg", {"input_channels": 1, "input_size": 28}),
    ],
)
def test_sizes_that_fit_change_nothing(name, settings):
    told, plain = small(name, **settings).state_dict(), small(name).state_dict()
    assert all(torch.equal(told[key], plain[key]) for key in plain)


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("vae", {}, "model 'vae' is unknown; there are: asymmetric_resnet, attached, naive_conv"),
        ("naive_con", {}, "did you mean naive_conv"),
        ("naive_conv", {"latent_dim": 0}, "naive_conv: latent_dim: Input .* to 1, got 0"),
        ("naive_conv", {"kernal_size": 3}, "kernal_size: there is no .*did you mean kernel_size"),
        ("naive_conv", {"hidden_dims": []}, "hidden_dims: List should have at least 1 item"),
        ("naive_conv", {"hidden_dims": "8"}, "hidden_dims: Input should be a valid list, got '8'"),
        ("naive_conv", {"activation": "a\nb"}, r"should be 'relu', 'gelu' or 'tanh', got 'a\\n"),
        ("naive_conv", {"dropout": 1.0}, "p = 1.0 is not in"),
        ("naive_conv", {"input_channels": 3}, "input_channels 3 does not fit images of 1 x 28"),
        ("vgg", {"input_size": 32}, "input_size 32 does not fit images of 1 x 28 x 28"),
        ("vanilla_fc", {"input_dim": 100}, "input_dim 100 does not fit images of 1 x 28 x 28"),
        ("vanilla_fc", {"input_size": 28}, "vanilla_fc: input_size: there is no such setting"),
        ("asymmetric_resnet", {"encoder": {"resnet_depth": 10}}, "6n . 2; .* 8, 14,.*got 10"),
        ("asymmetric_resnet", {"encoder": {"base_channels": 12}}, "multiple of 8, got 12"),
        ("asymmetric_resnet", {"hidden_dims": (8,)}, "List should have at least 2 items"),
        ("naive_conv", {"kernel_size": 5}, "kernel_size: Input should be 3, got 5"),
        ("naive_conv", {"stride": 1}, "stride: Input should be 2, got 1"),
        ("asymmetric_resnet", {"padding": 0}, "padding: Input should be 1, got 0"),
        ("asymmetric_resnet", {"output_padding": 0}, "output_padding: Input should be 1, got 0"),
    ],
)
def test_what_a_model_cannot_have_is_one_line(name, settings, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        build(name, MNIST, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("image_shape", [(28, 28), (0, 28, 28)])
def test_an_image_has_three_sizes(image_shape):
    with pytest.raises(ValueError, match=r"is not \(channels, height, width"):
        build("vanilla_fc", image_shape)
