"""`vanilla_fc`: linear layers down to the latent and, mirrored, back up."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from pydantic import Field
from torch import nn

from grounding import _registry as register
from grounding.models.autoencoder import Autoencoder, Count, ModelSettings, Width
from grounding.models.layers import Dropout, activation


class VanillaFcSettings(ModelSettings):
    """Settings of `vanilla_fc`."""

    input_dim: Count | None = None
    """Values of one image, channels x height x width, as a check."""
    hidden_dims: list[Width] = Field([256, 128], min_length=1, max_length=16)
    """Width of the layers, from the image towards the latent."""


@register.model("vanilla_fc", settings=VanillaFcSettings)
def vanilla_fc(
    image_shape: tuple[int, int, int], settings: VanillaFcSettings, *, dropout: float = 0.0
) -> Autoencoder:
    """Linear layers C*H*W -> hidden_dims -> D and back.

    Args:
        image_shape: (C, H, W); images are flattened inside the encoder.
        settings: widths, D and the activation after every hidden layer.
        dropout: probability of dropping a unit after each hidden activation.

    Raises:
        ValueError: the images do not have `input_dim` values.
    """
    pixels = prod(image_shape)
    if settings.input_dim not in (None, pixels):
        raise ValueError(
            f"input_dim {settings.input_dim} does not fit images of "
            f"{' x '.join(map(str, image_shape))} = {pixels} values"
        )
    down = [pixels, *settings.hidden_dims]
    up = [settings.latent_dim, *reversed(settings.hidden_dims)]
    encoder = nn.Sequential(
        nn.Flatten(),
        *_hidden_layers(down, settings.activation, dropout),
        nn.Linear(down[-1], settings.latent_dim),
    )
    decoder = nn.Sequential(
        *_hidden_layers(up, settings.activation, dropout),
        nn.Linear(up[-1], pixels),
        nn.Sigmoid(),
        nn.Unflatten(1, image_shape),
    )
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=settings.latent_dim)


def _hidden_layers(widths: Sequence[int], activation_name: str, dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation(activation_name)]
        if dropout:
            layers.append(Dropout(dropout))
    return layers
