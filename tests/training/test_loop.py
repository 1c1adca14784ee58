import math
from pathlib import Path

import pytest
import torch
from small_trainings import CPU, KINDS, kept, new_model, splits, trained
from tape import waits
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from grounding import data, models, objectives
from grounding._errors import UserError
from grounding._streams import generator
from grounding.data import to_unit
from grounding.metrics import knn_accuracy, nearest
from grounding.training import KNN, NotFinite, resolve_device, smallest_batch, train
from grounding.training.optimizer import one_cycle


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(kind):
    first, second = (trained(kind) for _ in range(2))
    losses = [(e.train_loss, e.val_loss) for e in first.history]
    assert losses == [(e.train_loss, e.val_loss) for e in second.history]
    again = second.model.state_dict()
    assert all(torch.equal(w, again[name]) for name, w in first.model.state_dict().items())
    other = trained(kind, seed=1)
    assert other.history[-1].train_loss != first.history[-1].train_loss


def test_what_ran_before_makes_no_difference_and_what_runs_after_sees_nothing_of_it():
    first = trained("dropout").history[-1].val_loss
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    assert trained("dropout").history[-1].val_loss == first
    assert torch.equal(torch.rand(3), expected)


def test_layers_of_other_people_draw_from_the_seed_as_well():
    def once(noise):
        torch.rand(noise)
        encoder = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 4))
        decoder = nn.Sequential(nn.Linear(4, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))
        model = models.Autoencoder(encoder, decoder, image_shape=(1, 28, 28), latent_dim=4)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for module in model.modules():
                if isinstance(module, nn.Linear):
                    module.reset_parameters()
        return trained("conv", model=model).history[-1].train_loss

    assert once(1) == once(100)


class HostWaits(TorchDispatchMode):
    """Counts the operations for which the host would wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.count += waits(function, arguments)
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("kind", KINDS)
def test_steps_never_wait_for_the_device(kind):
    """Six steps an epoch ask for as many values as three: none."""
    counts = []
    for batch_size in (24, 12):
        with HostWaits() as counter:
            trained(kind, batch_size=batch_size)
        counts.append(counter.count)
    assert counts[0] == counts[1]
    with HostWaits() as counter:
        torch.ones(3)[torch.tensor([True, False, True])].sum().item()
    assert counter.count == 2


class Doubles(TorchDispatchMode):
    """Remembers the operations that gave float64, unless they are known to be done on the CPU."""

    def __init__(self):
        super().__init__()
        self.made = []
        self.on_cpu = False

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        out = function(*arguments, **(options or {}))
        if isinstance(out, torch.Tensor) and out.dtype == torch.float64 and not self.on_cpu:
            self.made.append(function.__name__)
        return out


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_training_asks_its_device_for_float64(kind, monkeypatch):
    """Apple's MPS has none. Neighbours are looked for in float64, but on the CPU: see below."""
    doubles = Doubles()

    def on_cpu(search):
        def wrapped(*arguments, **options):
            doubles.on_cpu = True
            found = search(*arguments, **options)
            doubles.on_cpu = False
            return found

        return wrapped

    monkeypatch.setattr("grounding.objectives.contrastive.nearest", on_cpu(nearest))
    monkeypatch.setattr("grounding.training.validation.knn_accuracy", on_cpu(knn_accuracy))
    val_knn = KNN(splits().train.labels, splits(64, 2).val.labels)
    with doubles:
        # Two latents are too few to measure their rank, which is done on the CPU as well.
        trained(kind, images=splits(64, 2), val_knn=val_knn)
    assert not doubles.made


class OnMps(torch.Tensor):
    """Says that it lies on Apple's GPU until it is asked to come to the CPU."""

    device = torch.device("mps")

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def double(self):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_of_what_lies_on_apples_gpu_are_looked_for_on_the_cpu(metric):
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    found = nearest(z.as_subclass(OnMps), z.as_subclass(OnMps), 4, metric=metric)
    assert found.indices.device.type == "cpu"
    assert torch.equal(found.indices, nearest(z, z, 4, metric=metric).indices)


def test_one_plain_step_is_the_step_of_a_bare_loop():
    """Same weights, same batch, torch's own Adam."""
    training = trained("conv", epochs=1, batch_size=64)
    images = splits().train.images.float() / 255
    order = torch.randperm(64, generator=generator(42, "order", 1))
    model = new_model("conv")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch = images[order]
    loss = ((model(batch) - batch) ** 2).mean()
    loss.backward()
    optimizer.step()
    assert training.history[0].train_loss == pytest.approx(loss.item(), rel=1e-6)
    for name, weights in training.model.state_dict().items():
        assert torch.allclose(weights, model.state_dict()[name], atol=1e-6)


def test_the_training_loss_is_the_mean_over_inputs_not_over_steps():
    # 64 images in steps of 48 and 16; with a step size of almost nothing, the model stays.
    training = trained("conv", epochs=1, batch_size=48, learning_rate=1e-12)
    images = splits().train.images.float() / 255
    with torch.no_grad():
        expected = ((new_model("conv")(images) - images) ** 2).mean().item()
    assert training.history[0].train_loss == pytest.approx(expected, rel=1e-5)


def test_training_learns_and_calls_back_in_order():
    called = []
    training = trained(
        "conv",
        epochs=20,
        on_step=lambda inputs: called.append(inputs),
        save=lambda so_far: called.append(("save", len(so_far.history))),
        on_epoch=lambda epoch: called.append(("epoch", epoch.epoch)),
    )
    assert called[:5] == [24, 24, 16, ("save", 1), ("epoch", 1)]
    assert called[5:10] == [24, 24, 16, ("save", 2), ("epoch", 2)]
    assert training.history[-1].val_loss < 0.9 * training.history[0].val_loss
    assert [epoch.epoch for epoch in training.history] == list(range(1, 21))
    assert all(epoch.images_per_second > 0 for epoch in training.history)


def test_the_validation_loss_is_that_of_the_model_without_dropout():
    training = trained("dropout")
    images = splits().val.images.double().div(255).float()
    with torch.inference_mode():
        expected = ((training.model.eval()(images) - images) ** 2).mean().item()
    assert training.history[-1].val_loss == pytest.approx(expected, rel=1e-5)


def test_without_a_trained_decoder_there_is_no_validation_loss():
    training = trained("vicreg")
    assert [epoch.val_loss for epoch in training.history] == [None, None]
    before = new_model("vicreg").decoder.state_dict()
    assert all(torch.equal(w, before[k]) for k, w in training.model.decoder.state_dict().items())


@pytest.mark.parametrize(("place", "named"), [("encoder", "training"), ("decoder", "validation")])
def test_a_loss_that_is_not_finite_stops_training_and_is_named(place, named):
    model = new_model("conv")
    saved = []
    if place == "encoder":
        with torch.no_grad():
            next(model.encoder.parameters()).fill_(math.nan)
    else:  # the decoder breaks once it is no longer in training
        model.decoder.register_forward_hook(
            lambda module, _, out: out if module.training else out * math.nan
        )
    with pytest.raises(
        NotFinite, match=rf"^the {named} loss of epoch 1 is nan; .*learning_rate=0.0001$"
    ):
        trained("conv", model=model, save=saved.append)
    assert not saved


def test_weights_that_are_no_longer_finite_are_named_before_they_are_saved():
    """The loss of the last step is one of before it: only the weights tell."""
    model, saved = new_model("vicreg"), []
    model.encoder[-1].bias.register_hook(lambda gradient: gradient * math.inf)
    wrong = r"^encoder.5.bias holds weights that are not finite after epoch 1; .*=0.0001$"
    with pytest.raises(NotFinite, match=wrong):
        trained("vicreg", model=model, batch_size=256, save=saved.append)
    assert not saved


def test_a_loss_of_exactly_nothing_is_said_once():
    lines = []
    model = new_model("conv")
    only_one = torch.zeros(64, dtype=torch.int64)  # class, which every image is sure to be of
    objective = objectives.build({"labels": 1.0}, model=model, labels=only_one)
    loader = data.TrainingInputs(splits().train.images, seed=0, batch_size=32)
    train(model, objective, loader, epochs=3, warn=lines.append)
    assert lines == ["the training loss of epoch 3 is exactly 0: nothing is learnt any more"]


@pytest.mark.parametrize(
    ("name", "views", "architecture", "settings"),
    [
        ("reconstruction", 1, "vgg", {}),  # for its batch normalisation
        ("reconstruction", 2, "vgg", {}),
        ("vicreg", 2, "naive_conv", {"projection_dims": []}),
        ("contrastive", 2, "naive_conv", {"projection_dims": []}),
    ],
)
def test_a_last_step_of_one_image_joins_the_one_before(name, views, architecture, settings):
    """And the schedule knows: its last step is the last that is taken."""
    model = models.build(architecture, (1, 28, 28), hidden_dims=[4, 8], latent_dim=4)
    sum_of = objectives.build({name: 1.0}, model=model, views=views, **settings)
    smallest = smallest_batch(model, sum_of)
    assert smallest == 2
    loader = {"images": splits().train.images[:13], "seed": 0, "batch_size": 4 * views}
    loader |= {"views": views, "each": views}
    with pytest.raises(UserError, match=f"a step of {views} inputs is too small: .* need 2 images"):
        train(model, sum_of, data.TrainingInputs(**loader), epochs=1)
    sizes, joined = [], data.TrainingInputs(**loader, smallest_batch=smallest)
    training = train(model, sum_of, joined, epochs=2, schedule="one_cycle", on_step=sizes.append)
    assert [size // views for size in sizes] == [4, 4, 5] * 2
    assert training.optimizer.learning_rate == 0.001 * one_cycle(5, 6)
    assert one_cycle(5, 6) < 1e-5


def test_an_unknown_optimizer_or_schedule_is_refused():
    for wrong in ({"optimizer": "adamW"}, {"schedule": "cosine"}):
        with pytest.raises(ValueError, match=r"'(adamW|cosine)'.* is unknown"):
            trained("conv", **wrong)


def test_what_is_not_measured_cannot_be_chosen_by():
    for kind, asked in (
        ("conv", {"keep_best": "val_knn"}),
        ("conv", {"stop_by": "val_knn", "patience": 3}),
        ("vicreg", {"keep_best": "val_loss"}),
    ):
        with pytest.raises(ValueError, match=r"^there is no val_(knn|loss) to choose by$"):
            trained(kind, **asked)


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


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("contrastive", {"schedule": "constant", "learning_rate": 0.005}),
        ("vicreg", {"learning_rate": 0.005}),
        ("labels", {"learning_rate": 0.005, "batch_size": 8}),
    ],
)
def test_an_objective_brings_views_of_a_kind_together(kind, changes):
    """More of the validation digits are named by their nearest training latent than before."""
    images = splits(64, 300)
    labels = images.train.labels, images.val.labels

    def share_right(model):
        model.eval()
        with torch.inference_mode():
            known, asked = (model.encode(to_unit(s.images)) for s in (images.train, images.val))
        found = nearest(asked, known, 1, metric="cosine").indices[:, 0]
        return (labels[0][found] == labels[1]).float().mean().item()

    before = share_right(new_model(kind))
    more = {} if kind == "labels" else {"each": 12}
    training = trained(kind, epochs=6, images=images, loader=more, **changes)
    assert share_right(training.model) > before + 0.05


def test_the_variational_latent_is_pulled_towards_a_standard_normal_one():
    def length(weight):
        model = new_model("fully connected")
        sum_of = objectives.build({"kl": weight, "reconstruction": 1.0}, model=model)
        images = splits().train.images
        loader = data.TrainingInputs(images, seed=0, batch_size=16)
        train(model, sum_of, loader, epochs=20)
        with torch.inference_mode():
            return model.encode(to_unit(images)).square().mean().item()

    assert length(10) < 0.1 * length(0)


def test_a_training_writes_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept(trained("conv"))
    assert not list(Path().iterdir())
