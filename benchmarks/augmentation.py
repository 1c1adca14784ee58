"""Time augmenting batches against augmenting their images one by one.

    python benchmarks/augmentation.py

One pass over 100 x 100 images, as in an epoch of experiment 4, both ways in turn.
"""

import time
from statistics import median

import torch
from training import augment_one

from grounding.core.data.augment import Augmentation, augment
from grounding.core.randomness import generator

IMAGES, EACH, BATCH, RUNS = 100, 100, 128, 5


def main() -> None:
    """Print seconds of both ways and the median ratio."""
    images = torch.rand(IMAGES, 1, 28, 28, generator=generator(0, "benchmark"))
    order = torch.arange(IMAGES * EACH) % IMAGES
    ratios = []
    for number in range(RUNS + 1):
        draws = generator(0, "augment", number)
        started = time.perf_counter()
        for indices in order.split(BATCH):
            augment(images[indices], Augmentation(), draws)
        batches = time.perf_counter() - started
        started = time.perf_counter()
        for index in order.tolist():
            augment_one(images[index])
        one_by_one = time.perf_counter() - started
        if number:  # the first pass warms up
            ratios.append(one_by_one / batches)
            print(f"batches {batches:.3f} s, one by one {one_by_one:.2f} s, {ratios[-1]:.1f} times")
    print(f"median of {RUNS}: {median(ratios):.1f} times as fast")


if __name__ == "__main__":
    main()
