"""`asymmetric_resnet`: a residual encoder with the small decoder of `naive_conv`."""

from typing import Annotated

from pydantic import Field, field_validator
from torch import Tensor, nn

from grounding import _registry as register
from grounding.models.autoencoder import Autoencoder, Width
from grounding.models.conv_layers import KernelSettings, conv_decoder, latent_layer, stage_sizes
from grounding.models.layers import Conv2d, Dropout, activation

NORM_GROUPS = 8
STAGE_WIDTHS = (1, 2, 4)
STAGE_STRIDES = (1, 2, 2)


class EncoderSettings(register.Settings):
    """The residual network."""

    resnet_depth: Annotated[int, Field(ge=8, le=200)] = 8
    """Layers with weights, 6n + 2 (8, 14, 20, ...) for n blocks in each of the three stages."""
    base_channels: Annotated[int, Field(ge=8, le=1024, multiple_of=NORM_GROUPS)] = 16
    """Channels of the first stage, a multiple of 8; the others have 2 and 4 times as many."""
    zero_init_residual: bool = True
    """Whether the last norm of a block starts at zero, so that a block starts as its shortcut."""

    @field_validator("resnet_depth")
    @classmethod
    def _three_stages_are_alike(cls, depth: int) -> int:
        if (depth - 2) % 6:
            raise ValueError("this is not 6n + 2; allowed: 8, 14, 20, 26, ...")
        return depth


class AsymmetricResnetSettings(KernelSettings):
    """Settings of `asymmetric_resnet`. Its kernel is that of the decoder."""

    hidden_dims: list[Width] = Field([8, 16], min_length=2, max_length=2)
    """Two channel counts: the decoder's, and with the last one the width of the 1 x 1 projection
    in front of the latent."""
    encoder: EncoderSettings = EncoderSettings()
    """The residual network."""


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

    (B, before, H, W) -> (B, after, H / stride, W / stride). With `zero_init` the last norm starts
    at zero, so a block starts as its shortcut (Goyal et al., 2017).
    """

    def __init__(
        self, before: int, after: int, stride: int, nonlinearity: str, *, zero_init: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(NORM_GROUPS, after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(NORM_GROUPS, after)
        if zero_init:
            nn.init.zeros_(self.norm2.weight)
        self.act = activation(nonlinearity)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            norm = nn.GroupNorm(NORM_GROUPS, after)
            self.shortcut = nn.Sequential(Subsampled(before, after, stride), norm)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, after, H / stride, W / stride) of maps (B, before, H, W)."""
        residual = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        out: Tensor = self.act(residual + self.shortcut(x))
        return out


@register.model("asymmetric_resnet", settings=AsymmetricResnetSettings)
def asymmetric_resnet(
    image_shape: tuple[int, int, int], settings: AsymmetricResnetSettings, *, dropout: float = 0.0
) -> Autoencoder:
    """A residual network as encoder and the decoder of `naive_conv`.

    Args:
        image_shape: (C, H, W), any size.
        settings: depth and width of the network, channels of the decoder, D.
        dropout: probability of dropping a channel after each stage and in the decoder.

    Raises:
        ValueError: the images are not what the settings say.
    """
    settings.check_images(image_shape)
    network, projected = settings.encoder, settings.hidden_dims[-1]
    zero_init = network.zero_init_residual
    sizes = stage_sizes(image_shape[1:], STAGE_STRIDES.count(2))
    width = network.base_channels
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], width, 3, padding=1),
        nn.GroupNorm(NORM_GROUPS, width),
        activation(settings.activation),
    ]
    for factor, first_stride in zip(STAGE_WIDTHS, STAGE_STRIDES, strict=True):
        for block in range((network.resnet_depth - 2) // 6):
            before, width = width, network.base_channels * factor
            stride = first_stride if block == 0 else 1
            layers.append(
                BasicBlock(before, width, stride, settings.activation, zero_init=zero_init)
            )
        if dropout:
            layers.append(Dropout(dropout))
    layers += [nn.Conv2d(width, projected, 1), activation(settings.activation)]
    encoder = nn.Sequential(*layers, *latent_layer(projected, sizes[-1], settings.latent_dim))
    channels = [image_shape[0], *settings.hidden_dims]
    decoder = conv_decoder(channels, sizes, settings, dropout)
    return Autoencoder(encoder, decoder, image_shape=image_shape, latent_dim=settings.latent_dim)
