"""Folders of IDX files: MNIST, its relatives as torchvision stores them, and one's own.

A file is `00 00 type ndim`, then `ndim` unsigned 32-bit sizes, then the values in C order, all
big-endian (http://yann.lecun.com/exdb/mnist/, "The IDX file format"). It may be compressed with
gzip (RFC 1952).
"""

import gzip
import hashlib
import math
import os
import string
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import hash_of, open_regular, unpacked_limit
from grounding.data.image_set import ImageSet, times
from grounding.data.places import entries
from grounding.data.stored import StoredArray, StoredImages, fits

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MAX_BYTES = 2 << 30
MAX_DIMS = 4

_WHOLE_NUMBERS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4"}

# What torchvision calls the folders of the data sets.
FOLDERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST", "idx": "MNIST"}
_EMNIST = ("digits", "mnist", "letters", "balanced", "bymerge", "byclass")
FOLDERS |= {f"emnist_{part}": "EMNIST" for part in _EMNIST} | {"qmnist": "QMNIST"}
# Of each image: its class, and who has written it, where and when.
_QMNIST_COLUMNS = 8
_FASHION = (
    *("T-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
_MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"
# Of labels that are more than numbers.
CLASS_NAMES: Mapping[str, Mapping[int, str]] = {
    "fashion_mnist": dict(enumerate(_FASHION)),
    "kmnist": dict(enumerate("おきすつなはまやれを")),
    "emnist_letters": dict(enumerate(string.ascii_uppercase, 1)),
    "emnist_balanced": dict(enumerate(_MERGED)),
    "emnist_bymerge": dict(enumerate(_MERGED)),
    "emnist_byclass": dict(enumerate(string.digits + string.ascii_letters.swapcase())),
}


class Found(NamedTuple):
    """The files of a data set.

    Attributes:
        dataset: its name.
        folder: where they lie.
        paths: in the order of `FILES`, None for labels that are not there.
    """

    dataset: str
    folder: Path
    paths: Sequence[Path | None]


@register.source("idx", datasets=tuple(FOLDERS))
class IdxFolder:
    """Two files of images and up to two of labels, plain or gzip, in the format of MNIST.

    Images are uint8, N x H x W or N x H x W x C with C up to 4; labels any whole numbers. The
    files lie in the folder itself, in its `raw`, or where torchvision puts them below it.
    """

    looks_for = (
        f"IDX files ({FILES[0]}, {FILES[2]} and, if there are labels, {FILES[1]}, {FILES[3]}; of "
        "EMNIST emnist-letters-train-images-idx3-ubyte ...; .idx for -idx and .gz are fine) in it, "
        "in its raw/ or, as torchvision does, in MNIST/raw/, FashionMNIST/raw/ and the like"
    )

    def find(self, place: Path | None, name: str | None) -> Found | None:
        """The files of a data set; labels may be missing, images only with them."""
        if place is None:
            return None
        found: list[Found] = []
        listed: dict[Path, set[str]] = {}
        for dataset in FOLDERS if name is None else [name]:
            hit = _files_of(place, dataset, listed)
            if hit and name is None and dataset == "mnist" and hit.folder in (place, place / "raw"):
                # There, MNIST's names are taken for those of any; the folder may say which.
                return hit._replace(dataset=_told_by(hit.folder))
            found += [hit] if hit else []
        if name is None:
            found = [one for one in found if one.dataset != "idx"]  # another word for mnist
        if len(found) > 1:
            names = [one.dataset for one in found]
            raise UserError(
                f"data_dir {place} holds several data sets, {', '.join(names)}; say which with "
                f"--set data.source={names[0]}"
            )
        return found[0] if found else None

    def load(self, found: Found) -> ImageSet:
        """Read the files."""
        dataset, folder, paths = found
        is_transposed = dataset.startswith("emnist_")
        arrays: dict[str, Any] = {}
        # The fingerprint of four files has been that of their checksums, line by line, since the
        # first version; the lines of what is missing or stored otherwise are added to that.
        lines = ""
        parts = ("train_images", "train_labels", "test_images", "test_labels")
        for part, path in zip(parts, paths, strict=True):
            if part.endswith("labels") or path is None:
                labels, checksum = read_idx(path) if path else (None, "none")
                lines += f"{checksum}\n"
                if dataset == "qmnist" and labels is not None and labels.ndim == 2:
                    if labels.shape[1] != _QMNIST_COLUMNS:
                        raise UserError(
                            f"{path} holds {times(labels.shape)} values; QMNIST has "
                            f"{_QMNIST_COLUMNS} for each image, the class first"
                        )
                    labels = labels[:, 0]
                # Made eight times as large only if there is one for each image; refused otherwise.
                images = arrays.get(part.replace("labels", "images"))
                if labels is not None and images is not None and len(labels) == len(images):
                    labels = labels.astype(np.int64)
                arrays[part] = labels
                continue
            array, checksum = _read_or_leave(path)
            lines += f"{checksum}\n"
            if array.ndim not in (3, 4) or array.shape[3:] > (4,):
                raise UserError(
                    f"{path} holds {times(array.shape)} values; images must be N x H x W or "
                    "N x H x W x C with C at most 4"
                )
            convert = partial(_channels_first, is_transposed)
            if isinstance(array, StoredArray):
                arrays[part] = StoredImages(array, convert)
            else:
                arrays[part] = np.ascontiguousarray(convert(array))
        lines += "transposed\n" if is_transposed else ""
        return ImageSet(
            **arrays,
            source=str(folder),
            class_names=CLASS_NAMES.get(dataset, {}),
            fingerprint=hashlib.sha256(lines.encode("ascii")).hexdigest(),
        )


def _told_by(folder: Path) -> str:
    """Which of the data sets whose files are called as MNIST's: by the name of their folder."""
    path = Path(os.path.realpath(folder))
    called = path.parent.name if path.name == "raw" else path.name
    return next((one for one in ("fashion_mnist", "kmnist") if FOLDERS[one] == called), "mnist")


def _files_of(folder: Path, dataset: str, listed: dict[Path, set[str]]) -> Found | None:
    names: Sequence[str] = FILES
    if dataset.startswith("emnist_"):
        start = dataset.replace("_", "-")
        names = [f"{start}-{name.replace('t10k', 'test')}" for name in FILES]
    elif dataset == "qmnist":
        names = [f"qmnist-{name.replace('t10k', 'test')}" for name in FILES]
        names = [name.replace("idx1-ubyte", "idx2-int") for name in names]
    for place in (folder, folder / "raw", folder / FOLDERS[dataset] / "raw"):
        if place not in listed:
            # Some archives unpack each file into a folder of its own name.
            listed[place] = {entry.name for entry in entries(place) if not entry.is_dir()}
        present = listed[place]
        paths: list[Path | None] = []
        for name in names:
            dotted = name.replace("-idx", ".idx")
            spellings = (name, dotted, f"{name}.gz", f"{dotted}.gz")
            paths.append(next((place / s for s in spellings if s in present), None))
        missing = [names[i] for i in (0, 2) if paths[i] is None]
        if not missing:
            return Found(dataset, place, paths)
        if any(paths):
            raise UserError(
                f"{place} holds some files of a data set, but not {' and not '.join(missing)} "
                "(plain or .gz); add what is missing, or move the others away"
            )
    return None


def _channels_first(is_transposed: bool, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = array[..., np.newaxis] if array.ndim == 3 else array
    return array.transpose((0, 3, 2, 1) if is_transposed else (0, 3, 1, 2))


def _read_or_leave(path: Path) -> tuple[Any, str]:
    """As `read_idx`, but a large file of bytes that is not packed stays where it is."""
    try:
        with open_regular(path) as file:
            start, size = file.read(4 + 4 * MAX_DIMS), os.fstat(file.fileno()).st_size
            if fits(size) or start[:3] != b"\0\0\x08" or not 1 <= start[3] <= MAX_DIMS:
                return read_idx(path)
            head = 4 + 4 * start[3]
            shape = tuple(np.frombuffer(start, ">u4", start[3], offset=4).tolist())
            if size != head + math.prod(shape):
                return read_idx(path)  # which says what is wrong
            return StoredArray(path, head, shape, np.dtype(np.uint8)), hash_of(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def read_idx(path: Path) -> tuple[npt.NDArray[Any], str]:
    """Read an IDX file of whole numbers, plain or gzip (told by its content, not by its name).

    Memory follows the bytes that are really there, never what the header claims; a gzip file is
    unpacked up to 50 times its size.

    Returns:
        uint8, int8, int16 or int32 in native byte order, 1 to 4 dimensions; and the hex SHA-256 of
        the file, unpacked.

    Raises:
        UserError: the file is missing, unreadable, corrupt, not IDX, too short, or too long.
    """
    try:
        with open_regular(path, MAX_BYTES) as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            most = os.fstat(file.fileno()).st_size
            if is_packed:
                most = unpacked_limit(most)
            most = min(MAX_BYTES, most)
            unpacked = gzip.GzipFile(fileobj=file) if is_packed else file
            content = bytearray(unpacked.read(4 + 4 * MAX_DIMS))
            if len(content) < 4 or content[:2] != b"\0\0":
                raise ValueError(f"not an IDX file: it starts with {bytes(content[:16])!r}")
            code, ndim = content[2:4]
            if code not in _WHOLE_NUMBERS or not 1 <= ndim <= MAX_DIMS:
                allowed = ", ".join(f"0x{known:02X}" for known in _WHOLE_NUMBERS)
                raise ValueError(
                    f"values of type 0x{code:02X} in {ndim} dimensions; allowed are whole numbers, "
                    f"{allowed}, in 1 to {MAX_DIMS}"
                )
            dtype = np.dtype(_WHOLE_NUMBERS[code])
            shape = np.frombuffer(content, ">u4", ndim, offset=4).tolist()
            size = math.prod(shape) * dtype.itemsize
            said = f"its header announces {times(shape)} values of {dtype.name}, {size} bytes"
            start = 4 + 4 * ndim
            if is_packed and start + size > most:
                raise ValueError(
                    f"{said}; at most {most} bytes are read of it unless it is unpacked first"
                )
            while len(content) <= start + size and (piece := unpacked.read(1 << 20)):
                content += piece
        values = memoryview(content)[start:]
        if len(values) != size:
            more = "more" if len(values) > size else f"{len(values)}"
            raise ValueError(f"{said}, but {more} follow")
        array = np.frombuffer(values, dtype).reshape(shape)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: {error}; check that it is the right file, and whole") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    native = array.astype(dtype.newbyteorder("="), copy=False)
    return native, hashlib.sha256(content).hexdigest()
