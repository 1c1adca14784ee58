"""Floating-point operations of a model, counted from its layers."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

# A backward pass computes as much again for the gradients of the inputs and of the weights.
TRAINING_PASSES = 3


def forward_flops(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Operations of one image's forward pass: two for each multiplication with a weight.

    Convolutions, transposed convolutions and linear layers count; biases, activations and norms,
    some percent, do not.
    """
    counted = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += 2 * multiplications(layer, inputs[0].shape, output.shape)

    hooks = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    ]
    was_training = model.training
    try:
        with torch.inference_mode():
            model.eval()(torch.zeros(1, *image_shape))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return counted


def multiplications(layer: nn.Module, before: torch.Size, after: torch.Size) -> int:
    """Multiplications with a weight, from the shapes before and after one layer."""
    weight: Any = layer.weight
    if isinstance(layer, nn.Linear):
        return prod(after) * layer.in_features
    # Each output of a convolution, and each input of a transposed one, meets a whole kernel.
    meets = before if isinstance(layer, nn.ConvTranspose2d) else after
    return prod(meets) * prod(weight.shape[1:])


def training_flops(model: nn.Module, image_shape: tuple[int, int, int], batch: int) -> int:
    """Operations of one step: forward and twice as much backward.

    The first layer's gradient of the image is counted though nobody asks for it.
    """
    return TRAINING_PASSES * batch * forward_flops(model, image_shape)
