"""Which training images look alike to the encoder itself: guesses at who is of one kind.

Instance discrimination pushes every other image away, the nine in a hundred that show the same
digit among them. Once the encoder has learnt something, an image's nearest images are mostly of its
own kind: they need not be pushed away (as in Chuang et al., 2020, who correct for them on average),
and those that are near each other both ways can be drawn together (after Dwibedi et al., 2021, who
take the nearest neighbour as a positive). No label is looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.data.augmented import TrainingInputs
from grounding.data.splits import to_unit
from grounding.metrics.neighbors import nearest
from grounding.models.autoencoder import Autoencoder

VIEWS = 10
CLEAN_WEIGHT = 2
BATCH = 500


class Kinship(NamedTuple):
    """Guesses at which images are of one kind.

    Attributes:
        nearest: int64 (N, k), the other images, nearest first.
        close: how many of them, at most k, are close.
    """

    nearest: Tensor
    close: int

    def of(self, identities: Tensor) -> tuple[Tensor, Tensor]:
        """What is guessed of the images of a batch.

        Args:
            identities: int64 (B,), which image each is; of those from N on nothing is guessed.

        Returns:
            Two bool (B, B). Kin: images i and j are close to each other, both ways. Near: image j
            is among the nearest of image i. Two views of one image are neither.
        """
        known = identities < len(self.nearest)
        nearest = self.nearest[identities.clamp(max=len(self.nearest) - 1)]
        found = (nearest[:, None] == identities[None, :, None]) & known[:, None, None]
        close = found[..., : self.close].any(2)
        return close & close.T, found.any(2)


@torch.no_grad()
def find_kinship(
    model: Autoencoder, inputs: TrainingInputs, k: int, close: int, epoch: int
) -> Kinship:
    """The k nearest of each training image, by the cosine of their mean unit latents.

    The mean is over 10 views, drawn for this epoch, and over the clean image, which counts twice.

    Args:
        model: the encoder; left in evaluation mode.
        inputs: the training images and how they are augmented.
        k: images to find for each, less than N.
        close: see `Kinship`.
        epoch: from 1.
    """
    model.eval()
    means = []
    draws = inputs.generator("kinship", epoch)
    for images in inputs.lasting_images().split(BATCH):
        clean = to_unit(images)
        total = CLEAN_WEIGHT * _unit_latents(model, clean)
        for _ in range(VIEWS):
            total += _unit_latents(model, inputs.augment(clean, draws))
        means.append(total)
    latents = torch.cat(means)
    found = nearest(latents, latents, k, metric="cosine", exclude_self=True)
    return Kinship(found.indices, close)


def _unit_latents(model: Autoencoder, images: Tensor) -> Tensor:
    return F.normalize(model.encode(images), dim=1)
