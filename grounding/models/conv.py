"""`naive_conv`: strided convolutions down to the latent, transposed ones back up.

The decoder and the latent layer are shared with `asymmetric_resnet`.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from grounding.models.autoencoder import Autoencoder
from grounding.models.layers import Dropout, activation
from grounding.models.strided import StridedConv2d, StridedConvTranspose2d

Size = tuple[int, int]


def conv_autoencoder(
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden_dims: Sequence[int],
    activation_name: str = "relu",
    dropout: float = 0.0,
) -> Autoencoder:
    """One stride-2 convolution per entry of hidden_dims, a linear layer, and the mirror image.

    Args:
        image_shape: (C, H, W). Any size will do: each stage halves it, rounding up, and the
            decoder undoes exactly that.
        latent_dim: D, at least 1.
        hidden_dims: channels of the stages from the image towards the latent, at least one.
        activation_name: "relu", "gelu" or "tanh", after every hidden layer.
        dropout: probability of dropping a channel after each hidden activation.
    """
    channels = [image_shape[0], *hidden_dims]
    sizes = halved_sizes(image_shape[1:], len(hidden_dims))
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [StridedConv2d(before, after), activation(activation_name)]
        if dropout:
            layers.append(Dropout(dropout))
    encoder = nn.Sequential(*layers, *latent_layer(channels[-1], sizes[-1], latent_dim))
    decoder = conv_decoder(channels, sizes, latent_dim, activation_name, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=latent_dim)


def halved_sizes(size: Size, times: int) -> list[Size]:
    """Sizes (H, W) before the first and after each of `times` stride-2 convolutions."""
    sizes = [size]
    for _ in range(times):
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def latent_layer(channels: int, size: Size, latent_dim: int) -> list[nn.Module]:
    """Layers from feature maps (B, channels, *size) to latents (B, latent_dim)."""
    return [nn.Flatten(), nn.Linear(channels * prod(size), latent_dim)]


def conv_decoder(
    channels: Sequence[int],
    sizes: Sequence[Size],
    latent_dim: int,
    activation_name: str,
    dropout: float,
) -> nn.Sequential:
    """Latents (B, latent_dim) -> images (B, channels[0], *sizes[0]) in [0, 1].

    Args:
        channels: of the image and of each stage, from the image towards the latent.
        sizes: (H, W) at the same places.
        latent_dim: D.
        activation_name: after every hidden layer.
        dropout: probability of dropping a channel after each hidden activation.
    """
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, channels[-1] * prod(sizes[-1])),
        nn.Unflatten(1, (channels[-1], *sizes[-1])),
    ]
    for stage in range(len(channels) - 1, 0, -1):
        layers.append(
            StridedConvTranspose2d(channels[stage], channels[stage - 1], sizes[stage - 1])
        )
        if stage > 1:
            layers.append(activation(activation_name))
            if dropout:
                layers.append(Dropout(dropout))
    return nn.Sequential(*layers, nn.Sigmoid())
