"""`kl`: a variational autoencoder (Kingma & Welling, 2014)."""

import torch
from torch import Tensor, nn

from grounding import _registry as register
from grounding._registry import Settings
from grounding.data.loader import TrainingInputs
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.base import Array, Context, Objective, Step


@register.objective("kl")
class KL(Objective):
    """KL divergence, in nats an image, of the latent's distribution from the standard normal one.

    It makes the autoencoder variational: the decoder sees a sample, E(x) is the mean.
    """

    needs_features = True

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        encoder = context.model.encoder
        last = encoder[-1] if isinstance(encoder, nn.Sequential) else None
        if not isinstance(last, nn.Linear):
            raise ValueError("kl needs an encoder that is an nn.Sequential ending in an nn.Linear")
        self.log_variance = nn.Linear(last.in_features, last.out_features)
        self.generator: torch.Generator | None = None

    def begin_epoch(self, _: Autoencoder, loader: TrainingInputs, epoch: int) -> None:
        """Take this epoch's own random numbers."""
        self.generator = loader.generator("latent sample", epoch)

    def sample(self, step: Step) -> Tensor:
        """A draw from the distribution of each latent, (B, D)."""
        noise = torch.empty_like(step.latents).normal_(generator=self.generator)
        return step.latents + (self._log_variance(step) / 2).exp() * noise

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        return kl_divergence(step.latents, self._log_variance(step))

    def _log_variance(self, step: Step) -> Tensor:
        if "log variance" not in step.shared:
            step.shared["log variance"] = self.log_variance(step.features)
        return step.shared["log variance"]


def kl_divergence(mean: Array, log_variance: Array) -> Tensor:
    """KL divergence of N(mean, variance) from N(0, 1), summed over the latent.

    1/2 sum of mean^2 + variance - 1 - log variance, the mean over the batch (Kingma & Welling,
    2014, appendix B).

    Args:
        mean: (B, D).
        log_variance: (B, D), natural logarithm.

    Returns:
        A scalar >= 0, in nats.
    """
    mean, log_variance = torch.as_tensor(mean), torch.as_tensor(log_variance)
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return terms.sum(1).mean() / 2
