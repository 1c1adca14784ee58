"""From an architecture's name and its numbers to a model."""

from collections.abc import Sequence
from math import prod

from grounding.models.autoencoder import Autoencoder
from grounding.models.conv import conv_autoencoder
from grounding.models.fully_connected import fully_connected_autoencoder
from grounding.models.resnet import resnet_autoencoder
from grounding.models.vgg import vgg_autoencoder

ARCHITECTURES = ("vanilla_fc", "naive_conv", "asymmetric_resnet", "vgg")


def build_autoencoder(
    architecture: str,
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden_dims: Sequence[int],
    activation_name: str = "relu",
    dropout: float = 0.0,
    input_dim: int | None = None,
    encoder_depth: int = 8,
    base_channels: int = 16,
) -> Autoencoder:
    """An autoencoder with freshly drawn weights (from torch's global random state).

    Args:
        architecture: one of `ARCHITECTURES`.
        image_shape: (C, H, W) of one image.
        latent_dim: D.
        hidden_dims: layer widths (vanilla_fc) or channels, from the image towards the latent.
        activation_name: "relu", "gelu" or "tanh".
        dropout: probability in [0, 1); 0 builds no dropout layers.
        input_dim: if given, what C * H * W has to be.
        encoder_depth: for asymmetric_resnet, 6n + 2.
        base_channels: for asymmetric_resnet, a multiple of 8.

    Raises:
        ValueError: an unknown architecture, or numbers that it cannot have.
    """
    if input_dim is not None and input_dim != prod(image_shape):
        raise ValueError(
            f"input_dim {input_dim} does not fit images of {' x '.join(map(str, image_shape))} "
            f"= {prod(image_shape)} values"
        )
    if architecture == "asymmetric_resnet":
        return resnet_autoencoder(
            image_shape=image_shape,
            latent_dim=latent_dim,
            hidden_dims=hidden_dims,
            activation_name=activation_name,
            dropout=dropout,
            encoder_depth=encoder_depth,
            base_channels=base_channels,
        )
    plain = {
        "vanilla_fc": fully_connected_autoencoder,
        "naive_conv": conv_autoencoder,
        "vgg": vgg_autoencoder,
    }
    if architecture not in plain:
        raise ValueError(f"architecture {architecture!r} is not one of {', '.join(ARCHITECTURES)}")
    return plain[architecture](
        image_shape=image_shape,
        latent_dim=latent_dim,
        hidden_dims=hidden_dims,
        activation_name=activation_name,
        dropout=dropout,
    )
