"""`vicreg`: views of an image agree, and the values of the projection spread and differ."""

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding import _registry as register
from grounding.objectives.base import Array, Context, Objective, Step
from grounding.objectives.projection_head import ProjectionSettings, projection_head

# The weights that Bardes et al. (2022) found best.
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
_VARIANCE_EPSILON = 1e-4


# Of one image there is neither a variance nor a covariance.
@register.objective("vicreg", settings=ProjectionSettings, needs_views=2, smallest_batch=2)
class Vicreg(Objective):
    """VICReg (invariance 25, variance 25, covariance 1) of the first two views' projections."""

    def __init__(self, settings: ProjectionSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.projection = projection_head(context.model.latent_dim, settings.projection_dims)

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        a, b = self.projection(step.latents).chunk(self.context.views)[:2]
        return vicreg_loss(a, b)


def vicreg_loss(a: Array, b: Array) -> Tensor:
    """Variance-invariance-covariance regularisation (Bardes et al., 2022) of two sets of views.

    25 x the mean squared distance of the pairs, 25 x how far each value's standard deviation is
    below 1 and 1 x the squared covariances of different values, summed and divided by their number.

    Args:
        a: (B, P), B >= 2, projections of one view of each image.
        b: (B, P), of another view of the same images.

    Returns:
        A scalar >= 0.
    """
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    spread = (_missing_spread(a) + _missing_spread(b)) / 2
    return (
        INVARIANCE * F.mse_loss(a, b)
        + VARIANCE * spread
        + COVARIANCE * (_covariance(a) + _covariance(b))
    )


def _missing_spread(x: Tensor) -> Tensor:
    deviation = (x.var(0) + _VARIANCE_EPSILON).sqrt()
    return F.relu(1 - deviation).mean()


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    covariance = centred.T @ centred / (len(x) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / x.shape[1]
