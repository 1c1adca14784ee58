"""`naive_conv`: strided convolutions down to the latent, transposed ones back up."""

from itertools import pairwise

from pydantic import Field
from torch import nn

from grounding import _registry as register
from grounding.models.autoencoder import Autoencoder, Width
from grounding.models.conv_layers import KernelSettings, conv_decoder, latent_layer, stage_sizes
from grounding.models.layers import Dropout, activation
from grounding.models.strided import StridedConv2d


class NaiveConvSettings(KernelSettings):
    """Settings of `naive_conv`."""

    hidden_dims: list[Width] = Field([8, 16], min_length=1, max_length=16)
    """Channels of the stages, from the image towards the latent."""


@register.model("naive_conv", settings=NaiveConvSettings)
def naive_conv(
    image_shape: tuple[int, int, int], settings: NaiveConvSettings, *, dropout: float = 0.0
) -> Autoencoder:
    """One strided convolution per entry of hidden_dims, a linear layer, and the mirror image.

    Args:
        image_shape: (C, H, W), any size: each stage halves it, rounding up, and the decoder undoes
            exactly that.
        settings: channels, D and the activation after every hidden layer.
        dropout: probability of dropping a channel after each hidden activation.

    Raises:
        ValueError: the images are not what the settings say.
    """
    settings.check_images(image_shape)
    channels = [image_shape[0], *settings.hidden_dims]
    sizes = stage_sizes(image_shape[1:], len(settings.hidden_dims))
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [StridedConv2d(before, after), activation(settings.activation)]
        if dropout:
            layers.append(Dropout(dropout))
    encoder = nn.Sequential(*layers, *latent_layer(channels[-1], sizes[-1], settings.latent_dim))
    decoder = conv_decoder(channels, sizes, settings, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=settings.latent_dim)
