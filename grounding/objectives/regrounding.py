"""`regrounding`: the encoder reads what the decoder draws as what it was drawn from."""

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from grounding import _registry as register
from grounding._registry import Settings
from grounding.objectives.base import Array, Objective, Step


class RegroundingSettings(Settings):
    """Settings of `regrounding`."""

    regrounding_to_decoder: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the gradient of regrounding that reaches the decoder. The more, the better its
    drawings can be read, and the less they look like what they should show."""


@register.objective("regrounding", settings=RegroundingSettings, reads_decoder=True)
class Regrounding(Objective):
    """E(D(z)) stays where z is: 1 - their cosine similarity, for the first view of each image.

    What a decoder draws is smoother than what an encoder learns from, and is misread unless the
    encoder has seen it as well. z itself gets no gradient: it could make the task easier by going
    where nothing is told apart.
    """

    settings: RegroundingSettings

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        count = len(step.sample) // self.context.views
        drawn = step.reconstructions[:count]
        passed = self.settings.regrounding_to_decoder
        drawn = passed * drawn + (1 - passed) * drawn.detach() if passed else drawn.detach()
        return regrounding_distance(step.encode(drawn), step.sample[:count].detach())


def regrounding_distance(again: Array, latents: Array) -> Tensor:
    """1 - the cosine similarity of E(D(z)) and z, the mean over a batch.

    Args:
        again: (B, D), E(D(z)).
        latents: (B, D), z.

    Returns:
        A scalar in [0, 2].
    """
    again, latents = torch.as_tensor(again), torch.as_tensor(latents)
    return 1 - F.cosine_similarity(again, latents, dim=1).mean()
