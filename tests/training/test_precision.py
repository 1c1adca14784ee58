import itertools

import pytest
import torch

from grounding.data.augmented import Batch
from grounding.data.splits import load_splits
from grounding.experiment.load import load_experiment
from grounding.models.strided import StridedConv2d, StridedConvTranspose2d
from grounding.objectives.weighted import Objective
from grounding.training import precision
from grounding.training.checkpoint import machine
from grounding.training.loop import initial_model, train
from grounding.training.precision import resolve_precision

CPU = torch.device("cpu")
FEW = ["data.train_samples=40", "data.val_samples=20", "data.test_samples=10"]


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


@pytest.mark.parametrize("config", ["0", "1", "4", "5", "6", "7", "9"])
def test_a_step_in_bfloat16_is_nearly_the_step_in_float32(config):
    """Loss and gradients agree to bfloat16's eight bits; what is trained stays float32."""
    experiment = load_experiment(config, FEW)
    splits = load_splits(experiment.data, experiment.seed)
    images = splits.train.images.float() / 255
    views = Batch(images.repeat(2, 1, 1, 1), images.repeat(2, 1, 1, 1), torch.arange(40).repeat(2))
    losses, gradients = [], []
    for dtype in (torch.float32, torch.bfloat16):
        model = initial_model(experiment, splits.image_shape).train()
        objective = Objective(experiment, model, splits, dtype)
        objective.seeded = torch.Generator().manual_seed(0)
        loss = objective(model, views)
        loss.backward()
        assert loss.dtype == torch.float32
        assert {p.grad.dtype for p in model.parameters()} == {torch.float32}
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
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


def test_the_precision_is_the_configs_to_choose(tmp_path):
    found = {}
    for name in ("float32", "bfloat16"):
        experiment = load_experiment(
            "4",
            [
                *FEW, f"training.precision={name}", "training.epochs=1",
                "self_supervised.augmentations_per_sample=4", "output.save_every_n_epochs=0",
                f"output.checkpoint_path={tmp_path / name}.pt",
            ],
        )  # fmt: skip
        splits = load_splits(experiment.data, experiment.seed)
        found[name] = train(experiment, splits, CPU)
        kept = [state.values() for state in found[name].optimizer.values()]
        tensors = [*found[name].state_dict.values(), *itertools.chain(*kept)]
        assert {tensor.dtype for tensor in tensors} == {torch.float32}
    one, other = (found[name].state_dict["encoder.0.weight"] for name in found)
    assert not torch.equal(one, other)
    torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)


def test_a_processor_without_the_question_computes_in_float32(monkeypatch):
    monkeypatch.setattr(precision.torch.cpu, "get_capabilities", dict)
    assert resolve_precision("auto", CPU) == torch.float32
