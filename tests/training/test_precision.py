import itertools

import pytest
import torch
from small_trainings import CPU, KINDS, kept, new_model, new_objectives, splits, trained

from grounding import models, objectives
from grounding.data import Batch
from grounding.models.strided import StridedConv2d, StridedConvTranspose2d
from grounding.training import initial_model, resolve_precision
from grounding.training.checkpoint import machine


@pytest.fixture
def processor(monkeypatch):
    """Pretend to be a processor with these capabilities."""

    def pretend(capability, **capabilities):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)

    return pretend


@pytest.mark.parametrize(
    ("capability", "capabilities", "native"),
    [
        ("AVX512", {"avx512_bf16": True}, True),
        ("AVX512", {"avx512_bf16": False, "amx_bf16": True}, True),
        ("AVX512", {"avx512_bf16": False, "amx_bf16": False}, False),
        ("AVX2", {"avx512_bf16": True}, False),  # as with ATEN_CPU_CAPABILITY=avx2
        ("DEFAULT", {}, False),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(
    processor, capability, capabilities, native
):
    processor(capability, **capabilities)
    expected = torch.bfloat16 if native else torch.float32
    assert resolve_precision("auto", CPU) == expected
    assert resolve_precision("auto", torch.device("cuda")) == torch.float32
    assert machine().endswith("bfloat16") == native
    for name in ("float32", "bfloat16"):
        assert resolve_precision(name, CPU) == getattr(torch, name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_in_bfloat16_is_nearly_the_step_in_float32(kind):
    """Loss and gradients agree to bfloat16's eight bits; what is trained stays float32."""
    images = splits().train.images.float() / 255
    two = images.repeat(2, 1, 1, 1)
    views = Batch(two, two, torch.arange(64).repeat(2))
    losses, gradients = [], []
    for dtype in (torch.float32, torch.bfloat16):
        model = new_model(kind).train()
        objective = new_objectives(kind, model, epochs=2, precision=dtype)
        for _, one in objective.by_name():
            one.generator = torch.Generator().manual_seed(0)
        loss = objective(model, views)
        loss.backward()
        assert loss.dtype == torch.float32
        trains = [p for p in model.parameters() if p.grad is not None]
        assert {p.grad.dtype for p in trains} == {torch.float32}
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in trains]))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0]  # it is not float32 under another name
    assert torch.cosine_similarity(*gradients, dim=0) > 0.95


@pytest.mark.parametrize(
    "layer", [StridedConv2d(3, 4), StridedConvTranspose2d(3, 4, (13, 14))], ids=["down", "up"]
)
def test_strided_layers_compute_as_autocast_asks(layer):
    x = torch.randn(5, 3, 7, 7, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        lower = layer(x)
    assert lower.dtype == torch.bfloat16
    exact = layer(x)
    assert exact.dtype == torch.float32
    torch.testing.assert_close(lower.float(), exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("vgg", (3, 7, 1)),
        ("vgg", (4, 1, 1)),
        ("asymmetric_resnet", (1, 12, 2)),
        ("naive_conv", (3, 9, 1)),
    ],
)
def test_gradients_of_narrow_images_are_those_of_float32(architecture, shape):
    """torch's own strided convolution has a gradient of random memory there."""
    images = torch.rand(40, *shape, generator=torch.Generator().manual_seed(0))
    first = []
    for dtype in (torch.float32, torch.bfloat16):
        model = initial_model(lambda: models.build(architecture, shape, latent_dim=4), 0).train()
        loss = objectives.build({"reconstruction": 1.0}, model=model, precision=dtype)
        loss(model, Batch(images, images, torch.arange(40))).backward()
        gradients = {n: p.grad for n, p in model.encoder.named_parameters() if p.ndim == 4}
        first.append(torch.cat([gradient.flatten() for gradient in gradients.values()]))
    assert torch.cosine_similarity(*first, dim=0) > 0.9


def test_what_is_kept_of_a_training_in_bfloat16_is_float32():
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        found[dtype] = kept(trained("augmented", epochs=1, precision=dtype))
        states = [state.values() for state in found[dtype].optimizer.values()]
        tensors = [*found[dtype].state_dict.values(), *itertools.chain(*states)]
        assert {tensor.dtype for tensor in tensors} == {torch.float32}
    one, other = (held.state_dict["encoder.0.weight"] for held in found.values())
    assert not torch.equal(one, other)
    torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)
