"""GPU: the same code on the device.

The loop against a bare step as on the processor, both in images per second; whole trainings, in
float32, and the kNN accuracy on the test images that they come to; one augmentation pass, all
manifold metrics and the search for neighbours on the device, each beside the same work on the
processor, in turn. "Waits" counts how often a step made the processor wait for the device. Without
a GPU there are no rows.
"""

import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from harness import mnist
from harness.measure import alternate, median_ratio, say
from harness.question import Effort, Row
from harness.step import config_numbers, settle, with_long_epochs
from questions import augmentation, evaluation, training_step

from grounding.data.splits import load_splits, to_unit
from grounding.experiment.load import load_experiment
from grounding.metrics.neighbors import nearest
from grounding.runs.probes import encoded, knn_accuracy
from grounding.runs.run import model_of
from grounding.training.device import resolve_device
from grounding.training.loop import train

WAITING_STEPS = 8
WAITED = "called a synchronizing"  # torch also warns that it may not notice everything


def measure(effort: Effort) -> list[Row]:
    if not torch.cuda.is_available():
        return []
    return rows_on(resolve_device("cuda"), effort)


def rows_on(device: torch.device, effort: Effort) -> list[Row]:
    """All figures of one device."""
    rows = [training(config, device, effort) for config in config_numbers()]
    rows += [whole(config, device, effort) for config in config_numbers()]
    return rows + [
        beside_processor(name, work, device, effort) for name, work in works(effort).items()
    ]


def training(config: str, device: torch.device, effort: Effort) -> Row:
    """Images per second of one experiment's loop and of its bare step."""
    measured = training_step.row(config, device, effort.pick(0.1, 3.0, 30.0))
    bare = float(measured["bare, ms"] or 0)
    size = int(measured["images in a step"] or 0)
    return {
        "what": f"training, experiment {config}",
        "ours": measured["loop, images/s"],
        "beside it": size / bare * 1e3,
        "unit": "images/s",
        "yardstick": "bare step",
        "ratio": 1 / (1 + float(measured["added, %"] or 0) / 100),
        "waits in a step": waits(config, device),
        "kNN accuracy": None,
    }


def whole(config: str, device: torch.device, effort: Effort) -> Row:
    """Seconds and kNN accuracy of one whole training."""
    say(f"experiment {config}, whole")
    reduced = ["training.epochs=1", "data.test_samples=300"]
    experiment = load_experiment(config, effort.pick(reduced, []))
    splits = load_splits(experiment.data, experiment.seed)
    with tempfile.TemporaryDirectory() as folder:
        output = experiment.output.model_copy(update={"checkpoint_path": Path(folder) / "x.pt"})
        held = train(experiment.model_copy(update={"output": output}), splits, device)
    model = model_of(held, Path("x.pt")).to(device)
    with torch.inference_mode():
        known, asked = (
            encoded(model.encode, to_unit(split.images), device)
            for split in (splits.train, splits.test)
        )
    k, metric = experiment.analysis.k, experiment.analysis.metric
    return {
        "what": f"experiment {config}, trained whole",
        "ours": held.seconds,
        "beside it": None,
        "unit": "s",
        "yardstick": None,
        "ratio": None,
        "waits in a step": None,
        "kNN accuracy": knn_accuracy(
            asked, splits.test.labels, known, splits.train.labels, k, metric, splits.num_classes
        ),
    }


def waits(config: str, device: torch.device) -> float | None:
    """Waits for the device in a step, batch making included; None if nobody can tell."""
    if device.type != "cuda":
        return None
    from harness.step import bare_steps, endless_batches

    experiment = with_long_epochs(config)
    splits = load_splits(experiment.data, experiment.seed)
    steps = bare_steps(experiment, splits, device)
    stream = endless_batches(experiment, splits, device)
    steps(list(islice(stream, 2)))  # draws the epoch's order, and warms up
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            for batch in islice(stream, WAITING_STEPS):
                steps([batch])
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum(WAITED in str(one.message) for one in seen) / WAITING_STEPS


def works(effort: Effort) -> dict[str, Callable[[torch.device], Callable[[], object]]]:
    """By name: a function that prepares work on a device and returns what does it."""
    splits = mnist.splits()
    train_z, test_z = mnist.principal_components(splits.train.images, splits.test.images)
    images = effort.pick(300, 10_000)
    x, z = mnist.pixels(splits.test.images[:images]), test_z[:images]
    labels, clean = splits.test.labels[:images], to_unit(splits.train.images[:100])
    inputs = effort.pick(300, augmentation.WHOLE_PASS)
    order = torch.arange(inputs) % len(clean)
    references = train_z[: effort.pick(500, 55_000)]

    def augment(device: torch.device) -> Callable[[], object]:
        return partial(augmentation.in_batches, clean.to(device), order.to(device))

    def metrics(device: torch.device) -> Callable[[], object]:
        return partial(evaluation.ours, x.to(device), z.to(device), labels.to(device))

    def search(device: torch.device) -> Callable[[], object]:
        return partial(nearest, z.to(device), references.to(device), 5)

    return {
        f"augmentation, {inputs:,} inputs": augment,
        f"manifold metrics, {images:,} images": metrics,
        f"neighbours, {images:,} x {len(references):,}": search,
    }


def beside_processor(
    name: str,
    work: Callable[[torch.device], Callable[[], object]],
    device: torch.device,
    effort: Effort,
) -> Row:
    """Seconds of some work on the device and on the processor."""
    say(name)
    ways = {"ours": work(device), "processor": work(torch.device("cpu"))}
    seconds = alternate(ways, effort.pick(1, 5), settle=settle(device))
    return {
        "what": name,
        "ours": median(seconds["ours"]),
        "beside it": median(seconds["processor"]),
        "unit": "s",
        "yardstick": "processor",
        "ratio": median_ratio(seconds["processor"], seconds["ours"]),
        "waits in a step": None,
        "kNN accuracy": None,
    }
