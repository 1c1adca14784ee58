"""Train, validation and test split of a data set, as uint8 tensors in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data.image_set import Images, ImageSet, Labels

MOST_VAL = 5000


@dataclass(frozen=True, eq=False)
class Split:
    """Some images, and their labels where there are any.

    Attributes:
        images: uint8 (N, C, H, W), 0 to 255.
        labels: int64 (N,), the data set's own numbers, or None.
        indices: int64 (N,), which row each is of the source's training or test images.
    """

    images: Tensor
    labels: Tensor | None
    indices: Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Splits:
    """The three splits of a data set, and where they came from.

    Attributes:
        train: the first images of a seeded permutation of the training images.
        val: the next ones of it.
        test: the first test images, in their order.
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
        train: training images to train on; by default those that are not for validation.
        val: training images for validation; by default a tenth, at most 5,000.
        test: test images; by default all.
        seed: of the permutation, `torch.randperm` with a generator seeded with it.

    Raises:
        UserError: there are fewer images than that.
    """
    available, tests = len(image_set.train_images), len(image_set.test_images)
    if available < 2:
        raise UserError(f"{image_set.source} has 1 training image; there must be 2 or more")
    tenth = max(1, min(MOST_VAL, available // 10))
    if val is None:
        val = max(1, min(tenth, available - (train or 1)))
    val_fits = val if 1 <= val < available else tenth
    if train is None:
        train = available - val_fits
    if test is None:
        test = tests
    if min(train, val, test) < 1 or train + val > available or test > tests:
        raise UserError(
            f"{image_set.source} has {available} training and {tests} test images: they cannot be "
            f"{train} to train on, {val} for validation and {test} to test; try --set "
            f"data.train_samples={min(max(1, train), available - val_fits)} --set "
            f"data.val_samples={val_fits} --set data.test_samples={min(max(1, test), tests)}"
        )
    order = torch.randperm(available, generator=torch.Generator().manual_seed(seed))
    trains, vals = order[: train + val].split([train, val])
    parts = {
        "train": _take(image_set.train_images, image_set.train_labels, trains),
        "val": _take(image_set.train_images, image_set.train_labels, vals),
        "test": _take(image_set.test_images, image_set.test_labels, torch.arange(test)),
    }
    return Splits(
        **parts,
        source=image_set.source,
        fingerprint=image_set.fingerprint,
        image_shape=image_set.image_shape,
        classes=image_set.classes,
        class_names=image_set.class_names,
        notes=_notes(image_set, parts),
    )


def to_unit(images: Tensor) -> Tensor:
    """Images uint8 (..., C, H, W) in 0 to 255 as float32 in [0, 1]."""
    # Written into a new tensor: images of one channel can come with the strides of channels-last,
    # which `float` would keep, and which make the group norms of a residual encoder ten times
    # slower.
    return torch.empty(images.shape, device=images.device).copy_(images).div_(255)


def _take(images: Images, labels: Labels | None, indices: Tensor) -> Split:
    rows = indices.numpy()
    taken = None if labels is None else torch.from_numpy(labels[rows])
    return Split(torch.from_numpy(images[rows]), taken, indices)


def _notes(image_set: ImageSet, parts: Mapping[str, Split]) -> tuple[str, ...]:
    notes = [image_set.note] if image_set.note else []
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
        notes.append(f"all labels are {image_set.classes[0]}: there is nothing to tell apart")
    return tuple(notes)
