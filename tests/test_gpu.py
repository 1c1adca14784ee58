"""The same code on a GPU; left out where there is none."""

import time
import warnings

import pytest
import torch
from small_trainings import CPU, KINDS, kept, new_model, new_objectives, trained

from grounding import data
from grounding.dynamics import portrait, step_lengths
from grounding.metrics.neighbors import nearest
from grounding.training import graphs, resolve_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

GPU = resolve_device("cuda") if torch.cuda.is_available() else CPU


@pytest.mark.parametrize("kind", ["fully connected", "conv"])
def test_a_training_comes_to_what_the_processor_comes_to(kind):
    here, there = (kept(trained(kind, device=device)) for device in (CPU, GPU))
    assert there.device == "cuda"
    assert there.train_loss == pytest.approx(here.train_loss, rel=1e-3)
    assert there.val_loss == pytest.approx(here.val_loss, rel=1e-3)
    for name, weights in here.state_dict.items():
        torch.testing.assert_close(there.state_dict[name], weights, rtol=0, atol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(kind):
    first, second = (kept(trained(kind, device=GPU)) for _ in range(2))
    assert (first.train_loss, first.val_loss) == (second.train_loss, second.val_loss)
    for name, weights in first.state_dict.items():
        assert torch.equal(weights, second.state_dict[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_goes_on_equals_an_uninterrupted_one(kind):
    parts = []
    whole = kept(trained(kind, device=GPU, epochs=2, save=lambda t: parts.append(kept(t))))
    resumed = kept(trained(kind, device=GPU, epochs=2, start=parts[0]))
    for name, weights in whole.state_dict.items():
        assert torch.equal(weights, resumed.state_dict[name]), name


def waits(work):
    """How often torch waited for the GPU meanwhile."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(one.message) for one in seen)


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_waits_for_the_device(kind):
    """Six steps an epoch wait as often as three: never."""

    def training(batch_size):
        return lambda: trained(kind, device=GPU, batch_size=batch_size)

    training(24)()  # what is kept for later is made once
    counts = [waits(training(batch_size)) for batch_size in (24, 12)]
    assert counts[0] == counts[1] > 0


@pytest.fixture
def replays(monkeypatch):
    """One entry for each replay; every epoch is worth a graph."""
    made = []

    class Counted(torch.cuda.CUDAGraph):
        def replay(self):
            made.append(1)
            super().replay()

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Counted)
    monkeypatch.setattr(graphs, "FEWEST_STEPS", 1)
    return made


def assert_same(one, other):
    assert [(e.train_loss, e.val_loss) for e in one.history] == [
        (e.train_loss, e.val_loss) for e in other.history
    ]
    for part in ("state_dict", "objectives"):
        for name, weights in getattr(one, part).items():
            assert torch.equal(weights, getattr(other, part)[name]), name
    for name, state in one.optimizer.items():
        assert all(torch.equal(tensor, other.optimizer[name][key]) for key, tensor in state.items())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_replayed_steps_are_ordinary_steps_to_the_bit(kind, precision, replays):
    def once(cuda_graphs):
        training = trained(
            kind, device=GPU, batch_size=10, precision=precision, cuda_graphs=cuda_graphs
        )
        return kept(training)

    ordinary = once(False)
    assert not replays
    assert_same(once(True), ordinary)
    assert len(replays) >= 8


def waiting(objective, loss):
    return loss * (1 if loss.item() >= 0 else 2)


def counting(objective, loss):
    objective.taken = getattr(objective, "taken", 0) + 1
    return loss * objective.taken


def failing(objective, loss):
    if torch.cuda.is_current_stream_capturing():
        raise ValueError("not here")
    return loss


def breaking(objective, loss):
    """Ends the capture itself."""
    if torch.cuda.is_current_stream_capturing():
        torch.cuda.synchronize()
    return loss


@pytest.mark.parametrize("behaves", [waiting, counting, failing, breaking])
@pytest.mark.parametrize("kind", ["conv", "dropout", "variational"])
def test_a_step_that_cannot_be_captured_is_taken_as_it_is(kind, behaves, replays):
    """Global random numbers are drawn as well afterwards, and other trainings have graphs."""
    found, lines = [], []
    for cuda_graphs in (False, True):
        model = new_model(kind)
        weighted = new_objectives(kind, model, epochs=2)

        def hook(objective, _, loss):
            noise = 1 + 0.01 * torch.rand((), device=GPU)
            return behaves(objective, loss * noise)

        weighted["reconstruction"].register_forward_hook(hook)
        options = {"batch_size": 10, "cuda_graphs": cuda_graphs, "warn": lines.append}
        found.append(kept(trained(kind, device=GPU, model=model, weighted=weighted, **options)))
    assert_same(*found)
    assert not replays
    assert len([line for line in lines if "cannot be captured" in line]) == 1
    trained("dropout", device=GPU, batch_size=10, cuda_graphs=True)
    assert replays


@pytest.mark.parametrize("kind", KINDS)
def test_replayed_steps_are_faster(kind, replays):
    """16 or 32 steps an epoch; what they take is printed with -s."""
    seconds = {}
    for cuda_graphs in (False, True, False, True):  # the first two warm up
        begun = time.perf_counter()
        trained(kind, device=GPU, epochs=12, batch_size=4, cuda_graphs=cuda_graphs)
        seconds[cuda_graphs] = time.perf_counter() - begun
    print(f"{kind}: {seconds[False]:.2f} s step by step, {seconds[True]:.2f} s replayed")
    assert seconds[True] < seconds[False]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_are_those_of_the_processor(metric):
    x = torch.tensor(data.load().test_images[:2000]).flatten(1) / 255
    z = x @ torch.randn(784, 32, generator=torch.Generator().manual_seed(0))
    ours = nearest(z, z[:500], 5, metric=metric)
    theirs = nearest(z.to(GPU), z[:500].to(GPU), 5, metric=metric)
    assert torch.equal(theirs.indices.cpu(), ours.indices)


def towards_ten(z):
    """A contraction in each of ten cells: to the nearest of ten ends."""
    ends = 4 * torch.eye(10, z.shape[1], device=z.device)
    end = ends[(z[:, None] - ends).square().sum(dim=2).argmin(dim=1)]
    return end + 0.6 * (z - end)


def test_a_flow_ends_where_it_ends_on_the_processor():
    z = 4 * torch.randn(300, 16, generator=torch.Generator().manual_seed(0))
    labels = towards_ten(z)[:, :10].argmax(dim=1)

    def measured(device):
        return portrait(
            lambda images: towards_ten(images.flatten(1)),
            lambda latents: latents[:, :, None, None],
            z.to(device),
            labels=labels,
            classify=lambda z: z[:, :10].argmax(dim=1),
        )

    here, there = measured(CPU), measured(GPU)
    assert there.flow.ends.device.type == "cuda"
    assert len(there.attractors) == len(here.attractors) == 10
    assert torch.equal(there.basins, here.basins)
    assert there.accuracies == here.accuracies
    assert (there.converged, there.safe_horizon) == (here.converged, here.safe_horizon) == (1, 200)
    assert abs(there.median_steps - here.median_steps) <= 1
    torch.testing.assert_close(there.pictures, here.pictures, rtol=0, atol=1e-3)
    assert there.derivative == here.derivative == "forward mode"
    assert there.radii_at_data.tolist() == pytest.approx(here.radii_at_data.tolist(), rel=1e-4)


def test_the_flow_of_a_trained_model_goes_the_way_that_it_goes_on_the_processor():
    model = trained("conv", epochs=3).model.eval()
    images = torch.tensor(data.load().test_images[:200]) / 255
    labels = torch.tensor(data.load().test_labels[:200])
    with torch.no_grad():
        z = model.encode(images)

    def measured(device):
        model.to(device)
        there = z.to(device)
        with torch.no_grad():
            lengths = step_lengths(lambda z: model.encode(model.decode(z)), there, 5)
        found = portrait(
            model.encode,
            model.decode,
            there,
            labels=labels,
            classify=lambda some: labels[torch.cdist(some.cpu(), z[:100]).argmin(dim=1)],
            steps=10,
            jacobians_at=8,
        )
        return lengths.cpu(), found

    (lengths, here), (others, there) = measured(CPU), measured(GPU)
    torch.testing.assert_close(others, lengths, rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(there.paths, here.paths, rtol=1e-2, atol=1e-2 * float(z.std()))
    assert there.accuracies == pytest.approx(here.accuracies, abs=0.02)
    assert there.radii_at_data.tolist() == pytest.approx(here.radii_at_data.tolist(), rel=1e-2)
