"""Training: images per second over the batch size.

Bare steps of our layers and of torch's own, with the same weights, in turn in one process; both
with the optimiser of the loop. The exponent says how a step's throughput grows with its batch: 1
would mean that a step costs the same whatever it holds, 0 that an image does.
"""

from itertools import islice
from statistics import median

import torch
from harness.measure import alternate, median_ratio, say
from harness.question import Curve, Effort, Row
from harness.step import bare_steps, parts_of, with_long_epochs
from harness.usual import plain_layers

CURVES = (
    Curve(
        "batch_size", "images in a step", ("ours, images/s", "torch's layers, images/s"), "model"
    ),
)
MODELS = {"linear": "0", "convolutional": "1", "residual": "5"}


def measure(effort: Effort) -> list[Row]:
    sizes = effort.pick((16, 64), (8, 32, 128, 512, 2048))
    return [row(name, size, effort) for name in MODELS for size in sizes]


def row(model: str, size: int, effort: Effort) -> Row:
    """Images per second of one model at one batch size."""
    say(f"{model}, {size} images in a step")
    experiment = with_long_epochs(MODELS[model], **{"training.batch_size": size})
    parts = parts_of(experiment, torch.device("cpu"))
    batches = list(islice(parts.batches(), effort.pick(1, max(1, 256 // size))))
    ours, plain = bare_steps(parts), bare_steps(parts, plain_layers)
    ways = {"ours": lambda: ours(batches), "plain": lambda: plain(batches)}
    seconds = alternate(ways, effort.pick(2, 5))
    images = size * len(batches)
    return {
        "model": model,
        "images in a step": size,
        "ours, images/s": images / median(seconds["ours"]),
        "torch's layers, images/s": images / median(seconds["plain"]),
        "times as fast": median_ratio(seconds["plain"], seconds["ours"]),
    }
