"""`asymmetric_resnet`: a residual encoder with the small decoder of `naive_conv`."""

from collections.abc import Sequence

from torch import Tensor, nn

from grounding.models.autoencoder import Autoencoder
from grounding.models.conv import conv_decoder, halved_sizes, latent_layer
from grounding.models.layers import Dropout, activation

NORM_GROUPS = 8
STAGE_WIDTHS = (1, 2, 4)
STAGE_STRIDES = (1, 2, 2)


class Subsampled(nn.Conv2d):
    """A 1 x 1 convolution of every stride-th pixel, (B, before, H, W) -> (B, after, H', W').

    H' = ceil(H / stride) and W' = ceil(W / stride).

    The same as a strided 1 x 1 convolution, whose CPU kernel is several times slower.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__(before, after, 1, bias=False)
        self.every = stride

    def forward(self, x: Tensor) -> Tensor:
        """Take every stride-th pixel of x (B, before, H, W) and mix its channels."""
        return super().forward(x[:, :, :: self.every, :: self.every].contiguous())


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around an identity (He et al., 2016), with group normalisation.

    (B, before, H, W) -> (B, after, H / stride, W / stride). The last norm starts at zero, so a
    block starts as its shortcut (Goyal et al., 2017).
    """

    def __init__(self, before: int, after: int, stride: int, activation_name: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(NORM_GROUPS, after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(NORM_GROUPS, after)
        nn.init.zeros_(self.norm2.weight)
        self.act = activation(activation_name)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                Subsampled(before, after, stride),
                nn.GroupNorm(NORM_GROUPS, after),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, after, H / stride, W / stride) of maps (B, before, H, W)."""
        residual = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        out: Tensor = self.act(residual + self.shortcut(x))
        return out


def resnet_autoencoder(
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden_dims: Sequence[int],
    activation_name: str = "relu",
    dropout: float = 0.0,
    encoder_depth: int = 8,
    base_channels: int = 16,
) -> Autoencoder:
    """A ResNet of `encoder_depth` layers as encoder and the decoder of `naive_conv`.

    Args:
        image_shape: (C, H, W), any size.
        latent_dim: D, at least 1.
        hidden_dims: two channel counts: the decoder's, and with the last one the width of the
            1 x 1 projection in front of the latent.
        activation_name: "relu", "gelu" or "tanh".
        dropout: probability of dropping a channel after each stage and in the decoder.
        encoder_depth: 6n + 2 for n = 1, 2, ... blocks in each of the three stages.
        base_channels: width of the first stage, a multiple of 8; the others are 2x and 4x as wide.

    Raises:
        ValueError: depth, widths or hidden_dims break these rules.
    """
    if encoder_depth < 8 or (encoder_depth - 2) % 6:
        raise ValueError(f"encoder depth {encoder_depth} is not 6n + 2 (8, 14, 20, ...)")
    if base_channels < NORM_GROUPS or base_channels % NORM_GROUPS:
        raise ValueError(f"{base_channels} base channels are not a multiple of {NORM_GROUPS}")
    if len(hidden_dims) != 2:
        raise ValueError(f"hidden_dims {list(hidden_dims)} must be two channel counts")
    channels = [image_shape[0], *hidden_dims]
    sizes = halved_sizes(image_shape[1:], STAGE_STRIDES.count(2))
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], base_channels, 3, padding=1),
        nn.GroupNorm(NORM_GROUPS, base_channels),
        activation(activation_name),
    ]
    width = base_channels
    for factor, stride in zip(STAGE_WIDTHS, STAGE_STRIDES, strict=True):
        for block in range((encoder_depth - 2) // 6):
            after = base_channels * factor
            layers.append(BasicBlock(width, after, stride if block == 0 else 1, activation_name))
            width = after
        if dropout:
            layers.append(Dropout(dropout))
    layers += [nn.Conv2d(width, hidden_dims[-1], 1), activation(activation_name)]
    encoder = nn.Sequential(*layers, *latent_layer(hidden_dims[-1], sizes[-1], latent_dim))
    decoder = conv_decoder(channels, sizes, latent_dim, activation_name, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=latent_dim)
