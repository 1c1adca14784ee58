"""`contrastive`: views of one image are drawn together, those of others pushed apart.

Instance discrimination pushes every other image away, the nine in a hundred that show the same
digit among them. Once the encoder has learnt something, an image's nearest images are mostly of its
own kind: they can be ignored as negatives (Chuang et al., 2020, correct for them on average), and
those that are near each other both ways can be positives of less weight (Dwibedi et al., 2021, take
the nearest neighbour as a positive). No label is looked at.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from grounding import _registry as register
from grounding.data.loader import TrainingInputs
from grounding.data.splits import to_unit
from grounding.metrics.deformation import hidden_markov_distortion
from grounding.metrics.deskew import deskew
from grounding.metrics.neighbors import nearest
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.base import Array, Context, Objective, Step
from grounding.objectives.projection_head import ProjectionSettings, projection_head

# For the search for nearest images: augmented views of each, how often the clean image counts
# beside them, and images that are encoded at once.
VIEWS = 10
CLEAN_WEIGHT = 2
BATCH = 500
MOST_DEFORMED = 500  # images; with their mirror images that is a million pairs, about a minute


class ContrastiveSettings(ProjectionSettings):
    """Settings of `contrastive`."""

    temperature: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Of the contrastive softmax over cosine similarities."""
    near: Annotated[int, Field(ge=0, le=1000)] = 0
    """Of this many images that are nearest to an image in the latent space itself, the views are
    not pushed away from it by contrastive; 0 for none."""
    close: Annotated[int, Field(ge=0, le=1000)] = 0
    """Images that are among each other's this many nearest are drawn together by contrastive as
    well; at most `near`. 0 for none."""
    close_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How much such a view counts beside one of the same image."""
    deformation: bool = False
    """How badly one image can be deformed into another, which nobody has to learn, decides on the
    nearest images as much as the latent space does; for at most 500 training images."""
    near_from: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the epochs after which near and close begin; nearest images are looked for anew
    before each epoch."""

    @property
    def depends_on_epochs(self) -> bool:
        """Whether the epoch in which near begins depends on how many there are."""
        return self.near > 0 and self.near_from > 0

    def problem(self, weight: float, images: int | None) -> str:
        """Why these cannot be used with a weight and a number of images, or ""."""
        if self.near and not weight:
            return "near has an effect on contrastive only, whose weight is 0"
        if self.deformation and not self.near:
            return "deformation has an effect on near only, which is 0"
        if self.deformation and images is not None and images > MOST_DEFORMED:
            return (
                f"deformation compares each image with each, at most {MOST_DEFORMED} images, and "
                f"there are {images}"
            )
        if images is not None and self.near >= images:
            return f"near {self.near} needs more images than that, and there are {images}"
        return ""

    @model_validator(mode="after")
    def _close_are_among_the_near(self) -> Self:
        if self.close > self.near:
            raise ValueError(f"close {self.close} is more than near {self.near}")
        return self


# One image has no other to be told apart from: its loss is 0.
@register.objective("contrastive", settings=ContrastiveSettings, needs_views=2, smallest_batch=2)
class Contrastive(Objective):
    """Views of one image are drawn together in a projection of their latents, others pushed apart.

    That is NT-Xent; with more than two views the supervised contrastive loss with the image's
    identity as its class. No labels.
    """

    settings: ContrastiveSettings

    def __init__(self, settings: ContrastiveSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.projection = projection_head(context.model.latent_dim, settings.projection_dims)
        self.near_after = round(settings.near_from * (context.epochs or 0))
        self.nearest: Tensor | None = None
        self.deformed: Tensor | None = None

    def begin_epoch(self, model: Autoencoder, loader: TrainingInputs, epoch: int) -> None:
        """Look for each image's nearest images, once the encoder has learnt something."""
        if self.settings.near and epoch > self.near_after:
            if self.settings.deformation and self.deformed is None:
                self.deformed = deformation_distances(loader.lasting_images()[:])
            self.nearest = find_neighbors(model, loader, self.settings.near, epoch, self.deformed)

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        identities = step.batch.identities
        close = near = None
        if self.nearest is not None:
            close, near = neighbors_among(self.nearest, self.settings.close, identities)
        return contrastive_loss(
            self.projection(step.latents),
            identities,
            self.settings.temperature,
            pseudo_positives=close,
            pseudo_weight=self.settings.close_weight,
            ignored_negatives=near,
        )


def contrastive_loss(
    projections: Array,
    identities: Array,
    temperature: float,
    *,
    pseudo_positives: Tensor | None = None,
    pseudo_weight: float = 0.0,
    ignored_negatives: Tensor | None = None,
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
        pseudo_positives: bool (B, B), views of other images that are positives of another weight.
        pseudo_weight: w_ij for these.
        ignored_negatives: bool (B, B), views that are left out of the sum over a, unless they are
            positives.

    Returns:
        A scalar >= 0; 0 if no image has two views.
    """
    identities = torch.as_tensor(identities)
    unit = F.normalize(torch.as_tensor(projections), dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    weights = ((identities[:, None] == identities[None]) & ~itself).to(unit.dtype)
    if pseudo_positives is not None:
        weights = weights + pseudo_weight * pseudo_positives
    left_out = itself
    if ignored_negatives is not None:
        left_out = itself | (ignored_negatives & (weights == 0))
    similarity = (unit @ unit.T / temperature).masked_fill(left_out, -torch.inf)
    log_share = similarity.log_softmax(1).masked_fill(weights == 0, 0)
    total = weights.sum(1)
    has_positive = total > 0
    each = -(weights * log_share).sum(1) / torch.where(has_positive, total, 1)
    return each.sum() / has_positive.sum().clamp_min(1)


def neighbors_among(nearest: Tensor, close: int, identities: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of images in a batch that look alike to the encoder.

    Args:
        nearest: int64 (N, k), of each image the other ones that are nearest, nearest first.
        close: how many of them, at most k, are close.
        identities: int64 (B,), which image each is; those from N on have no neighbours.

    Returns:
        Two bool (B, B). Close: images i and j are close to each other, both ways. Near: image j is
        among the nearest of image i. Two views of one image are neither.
    """
    known = identities < len(nearest)
    mine = nearest[identities.clamp(max=len(nearest) - 1)]
    found = (mine[:, None] == identities[None, :, None]) & known[:, None, None]
    is_close = found[..., :close].any(2)
    return is_close & is_close.T, found.any(2)


@torch.no_grad()
def find_neighbors(
    model: Autoencoder,
    loader: TrainingInputs,
    k: int,
    epoch: int,
    deformed: Tensor | None = None,
) -> Tensor:
    """The k nearest of each training image, int64 (N, k), by the cosine of their mean unit latents.

    The mean is over 10 views, drawn for this epoch, and over the clean image, which counts twice.
    Leaves the model in evaluation mode.

    Args:
        model: what encodes them.
        loader: what has the images, and draws their views.
        k: how many.
        epoch: which one the views are drawn for.
        deformed: other distances of the images, (N, N) on the CPU. The sum of both counts then,
            each divided by its mean.
    """
    model.eval()
    means = []
    # The stream's name is older than this function's; another one would draw other views.
    draws = loader.generator("kinship", epoch)
    for images in loader.lasting_images().split(BATCH):
        clean = to_unit(images)
        total = CLEAN_WEIGHT * _unit_latents(model, clean)
        for _ in range(VIEWS):
            total += _unit_latents(model, loader.augment(clean, draws))
        means.append(total)
    latents = torch.cat(means)
    if deformed is not None:
        unit = F.normalize(latents.cpu().double(), dim=1)
        distances = 1 - unit @ unit.T
        distances = distances / distances.mean() + deformed.double() / deformed.double().mean()
        distances.fill_diagonal_(torch.inf)
        return distances.argsort(dim=1, stable=True)[:, :k].to(latents.device)
    found = nearest(latents, latents, k, metric="cosine", exclude_self=True)
    return found.indices.to(latents.device)  # of MPS, which has no float64, it looks on the CPU


def deformation_distances(images: Array) -> Tensor:
    """How badly each of some images can be deformed into each, (N, N) on the CPU.

    P2DHMDM (see `hidden_markov_distortion`) of upright images, there and back.

    Args:
        images: (N, C, H, W), uint8 or in [0, 1].
    """
    upright = deskew(images)
    one_way = hidden_markov_distortion(upright, upright)
    return one_way + one_way.T


def _unit_latents(model: Autoencoder, images: Tensor) -> Tensor:
    return F.normalize(model.encode(images), dim=1)
