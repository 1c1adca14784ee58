"""The known data sets: where their files lie, what they must be, and how they reach an array."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError
from grounding._files import sha256_of
from grounding.data.idx import IdxError, read_idx_file, times

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

# SHA-256 of the raw files, by data set.
PUBLISHED_CHECKSUMS: Mapping[str, Mapping[str, str]] = {
    "mnist": {
        TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}
# SHA-256 of the packaged files as they are, compressed: a gzip header holds bits that reading
# passes over.
PACKAGED_CHECKSUMS: Mapping[str, Mapping[str, str]] = {
    "mnist": {
        TRAIN_IMAGES: "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
        TRAIN_LABELS: "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e",
        TEST_IMAGES: "5634745efa576a17e7d4cf5cd9d09123c75e6538e5114267c2d156edaf519341",
        TEST_LABELS: "ae18e77e031ccde52407f794d123116439864147d33ac992975f85dd4dc42af6",
    },
}
PACKAGED = "packaged"

_AGAIN = "reinstall grounding (pip install --force-reinstall --no-deps .)"
_PACKAGED_DIR = Path(__file__).parent
# The layout that torchvision makes, by data set.
_TORCHVISION_DIR = {"mnist": Path("MNIST", "raw")}


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A labelled image data set in memory, as published: all arrays are read-only.

    Attributes:
        name: its name in the catalog.
        train_images: uint8 (N, C, H, W), 0 to 255, in the order of the file.
        train_labels: int64 (N,), 0 to 255.
        test_images: uint8 (M, C, H, W), of the same C, H and W.
        test_labels: int64 (M,).
        source: "packaged", or the folder that the files came from.
        checksums: canonical file name -> hex SHA-256 of the raw file, for the four files.
    """

    name: str
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    source: str
    checksums: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 over the four checksums as hex lines, in the order of `FILES`."""
        lines = "".join(f"{self.checksums[file]}\n" for file in FILES)
        return hashlib.sha256(lines.encode("ascii")).hexdigest()

    @property
    def is_standard(self) -> bool:
        """Whether all four files are the published ones, wherever they came from."""
        return dict(self.checksums) == dict(PUBLISHED_CHECKSUMS[self.name])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """C, H and W of every image."""
        _, channels, height, width = self.train_images.shape
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """The largest label of both splits, plus 1."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1


def load(name: str, data_dir: Path | None) -> ImageSet:
    """Load a data set of the catalog: from `data_dir` if its files are there, else as packaged.

    The four IDX files may be plain or gzip, spelled `train-images-idx3-ubyte` or
    `train-images.idx3-ubyte`, and lie in `data_dir` itself or in its `MNIST/raw`. They need not
    be the published ones: any uint8 images N x H x W or N x H x W x C (C from 1 to 4) with whole
    labels from 0 to 255 are taken, and `is_standard` tells. The packaged files are always
    checked against their published SHA-256, and read once in a process.

    Args:
        name: "mnist".
        data_dir: the folder to look into first; need not exist.

    Raises:
        UserError: the name is unknown; `data_dir` is no folder, cannot be read, or holds some of
            the four files but not all; a file is not what it should be; or the installation is
            damaged.
    """
    if name not in PUBLISHED_CHECKSUMS:
        known = ", ".join(PUBLISHED_CHECKSUMS)
        raise UserError(f"data set {name!r} is unknown; known are: {known}")
    folder, paths = _files_in(name, data_dir)
    return _read_image_set(name, paths, source=str(folder)) if paths else _load_packaged(name)


def read_ahead(name: str, data_dir: Path | None) -> None:
    """Read the packaged files if `load` would, so that it finds them in memory.

    Mistakes are not told here, but when the data is asked for.
    """
    with suppress(Exception):
        if not _files_in(name, data_dir)[1]:
            _load_packaged(name)


def _files_in(name: str, data_dir: Path | None) -> tuple[Path | None, dict[str, Path]]:
    """The folder that holds the user's own files, and these; none if there are none."""
    if data_dir is not None:
        for folder in (data_dir, data_dir / _TORCHVISION_DIR[name]):
            if paths := _find_files(folder):
                return folder, paths
    return None, {}


@lru_cache(maxsize=1)
def _load_packaged(name: str) -> ImageSet:
    folder = _PACKAGED_DIR / name
    try:
        paths = {file: folder / f"{file}.gz" for file in FILES}
        for path in paths.values():
            check_packaged(path)
        image_set = _read_image_set(name, paths, source=PACKAGED)
    except UserError as error:
        raise UserError(f"the installation is damaged: {error}; {_AGAIN}") from None
    if not image_set.is_standard:
        raise UserError(f"the installation is damaged: {folder} is not {name}; {_AGAIN}")
    return image_set


def is_packaged(path: Path) -> bool:
    """Whether a file lies where the packaged ones do."""
    return path.resolve().parent.parent == _PACKAGED_DIR.resolve()


def check_packaged(path: Path) -> None:
    """Check a packaged file against its SHA-256, compressed as it is.

    Raises:
        UserError: it is another, or cannot be read.
    """
    expected = PACKAGED_CHECKSUMS[path.parent.name].get(path.name.removesuffix(".gz"))
    try:
        found = sha256_of(path)
    except OSError as error:
        raise IdxError(f"{path} cannot be read: {error.strerror or error}") from None
    if found != expected:
        raise IdxError(f"{path} has the SHA-256 {found}, not {expected}")


def _find_files(folder: Path) -> dict[str, Path]:
    """Find the four files in `folder`, by canonical name; none is fine, some are an error."""
    try:
        with os.scandir(folder) as entries:
            present = {entry.name for entry in entries if not entry.is_dir()}
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise UserError(
            f"data_dir {folder} is not a folder; name the folder that holds the data set"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"data_dir {folder} cannot be read: {error}") from None
    found: dict[str, Path] = {}
    for file in FILES:
        dotted = file.replace("-idx", ".idx")
        spellings = (file, dotted, f"{file}.gz", f"{dotted}.gz")
        if spelling := next((s for s in spellings if s in present), None):
            found[file] = folder / spelling
    missing = [file for file in FILES if file not in found]
    if found and missing:
        raise UserError(
            f"{folder} holds some files of the data set, but not {', '.join(missing)}"
            " (plain or .gz); add them, or move the others away to use the packaged files"
        )
    return found


def _read_image_set(name: str, paths: Mapping[str, Path], source: str) -> ImageSet:
    """Read and check the four files at `paths`, given by canonical name."""
    checksums: dict[str, str] = {}
    splits: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]] = []
    for images_file, labels_file in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        raw = {file: read_idx_file(paths[file]) for file in (images_file, labels_file)}
        checksums |= {file: idx.sha256 for file, idx in raw.items()}
        images = _as_images(raw[images_file].array, paths[images_file])
        labels = _as_labels(raw[labels_file].array, paths[labels_file])
        if len(images) != len(labels):
            raise UserError(
                f"{paths[labels_file]} holds {len(labels)} labels for the {len(images)} images of"
                f" {paths[images_file].name}; there must be one label for each image"
            )
        splits.append((images, labels))
    (train_images, train_labels), (test_images, test_labels) = splits
    if train_images.shape[1:] != test_images.shape[1:]:
        raise UserError(
            f"{paths[TEST_IMAGES]} holds images of C x H x W = {times(test_images.shape[1:])},"
            f" {paths[TRAIN_IMAGES].name} of {times(train_images.shape[1:])}; they must be equal"
        )
    return ImageSet(name, train_images, train_labels, test_images, test_labels, source, checksums)


def _as_images(array: npt.NDArray[Any], path: Path) -> npt.NDArray[np.uint8]:
    """Check that the array holds images, and bring it to (N, C, H, W)."""
    if array.dtype != np.uint8:
        raise IdxError(f"{path} holds {array.dtype.name} values; images must be uint8")
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[3] > 4 or 0 in array.shape:
        raise IdxError(
            f"{path} holds an array of {times(array.shape)}; images must be N x H x W or"
            " N x H x W x C, none of them 0 and C at most 4"
        )
    return _read_only(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))


def _as_labels(array: npt.NDArray[Any], path: Path) -> npt.NDArray[np.int64]:
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.size == 0:
        raise IdxError(
            f"{path} holds {times(array.shape)} values of {array.dtype.name};"
            " labels must be whole numbers in one dimension, at least one of them"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise IdxError(f"{path} holds labels from {low} to {high}; allowed are 0 to 255")
    return _read_only(array.astype(np.int64))


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array
