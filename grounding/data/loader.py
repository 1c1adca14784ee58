"""The batches that a training reads: clean images, images augmented anew, or one augmented set."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from grounding._streams import generator
from grounding.data.augmentations import Augmentations
from grounding.data.composites import compose
from grounding.data.splits import to_unit
from grounding.data.stored import ImageTensor


class Batch(NamedTuple):
    """What one training step reads.

    Attributes:
        inputs: float (B, C, H, W) in [0, 1].
        targets: float (B, C, H, W) in [0, 1], what reconstructions are compared with.
        identities: int64 (B,), which image each is: i for training image i of N, N + i for its
            mirror image, 2N and more for composites, which are others in each batch.
    """

    inputs: Tensor
    targets: Tensor
    identities: Tensor


@dataclass(eq=False, repr=False)
class TrainingInputs:
    """The batches of each epoch; those of one epoch are always the same.

    Attributes:
        images: uint8 (N, C, H, W), the training images, on the device to train on; those that are
            too many for memory are read batch by batch.
        seed: decides, with the number of an epoch, on its order and on all that is drawn.
        batch_size: images in one step.
        augmentations: how they are changed; None for not at all.
        each: inputs that an epoch shows of each image.
        views: inputs of each image in one step; divides batch_size and `each`.
        target: what reconstructions are compared with: the clean "image", or the "view" before it
            is corrupted.
        mirrored: whether the mirror image of each image joins it, as an image of its own.
        composites: images that each step puts together from quarters of two of its images.
        fixed_set: uint8 (N x each, C, H, W), what each epoch shows instead of new augmentations:
            number i shows image i % N (see `grounding.data.cache.augmented_set`).
        smallest_batch: if the last step had fewer images than that, they join the step before.
        count: inputs in one epoch.
        steps: batches in one epoch.

    Raises:
        ValueError: the arguments do not fit each other.
    """

    images: ImageTensor
    _: KW_ONLY
    seed: int
    batch_size: int
    augmentations: Augmentations | None = None
    each: int = 1
    views: int = 1
    target: Literal["image", "view"] = "image"
    mirrored: bool = False
    composites: int = 0
    fixed_set: Tensor | None = None
    smallest_batch: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % self.views or self.each % self.views:
            raise ValueError(
                f"views {self.views} must divide batch_size {self.batch_size} and each {self.each}"
            )
        shown = len(self.images) * self.each
        if self.fixed_set is not None:
            if self.views > 1 or self.target == "view" or self.mirrored or self.composites:
                raise ValueError("views, mirror images and composites need new augmentations")
            if self.fixed_set.shape != (shown, *self.images.shape[1:]):
                raise ValueError(f"fixed_set has shape {tuple(self.fixed_set.shape)}")
            self.fixed_set = self.fixed_set.to(self.images.device)
        self._sizes = [self.batch_size] * (shown // self.batch_size)
        rest = shown % self.batch_size
        if self._sizes and rest < self.smallest_batch * self.views:
            self._sizes[-1] += rest
        else:
            self._sizes.append(rest)
        self.steps = len(self._sizes)
        self.count = shown * (1 + self.mirrored) + self.steps * self.composites * self.views

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, in this epoch's own order."""
        draws, invents = self.generator("augment", epoch), self.generator("composites", epoch)
        for indices in self._order(epoch).to(self.images.device).split(self._sizes):
            identities = indices % len(self.images)
            # Of bytes, indexing copies one at a time, `index_select` whole rows.
            targets = to_unit(self.images.index_select(0, identities))
            if self.mirrored or self.composites:
                targets, identities = self._joined(targets, identities, invents)
            if self.fixed_set is not None:
                inputs = to_unit(self.fixed_set.index_select(0, indices))
            elif self.augmentations and self.target == "view":
                targets = self.augmentations.deform(targets, draws).clamp_(0, 1)
                inputs = self.augmentations.corrupt(targets.clone(), draws)
            else:
                inputs = self.augment(targets, draws)
            yield Batch(inputs, targets, identities)

    def augment(self, images: Tensor, draws: torch.Generator) -> Tensor:
        """A view of each image (B, C, H, W), float in [0, 1]."""
        return self.augmentations(images, draws) if self.augmentations else images

    def generator(self, purpose: str, epoch: int) -> torch.Generator:
        """The random numbers for one purpose in one epoch, on the images' device."""
        return generator(self.seed, purpose, epoch, self.images.device)

    def lasting_images(self) -> ImageTensor:
        """All images, uint8, that are the same in each epoch, in the order of their identities."""
        if not self.mirrored:
            return self.images
        images = self.images[:]
        return torch.cat([images, images.flip(-1)])

    def _joined(
        self, images: Tensor, identities: Tensor, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A batch with the mirror images and composites that join it, one view after the other."""
        first, known = images.chunk(self.views)[0], identities.chunk(self.views)[0]
        shown, named = [first], [known]
        if self.mirrored:
            shown.append(first.flip(-1))
            named.append(known + len(self.images))
        if self.composites:
            shown.append(compose(first, self.composites, draws))
            made = torch.arange(self.composites, device=known.device)
            named.append(made + 2 * len(self.images))
        return torch.cat(shown).repeat(self.views, 1, 1, 1), torch.cat(named).repeat(self.views)

    def _order(self, epoch: int) -> Tensor:
        """The training images of an epoch, int64 (N x each,): number i is image i % N.

        Drawn on the CPU: it is then the same on every device. With several views, a batch holds so
        many inputs of each of its images, one view after the other; images that come round again
        do so in another order, so that batches hold as many different ones as they can.
        """
        draws = generator(self.seed, "order", epoch)
        if self.views == 1:
            return torch.randperm(len(self.images) * self.each, generator=draws)
        rounds = [
            torch.randperm(len(self.images), generator=draws)
            for _ in range(self.each // self.views)
        ]
        groups = torch.cat(rounds).split([size // self.views for size in self._sizes])
        return torch.cat([group.repeat(self.views) for group in groups])
