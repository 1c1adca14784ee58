"""Folders of image files: one folder for each class, or without classes."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import bounded_lines, open_regular
from grounding._paths import given_path
from grounding.data.arrays import labels_of, natural
from grounding.data.image_set import ImageSet
from grounding.data.pictures import ENDINGS, Picture, Wanted, collected, key_of
from grounding.data.places import PARTS, check_inside, entries

MAX_METADATA, MAX_ROW = 32 << 20, 1 << 16  # bytes; characters of a row of JSON
LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
FILE_COLUMN = "file_name"


@register.source("folder", decodes=True)
class ImageFolder:
    """Image files (PNG, JPEG, WebP, BMP, GIF), in a folder for each class or in one of all.

    Folders `train`, `test` and `val` in it are the parts of the data; without them, parts are drawn
    by the seed. A metadata.csv or metadata.jsonl beside the images, with columns file_name and
    label, says the classes, too.
    """

    looks_for = "a folder of PNG, JPEG, WebP, BMP or GIF files for each class, or one of all"

    def find(self, place: Path | None, name: str | None) -> Path | None:
        """The folder, if there are images in it, in its folders, or in those of train or test."""
        del name
        if place is None:
            return None
        below = [place / one.name for one in entries(place) if one.is_dir()]
        parts = [folder for folder in below if folder.name.casefold() in PARTS]
        classes = [folder / one.name for folder in parts for one in _readable(folder)]
        looked_at = (place, *below, *classes)
        return place if any(_is_image(e) for f in looked_at for e in _readable(f)) else None

    def load(self, found: Path, wanted: Wanted) -> ImageSet:
        """Decode the files; which class an image is of is told by its folder or the metadata."""
        place = found
        parts, notes = _parts(place)
        files: dict[str, list[Path]] = {}
        told: dict[str, tuple[str, list[Any]]] = {}
        for part, folder in parts.items():
            check_inside(place, iter([folder]))
            files[part], labels, left_out = _listed(folder, place)
            if labels is not None:
                told[part] = (f"{folder}", labels)
            if left_out:
                more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
                notes.append(f"left out in {folder}, as no images: {left_out[0]}{more}")
        check_inside(place, (path for paths in files.values() for path in paths))
        numbers, names = labels_of(told, {part: len(paths) for part, paths in files.items()})
        arrays: dict[str, Any] = {f"{part}_labels": one for part, one in numbers.items()}
        for part, paths in files.items():
            pictures = (Picture(str(path), partial(open_regular, path)) for path in paths)
            key = key_of(paths, wanted)
            where = f"{place.absolute()} {part}"
            arrays[f"{part}_images"] = collected(pictures, len(paths), wanted, key, where)
        arrays.setdefault("test_images", None)
        return ImageSet(
            **arrays,
            source=str(place),
            class_names=names,
            note="; ".join(notes),
            files={part: [_inside(path, place) for path in paths] for part, paths in files.items()},
        )


def _inside(path: Path, place: Path) -> str:
    """The way from the folder to a file, as text that can be written anywhere."""
    return path.relative_to(place).as_posix().encode("utf-8", "backslashreplace").decode()


def _parts(place: Path) -> tuple[dict[str, Path], list[str]]:
    """The folders of the parts of a data set, and what is worth telling."""
    found: dict[str, Path] = {}
    others = []
    for one in sorted(entries(place), key=lambda e: natural(e.name)):
        part = PARTS.get(one.name.casefold()) if one.is_dir() else None
        if part in found:
            raise UserError(
                f"{found[part]} and {place / one.name} are both {part} images; keep one"
            )
        if part:
            found[part] = place / one.name
        else:
            others.append(one.name)
    if not found:
        return {"train": place}, []
    if "train" not in found:
        raise UserError(
            f"{place} has a folder {next(iter(found.values())).name}, but none called train; make "
            "one, or rename it if it is a class"
        )
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return found, [f"left out in {place}, beside train: {others[0]}{more}"] if others else []


def _listed(folder: Path, place: Path) -> tuple[list[Path], list[Any] | None, list[str]]:
    """The images of a part, their labels if they have any, and the names of other files."""
    here = sorted(entries(folder), key=lambda e: natural(e.name))
    check_inside(place, (folder / one.name for one in here if one.is_dir()))
    images = [folder / one.name for one in here if _is_image(one)]
    folders = [folder / one.name for one in here if one.is_dir()]
    described = next((f for f in ("metadata.csv", "metadata.jsonl") if (folder / f).exists()), None)
    if described and (labels := _labels_in(folder / described)) is not None:
        return _described(folder, folder / described, labels)
    left_out = [one.name for one in here if not one.is_dir() and not _is_image(one)]
    if not folders:
        return images, None, left_out
    if images:
        raise UserError(
            f"{folder} holds images ({images[0].name}) beside folders ({folders[0].name}); put "
            "each image into the folder of its class, or the folders elsewhere"
        )
    labels_found: list[str] = []
    for of_class in folders:
        inside = sorted(entries(of_class), key=lambda e: natural(e.name))
        files = [of_class / one.name for one in inside if _is_image(one)]
        below = next((one.name for one in inside if one.is_dir()), None)
        if below is not None:
            raise UserError(
                f"{of_class} is taken for a class, but holds a folder ({below}); images have to "
                "lie in the folder of their class: name another data.data_dir, or move them up"
            )
        if not files:
            raise UserError(f"{of_class} holds no images; put some there, or remove it")
        images += files
        labels_found += [_shown(of_class.name)] * len(files)
        left_out += [f"{of_class.name}/{one.name}" for one in inside if not _is_image(one)]
    return images, labels_found, left_out


def _described(
    folder: Path, metadata: Path, labels: Mapping[str, Any]
) -> tuple[list[Path], list[Any], list[str]]:
    """The images that a metadata file names, with their labels."""
    paths = []
    for name in labels:
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise UserError(f"{metadata} names {name}, which does not lie in {folder}")
        if path.suffix.lower() not in ENDINGS or not given_path(path).exists():
            raise UserError(f"{metadata} names {name}, and there is no such image")
        check_inside(folder, iter([path]))
        paths.append(path)
    named = set(paths)
    for one in entries(folder):
        if _is_image(one) and folder / one.name not in named:
            raise UserError(
                f"{folder / one.name} has no line in {metadata.name}; add one, or move it away"
            )
    return paths, list(labels.values()), []


def _labels_in(path: Path) -> dict[str, Any] | None:
    """The label of each file that a metadata file names; None if it has no column of labels."""
    try:
        with open_regular(path, MAX_METADATA) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            return _labels_of(path, _rows(path, text))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except UserError:
        raise
    except (ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _labels_of(path: Path, rows: Iterator[Mapping[str, Any]]) -> dict[str, Any] | None:
    """As `_labels_in`, of the rows one after the other: all of them would take much memory."""
    first = next(rows, {})
    column = next((c for c in LABEL_COLUMNS if c in first), None)
    if column is None:
        return None
    found: dict[str, Any] = {}
    for number, row in enumerate(itertools.chain([first], rows), 1):
        name, label = row.get(FILE_COLUMN), row.get(column)
        if not isinstance(name, str) or not isinstance(label, str | int) or label == "":
            raise UserError(
                f"{path}: row {number} lacks {FILE_COLUMN} or {column}; each image needs both"
            )
        if name in found:
            raise UserError(f"{path}: row {number} names {name} a second time")
        found[name] = sys.intern(str(label))
    return found


def _rows(path: Path, text: io.TextIOWrapper) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".csv":
        yield from csv.DictReader(bounded_lines(text, path))
        return
    for line in text:
        if line.strip():
            if len(line) > MAX_ROW:
                raise ValueError(f"a line has more than {MAX_ROW:,} characters")
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a line is no JSON object")
            yield row


def _readable(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder; nothing if it cannot be read."""
    try:
        return entries(folder)
    except UserError:
        return []


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(ENDINGS) and not entry.is_dir()


def _shown(name: str) -> str:
    """A folder's name as text, where its bytes may be none."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
