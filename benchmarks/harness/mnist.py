"""MNIST as the questions need it: pixels, labels, and stand-ins for latents."""

from collections.abc import Iterator

import torch
from torch import Tensor

from grounding.data.splits import Splits, load_splits, to_unit
from grounding.experiment.load import load_experiment

LATENT_DIM = 32


def splits() -> Splits:
    """55,000 training, 5,000 validation and 10,000 test images."""
    experiment = load_experiment("0")
    return load_splits(experiment.data, experiment.seed)


def pixels(images: Tensor) -> Tensor:
    """Images uint8 (N, C, H, W) as float32 (N, P) in [0, 1]."""
    return to_unit(images).flatten(1)


def principal_components(*images: Tensor) -> Iterator[Tensor]:
    """Each set on the principal components of the first, float32 (N, 32).

    Latents to measure on without training: as wide as those of the experiments and, like those,
    neither uniform nor in clean clusters.
    """
    first = pixels(images[0])
    mean = first.mean(dim=0)
    _, directions = torch.linalg.eigh((first - mean).T @ (first - mean))
    for one in images:
        yield ((pixels(one) - mean) @ directions[:, -LATENT_DIM:]).contiguous()
