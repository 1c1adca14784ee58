"""Train, validation and test split of a data set, as uint8 tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data.image_set import ImageSet, Labels
from grounding.data.stored import AnyImages, ImagesOnDemand, ImageTensor, fits

MOST_VAL = 5000
MOST_TEST = 10_000


@dataclass(frozen=True, eq=False)
class Split:
    """Some images, and their labels where there are any.

    Attributes:
        images: uint8 (N, C, H, W), 0 to 255; where they are too many for memory, what can be
            indexed like that, and is read each time.
        labels: int64 (N,), the data set's own numbers, or None.
        indices: int64 (N,), which row each is of the source's images that it was taken from.
        files: of each, from the data's folder on; None where images have no file of their own.
    """

    images: ImageTensor
    labels: Tensor | None
    indices: Tensor
    files: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def has_classes(self) -> bool:
        """Whether there are labels of two classes or more, so that there is something to tell."""
        return self.labels is not None and len(self.labels.unique()) > 1


@dataclass(frozen=True, eq=False)
class Splits:
    """The three splits of a data set, and where they came from.

    Attributes:
        train: the next images of it.
        val: the first validation images, in their order; if the source has none, the next ones of
            the permutation.
        test: the first test images, in their order; if the source has none, the first ones of a
            seeded permutation of the training images.
        source: what to call the data set.
        fingerprint: hex SHA-256 of the whole data set.
        image_shape: (C, H, W).
        classes: the labels that occur anywhere in the data set, sorted; () without labels.
        class_names: names of labels, where they have any.
        notes: lines that the user should see.
    """

    train: Split
    val: Split
    test: Split
    source: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    classes: tuple[int, ...]
    class_names: Mapping[int, str]
    notes: tuple[str, ...]

    def named(self, name: str) -> Split:
        """The split called "train", "val" or "test".

        Raises:
            ValueError: it is called something else.
        """
        splits = {"train": self.train, "val": self.val, "test": self.test}
        if name not in splits:
            raise ValueError(f"split {name!r} is unknown; there are: {', '.join(splits)}")
        return splits[name]


def cut(
    image_set: ImageSet,
    *,
    train: int | None = None,
    val: int | None = None,
    test: int | None = None,
    seed: int,
) -> Splits:
    """Cut a data set into splits.

    Args:
        image_set: what to cut.
        train: training images to train on; by default those that are not for anything else.
        val: images for validation; by default those that the source has for it, else a tenth of
            the training images, at most 5,000.
        test: test images; by default all that the source has, else a fifth of the training images,
            at most 10,000.
        seed: of the permutation, `torch.randperm` with a generator seeded with it.

    Raises:
        UserError: there are fewer images than that.
    """
    own_test, own_val = image_set.test_images, image_set.val_images
    available = len(image_set.train_images)
    least = 1 + (own_test is None) + (own_val is None)
    if available < least:
        raise UserError(
            f"{image_set.source} has {available} training image{'s' * (available > 1)}; there must "
            f"be {least} or more"
        )
    tests = available - least + 1 if own_test is None else len(own_test)
    a_fifth = max(1, min(MOST_TEST, available // 5)) if own_test is None else tests
    if test is None:
        test = a_fifth
    test_fits = min(max(1, test), tests)
    rest = available if own_test is not None else available - test_fits
    vals = rest - 1 if own_val is None else len(own_val)
    tenth = max(1, min(MOST_VAL, rest // 10)) if own_val is None else vals
    if val is None:
        val = max(1, min(tenth, rest - (train or 1))) if own_val is None else vals
    val_fits = val if 1 <= val <= vals else tenth
    trains = rest if own_val is not None else rest - val_fits
    if train is None:
        train = trains
    if min(train, val, test) < 1 or train > trains or val != val_fits or test != test_fits:
        held = [f"{available} training"]
        held += [f"{vals} validation"] if own_val is not None else []
        held += [f"{tests} test"] if own_test is not None else []
        has = " and ".join(held) if len(held) > 1 else str(available)
        raise UserError(
            f"{image_set.source} has {has} images: they cannot be "
            f"{train} to train on, {val} for validation and {test} to test; try --set "
            f"data.train_samples={min(max(1, train), trains)} --set "
            f"data.val_samples={val_fits} --set data.test_samples={test_fits}"
        )
    order = torch.randperm(available, generator=torch.Generator().manual_seed(seed))
    drawn_test = order[: 0 if own_test is not None else test]
    order = order[len(drawn_test) :]
    rows = {
        "train": ("train", order[:train]),
        "val": ("train", order[train : train + val])
        if own_val is None
        else ("val", torch.arange(val)),
        "test": ("train", drawn_test) if own_test is None else ("test", torch.arange(test)),
    }
    parts = {name: _take(image_set, *chosen) for name, chosen in rows.items()}
    return Splits(
        **parts,
        source=image_set.source,
        fingerprint=image_set.fingerprint,
        image_shape=image_set.image_shape,
        classes=image_set.classes,
        class_names=image_set.class_names,
        notes=_notes(image_set, parts, seed),
    )


def to_unit(images: Tensor) -> Tensor:
    """Images uint8 (..., C, H, W) in 0 to 255 as float32 in [0, 1]."""
    # Written into a new tensor: images of one channel can come with the strides of channels-last,
    # which `float` would keep, and which make the group norms of a residual encoder ten times
    # slower.
    return torch.empty(images.shape, device=images.device).copy_(images).div_(255)


def to_bytes(images: Tensor) -> Tensor:
    """Images (..., C, H, W) in [0, 1] as uint8 in 0 to 255, the other way round."""
    return (images * 255).round_().clamp_(0, 255).to(torch.uint8)


def _take(image_set: ImageSet, part: str, indices: Tensor) -> Split:
    images: AnyImages = getattr(image_set, f"{part}_images")
    labels: Labels | None = getattr(image_set, f"{part}_labels")
    rows = indices.numpy()
    taken = None if labels is None else torch.from_numpy(labels[rows])
    files = [image_set.files[part][row] for row in rows] if part in image_set.files else None
    if not fits(images.nbytes):
        return Split(ImagesOnDemand(images, rows), taken, indices, files)
    return Split(torch.from_numpy(np.ascontiguousarray(images[rows])), taken, indices, files)


def _notes(image_set: ImageSet, parts: Mapping[str, Split], seed: int) -> tuple[str, ...]:
    notes = [image_set.note] if image_set.note else []
    if image_set.test_images is None:
        notes.append(f"the test images are {len(parts['test'])} of them all, drawn by seed {seed}")
    if not image_set.classes:
        return (*notes, "the images have no labels")
    for name, split in parts.items():
        if split.labels is None:
            notes.append(f"the {name} images have no labels")
            continue
        missing = sorted(set(image_set.classes) - set(split.labels.tolist()))
        if missing:
            names = image_set.class_names
            some = ", ".join(f"{label} {names.get(label, '')}".rstrip() for label in missing[:10])
            more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
            notes.append(f"the {name} images have none of class {some}{more}")
    if len(image_set.classes) == 1:
        only = image_set.class_names.get(image_set.classes[0], str(image_set.classes[0]))
        notes.append(f"all labels are {only}: there is nothing to tell apart")
    return tuple(notes)
