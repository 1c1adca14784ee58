"""The same code on a GPU; left out where there is none."""

import warnings

import pytest
import torch

from grounding.data.catalog import load
from grounding.data.splits import load_splits
from grounding.experiment.load import load_experiment
from grounding.metrics.manifold import manifold_metrics
from grounding.metrics.neighbors import nearest
from grounding.training.device import resolve_device
from grounding.training.loop import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

CPU = torch.device("cpu")
GPU = resolve_device("cuda") if torch.cuda.is_available() else CPU
SMALL = [
    "data.train_samples=64",
    "data.val_samples=32",
    "data.test_samples=16",
    "training.epochs=2",
    "training.batch_size=24",
    "training.precision=float32",
    "output.save_every_n_epochs=0",
    "output.checkpoint_path=x_final.pt",
]


def trained(config, device, *settings):
    experiment = load_experiment(config, [*SMALL, *settings])
    return train(experiment, load_splits(experiment.data, experiment.seed), device)


@pytest.mark.parametrize("config", ["0", "1"])
def test_a_training_comes_to_what_the_processor_comes_to(in_folder, config):
    here, there = (trained(config, device) for device in (CPU, GPU))
    assert there.device == "cuda"
    assert there.train_loss == pytest.approx(here.train_loss, rel=1e-3)
    assert there.val_loss == pytest.approx(here.val_loss, rel=1e-3)
    for name, weights in here.state_dict.items():
        torch.testing.assert_close(there.state_dict[name], weights, rtol=0, atol=5e-3)


@pytest.mark.parametrize("config", ["0", "1", "3", "4", "5", "7", "9"])
def test_the_same_seed_gives_the_same_bytes(in_folder, config):
    augmented = ["self_supervised.augmentations_per_sample=2"] if config in "457" else []
    first, second = (trained(config, GPU, *augmented) for _ in range(2))
    assert (first.train_loss, first.val_loss) == (second.train_loss, second.val_loss)
    for name, weights in first.state_dict.items():
        assert torch.equal(weights, second.state_dict[name]), name


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


@pytest.mark.parametrize("config", ["0", "1", "3", "4", "5", "7", "9"])
def test_no_step_waits_for_the_device(in_folder, config):
    """Six steps an epoch wait as often as three: never."""
    augmented = ["self_supervised.augmentations_per_sample=2"] if config in "457" else []

    def training(batch_size):
        return lambda: trained(config, GPU, f"training.batch_size={batch_size}", *augmented)

    training(24)()  # what is kept for later is made once
    counts = [waits(training(batch_size)) for batch_size in (24, 12)]
    assert counts[0] == counts[1] > 0


def test_metrics_and_neighbours_are_those_of_the_processor():
    images = load("mnist", None)
    x = torch.tensor(images.test_images[:2000]).flatten(1)
    labels = torch.tensor(images.test_labels[:2000])
    z = torch.randn(784, 32, generator=torch.Generator().manual_seed(0)).T @ (x / 255).T
    z = z.T.contiguous()
    numbers = {"k": 5, "trustworthiness_k": 5, "knn_test_accuracy": 0.5}
    here, there = (
        manifold_metrics(x.to(device), z.to(device), labels.to(device), **numbers)
        for device in (CPU, GPU)
    )
    assert there == pytest.approx(here, abs=1e-9)
    for metric in ("euclidean", "cosine"):
        ours = nearest(z, z[:500], 5, metric=metric)
        theirs = nearest(z.to(GPU), z[:500].to(GPU), 5, metric=metric)
        assert torch.equal(theirs.indices.cpu(), ours.indices)
