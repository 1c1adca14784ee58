import json
import math
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from grounding._errors import UserError
from grounding.cli.commands import main
from grounding.data.splits import load_splits, to_unit
from grounding.experiment.load import load_experiment
from grounding.metrics.neighbors import nearest
from grounding.objectives.losses import reconstruction_error
from grounding.runs.run import model_of
from grounding.training.checkpoint import load_checkpoint
from grounding.training.device import resolve_device
from grounding.training.history import metrics_path
from grounding.training.loop import initial_model, train

CPU = torch.device("cpu")
SMALL = [
    "data.train_samples=64",
    "data.val_samples=32",
    "data.test_samples=16",
    "training.epochs=2",
    "training.batch_size=24",
    "output.save_every_n_epochs=0",
    "output.checkpoint_path=x_final.pt",
]


def trained(config, *settings):
    experiment = load_experiment(config, [*SMALL, *settings])
    return train(experiment, load_splits(experiment.data, experiment.seed), CPU)


@pytest.mark.parametrize("config", ["0", "1", "3", "4", "5", "7", "9"])
def test_the_same_seed_gives_the_same_bytes(in_folder, config):
    augmented = ["self_supervised.augmentations_per_sample=2"] if config in "457" else []
    first, second = (trained(config, *augmented) for _ in range(2))
    assert (first.train_loss, first.val_loss) == (second.train_loss, second.val_loss)
    for name, weights in first.state_dict.items():
        assert torch.equal(weights, second.state_dict[name])
    other = trained(config, *augmented, "experiment.seed=1")
    assert other.train_loss != first.train_loss


def test_what_ran_before_makes_no_difference(in_folder):
    first = trained("3")
    torch.manual_seed(123)
    torch.rand(1000)
    assert trained("3").val_loss == first.val_loss


class HostWaits(TorchDispatchMode):
    """Counts the operations for which the host would wait for a GPU: they ask for a value."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique")

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        name = function.__name__.partition(".")[0]
        places = arguments[1] if name == "index" else ()
        masks = any(i is not None and i.dtype == torch.bool for i in places)
        self.count += masks or name.startswith(self.ASKING)
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("config", ["0", "1", "3", "4", "5", "7", "9"])
def test_steps_never_wait_for_the_device(in_folder, config):
    """Six steps an epoch ask for as many values as three: none."""
    counts = []
    for batch_size in (24, 12):
        each = 2 if config == "7" else 1
        augmented = [f"self_supervised.augmentations_per_sample={each}"] if config in "457" else []
        with HostWaits() as waits:
            trained(config, f"training.batch_size={batch_size}", *augmented)
        counts.append(waits.count)
    assert counts[0] == counts[1]
    with HostWaits() as waits:
        torch.ones(3)[torch.tensor([True, False, True])].sum().item()
    assert waits.count == 2


def test_initial_weights_leave_the_global_random_state_alone():
    experiment = load_experiment("1")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    initial_model(experiment, (1, 28, 28))
    assert torch.equal(torch.rand(3), expected)


def test_one_plain_step_is_the_step_of_a_bare_loop(in_folder):
    """Same weights, same batch, torch's own Adam: the same result to the bit."""
    exact = ["training.epochs=1", "training.batch_size=64", "training.precision=float32"]
    checkpoint = trained("1", *exact)
    experiment = load_experiment("1", SMALL)
    images = load_splits(experiment.data, 42).train.images.float() / 255
    from grounding._streams import generator

    order = torch.randperm(64, generator=generator(42, "order", 1))
    model = initial_model(experiment, (1, 28, 28))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = images[order]
    loss = ((model(batch) - batch) ** 2).mean()
    loss.backward()
    optimizer.step()
    assert checkpoint.train_loss == pytest.approx(loss.item(), rel=1e-6)
    for name, weights in model.state_dict().items():
        assert torch.allclose(weights, checkpoint.state_dict[name], atol=1e-6)


def test_training_learns(in_folder):
    first = trained("1", "training.epochs=1").val_loss
    longer = trained("1", "training.epochs=30")
    assert longer.val_loss < 0.7 * first


def test_outputs_of_a_training(in_folder):
    checkpoint = trained(
        "4", "self_supervised.augmentations_per_sample=2", "output.save_every_n_epochs=2",
        "training.epochs=3",
    )  # fmt: skip
    assert checkpoint.epoch == 3
    files = {p.name for p in Path().iterdir()}
    assert files == {
        "x_final.pt",
        "x_final.pt.sha256",
        "x_final_epoch002.pt",
        "x_final_epoch002.pt.sha256",
        "x_final_metrics.jsonl",
    }
    lines = [json.loads(line) for line in metrics_path(Path("x_final.pt")).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(
        set(line) == {"epoch", "train_loss", "val_loss", "seconds", "images_per_second"}
        for line in lines
    )
    assert lines[-1]["val_loss"] == checkpoint.val_loss
    assert load_checkpoint(Path("x_final.pt"))[0].val_loss == checkpoint.val_loss
    assert load_checkpoint(Path("x_final_epoch002.pt"))[0].epoch == 2
    assert all(line["images_per_second"] > 0 for line in lines)


def test_the_validation_loss_is_that_of_the_saved_model(in_folder):
    checkpoint = trained("3")
    experiment = checkpoint.experiment
    model = initial_model(experiment, (1, 28, 28)).eval()
    model.load_state_dict(checkpoint.state_dict)
    images = load_splits(experiment.data, 42).val.images.double().div(255).float()
    with torch.inference_mode():
        expected = ((model(images) - images) ** 2).mean().item()
    assert checkpoint.val_loss == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_is_not_finite_stops_training_and_keeps_what_was_there(in_folder):
    trained("1")
    before = Path("x_final.pt").read_bytes()
    # Weights of 1e30 are as good as a diverged training, and sure to happen.
    with pytest.raises(UserError, match=r"the loss of epoch 1 is .*learning_rate=") as caught:
        diverge()
    assert "\n" not in str(caught.value)
    assert Path("x_final.pt").read_bytes() == before


def diverge():
    from grounding.training import loop

    experiment = load_experiment("1", SMALL)
    poisoned = initial_model(experiment, (1, 28, 28))
    with torch.no_grad():
        next(poisoned.parameters()).fill_(math.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "initial_model", lambda *_: poisoned)
        train(experiment, load_splits(experiment.data, 42), CPU)


def test_reconstruction_error_by_hand():
    a = torch.tensor([[[[0.0, 0.5], [1.0, 1.0]]]])
    b = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]])
    assert reconstruction_error(a, b).item() == pytest.approx((0.25 + 1) / 4)


def test_auto_takes_the_best_device_there_is(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    with pytest.raises(UserError, match="cuda is not available here"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"


def test_plain_output_is_one_line_an_epoch(in_folder, capsys):
    arguments = [part for setting in SMALL for part in ("--set", setting)]
    assert main("train", ["--config", "1", *arguments, "--set", "data.num_workers=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "data.num_workers 2 has no effect" in lines[0]
    assert lines[1].startswith("training naive_covnet_autoencoder: naive_conv, 64 images x 1")
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == ["1/2", "2/2"]


def test_tensorboard_logs_the_losses(in_folder):
    tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    arguments = [part for setting in SMALL for part in ("--set", setting)]
    assert main("train", ["--config", "1", *arguments, "--tensorboard", "logs"]) == 0
    (folder,) = Path("logs/naive_covnet_autoencoder").glob("loss_validation")
    events = tensorboard.EventAccumulator(str(folder)).Reload()
    assert len(events.Scalars("loss")) == 2


@pytest.mark.parametrize(
    "weights",
    [
        ["objectives.contrastive=1"],
        ["objectives.contrastive=1", "objectives.near=4", "objectives.close=2"],
        ["objectives.contrastive=1", "objectives.mirrored=true", "objectives.composites=8"],
        ["objectives.vicreg=1"],
        ["objectives.labels=1"],
    ],
)
def test_an_objective_brings_views_of_a_kind_together(in_folder, weights):
    """More of the validation digits are named by their nearest training latent than before."""
    settings = [
        "data.val_samples=300",
        "training.epochs=4",
        "training.schedule=constant",
        "self_supervised.augmentations_per_sample=12",
        "objectives.reconstruction=0",
        "objectives.contrastive=0",
        "objectives.near=0",
        "objectives.close=0",
        "objectives.mirrored=false",
        "objectives.composites=0",
        "model.hidden_dims=[8,16]",
        *weights,
    ]
    experiment = load_experiment("7", [*SMALL, *settings])
    splits = load_splits(experiment.data, experiment.seed)

    def share_right(model):
        model.eval()
        with torch.inference_mode():
            train, val = (model.encode(to_unit(s.images)) for s in (splits.train, splits.val))
        found = nearest(val, train, 1, metric="cosine").indices[:, 0]
        return (splits.train.labels[found] == splits.val.labels).float().mean().item()

    before = share_right(initial_model(experiment, splits.image_shape))
    held = train(experiment, splits, CPU)
    after = share_right(model_of(held, experiment.checkpoint_path))
    assert after > before + 0.05


def test_the_variational_latent_is_pulled_towards_a_standard_normal_one(in_folder):
    def length(*settings):
        held = trained("9", "training.epochs=20", "training.batch_size=16", *settings)
        model = model_of(held, Path("x_final.pt"))
        images = load_splits(held.experiment.data, held.experiment.seed).train.images
        with torch.inference_mode():
            return model.encode(to_unit(images)).square().mean().item()

    assert length("objectives.kl=10") < 0.1 * length("objectives.kl=0")
