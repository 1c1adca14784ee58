"""MNIST as the questions need it: pixels, labels, and stand-ins for latents."""

from collections.abc import Iterator

import torch
from torch import Tensor

from grounding import datasets
from grounding.projection import principal_components

LATENT_DIM = 32


def splits() -> datasets.Splits:
    """55,000 training, 5,000 validation and 10,000 test images."""
    return datasets.cut(datasets.load(), seed=42)


def pixels(images: Tensor) -> Tensor:
    """Images uint8 (N, C, H, W) as float32 (N, P) in [0, 1]."""
    return datasets.to_unit(images).flatten(1)


def stand_ins(*images: Tensor) -> Iterator[Tensor]:
    """Each set on the principal components of the first, float32 (N, 32).

    Latents to measure on without training: as wide as those of the experiments and, like those,
    neither uniform nor in clean clusters.
    """
    components = principal_components(pixels(images[0]), LATENT_DIM)
    for one in images:
        yield torch.from_numpy(components.transform(pixels(one))).float()
