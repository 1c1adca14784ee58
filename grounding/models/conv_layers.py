"""What the convolutional architectures share: settings, sizes, the latent layer and the decoder."""

from collections.abc import Sequence
from math import prod
from typing import Literal

from torch import nn

from grounding.models.autoencoder import Count, ModelSettings
from grounding.models.layers import Dropout, activation
from grounding.models.strided import StridedConvTranspose2d

Size = tuple[int, int]


class ConvSettings(ModelSettings):
    """Settings of every convolutional architecture."""

    input_channels: Count | None = None
    """Channels of an image, as a check."""
    input_size: Count | None = None
    """Height and width of an image in pixels, as a check."""

    def check_images(self, image_shape: tuple[int, int, int]) -> None:
        """Compare what was said of the images with their shape (C, H, W).

        Raises:
            ValueError: they are others.
        """
        channels, *size = image_shape
        shape = f"{' x '.join(map(str, image_shape))} (channels x height x width)"
        if self.input_channels not in (None, channels):
            raise ValueError(f"input_channels {self.input_channels} does not fit images of {shape}")
        if self.input_size is not None and size != [self.input_size, self.input_size]:
            raise ValueError(f"input_size {self.input_size} does not fit images of {shape}")


class KernelSettings(ConvSettings):
    """Settings of strided convolutions and of the transposed ones that undo them.

    A stage halves any size, rounding up, and its counterpart comes back to exactly that size.
    """

    kernel_size: Literal[3] = 3
    """Height and width of a kernel in pixels; 3 is the only one."""
    stride: Literal[2] = 2
    """Pixels from one place of the kernel to the next; 2 is the only one."""
    padding: Literal[1] = 1
    """Zeros on each side of an image; 1 is the only number."""
    output_padding: Literal[1] = 1
    """Rows and columns that a stage of the decoder may add to come back to the size that the
    encoder saw; how many of them it takes follows from that size. 1 is the only number."""


def stage_sizes(size: Size, stages: int) -> list[Size]:
    """Sizes (H, W) before the first and after each of some stages that halve, rounding up."""
    sizes = [size]
    for _ in range(stages):
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def latent_layer(channels: int, size: Size, latent_dim: int) -> list[nn.Module]:
    """Layers from feature maps (B, channels, *size) to latents (B, latent_dim)."""
    return [nn.Flatten(), nn.Linear(channels * prod(size), latent_dim)]


def conv_decoder(
    channels: Sequence[int], sizes: Sequence[Size], settings: ModelSettings, dropout: float
) -> nn.Sequential:
    """Latents (B, D) -> images (B, channels[0], *sizes[0]) in [0, 1].

    Args:
        channels: of the image and of each stage, from the image towards the latent.
        sizes: (H, W) at the same places.
        settings: D, and the activation after every hidden layer.
        dropout: probability of dropping a channel after each hidden activation.
    """
    layers: list[nn.Module] = [
        nn.Linear(settings.latent_dim, channels[-1] * prod(sizes[-1])),
        nn.Unflatten(1, (channels[-1], *sizes[-1])),
    ]
    for stage in range(len(channels) - 1, 0, -1):
        before, after = channels[stage], channels[stage - 1]
        layers.append(StridedConvTranspose2d(before, after, sizes[stage - 1]))
        if stage > 1:
            layers.append(activation(settings.activation))
            if dropout:
                layers.append(Dropout(dropout))
    return nn.Sequential(*layers, nn.Sigmoid())
