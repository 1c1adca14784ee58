"""Augmentation: batches against single images.

One pass over 100 x 100 images, as in an epoch of experiment 4, in batches of 128, both ways in turn
in one process; median of the ratios of neighbours.
"""

from statistics import median

import torch
from harness.measure import alternate, compared, say
from harness.question import Curve, Effort, Row
from harness.usual import augment_one
from torch import Tensor

import grounding
from grounding.runs.building import augmentations_of

CURVES = (Curve("augmentation", "inputs", ("batches, s", "one by one, s")),)
IMAGES, BATCH, WHOLE_PASS = 100, 128, 10_000


def measure(effort: Effort) -> list[Row]:
    counts = effort.pick((200, 400), (1000, 3000, WHOLE_PASS))
    return [row(inputs, effort.pick(2, 5, 9)) for inputs in counts]


def row(inputs: int, runs: int) -> Row:
    """Seconds of a pass both ways."""
    say(f"{inputs} inputs")
    images = torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    order = torch.arange(inputs) % IMAGES
    ways = {
        "batches": lambda: in_batches(images, order),
        "one by one": lambda: [augment_one(images[index]) for index in order.tolist()],
    }
    seconds = alternate(ways, runs)
    return {
        "inputs": inputs,
        **compared(seconds),
        "inputs/s": inputs / median(seconds["batches"]),
        "runs": runs,
    }


def in_batches(images: Tensor, order: Tensor) -> None:
    """Augment the images at some places, batch after batch."""
    augment = augmentations_of(grounding.load_config("4"))
    draws = torch.Generator(images.device).manual_seed(0)
    for indices in order.split(BATCH):
        augment(images[indices], draws)
