import pytest
import torch
import torch.nn.functional as F

from grounding.models.strided import StridedConv2d, StridedConvTranspose2d

SIZES = [(28, 28), (7, 9), (5, 6), (1, 1), (2, 3)]


def gradients(output, inputs):
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return torch.autograd.grad((output * weights).sum(), inputs)


def assert_same(ours, torchs, inputs):
    assert ours.shape == torchs.shape
    assert torch.allclose(ours, torchs, atol=1e-12)
    pairs = zip(gradients(ours, inputs), gradients(torchs, inputs), strict=True)
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in pairs)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("before", "after", "bias"), [(1, 8, True), (5, 3, False)])
def test_the_product_is_torchs_convolution(size, before, after, bias):
    layer = StridedConv2d(before, after, bias=bias).double()
    x = torch.rand(4, before, *size, dtype=torch.float64, requires_grad=True)
    inputs = [x, *layer.parameters()]
    assert_same(layer(x), F.conv2d(x, layer.weight, layer.bias, 2, 1), inputs)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("before", "after"), [(8, 1), (3, 5)])
def test_the_product_is_torchs_transposed_convolution(size, before, after):
    layer = StridedConvTranspose2d(before, after, size).double()
    half = [(n + 1) // 2 for n in size]
    x = torch.rand(4, before, *half, dtype=torch.float64, requires_grad=True)
    padding = [1 - n % 2 for n in size]
    expected = F.conv_transpose2d(x, layer.weight, layer.bias, 2, 1, padding)
    assert expected.shape[2:] == size
    assert_same(layer(x), expected, [x, *layer.parameters()])


def test_the_transposed_layer_is_the_adjoint_of_the_other():
    down = StridedConv2d(2, 3, bias=False).double()
    up = StridedConvTranspose2d(3, 2, (9, 6)).double()
    with torch.no_grad():
        up.weight.copy_(down.weight)
        up.bias.zero_()
    x = torch.rand(1, 2, 9, 6, dtype=torch.float64)
    y = torch.rand(1, 3, 5, 3, dtype=torch.float64)
    assert torch.allclose((down(x) * y).sum(), (x * up(y)).sum())


def test_evaluation_uses_torchs_layer_and_agrees():
    layer = StridedConvTranspose2d(4, 2, (14, 14))
    x = torch.rand(2, 4, 7, 7)
    trained = layer(x)
    assert trained.grad_fn.name() != layer.eval()(x).grad_fn.name()
    assert torch.allclose(trained, layer(x), atol=1e-6)


def test_fresh_transposed_layers_keep_the_size_of_signals():
    torch.manual_seed(0)
    layer = StridedConvTranspose2d(32, 32, (16, 16))
    out = layer(torch.randn(64, 32, 8, 8))
    # He: the variance doubles before a ReLU, which halves it. The border sees less of the kernel.
    assert out[..., 2:-2, 2:-2].var().item() == pytest.approx(2, rel=0.1)
    assert (layer.bias == 0).all()
