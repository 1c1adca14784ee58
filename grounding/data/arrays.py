"""Arrays of any usual kind as an `ImageSet`: their axes, their range, their labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isqrt, prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from grounding._errors import UserError
from grounding.data.image_set import ImageSet, Labels, times
from grounding.data.stored import (
    AnyImages,
    Array,
    Images,
    StoredArray,
    StoredImages,
    blocks,
    fits,
)

Layout = Literal["NHW", "NHWC", "NCHW"]
Given = npt.ArrayLike | Tensor | StoredArray

LARGEST_LABEL = 2**31 - 1  # what the pages' files hold
MAX_NAME = 1000  # characters of a label
NUMBERS = (int, float, np.number)
PARTS = ("train", "test", "val")


def from_arrays(
    images: Given,
    labels: npt.ArrayLike | Tensor | None = None,
    *,
    test_images: Given | None = None,
    test_labels: npt.ArrayLike | Tensor | None = None,
    val_images: Given | None = None,
    val_labels: npt.ArrayLike | Tensor | None = None,
    class_names: Mapping[int, str] | Sequence[str] = (),
    layout: Layout | None = None,
    name: str = "arrays",
) -> ImageSet:
    """Images and labels in memory as a data set.

    Examples:
        >>> images = grounding.datasets.from_arrays(x_train, y_train, test_images=x_test, ...)
        >>> run = grounding.train("1", images=images, experiment={"name": "mine"})

    Args:
        images: (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels, told by the sizes;
            uint8, other numbers in [0, 1] or [0, 255], told by all values together, or bool.
        labels: (N,) whole numbers or names; None if there are none.
        test_images: of the same kind; without them, a part of the images is drawn by the seed.
        test_labels: (M,).
        val_images: for validation; without them, a part of the images is drawn.
        val_labels: (V,).
        class_names: of the labels 0, 1, ..., or by label.
        layout: the order of the axes, where the sizes do not tell it.
        name: what to call the data.

    Raises:
        UserError: they are none of that; one line that names the array and, of a value that is not
            finite, its row.
    """
    given = {"train": (images, labels), "test": (test_images, test_labels)}
    given["val"] = (val_images, val_labels)
    titles = {"train": "images", "test": "test_images", "val": "val_images"}
    arrays = {
        part: (f"{name}: {titles[part]}", _array(one))
        for part, (one, _) in given.items()
        if one is not None
    }
    told = {
        part: (f"{name}: {titles[part].replace('images', 'labels')}", _array(of))
        for part, (_, of) in given.items()
        if of is not None
    }
    return image_set(arrays, told, class_names=class_names, layout=layout, source=name)


def image_set(
    images: Mapping[str, tuple[str, Array | StoredArray]],
    labels: Mapping[str, tuple[str, Array | StoredArray]],
    *,
    class_names: Mapping[int, str] | Sequence[str] = (),
    layout: Layout | None = None,
    source: str,
) -> ImageSet:
    """The data set of arrays by part, "train", "test" and "val", each with what to call it.

    Raises:
        UserError: see `from_arrays`.
    """
    first_name, first = images["train"]
    how = layout or _layout(first.shape, first_name)
    for name, array in images.values():
        if array.ndim != first.ndim:
            raise UserError(
                f"{name} has shape {times(array.shape)}, and {first_name} {times(first.shape)}"
            )
    scale, said = _scale(images)
    arrays: dict[str, Any] = {}
    for part, (_, array) in images.items():
        convert = partial(_converted, how, scale)
        arrays[f"{part}_images"] = _images(array, convert, scaled=scale != 1)
    counts = {part: len(array) for part, (_, array) in images.items()}
    numbers, names = labels_of(labels, counts)
    arrays |= {f"{part}_labels": one for part, one in numbers.items()}
    if isinstance(class_names, Mapping):
        names |= class_names
    else:
        names |= dict(enumerate(class_names))
    arrays.setdefault("test_images", None)
    order = " x ".join(how)
    note = f"{order}, {first.dtype} in {said}"
    return ImageSet(**arrays, source=source, class_names=names, note=note)


def labels_of(
    labels: Mapping[str, tuple[str, Any]], counts: Mapping[str, int], what: str = "image"
) -> tuple[dict[str, Labels], dict[int, str]]:
    """Labels by part as whole numbers, and their names if they were names.

    Names that are all whole numbers stand for these; others get numbers in natural order.

    Args:
        labels: by part, each with what to call it in a message.
        counts: the number of images of each part.
        what: has a label, in messages.

    Raises:
        UserError: they are neither, or not one for each image.
    """
    arrays = {part: (name, np.asarray(given)) for part, (name, given) in labels.items()}
    for part, (name, array) in arrays.items():
        array = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
        if array.dtype.kind == "O" and all(isinstance(one, NUMBERS) for one in array.tolist()):
            array = np.array(array.tolist())  # as a column of pandas holds them
        arrays[part] = name, array
        if array.ndim == 2 and len(array) == counts.get(part):
            raise UserError(
                f"{name} has {times(array.shape)} values; give the number of the class of each "
                f"{what}, such as labels.argmax(1)"
            )
        if array.shape != (counts.get(part, 0),):
            raise UserError(
                f"{name} has {times(array.shape) or 'no'} labels for {counts.get(part, 0)} "
                f"{what}s; there must be one for each {what}, or none at all"
            )
    texts = {part for part, (_, array) in arrays.items() if array.dtype.kind in "USO"}
    if texts and texts != arrays.keys():
        raise UserError("some labels are names and some are numbers; give one kind")
    if not texts:
        return {part: _whole(*one) for part, one in arrays.items()}, {}
    named = {part: [_text(one) for one in array.tolist()] for part, (_, array) in arrays.items()}
    every = sorted({one for part in named.values() for one in part}, key=natural)
    if every and len(longest := max(every, key=len)) > MAX_NAME:
        raise UserError(
            f"a label has {len(longest)} characters, at most {MAX_NAME}: {longest[:40]}"
        )
    if all(re.fullmatch("0|-?[1-9][0-9]{0,8}", one) for one in every):
        return {part: np.array(one, np.int64) for part, one in named.items()}, {}
    number = {one: at for at, one in enumerate(every)}
    found = {part: np.array([number[x] for x in one], np.int64) for part, one in named.items()}
    return found, dict(enumerate(every))


def natural(text: str) -> tuple[Any, ...]:
    """A key that sorts names as people do: img2 before img10."""
    parts = re.split(r"([0-9]+)", text)
    numbers = [(len(part.lstrip("0")), part.lstrip("0")) for part in parts[1::2]]
    words = [part.casefold() for part in parts[::2]]
    between = [item for pair in zip(words[:-1], numbers, strict=True) for item in pair]
    return (*between, words[-1]), text


def _array(given: Any) -> Array | StoredArray:
    if isinstance(given, Tensor):
        return given.detach().cpu().numpy()
    return given if isinstance(given, StoredArray) else np.asarray(given)


def _whole(name: str, array: Array) -> Labels:
    if array.dtype.kind == "f":
        odd = np.flatnonzero(~(np.isfinite(array) & (array == np.rint(array))))
        if len(odd):
            raise UserError(
                f"{name}: label {array[odd[0]]} in row {odd[0]} is no whole number; labels are "
                "whole numbers or names"
            )
    elif array.dtype.kind not in "uib":
        raise UserError(f"{name} are {array.dtype}; labels are whole numbers or names")
    if array.size and (array.min() < -LARGEST_LABEL or array.max() > LARGEST_LABEL):
        raise UserError(f"{name} go beyond {LARGEST_LABEL}; number the classes 0, 1, 2, ...")
    return array.astype(np.int64)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise UserError(f"{value!r} is no label; labels are whole numbers or names")
    return value


def _layout(shape: tuple[int, ...], name: str) -> Layout:
    """The order of the axes of images, by their sizes."""
    said = f"{name} has shape {times(shape) or 'of one number'}"
    if len(shape) == 4:
        first, last = 1 <= shape[1] <= 4, 1 <= shape[3] <= 4
        if first != last:
            return "NCHW" if first else "NHWC"
        if first:
            raise UserError(
                f"{said}, in which the channels can be the second or the last number; give it from "
                "Python: grounding.datasets.from_arrays(x, layout='NCHW') or 'NHWC'"
            )
        raise UserError(f"{said}; images have 1 to 4 channels, as second or last number")
    if len(shape) == 3:
        if shape[2] <= 4 < shape[1]:
            raise UserError(
                f"{said}; if that is one image, N x H x W x C are needed, more of them; if it is "
                f"{shape[0]} images, say so: grounding.datasets.from_arrays(x, layout='NHW')"
            )
        return "NHW"
    if len(shape) == 2 and isqrt(shape[1]) ** 2 == shape[1]:
        side = isqrt(shape[1])
        raise UserError(f"{said}; if a row is an image, save x.reshape(-1, {side}, {side})")
    raise UserError(f"{said}; images are N x H x W, N x H x W x C or N x C x H x W")


def _scale(images: Mapping[str, tuple[str, Array | StoredArray]]) -> tuple[int, str]:
    """What to multiply with for values of 0 to 255, and the range that they are in."""
    low, high = np.inf, -np.inf
    for name, array in images.values():
        if array.dtype.kind not in "uifb":
            raise UserError(
                f"{name} holds {'Python objects' if array.dtype.kind == 'O' else array.dtype}, not "
                "numbers; images of several sizes have to be made one size before, or read from "
                "a folder with data.resize"
            )
        row = 0
        for block in blocks(array):
            if not block.size:
                continue
            least, most = block.min(), block.max()
            if not np.isfinite([least, most]).all():  # either carries any NaN
                finite = np.isfinite(block).reshape(len(block), -1).all(1)
                raise UserError(
                    f"{name}: row {row + int(finite.argmin())} has a value that is not finite; "
                    "remove that image, or save np.nan_to_num(x)"
                )
            low, high = min(low, float(least)), max(high, float(most))
            row += len(block)
    if low < 0 or high > 255:
        raise UserError(
            f"the images have values from {low:g} to {high:g}; they must be in [0, 1] or [0, 255]: "
            "save (x - x.min()) / (x.max() - x.min())"
        )
    return (255, "[0, 1]") if high <= 1 else (1, "[0, 255]")


def _converted(layout: Layout, scale: int, block: Array) -> Images:
    """Images uint8 (n, C, H, W) of a block in some layout."""
    if layout == "NHW":
        block = block[:, None]
    elif layout == "NHWC":
        block = block.transpose(0, 3, 1, 2)
    if block.dtype == np.uint8 and scale == 1:
        return block
    if block.dtype.kind == "f":
        return np.rint(block.astype(np.float32) * scale).astype(np.uint8)
    return block.astype(np.uint8) * np.uint8(scale)


def _images(
    array: Array | StoredArray, convert: Callable[[Array], Images], *, scaled: bool
) -> AnyImages:
    if isinstance(array, np.ndarray) and array.dtype == np.uint8 and not scaled:
        return convert(array).view()
    shape = (len(array), *convert(np.zeros((1, *array.shape[1:]), array.dtype)).shape[1:])
    if isinstance(array, StoredArray) and not fits(prod(shape)):
        return StoredImages(array, convert)
    made = np.empty(shape, np.uint8)
    at = 0
    for block in blocks(array):
        made[at : at + len(block)] = convert(block)
        at += len(block)
    return made
