"""What a decoder has to beat: the mean image, and as many principal components as latents."""

from __future__ import annotations

import torch
from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_tensor

CHUNK = 4096


def pca_error(train: Array, test: Array, components: int) -> float:
    """Mean squared error per value of test images redrawn from principal components of others.

    Args:
        train: (N, ...) images, uint8 or in [0, 1], whose mean and components are taken; as many
            components as there are, if fewer than asked for.
        test: (Q, ...), of the same shape.
        components: 0 for the mean image alone.
    """
    train, test = as_tensor(train).flatten(1), as_tensor(test).flatten(1)
    mean = torch.stack([_unit(part).sum(dim=0) for part in train.split(CHUNK)]).sum(0) / len(train)
    axes = mean.new_zeros(0, len(mean))
    if components:
        axes = _axes(train, mean)[:components]
    squares = 0.0
    for part in test.split(CHUNK):
        left = _unit(part) - mean
        left -= left @ axes.T @ axes
        squares += float(left.square().sum())
    return squares / test.numel()


def _axes(images: Tensor, mean: Tensor) -> Tensor:
    """Principal axes (R, P) of images (N, P), those of largest variance first."""
    axes: Tensor
    if len(images) < images.shape[1]:
        axes = torch.linalg.svd(_unit(images) - mean, full_matrices=False).Vh
        return axes
    covariance = torch.zeros(len(mean), len(mean), dtype=mean.dtype, device=mean.device)
    for part in images.split(CHUNK):
        centred = _unit(part) - mean
        covariance += centred.T @ centred
    axes = torch.linalg.eigh(covariance).eigenvectors.T.flip(0)
    return axes


def _unit(images: Tensor) -> Tensor:
    return images.double() / 255 if images.dtype == torch.uint8 else images.double()


@register.metric(
    "mean_image_error",
    title="error of the mean image",
    report="profile",
    axis="decoder",
    tables=(),
    place=81,
)
def _mean_image_error(train_images: Tensor, test_images: Tensor) -> float:
    """Mean squared error of the mean training image, over the test images."""
    return pca_error(train_images, test_images, 0)


@register.metric(
    "pca_error",
    title="error of PCA",
    report="profile",
    axis="decoder",
    tables=(),
    place=82,
)
def _pca_error(train_images: Tensor, test_images: Tensor, test_z: Tensor) -> float:
    """Mean squared error of as many principal components of the training images as latents."""
    return pca_error(train_images, test_images, test_z.shape[1])
