"""`vgg`: pairs of 3 x 3 convolutions with batch normalisation; the decoder of `naive_conv`."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from grounding.models.autoencoder import Autoencoder
from grounding.models.conv import conv_decoder, halved_sizes
from grounding.models.layers import Dropout, activation


class ChannelsLast(nn.Module):
    """Images (B, C, H, W) with the channels of a pixel beside each other in memory.

    The values stay as they are; convolutions, batch normalisation and pooling of the layers behind
    take a quarter less time on a CPU.
    """

    def forward(self, images: Tensor) -> Tensor:
        """The same images."""
        return images.contiguous(memory_format=torch.channels_last)


def vgg_autoencoder(
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden_dims: Sequence[int],
    activation_name: str = "relu",
    dropout: float = 0.0,
) -> Autoencoder:
    """An encoder after VGG (Simonyan & Zisserman, 2015) and the decoder of `naive_conv`.

    A 5 x 5 convolution of stride 2 to hidden_dims[0] channels; for each further width two 3 x 3
    convolutions, with 2 x 2 max pooling in front of all but the first pair; the mean over all
    places, and a linear layer. Batch normalisation (Ioffe & Szegedy, 2015) after every convolution.

    Args:
        image_shape: (C, H, W), any size.
        latent_dim: D, at least 1.
        hidden_dims: channels from the image towards the latent, at least one; also the decoder's.
        activation_name: "relu", "gelu" or "tanh".
        dropout: probability of dropping a channel before each pair and in the decoder.
    """
    layers: list[nn.Module] = [ChannelsLast()]
    layers += _convolution(image_shape[0], hidden_dims[0], activation_name, size=5, stride=2)
    for number, (before, after) in enumerate(pairwise(hidden_dims)):
        if number:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        if dropout:
            layers.append(Dropout(dropout))
        layers += _convolution(before, after, activation_name)
        layers += _convolution(after, after, activation_name)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(hidden_dims[-1], latent_dim)]
    encoder = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    channels = [image_shape[0], *hidden_dims]
    sizes = halved_sizes(image_shape[1:], len(hidden_dims))
    decoder = conv_decoder(channels, sizes, latent_dim, activation_name, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=latent_dim)


def _convolution(
    before: int, after: int, activation_name: str, *, size: int = 3, stride: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(after),
        activation(activation_name),
    ]
