"""What is measured of a model while it is trained: on validation images, without dropout."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding._images import BATCH
from grounding.data.splits import to_unit
from grounding.data.stored import ImageTensor
from grounding.metrics.knn_accuracy import knn_accuracy
from grounding.metrics.rank_me import has_collapsed, rank_me
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.reconstruction import reconstruction_error

COLLAPSE_IMAGES = 2000
"""Validation images that tell whether the latents have collapsed."""


@dataclass(frozen=True, eq=False)
class KNN:
    """How the kNN accuracy of the validation images is measured; it draws and changes nothing.

    Attributes:
        train_labels: int64 (N,), of the training images.
        val_labels: int64 (M,), of the validation images.
        every: measured after every so many epochs.
        k: neighbours that vote, 1 to N.
        metric: "euclidean" or "cosine".
    """

    train_labels: Tensor
    val_labels: Tensor
    every: int = 1
    k: int = 5
    metric: str = "euclidean"

    def accuracy(
        self, model: Autoencoder, train_images: ImageTensor, val_images: ImageTensor
    ) -> float:
        """Share of the validation images named right by their nearest training latents.

        NaN if a latent is not a finite number.
        """
        known, asked = latents_of(model, train_images), latents_of(model, val_images)
        if not (known.isfinite().all() and asked.isfinite().all()):
            return math.nan
        labels = self.train_labels, asked, self.val_labels
        return knn_accuracy(known, *labels, self.k, metric=self.metric)


@torch.inference_mode()
def reconstruction_loss(model: Autoencoder, images: ImageTensor) -> float:
    """Mean squared error of D(E(x)) over images uint8 (N, C, H, W)."""
    model.eval()
    # What stays is allocated first: a small block behind each large one that is freed would keep
    # the system's allocator from using it again.
    errors = torch.empty(math.ceil(len(images) / BATCH), device=images.device)
    sizes = []
    for number, batch in enumerate(images.split(BATCH)):
        clean = to_unit(batch)
        errors[number] = reconstruction_error(model(clean), clean)
        sizes.append(len(batch))
    return mean(errors, sizes)


@torch.inference_mode()
def latents_of(model: Autoencoder, images: ImageTensor) -> Tensor:
    """Latents (N, D) of images uint8 (N, C, H, W), on their device."""
    model.eval()
    latents, at = torch.empty(0), 0
    for batch in images.split(BATCH):
        z = model.encode(to_unit(batch))
        if not at:
            latents = z.new_empty(len(images), z.shape[1])
        latents[at : at + len(batch)] = z
        at += len(batch)
    return latents


def mean(values: Tensor, counts: Sequence[int]) -> float:
    """The mean of values (N,) that stand for so many each."""
    # In Python's float64: not every device has one.
    total = sum(value * count for value, count in zip(values.tolist(), counts, strict=True))
    return float(total / sum(counts))


def collapse(model: Autoencoder, images: ImageTensor) -> str:
    """A line that says so if the latents of images uint8 (N, C, H, W) have collapsed, else ""."""
    latents = latents_of(model, images[:COLLAPSE_IMAGES]).cpu()
    if not latents.isfinite().all():
        return "some latents of the validation images are not finite numbers"
    said, what = "the latents have collapsed: those of the validation images", ""
    if len(latents) > 1 and (latents == latents[0]).all():
        what = "are all the same"
    elif min(latents.shape) > 2 and has_collapsed(rank := rank_me(latents), latents.shape[1]):
        what = f"spread over {rank:.1f} dimensions of {latents.shape[1]} (RankMe)"
    return what and f"{said} {what}; train longer, or on more images or views"
