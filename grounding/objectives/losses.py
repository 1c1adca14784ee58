"""What a training step makes smaller. Pure functions: tensors in, one number out."""

import torch
import torch.nn.functional as F
from torch import Tensor

# The weights that Bardes et al. (2022) found best.
VICREG_INVARIANCE, VICREG_VARIANCE, VICREG_COVARIANCE = 25.0, 25.0, 1.0
_VARIANCE_EPSILON = 1e-4


def reconstruction_error(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error over all pixels.

    Args:
        reconstructions: (B, C, H, W) in [0, 1].
        images: (B, C, H, W) in [0, 1], what they should show.

    Returns:
        A scalar in [0, 1].
    """
    return F.mse_loss(reconstructions, images)


def contrastive_loss(
    projections: Tensor,
    identities: Tensor,
    temperature: float,
    *,
    kin: Tensor | None = None,
    kin_weight: float = 0.0,
    near: Tensor | None = None,
) -> Tensor:
    """Cross entropy of finding the other views of one's own image among all views.

    For each view i: -sum over j of w_ij log(exp(s_ij / t) / sum over a of exp(s_ia / t)) divided by
    the sum of w_ij, with s the cosine similarity, w_ij = 1 for another view of the same image and
    0 for others, and a over all views but i itself; the mean over the views that have a positive.
    This is the supervised contrastive loss (Khosla et al., 2020, equation 2) with the image as
    class; with two views of each image it is NT-Xent (Chen et al., 2020).

    Args:
        projections: (B, P), of any length.
        identities: (B,) integers, the image that each is a view of.
        temperature: t > 0.
        kin: bool (B, B), views of other images that are positives of weight kin_weight.
        kin_weight: w_ij for these.
        near: bool (B, B), views that are left out of the sum over a, unless they are positives.

    Returns:
        A scalar >= 0; 0 if no image has two views.
    """
    unit = F.normalize(projections, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    weights = ((identities[:, None] == identities[None]) & ~itself).to(unit.dtype)
    if kin is not None:
        weights = weights + kin_weight * kin
    left_out = itself if near is None else itself | (near & (weights == 0))
    similarity = (unit @ unit.T / temperature).masked_fill(left_out, -torch.inf)
    log_share = similarity.log_softmax(1).masked_fill(weights == 0, 0)
    total = weights.sum(1)
    has_positive = total > 0
    each = -(weights * log_share).sum(1) / torch.where(has_positive, total, 1)
    return each.sum() / has_positive.sum().clamp_min(1)


def vicreg_loss(a: Tensor, b: Tensor) -> Tensor:
    """Variance-invariance-covariance regularisation (Bardes et al., 2022) of two sets of views.

    25 x the mean squared distance of the pairs, 25 x how far each value's standard deviation is
    below 1 and 1 x the squared covariances of different values, summed and divided by their number.

    Args:
        a: (B, P), B >= 2, projections of one view of each image.
        b: (B, P), of another view of the same images.

    Returns:
        A scalar >= 0.
    """
    spread = (_missing_spread(a) + _missing_spread(b)) / 2
    return (
        VICREG_INVARIANCE * F.mse_loss(a, b)
        + VICREG_VARIANCE * spread
        + VICREG_COVARIANCE * (_covariance(a) + _covariance(b))
    )


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, variance) from N(0, 1), summed over the latent.

    1/2 sum of mean^2 + variance - 1 - log variance, the mean over the batch (Kingma & Welling,
    2014, appendix B).

    Args:
        mean: (B, D).
        log_variance: (B, D), natural logarithm.

    Returns:
        A scalar >= 0, in nats.
    """
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return terms.sum(1).mean() / 2


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of classes.

    Args:
        logits: (B, classes).
        labels: (B,) int64.

    Returns:
        A scalar >= 0, in nats.
    """
    return F.cross_entropy(logits, labels)


def _missing_spread(x: Tensor) -> Tensor:
    deviation = (x.var(0) + _VARIANCE_EPSILON).sqrt()
    return F.relu(1 - deviation).mean()


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    covariance = centred.T @ centred / (len(x) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / x.shape[1]
