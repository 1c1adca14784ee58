"""A data set of images, wherever it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError
from grounding.data.stored import AnyImages, blocks

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with or without labels, in the order of their files; all arrays become read-only.

    Images are arrays, or `StoredImages` where they are too many for memory.

    Attributes:
        train_images: uint8 (N, C, H, W), 0 to 255.
        test_images: uint8 (M, C, H, W), of the same C, H and W; None if the test images are still
            to be drawn from the training images.
        source: what to call it, e.g. the folder that it was read from.
        train_labels: int64 (N,), any whole numbers of 32 bits; None if there are none.
        test_labels: int64 (M,), or None.
        class_names: names of labels, where they have any.
        fingerprint: hex SHA-256 of the data; of the arrays if the source gives none.
        note: a line that the user should see; "" for none.
        val_images: uint8 (V, C, H, W); None if they are still to be drawn, too.
        val_labels: int64 (V,), or None.
        files: by part, "train", "test" or "val": the file of each image, from the source's folder
            on; of none where images have no file of their own.

    Raises:
        UserError: an array is not of its type or shape, or the arrays do not fit each other.
    """

    train_images: AnyImages
    test_images: AnyImages | None
    source: str
    train_labels: Labels | None = None
    test_labels: Labels | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    fingerprint: str = ""
    note: str = ""
    val_images: AnyImages | None = None
    val_labels: Labels | None = None
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for part in ("train", "test", "val"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if images is None:
                if labels is not None:
                    raise UserError(f"{self.source}: there are {part} labels, but no {part} images")
                continue
            is_4d = images.ndim == 4 and 0 not in images.shape
            if images.dtype != np.uint8 or not is_4d or images.shape[1:] != self.image_shape:
                raise UserError(
                    f"{self.source}: {part} images are {times(images.shape)} values of "
                    f"{images.dtype}; they must be uint8 in N x C x H x W, none of them 0, and C, "
                    "H and W the same in train and test images"
                )
            if labels is not None and (labels.dtype, labels.shape) != (np.int64, images.shape[:1]):
                raise UserError(
                    f"{self.source}: {part} labels are {times(labels.shape)} values of "
                    f"{labels.dtype}; they must be int64, one for each of the {len(images)} "
                    "images, or None"
                )
            if labels is not None and (labels != labels.astype(np.int32)).any():
                raise UserError(
                    f"{self.source}: {part} labels are {labels.min()} to {labels.max()}; they must "
                    "be whole numbers of 32 bits, as the files of points hold them"
                )
            for array in (images, labels):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False
                if array is None or self.fingerprint:
                    continue
                digest.update(f"{array.dtype.str} {times(array.shape)}\n".encode())
                for block in blocks(array):
                    digest.update(np.ascontiguousarray(block).data)
        object.__setattr__(self, "fingerprint", self.fingerprint or digest.hexdigest())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """C, H and W of every image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The labels that occur, sorted; () without labels."""
        labels = [
            of for of in (self.train_labels, self.test_labels, self.val_labels) if of is not None
        ]
        return tuple(np.unique(np.concatenate(labels)).tolist()) if labels else ()


def times(shape: tuple[int, ...]) -> str:
    """Write a shape in words, such as "60000 x 28 x 28"."""
    return " x ".join(str(size) for size in shape)
