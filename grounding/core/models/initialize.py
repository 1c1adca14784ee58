"""Weights before training, drawn so that signals keep their size from layer to layer."""

import math

from torch import nn


def initialize(model: nn.Module) -> None:
    """Draw He-normal weights and zero biases for all linear and convolutional layers, in place.

    A weight has variance 2 / n for the n inputs that each output sums over (He et al., 2015). A
    transposed convolution of stride s lets each output see 1 / s^2 of its kernel. torch's own draw
    has a sixth of that variance, and learns from 100 augmented images markedly more slowly. Random
    numbers come from torch's global state.
    """
    for layer in model.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            seen = math.prod(layer.kernel_size) / math.prod(layer.stride)
            inputs = layer.in_channels * seen
        elif isinstance(layer, nn.Conv2d):
            inputs = layer.in_channels * math.prod(layer.kernel_size)
        elif isinstance(layer, nn.Linear):
            inputs = layer.in_features
        else:
            continue
        nn.init.normal_(layer.weight, 0, math.sqrt(2 / inputs))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
