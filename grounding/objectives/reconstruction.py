"""`reconstruction`: the decoder draws what the encoder has seen."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding import _registry as register
from grounding._registry import Settings
from grounding.objectives.base import Array, Objective, Step


class ReconstructionSettings(Settings):
    """Settings of `reconstruction`."""

    reconstruction_of: Literal["image", "view"] = "image"
    """What the decoder draws: the clean image, or the augmented one before intensity, noise,
    masking and cut-out. The views of few images show the decoder far more shapes than the images,
    and the latent has to say which."""


@register.objective("reconstruction", settings=ReconstructionSettings, trains_decoder=True)
class Reconstruction(Objective):
    """Mean squared error between D(E(input)) and what reconstruction_of names."""

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        return reconstruction_error(step.reconstructions, step.batch.targets)


def reconstruction_error(reconstructions: Array, images: Array) -> Tensor:
    """Mean squared error over all pixels.

    Args:
        reconstructions: (B, C, H, W) in [0, 1].
        images: (B, C, H, W) in [0, 1], what they should show.

    Returns:
        A scalar in [0, 1].
    """
    return F.mse_loss(torch.as_tensor(reconstructions), torch.as_tensor(images))
