"""Captured and replayed steps, on the processor with a tape in place of CUDA's graphs."""

import pytest
import torch
from small_trainings import KINDS, kept, new_model, new_objectives, trained
from tape import Stream, Tape, on_stream, put_in_place

from grounding import register
from grounding.training import graphs
from grounding.training.optimizer import Adam


@pytest.fixture(autouse=True)
def tape(monkeypatch):
    put_in_place(monkeypatch)
    monkeypatch.setattr(graphs, "FEWEST_STEPS", 1)


def ordinary(kind, **arguments):
    """What is kept of a training without graphs."""
    captures = Tape.captures
    held = kept(trained(kind, **{"batch_size": 10, **arguments, "cuda_graphs": False}))
    assert Tape.captures == captures
    return held


def graphed(kind, **arguments):
    """What is kept of the same training, most of whose steps are replayed."""
    return kept(trained(kind, **{"batch_size": 10, **arguments, "cuda_graphs": True}))


def tensors(held):
    states = {f"adam {name} {key}": t for name, s in held.optimizer.items() for key, t in s.items()}
    return {**held.state_dict, **held.objectives, **states}


def same(one, other):
    losses = [[(e.train_loss, e.val_loss) for e in held.history] for held in (one, other)]
    there = tensors(other)
    equal = all(torch.equal(tensor, there[name]) for name, tensor in tensors(one).items())
    return equal and losses[0] == losses[1]


def test_there_is_a_kind_of_every_model_and_objective():
    models = {kind.model["name"] for kind in KINDS.values()}
    trainable = {one.name for one in register.model.components() if one.facts.get("trains", True)}
    assert models == trainable
    assert {name for kind in KINDS.values() for name in kind.weights} == set(
        register.objective.names()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_replayed_steps_are_ordinary_steps_to_the_bit(kind):
    """Near images come in with the second epoch, and the last step of each is a smaller one."""
    sizes = []
    assert same(graphed(kind, on_step=sizes.append), ordinary(kind))
    full = sizes.index(min(sizes))
    assert sizes == [max(sizes)] * full + [min(sizes)] + [max(sizes)] * full + [min(sizes)]
    assert Tape.captures == 2
    assert Tape.replays == 2 * (full - graphs.ORDINARY_STEPS) >= 8


@pytest.mark.parametrize(
    "kind",
    ["regrounded", *(pytest.param(k, marks=pytest.mark.full) for k in ("resnet", "variational"))],
)
def test_replayed_steps_in_bfloat16_are_ordinary_ones(kind):
    assert same(graphed(kind, precision=torch.bfloat16), ordinary(kind, precision=torch.bfloat16))
    assert Tape.replays


def test_a_step_size_that_was_captured_as_a_number_would_be_noticed(monkeypatch):
    one_cycle = {"kind": "conv", "schedule": "one_cycle"}
    assert same(graphed(**one_cycle), ordinary(**one_cycle))
    monkeypatch.setattr("grounding.training.loop.Adam", lambda *a, capturable, **o: Adam(*a, **o))
    assert not same(graphed(**one_cycle), ordinary(**one_cycle))


def test_a_graph_that_lasts_longer_than_its_epoch_would_be_noticed(monkeypatch):
    in_epoch = graphs.GraphedStep.in_epoch

    def only_once(self, steps):
        return self._take if self._inputs else in_epoch(self, steps)

    monkeypatch.setattr(graphs.GraphedStep, "in_epoch", only_once)
    for kind in ("dropout", "variational", "contrastive"):
        assert not same(graphed(kind), ordinary(kind)), kind


@pytest.mark.parametrize("kind", ["dropout", "contrastive"])
def test_a_training_that_goes_on_ends_as_an_uninterrupted_one(kind):
    parts = []
    whole = graphed(kind, epochs=2, save=lambda so_far: parts.append(kept(so_far)))
    assert same(graphed(kind, epochs=2, start=parts[0]), whole)


def test_epochs_of_few_steps_are_not_worth_a_graph(monkeypatch):
    monkeypatch.undo()
    put_in_place(monkeypatch)
    graphed("conv", batch_size=10)  # seven steps
    assert not Tape.captures
    graphed("conv", batch_size=9)
    assert Tape.captures == 2


class Waiting:
    """Asks for a value in each step."""

    said = "it waits for the device"

    def __call__(self, objective, loss):
        return loss * (1 if loss.item() >= 0 else 2)


class Selecting:
    """Makes a shape depend on values."""

    said = "it waits for the device"

    def __call__(self, objective, loss):
        return loss * (1 + 0 * torch.ones(3)[torch.ones(3) > 0].sum())


class Counting:
    """Does something else in each step."""

    said = "it sets objectives.reconstruction.taken, which a replay would not"

    def __call__(self, objective, loss):
        objective.taken = getattr(objective, "taken", 0) + 1
        return loss * objective.taken


class Drawing:
    """Draws from a generator that nobody knows of, which is noticed in the capture alone."""

    said = "Attempt to increase offset for a CUDA generator not in capture mode."

    def __init__(self):
        self.hidden = [torch.Generator().manual_seed(1)]

    def __call__(self, objective, loss):
        return loss * torch.rand((), generator=self.hidden[0])


class Failing:
    """Fails in the capture alone, once there are gradients."""

    said = "ValueError"

    def __call__(self, objective, loss):
        def hook(gradient):
            if Stream.capturing:
                raise ValueError

        loss.register_hook(hook)
        return loss


@pytest.mark.parametrize("behaviour", [Waiting, Selecting, Counting, Drawing, Failing])
@pytest.mark.parametrize("kind", ["conv", pytest.param("dropout", marks=pytest.mark.full)])
def test_a_step_that_cannot_be_captured_is_taken_as_it_is(behaviour, kind):
    """One line says so, and the training comes to what it comes to without graphs."""
    found, lines = [], []
    for train in (ordinary, graphed):
        model, does = new_model(kind), behaviour()
        weighted = new_objectives(kind, model, epochs=2)
        weighted["reconstruction"].register_forward_hook(lambda o, _, loss, do=does: do(o, loss))
        found.append(train(kind, model=model, weighted=weighted, warn=lines.append))
    assert same(*found)
    said = "a training step cannot be captured as a CUDA graph, and takes longer: "
    assert [line for line in lines if "captured" in line] == [said + behaviour.said]
    assert not Tape.replays


def test_a_capture_that_fails_leaves_everything_as_it_was():
    model = new_model("dropout")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draws = torch.Generator().manual_seed(3)
    state, lines = draws.get_state(), []
    for module in model.modules():
        if hasattr(module, "generator"):
            module.generator = draws

    def step(batch):
        model(batch.inputs).sum().backward()
        for parameter in model.parameters():
            parameter.data.add_(1)
        raise RuntimeError("as it is")

    taken = graphs.GraphedStep(step, {"model": model}, lines.append)
    images = torch.rand(3, 1, 28, 28)
    taken._capture(graphs.Batch(images, images, torch.arange(3)))
    assert all(torch.equal(before[name], held) for name, held in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(draws.get_state(), state)
    assert lines[0].endswith("as it is")


def test_the_tape_computes_nothing_before_it_is_replayed():
    x, draws, tape = torch.ones(2), torch.Generator().manual_seed(0), Tape()
    tape.register_generator_state(draws)
    with on_stream(Stream()):
        tape.capture_begin()
        x.mul_(3)
        y = x + torch.rand(2, generator=draws)
        tape.capture_end()
    assert x.tolist() == [1, 1]
    assert y.isnan().all()
    again = torch.Generator().manual_seed(0)
    for count in (1, 2):
        tape.replay()
        assert x.tolist() == [3**count] * 2
        assert torch.equal(y, x + torch.rand(2, generator=again))
