"""Parquet files with a column of encoded images."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import open_regular, unpacked_limit
from grounding.data.arrays import natural
from grounding.data.image_set import ImageSet
from grounding.data.pictures import Wanted
from grounding.data.places import PARTS, entries
from grounding.data.tables import Table, image_set, told

ROWS = 64  # at a time; fewer where so many bytes each could be larger than AT_ONCE
AT_ONCE = 64 << 20


class Found(NamedTuple):
    """What the user named, and the files there."""

    place: Path
    files: tuple[Path, ...]


@register.source("parquet", decodes=True)
class ParquetFiles:
    """Parquet files with a column of images, as bytes or as {bytes, path}, and perhaps labels.

    Names that begin with train, test or validation, or folders of these names, are the parts of
    the data. Class names are taken from the features that Hugging Face `datasets` notes.
    """

    looks_for = "parquet files with a column of encoded images"

    def find(self, place: Path | None, name: str | None) -> Found | None:
        """The file itself, or the files in a folder, in its data/, or in train/, test/ ..."""
        del name
        if place is None:
            return None
        if place.is_file():
            return Found(place, (place,)) if _is_parquet(place.name) else None
        below = [place / one.name for one in entries(place) if one.is_dir()]
        folders = [f for f in below if f.name == "data" or f.name.casefold() in PARTS]
        files = [
            folder / one.name
            for folder in (place, *folders)
            for one in entries(folder)
            if _is_parquet(one.name) and not one.is_dir()
        ]
        return Found(place, tuple(sorted(files, key=lambda p: natural(str(p))))) if files else None

    def load(self, found: Found, wanted: Wanted) -> ImageSet:
        """Decode the images."""
        parts: dict[str, list[Path]] = {}
        others: list[Path] = []
        for path in found.files:
            start = re.match("[A-Za-z]*", path.name)
            word = start[0].casefold() if start else ""
            part = PARTS.get(word) or PARTS.get(path.parent.name.casefold())
            parts.setdefault(part, []).append(path) if part else others.append(path)
        notes = [f"left out, as of no part: {others[0].name}"] if parts and others else []
        if not parts or found.place.is_file():
            parts = {"train": list(found.files)}
        if "train" not in parts:
            raise UserError(
                f"{found.place} has {next(iter(parts.values()))[0].name}, but no file whose name "
                "begins with train; rename one, or name a single file"
            )
        tables = {part: [_table(path) for path in paths] for part, paths in parts.items()}
        return image_set(tables, found.place, wanted, notes)


def _table(path: Path) -> Table:
    with told(path), open_regular(path) as file:
        from pyarrow.parquet import ParquetFile

        return Table(path, ParquetFile(file).schema_arrow, lambda column: _batches(path, column))


def _batches(path: Path, column: str) -> Iterator[Any]:
    """Some rows of a column after the others; few bytes can stand for many.

    Raises:
        UserError: they stand for too many, see `unpacked_limit`.
    """
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    with open_regular(path) as file:
        most = unpacked_limit(os.fstat(file.fileno()).st_size)
        opened = ParquetFile(file)
        # Of groups, not of their columns: pyarrow ends the process where those are damaged.
        groups = [opened.metadata.row_group(i) for i in range(opened.metadata.num_row_groups)]
        largest = max((group.total_byte_size for group in groups), default=0)
        # What a dictionary holds once can be the value of every row, and a number is never long.
        is_short = types.is_primitive(opened.schema_arrow.field(column).type)
        rows = ROWS if is_short else max(1, min(ROWS, AT_ONCE // max(1, largest)))
        read = max(8 * opened.metadata.num_rows, largest)
        batches = opened.iter_batches(rows, columns=[column])
        while read <= most and (batch := next(batches, None)) is not None:
            read += batch.nbytes
            if read <= most:
                yield batch
        if read > most:
            raise UserError(
                f"{path}: its column {column} is more than {most:,} bytes, unpacked; that many are "
                "read of a file of its size: write it without compression and dictionary"
            )


def _is_parquet(name: str) -> bool:
    return name.lower().endswith((".parquet", ".pq"))
