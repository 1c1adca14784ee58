import dataclasses

import pytest
import torch
from small_trainings import KINDS, kept, new_model, trained

from grounding import models
from grounding._errors import UserError
from grounding.training import Checkpoint, Epoch, checkpoint_bytes, model_of, read_checkpoint

HELD = Checkpoint(
    state_dict={"w": torch.arange(6.0).view(2, 3)},
    objectives={"contrastive.projection.0.weight": torch.ones(2, 2)},
    optimizer={"w": {"step": torch.tensor(9.0), "exp_avg": torch.ones(2, 3)}, "unused": {}},
    config={"experiment": {"name": "x", "seed": 1}, "model": {"hidden_dims": [4, None, 0.5, True]}},
    epoch=3,
    train_loss=0.25,
    val_loss=None,
    history=(Epoch(1, 0.75, 1.0, 1.5, 9.0), Epoch(2, 0.5, None, 1.5, 9.0)),
    image_shape=(1, 28, 28),
    data_fingerprint="abc",
    versions={"grounding": "0"},
    device="cpu",
    machine="x86_64 AVX2",
    threads=2,
    seconds=1.5,
    run="000001-00000000",
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x_final.pt"
    path.write_bytes(checkpoint_bytes(HELD))
    return path


def test_what_is_saved_is_loaded(path):
    loaded = read_checkpoint(path)
    assert torch.equal(loaded.state_dict["w"], HELD.state_dict["w"])
    assert torch.equal(loaded.objectives["contrastive.projection.0.weight"], torch.ones(2, 2))
    assert torch.equal(loaded.optimizer["w"]["exp_avg"], HELD.optimizer["w"]["exp_avg"])
    for field in dataclasses.fields(Checkpoint):
        if field.name not in ("state_dict", "objectives", "optimizer"):
            assert getattr(loaded, field.name) == getattr(HELD, field.name)


def test_torch_alone_can_read_it(path):
    values = torch.load(path, weights_only=True)
    assert {"state_dict", "config", "epoch", "train_loss", "val_loss"} <= values.keys()
    assert values["config"]["experiment"]["name"] == "x"


def test_equal_checkpoints_are_equal_bytes():
    assert checkpoint_bytes(HELD) == checkpoint_bytes(dataclasses.replace(HELD))


@pytest.mark.parametrize("field", ["state_dict", "objectives"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_named_and_not_written(field, value):
    broken = dataclasses.replace(HELD, **{field: {"a": torch.ones(2), "b": torch.tensor([value])}})
    with pytest.raises(
        UserError, match=r"^b holds weights that are not finite after epoch 3; .*try"
    ):
        checkpoint_bytes(broken)


def refused(path):
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_wrong_files_are_refused(path):
    assert "does not exist" in refused(path.with_name("none.pt"))
    path.write_bytes(b"<html>not found</html>")
    assert "is not a checkpoint" in refused(path)
    torch.save({"state_dict": {}}, path)
    assert "format None" in refused(path)
    torch.save([1, 2], path)
    assert "format list" in refused(path)
    for other in (1, 2, 5, True):
        torch.save({"format": other, "epoch": 3}, path)
        line = f"has checkpoint format {other}, this version reads 3 and 4; train it again"
        assert line in refused(path)
    torch.save({"format": 4, "epoch": 3}, path)
    assert "lacks state_dict" in refused(path)


def changed(path, **values):
    held = torch.load(path, weights_only=True)
    torch.save({key: value for key, value in (held | values).items() if value is not ...}, path)


def test_the_format_before_can_be_used(path):
    changed(path, format=3, objectives=..., objective={}, experiment="x")
    loaded = read_checkpoint(path)
    assert loaded.format == 3
    assert torch.equal(loaded.state_dict["w"], HELD.state_dict["w"])
    assert loaded.config == HELD.config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state_dict", {"w": "no tensor"}),
        ("state_dict", {1: torch.ones(1)}),
        ("state_dict", {"w": torch.zeros(1).expand(10**12)}),
        ("state_dict", {"w": torch.zeros(3, requires_grad=True)}),
        ("optimizer", {"w": torch.ones(1)}),
        ("epoch", 0),
        ("epoch", True),
        ("val_loss", "low"),
        ("history", [{"epoch": 1}]),
        ("history", [dict.fromkeys(Epoch.__annotations__)]),
        ("image_shape", [28, 28]),
        ("versions", None),
        ("run", "000001"),
        ("config", []),
        ("config", {"a": torch.ones(1)}),
        ("config", {"a": [0] * 100_000}),
    ],
)
def test_values_of_a_wrong_kind_are_refused(path, key, value):
    changed(path, **{key: value})
    assert f"has no usable {key}; train it again" in refused(path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_of_a_checkpoint_is_the_one_that_was_trained(kind, tmp_path):
    training = trained(kind, epochs=1)
    path = tmp_path / "x.pt"
    path.write_bytes(checkpoint_bytes(kept(training)))
    before = torch.random.get_rng_state()
    model = model_of(read_checkpoint(path), lambda _: new_model(kind, seed=3))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, weights in training.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], weights)
        assert model.state_dict()[name].stride() == weights.stride()


def small(image_shape, latent_dim=4):
    return models.build("vanilla_fc", image_shape, hidden_dims=[8], latent_dim=latent_dim)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"encoder.1.bias": torch.ones(9)},
            r"encoder.1.bias is float32 \(9,\), the config makes it",
        ),
        ({"encoder.1.bias": torch.ones(8).double()}, r"encoder.1.bias is float64 \(8,\)"),
        ({"encoder.1.bias": ...}, "no weights encoder.1.bias"),
        ({"more": torch.ones(1)}, "unknown weights more"),
    ],
)
def test_weights_that_are_not_those_of_the_config_are_named(change, words):
    weights = small((1, 28, 28)).state_dict() | change
    held = dataclasses.replace(HELD, state_dict={k: v for k, v in weights.items() if v is not ...})
    with pytest.raises(UserError, match=rf"^x.pt does not fit its own config: {words}[^\n]*$"):
        model_of(held, small, "x.pt")


def test_a_config_of_a_huge_model_takes_no_memory():
    held = dataclasses.replace(HELD, state_dict=small((1, 28, 28)).state_dict())
    built = []

    def huge(image_shape):
        built.append(torch.empty(0).device.type)
        return models.build("vanilla_fc", image_shape, hidden_dims=[65_536] * 8, latent_dim=4096)

    with pytest.raises(UserError, match="does not fit its own config"):
        model_of(held, huge)
    assert built == ["meta"]
