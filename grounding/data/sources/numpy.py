"""Arrays in files of NumPy: one `.npz`, one `.npy`, or several of these in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from grounding import _registry as register
from grounding._errors import UserError
from grounding.data.array_files import array_names, read_array
from grounding.data.arrays import image_set
from grounding.data.image_set import ImageSet
from grounding.data.places import check_inside, entries

ENDINGS = (".npz", ".npy")

# What the arrays are called, whatever the case of letters.
_IMAGES, _LABELS = ("images", "x", "data"), ("labels", "y", "targets", "target")
_WORDS = {"train": ("train",), "test": ("test",), "val": ("val", "valid", "validation")}


def _spellings(kinds: tuple[str, ...], words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{a}_{b}" for kind in kinds for w in words for a, b in ((kind, w), (w, kind)))


NAMES: Mapping[tuple[str, str], tuple[str, ...]] = {
    (part, kind): (*(own if part == "train" else ()), *_spellings(own, words))
    for part, words in _WORDS.items()
    for kind, own in (("images", _IMAGES), ("labels", _LABELS))
}
CLASS_NAMES = ("class_names", "label_names", "classes")
WANTED = "x_train, y_train, x_test, y_test; train_images, ...; or images, labels; or X, y"


class Found(NamedTuple):
    """Where the arrays are.

    Attributes:
        place: what the user named.
        files: one `.npz`, or one `.npy` or more.
    """

    place: Path
    files: tuple[Path, ...]


@register.source("numpy")
class NumpyFiles:
    """Arrays in an `.npz` file, or in `.npy` files, by names such as x_train and y_train.

    Images are N x H x W, N x H x W x C or N x C x H x W, in [0, 1] or [0, 255]; a `.npy` of bytes
    that is larger than memory is read as it is needed.
    """

    looks_for = f"an .npz or .npy files with arrays called {WANTED}"

    def find(self, place: Path | None, name: str | None) -> Found | None:
        """The file itself, or the files in a folder."""
        del name
        if place is None:
            return None
        if place.is_file():
            return Found(place, (place,)) if place.suffix.lower() in ENDINGS else None
        paths = sorted(place / one.name for one in entries(place) if not one.is_dir())
        files = tuple(path for path in paths if path.suffix.lower() in ENDINGS)
        return Found(place, files) if files else None

    def load(self, found: Found) -> ImageSet:
        """Read the arrays, those that are named as they should be."""
        place, files = found
        check_inside(place, iter(files if place.is_dir() else ()))
        there = [(path, name) for path in files for name in array_names(path)]
        places = {name.casefold(): (path, name) for path, name in there}
        if len(places) < len(there):
            raise UserError(f"{place} holds several arrays of one name; keep one file of them")
        chosen = {
            what: next((places[n] for n in names if n in places), None)
            for what, names in NAMES.items()
        }
        if chosen["train", "images"] is None:
            if len(there) > 1 or not there:
                names = ", ".join(name for _, name in there[:20]) or "nothing"
                raise UserError(
                    f"{place} holds {names}; images are looked for by names such as {WANTED}: "
                    "rename them, or keep one array"
                )
            # All images, whatever it is called: no part of them is a test set as well.
            chosen = {**dict.fromkeys(NAMES), ("train", "images"): there[0]}

        def read(part: str, kind: str) -> dict[str, tuple[str, Any]]:
            at = chosen[part, kind]
            if at is None:
                return {}
            path, name = at
            title = str(path) if path.suffix.lower() == ".npy" else f"{path}: {name}"
            return {part: (title, read_array(path, name))}

        images: dict[str, tuple[str, Any]] = {}
        labels: dict[str, tuple[str, Any]] = {}
        for part in _WORDS:
            images |= read(part, "images")
            labels |= read(part, "labels")
        at = next((places[name] for name in CLASS_NAMES if name in places), None)
        called = read_array(*at) if at else None
        names = called[:].astype(str).tolist() if called is not None and called.ndim == 1 else []
        return image_set(images, labels, class_names=names, source=str(place))
