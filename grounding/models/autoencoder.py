"""The shape that all architectures share: an encoder E, a decoder D, a latent z of D numbers."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from torch import Tensor, nn

from grounding._registry import Settings

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Width = Annotated[int, Field(ge=1, le=65_536)]


class Autoencoder(nn.Module):
    """An encoder (B, C, H, W) -> (B, D) and a decoder (B, D) -> (B, C, H, W).

    Images go in and come out in [0, 1]; every decoder ends in a sigmoid.

    Attributes:
        image_shape: (C, H, W) of one image.
        latent_dim: D.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        image_shape: tuple[int, int, int],
        latent_dim: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.image_shape = image_shape
        self.latent_dim = latent_dim

    def encode(self, images: Tensor) -> Tensor:
        """Latents (B, D) of images (B, C, H, W) in [0, 1]."""
        latents: Tensor = self.encoder(images)
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] of latents (B, D)."""
        images: Tensor = self.decoder(latents)
        return images

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions D(E(x)) (B, C, H, W) of images (B, C, H, W)."""
        return self.decode(self.encode(images))


class ModelSettings(Settings):
    """What every architecture can be told."""

    latent_dim: Annotated[int, Field(ge=1, le=4096)] = 32
    """Numbers in one latent vector."""
    activation: Literal["relu", "gelu", "tanh"] = "relu"
    """Nonlinearity after every hidden layer."""

    @field_validator("hidden_dims", mode="before", check_fields=False)
    @classmethod
    def _tuple_as_list(cls, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Numbers of (all, trainable) parameters of a model."""
    if (count := getattr(model, "parameter_count", None)) is not None:
        return count, 0
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains)
