"""Augmentation: batches against single images.

One pass over 100 x 100 images, as in an epoch of experiment 4, in batches of 128, both ways in turn
in one process; median of the ratios of neighbours. A pass of the earlier implementation of the same
experiments took 3.1 s on two cores.
"""

from statistics import median

import torch
from harness.measure import alternate, median_ratio, say
from harness.question import Curve, Effort, Row
from harness.reference import AUGMENTATION_PASS
from harness.usual import augment_one
from torch import Tensor

from grounding._streams import generator
from grounding.data.augment import Augmentation, augment

CURVES = (Curve("augmentation", "inputs", ("batches, s", "one by one, s")),)
IMAGES, BATCH, WHOLE_PASS = 100, 128, 10_000


def measure(effort: Effort) -> list[Row]:
    counts = effort.pick((200, 400), (1000, 3000, WHOLE_PASS))
    return [row(inputs, effort.pick(2, 5, 9)) for inputs in counts]


def row(inputs: int, runs: int) -> Row:
    """Seconds of a pass both ways."""
    say(f"{inputs} inputs")
    images = torch.rand(IMAGES, 1, 28, 28, generator=generator(0, "benchmark"))
    order = torch.arange(inputs) % IMAGES
    ways = {
        "batches": lambda: in_batches(images, order),
        "one by one": lambda: [augment_one(images[index]) for index in order.tolist()],
    }
    seconds = alternate(ways, runs)
    batches = median(seconds["batches"])
    return {
        "inputs": inputs,
        "batches, s": batches,
        "one by one, s": median(seconds["one by one"]),
        "times as fast": median_ratio(seconds["one by one"], seconds["batches"]),
        "times as fast as the earlier one": (
            AUGMENTATION_PASS / batches if inputs == WHOLE_PASS else None
        ),
        "inputs/s": inputs / batches,
        "runs": runs,
    }


def in_batches(images: Tensor, order: Tensor) -> None:
    """Augment the images at some places, batch after batch."""
    draws = generator(0, "augment", device=images.device)
    for indices in order.split(BATCH):
        augment(images[indices], Augmentation(), draws)
