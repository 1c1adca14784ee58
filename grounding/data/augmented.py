"""What a training epoch reads: clean images, images augmented anew, or one augmented set."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from grounding._checksums import Trailer
from grounding._errors import UserError
from grounding._files import replacing
from grounding._streams import generator
from grounding.data.augment import Augmentation, augment, corrupt, deform
from grounding.data.composites import compose
from grounding.data.splits import to_unit
from grounding.experiment.schema import Experiment

CHUNK = 1024
CACHE_FORMAT = "grounding augmented set 2"
# A cache is two lines of text (the format; key and shape), the bytes of the images, and this.
CACHE_TRAILER = Trailer(b"\nsha256 ", b"\n")


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


class TrainingInputs:
    """The batches of each epoch.

    The target is the clean image; with `objectives.reconstruction_of` "view" it is the view before
    it is corrupted.

    Args:
        images: uint8 (N, C, H, W), the training images, on the device to train on.
        experiment: its seed, batch size, `self_supervised` section and views.
        data_fingerprint: which data the images are from; part of the key of a cached set.

    Attributes:
        count: inputs in one epoch; see `inputs_in_epoch`.
        steps: batches in one epoch.
    """

    def __init__(self, images: Tensor, experiment: Experiment, data_fingerprint: str) -> None:
        settings = experiment.self_supervised
        self.images = images
        self.seed = experiment.seed
        self.batch_size = experiment.training.batch_size
        self.views = experiment.objectives.views
        self.augmentation = Augmentation(**settings.augmentation.model_dump())
        self.refreshes = settings.shows_new_views
        self.targets_are_views = experiment.objectives.reconstruction_of == "view"
        self.mirrored = experiment.objectives.mirrored
        self.composites = experiment.objectives.composites
        self.each = settings.augmentations_per_sample if settings.enabled else 1
        self.steps = math.ceil(len(images) * self.each / self.batch_size)
        self.count = inputs_in_epoch(experiment, len(images))
        self.fixed: Tensor | None = None
        if settings.enabled and not settings.refreshes:
            self.fixed = self._fixed_set(experiment, data_fingerprint)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, in this epoch's own order."""
        device = self.images.device
        draws, invents = self.generator("augment", epoch), self.generator("composites", epoch)
        for indices in self._order(epoch).to(device).split(self.batch_size):
            identities = indices % len(self.images)
            # Of bytes, indexing copies one at a time, `index_select` whole rows.
            targets = to_unit(self.images.index_select(0, identities))
            if self.mirrored or self.composites:
                targets, identities = self._joined(targets, identities, invents)
            inputs = targets
            if self.fixed is not None:
                inputs = to_unit(self.fixed.index_select(0, indices))
            elif self.targets_are_views:
                targets = deform(targets, self.augmentation, draws).clamp_(0, 1)
                inputs = corrupt(targets.clone(), self.augmentation, draws)
            elif self.refreshes:
                inputs = self.augment(targets, draws)
            yield Batch(inputs, targets, identities)

    def augment(self, images: Tensor, draws: torch.Generator) -> Tensor:
        """A view of each image (B, C, H, W), float in [0, 1]."""
        return augment(images, self.augmentation, draws)

    def generator(self, purpose: str, epoch: int) -> torch.Generator:
        """The random numbers for one purpose in one epoch, on the images' device."""
        return generator(self.seed, purpose, epoch, self.images.device)

    def lasting_images(self) -> Tensor:
        """All images, uint8, that are the same in each epoch, in the order of their identities."""
        if not self.mirrored:
            return self.images
        return torch.cat([self.images, self.images.flip(-1)])

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
        images = len(self.images)
        rounds = self.each // self.views
        order = torch.cat([torch.randperm(images, generator=draws) for _ in range(rounds)])
        groups = order.split(self.batch_size // self.views)
        return torch.cat([group.repeat(self.views) for group in groups])

    def _fixed_set(self, experiment: Experiment, data_fingerprint: str) -> Tensor:
        """One augmented set, uint8 (count, C, H, W): input i shows image i % N."""
        path = cache_path(experiment, data_fingerprint, self.images.device.type)
        if path is None:
            return self._draw_set()
        key = _cache_key(experiment, data_fingerprint, self.images.device.type)
        shape = (self.count, *self.images.shape[1:])
        if path.exists():
            return _read_cache(path, key, shape).to(self.images.device)
        drawn = self._draw_set()
        pixels = drawn.cpu().contiguous().numpy().data
        head = _cache_head(key, shape)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.writelines((head, pixels, CACHE_TRAILER.of(head, pixels)))
        return drawn

    def _draw_set(self) -> Tensor:
        size = self.count * self.images[0].numel()
        try:
            drawn = self.images.new_empty((self.count, *self.images.shape[1:]))
        except RuntimeError:
            raise UserError(
                f"one augmented set takes {size / 1e9:.1f} GB, which cannot be had; "
                "try --set self_supervised.refresh_each_epoch=true --set "
                "self_supervised.precompute=false"
            ) from None
        draws = self.generator("augment", 0)
        for chunk in torch.arange(self.count, device=self.images.device).split(CHUNK):
            clean = to_unit(self.images[chunk % len(self.images)])
            # Rounding to 256 levels is far below the noise that was just added.
            drawn[chunk] = self.augment(clean, draws).mul_(255).round_().byte()
        return drawn


def inputs_in_epoch(experiment: Experiment, images: int) -> int:
    """How many inputs an epoch shows: N x augmentations_per_sample, and what joins each batch."""
    settings, objectives = experiment.self_supervised, experiment.objectives
    own = images * (settings.augmentations_per_sample if settings.enabled else 1)
    steps = math.ceil(own / experiment.training.batch_size)
    return own * (1 + objectives.mirrored) + steps * objectives.composites * objectives.views


def cache_path(experiment: Experiment, data_fingerprint: str, device: str) -> Path | None:
    """The file in which an experiment keeps its augmented set; None if it keeps none."""
    path = experiment.self_supervised.cache_path
    if not (experiment.self_supervised.enabled and experiment.self_supervised.precompute) or (
        path is None
    ):
        return None
    key = _cache_key(experiment, data_fingerprint, device)
    return path.with_name(f"{path.stem}-{key[:12]}{path.suffix or '.pt'}")


def _cache_key(experiment: Experiment, data_fingerprint: str, device: str) -> str:
    settings = experiment.self_supervised
    made_from = {
        "format": CACHE_FORMAT,
        "data": data_fingerprint,
        "train_samples": experiment.data.train_samples,
        "seed": experiment.seed,
        "augmentations_per_sample": settings.augmentations_per_sample,
        "augmentation": settings.augmentation.model_dump(),
        "device": device,  # another device draws other numbers
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _cache_head(key: str, shape: tuple[int, ...]) -> bytes:
    return f"{CACHE_FORMAT}\n{key} {'x'.join(map(str, shape))}\n".encode()


def _read_cache(path: Path, key: str, shape: tuple[int, ...]) -> Tensor:
    """The images uint8 of a cache, after checking its hash, its key and their shape."""
    head = _cache_head(key, shape)
    images = torch.empty(shape, dtype=torch.uint8)
    try:
        with path.open("rb") as file:
            intact = CACHE_TRAILER.holds_in(file) is True and file.read(len(head)) == head
            intact = intact and file.readinto(images.numpy().data) == images.numel()
            intact = intact and len(file.read()) == CACHE_TRAILER.size
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if not intact:
        raise UserError(
            f"{path} is not the augmented set that this experiment needs, or is damaged; "
            "delete it, or set another self_supervised.cache_path"
        )
    return images
