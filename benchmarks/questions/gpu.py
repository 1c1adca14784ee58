"""GPU: the same code on the device.

The loop against a bare step as on the processor, both in images per second; whole trainings, in
float32, beside the same without CUDA graphs, and the kNN accuracy on the test images that they come
to; one augmentation pass, all manifold metrics and the search for neighbours on the device, each
beside the same work on the processor, in turn. "Waits" counts how often a step made the processor
wait for the device. Without a GPU there are no rows.
"""

import tempfile
import warnings
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from itertools import islice
from statistics import median

import torch
from harness import mnist
from harness.measure import alternate, median_ratio, say
from harness.question import Effort, Row
from harness.step import bare_steps, config_numbers, parts_of, settle, with_long_epochs
from questions import augmentation, evaluation, training_step

import grounding
from grounding import datasets
from grounding.metrics import nearest
from grounding.training import resolve_device

WAITING_STEPS = 8
WAITED = "called a synchronizing"  # torch also warns that it may not notice everything
ROW: Row = {
    "what": None, "ours": None, "beside it": None, "unit": "s", "yardstick": None, "ratio": None,
    "waits in a step": None, "kNN accuracy": None,
}  # fmt: skip
Work = Callable[[torch.device], Callable[[], object]]


def measure(effort: Effort) -> list[Row]:
    return rows_on(resolve_device("cuda"), effort) if torch.cuda.is_available() else []


def rows_on(device: torch.device, effort: Effort) -> list[Row]:
    """All figures of one device."""
    configs = effort.pick(["2"], config_numbers())
    rows = [training(config, device, effort) for config in configs]
    rows += [whole(config, device, effort) for config in configs]
    rows += [beside_processor(*one, device, effort) for one in works(effort).items()]
    return [{**ROW, **row} for row in rows]


def training(config: str, device: torch.device, effort: Effort) -> Row:
    """Images per second of one experiment's loop and of its bare step."""
    measured = training_step.row(config, device, effort.pick(0.1, 3.0, 30.0))
    return {
        "what": f"training, experiment {config}",
        "ours": measured["loop, images/s"],
        "beside it": measured["images in a step"] / measured["bare, ms"] * 1e3,
        "unit": "images/s",
        "yardstick": "bare step",
        "ratio": 1 / (1 + measured["added, %"] / 100),
        "waits in a step": waits(config, device),
    }


def whole(config: str, device: torch.device, effort: Effort) -> Row:
    """Seconds and kNN accuracy of one whole training."""
    say(f"experiment {config}, whole")
    reduced = {"training.epochs": 1, "data.test_samples": 300}
    settings = {"training.device": device.type, **effort.pick(reduced, {})}
    seconds, accuracy = {}, 0.0
    for graphs in (False, True):
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            run = grounding.train(
                config, quiet=True, **settings, **{"training.cuda_graphs": graphs}
            )
            seconds[graphs] = run.checkpoint.seconds
            accuracy = run.measure("knn_accuracy")["knn_accuracy"]
    return {
        "what": f"experiment {config}, trained whole",
        "ours": seconds[True],
        "beside it": seconds[False],
        "yardstick": "step by step",
        "ratio": seconds[False] / seconds[True],
        "kNN accuracy": accuracy,
    }


def waits(config: str, device: torch.device) -> float | None:
    """Waits for the device in a step, batch making included; None if nobody can tell."""
    if device.type != "cuda":
        return None
    parts = parts_of(with_long_epochs(config), device)
    steps, stream = bare_steps(parts), parts.batches()
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


def works(effort: Effort) -> dict[str, Work]:
    """By name: a function that prepares work on a device and returns what does it."""
    splits = mnist.splits()
    train_z, test_z = mnist.stand_ins(splits.train.images, splits.test.images)
    images = effort.pick(300, 10_000)
    x, z = mnist.pixels(splits.test.images[:images]), test_z[:images]
    labels, clean = splits.test.labels[:images], datasets.to_unit(splits.train.images[:100])
    inputs = effort.pick(300, augmentation.WHOLE_PASS)
    order = torch.arange(inputs) % len(clean)
    references, five_nearest = train_z[: effort.pick(500, 55_000)], partial(nearest, k=5)

    def on_device(function: Callable[..., object], *tensors: torch.Tensor) -> Work:
        return lambda device: partial(function, *(tensor.to(device) for tensor in tensors))

    return {
        f"augmentation, {inputs:,} inputs": on_device(augmentation.in_batches, clean, order),
        f"manifold metrics, {images:,} images": on_device(evaluation.ours, x, z, labels),
        f"neighbours, {images:,} x {len(references):,}": on_device(five_nearest, z, references),
    }


def beside_processor(name: str, work: Work, device: torch.device, effort: Effort) -> Row:
    """Seconds of some work on the device and on the processor."""
    say(name)
    ways = {"ours": work(device), "processor": work(torch.device("cpu"))}
    seconds = alternate(ways, effort.pick(1, 5), settle=settle(device))
    return {
        "what": name,
        "ours": median(seconds["ours"]),
        "beside it": median(seconds["processor"]),
        "yardstick": "processor",
        "ratio": median_ratio(seconds["processor"], seconds["ours"]),
    }
