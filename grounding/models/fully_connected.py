"""`vanilla_fc`: linear layers down to the latent and, mirrored, back up."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from grounding.models.autoencoder import Autoencoder
from grounding.models.layers import Dropout, activation


def fully_connected_autoencoder(
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden_dims: Sequence[int],
    activation_name: str = "relu",
    dropout: float = 0.0,
) -> Autoencoder:
    """Linear layers C*H*W -> hidden_dims -> D and back, sigmoid output.

    Args:
        image_shape: (C, H, W); images are flattened inside the encoder.
        latent_dim: D, at least 1.
        hidden_dims: widths from the image towards the latent, at least one.
        activation_name: "relu", "gelu" or "tanh", after every hidden layer.
        dropout: probability of dropping a unit after each hidden activation.
    """
    pixels = prod(image_shape)
    down = [pixels, *hidden_dims]
    up = [latent_dim, *reversed(hidden_dims)]
    encoder = nn.Sequential(
        nn.Flatten(),
        *_hidden_layers(down, activation_name, dropout),
        nn.Linear(down[-1], latent_dim),
    )
    decoder = nn.Sequential(
        *_hidden_layers(up, activation_name, dropout),
        nn.Linear(up[-1], pixels),
        nn.Sigmoid(),
        nn.Unflatten(1, image_shape),
    )
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=latent_dim)


def _hidden_layers(widths: Sequence[int], activation_name: str, dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation(activation_name)]
        if dropout:
            layers.append(Dropout(dropout))
    return layers
