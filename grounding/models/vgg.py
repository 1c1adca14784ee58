"""`vgg`: pairs of 3 x 3 convolutions with batch normalisation; the decoder of `naive_conv`."""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from grounding import _registry as register
from grounding.models.autoencoder import Autoencoder, Width
from grounding.models.conv_layers import ConvSettings, conv_decoder, stage_sizes
from grounding.models.layers import Conv2d, Dropout, activation


class VggSettings(ConvSettings):
    """Settings of `vgg`."""

    hidden_dims: list[Width] = Field([16, 32, 64], min_length=1, max_length=16)
    """Channels from the image towards the latent; also the decoder's."""


class ChannelsLast(nn.Module):
    """Images (B, C, H, W) with the channels of a pixel beside each other in memory.

    The values stay as they are; convolutions, batch normalisation and pooling of the layers behind
    take a quarter less time on a CPU.
    """

    def forward(self, images: Tensor) -> Tensor:
        """The same images."""
        return images.contiguous(memory_format=torch.channels_last)


@register.model("vgg", settings=VggSettings)
def vgg(
    image_shape: tuple[int, int, int], settings: VggSettings, *, dropout: float = 0.0
) -> Autoencoder:
    """An encoder after VGG (Simonyan & Zisserman, 2015) and the decoder of `naive_conv`.

    A 5 x 5 convolution of stride 2 to hidden_dims[0] channels; for each further width two 3 x 3
    convolutions, with 2 x 2 max pooling in front of all but the first pair; the mean over all
    places, and a linear layer. Batch normalisation (Ioffe & Szegedy, 2015) after every convolution.

    Args:
        image_shape: (C, H, W), any size.
        settings: channels, D and the activation after every hidden layer.
        dropout: probability of dropping a channel before each pair and in the decoder.

    Raises:
        ValueError: the images are not what the settings say.
    """
    settings.check_images(image_shape)
    widths, name = settings.hidden_dims, settings.activation
    layers: list[nn.Module] = [ChannelsLast()]
    layers += _convolution(image_shape[0], widths[0], name, size=5, stride=2)
    for number, (before, after) in enumerate(pairwise(widths)):
        if number:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        if dropout:
            layers.append(Dropout(dropout))
        layers += _convolution(before, after, name)
        layers += _convolution(after, after, name)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], settings.latent_dim)]
    encoder = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sizes = stage_sizes(image_shape[1:], len(widths))
    decoder = conv_decoder([image_shape[0], *widths], sizes, settings, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=settings.latent_dim)


def _convolution(
    before: int, after: int, activation_name: str, *, size: int = 3, stride: int = 1
) -> list[nn.Module]:
    return [
        Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(after),
        activation(activation_name),
    ]
