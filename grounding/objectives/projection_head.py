"""The layers between the latents and an objective that compares views (Chen et al., 2020)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from grounding._registry import Settings
from grounding.models.autoencoder import Width


class ProjectionSettings(Settings):
    """Settings of the objectives that compare projections of the latents."""

    projection_dims: Annotated[list[Width], Field(max_length=8)] = [128, 64]  # noqa: RUF012
    """Layer widths of the projection between the latents and contrastive or vicreg; it is used in
    training only. [] for none."""


def projection_head(latent_dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with batch normalisation and ReLU between them; (B, D) -> (B, widths[-1])."""
    layers: list[nn.Module] = []
    for before, after in pairwise([latent_dim, *widths]):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers[:-2])
