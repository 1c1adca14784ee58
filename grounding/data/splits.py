"""Train, validation and test split of a data set, as uint8 tensors in memory."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data.catalog import ImageSet, load
from grounding.experiment.schema import DataSection

SplitName = Literal["train", "val", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)


@dataclass(frozen=True, eq=False)
class Split:
    """Some images and their labels.

    Attributes:
        images: uint8 (N, C, H, W), 0 to 255.
        labels: int64 (N,).
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Splits:
    """The three splits of one experiment, and where they came from.

    Attributes:
        train: the first `train_samples` of a seeded permutation of the training set.
        val: the next `val_samples` of it.
        test: the first `test_samples` of the test set.
        source: "packaged" or the folder of the files.
        is_standard: whether the files are the published ones.
        fingerprint: SHA-256 over the checksums of the files.
        image_shape: (C, H, W).
        num_classes: number of labels, counted from 0.
    """

    train: Split
    val: Split
    test: Split
    source: str
    is_standard: bool
    fingerprint: str
    image_shape: tuple[int, int, int]
    num_classes: int

    def named(self, name: SplitName) -> Split:
        """The split called "train", "val" or "test"."""
        split: Split = getattr(self, name)
        return split


def load_splits(data: DataSection, seed: int) -> Splits:
    """Read the data set and cut it into splits.

    Args:
        data: which data set, where, and how many images for what.
        seed: of the permutation, `torch.randperm` with a generator seeded with it.

    Raises:
        UserError: unreadable files, or more samples asked for than there are.
    """
    images = load(data.dataset, data.data_dir)
    available = len(images.train_labels)
    asked = data.train_samples + data.val_samples
    if asked > available:
        raise UserError(
            f"data.train_samples {data.train_samples} + data.val_samples {data.val_samples} = "
            f"{asked}, but the training set ({images.source}) has {available} images; "
            f"try --set data.train_samples={max(1, available - data.val_samples)}"
        )
    tests = len(images.test_labels)
    if data.test_samples > tests:
        raise UserError(
            f"data.test_samples {data.test_samples}, but the test set ({images.source}) has "
            f"{tests} images; try --set data.test_samples={tests}"
        )
    order = torch.randperm(available, generator=torch.Generator().manual_seed(seed))
    return Splits(
        train=_take(images, order[: data.train_samples]),
        val=_take(images, order[data.train_samples : asked]),
        test=Split(
            torch.tensor(images.test_images[: data.test_samples]),
            torch.tensor(images.test_labels[: data.test_samples]),
        ),
        source=images.source,
        is_standard=images.is_standard,
        fingerprint=images.fingerprint,
        image_shape=images.image_shape,
        num_classes=images.num_classes,
    )


def to_unit(images: Tensor) -> Tensor:
    """Images uint8 (..., C, H, W) in 0 to 255 as float32 in [0, 1]."""
    # Written into a new tensor: images of one channel can come with the strides of channels-last,
    # which `float` would keep, and which make the group norms of a residual encoder ten times
    # slower.
    return torch.empty(images.shape, device=images.device).copy_(images).div_(255)


def _take(images: ImageSet, indices: Tensor) -> Split:
    chosen = indices.numpy()
    return Split(
        torch.from_numpy(images.train_images[chosen]),
        torch.from_numpy(images.train_labels[chosen]),
    )
