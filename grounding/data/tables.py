"""Tables with a column of encoded images, as Hugging Face `datasets` and others write them.

An image is a value of a binary column, or of a struct {bytes, path}, whose path is not followed.
What the columns mean is told by the features that `datasets` keeps beside the schema, else by
names and types. pyarrow is needed only here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from grounding._errors import UserError
from grounding._files import parsed_json
from grounding.data.arrays import labels_of
from grounding.data.image_set import ImageSet
from grounding.data.pictures import Picture, Wanted, collected, key_of
from grounding.data.places import check_inside

IMAGE_COLUMNS = ("image", "img", "picture", "photo", "png", "jpg", "bytes")
LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "category", "target", "y")


class Table(NamedTuple):
    """A table of a file.

    Attributes:
        path: the file.
        schema: its columns, a `pyarrow.Schema`.
        batches: some rows after the others of one column, given its name, as
            `pyarrow.RecordBatch`.
    """

    path: Path
    schema: Any
    batches: Callable[[str], Iterator[Any]]


def image_set(
    parts: Mapping[str, Sequence[Table]], place: Path, wanted: Wanted, notes: Sequence[str] = ()
) -> ImageSet:
    """The data set in tables by part, "train", "test" and "val".

    Raises:
        UserError: no column, or more than one, can be that of the images; a row lacks a value; an
            image cannot be read.
    """
    first = parts["train"][0]
    with told(first.path):  # a schema has names that are no text, too
        features = _features(first.schema)
        image, label = _image_column(first, features), _label_column(first, features)
    every = [table for tables in parts.values() for table in tables]
    if place.is_dir():
        check_inside(place, (table.path for table in every))
    for table in every:
        with told(table.path):
            missing = [c for c in (image, label) if c and c not in table.schema.names]
        if missing:
            raise UserError(f"{table.path} has no column {missing[0]}, as {first.path} has")
    arrays: dict[str, Any] = {}
    labels: dict[str, tuple[str, list[Any]]] = {}
    counts: dict[str, int] = {}
    for part, tables in parts.items():
        values = [value for table in tables for value in _values(table, label or image, label)]
        counts[part] = len(values)
        # By convention of `datasets`, -1 is a label that is not told.
        if label and not (label in features and set(values) == {-1}):
            labels[part] = (f"{place}: {label} of {part}", values)
    numbers, names = labels_of(labels, counts)
    arrays |= {f"{part}_labels": one for part, one in numbers.items()}
    for part, tables in parts.items():
        key = key_of((table.path for table in tables), wanted, image)
        where = f"{place.absolute()} {part}"
        pictures = (picture for table in tables for picture in _pictures(table, image))
        arrays[f"{part}_images"] = collected(pictures, counts[part], wanted, key, where)
    arrays.setdefault("test_images", None)
    said = f"images in column {image}, {f'labels in {label}' if label else 'no labels'}"
    return ImageSet(
        **arrays,
        source=str(place),
        class_names=names or _class_names(features, label),
        note="; ".join([said, *notes]),
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a table into one line.

    Raises:
        UserError: always instead of another exception; names the file, or what to install.
    """
    try:
        yield
    except UserError:
        raise
    except ModuleNotFoundError:
        raise UserError(
            f"{path} is read with pyarrow, which is not installed: pip install 'grounding[parquet]'"
        ) from None
    except Exception as error:  # a library can stumble over a stranger's bytes in any way
        said = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UserError(f"{path} cannot be read: {said or type(error).__name__}") from None


def _features(schema: Any) -> dict[str, Mapping[str, Any]]:
    """What `datasets` has noted of each column; nothing where it has not."""
    try:
        noted = parsed_json((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: one for name, one in noted.items() if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _image_column(table: Table, features: Mapping[str, Mapping[str, Any]]) -> str:
    from pyarrow import types

    def is_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def holds_images(kind: Any) -> bool:
        if types.is_struct(kind):
            return any(one.name == "bytes" and is_bytes(one.type) for one in kind)
        return is_bytes(kind)

    possible = [field.name for field in table.schema if holds_images(field.type)]
    noted = [name for name in possible if features.get(name, {}).get("_type") == "Image"]
    named = [name for name in IMAGE_COLUMNS if name in (noted or possible)]
    for chosen in (noted, possible, named):
        if len(chosen) == 1:
            return chosen[0]
    has = ", ".join(table.schema.names)
    raise UserError(
        f"{table.path} has {'several columns' if possible else 'no column'} of encoded images "
        f"among {has}; there must be one, of bytes or of a struct with bytes, e.g. called image"
    )


def _label_column(table: Table, features: Mapping[str, Mapping[str, Any]]) -> str | None:
    noted = [name for name, one in features.items() if one.get("_type") == "ClassLabel"]
    there = [name for name in noted if name in table.schema.names] or table.schema.names
    named = [name for name in LABEL_COLUMNS if name in there]
    return named[0] if named else noted[0] if len(noted) == 1 and noted[0] in there else None


def _class_names(features: Mapping[str, Mapping[str, Any]], label: str | None) -> dict[int, str]:
    names = features.get(label or "", {}).get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return {}
    return dict(enumerate(names))


def _values(table: Table, column: str, label: str | None) -> Iterator[Any]:
    """The labels of a table; None for each row if there are none."""
    row = 0
    with told(table.path):
        for batch in table.batches(column):
            if label is None:
                yield from [None] * batch.num_rows
                continue
            batch.validate(full=True)
            for value in batch.column(column).to_pylist():
                if value is None:
                    raise UserError(f"{table.path}: row {row} has no {label}; fill it, or drop it")
                yield value
                row += 1


def _pictures(table: Table, column: str) -> Iterator[Picture]:
    row = 0
    for batch in _told_each(table, column):
        with told(table.path):
            batch.validate(full=True)
            values = batch.column(column)
            values = values.field("bytes") if hasattr(values, "field") else values
            contents = [value.as_py() for value in values]
        for content in contents:
            name = f"{table.path}, row {row}"
            if content is None:
                raise UserError(
                    f"{name}: there are no bytes of an image; a path alone is not followed: save "
                    "the images in the table"
                )
            yield Picture(name, partial(_opened, content))
            row += 1


def _told_each(table: Table, column: str) -> Iterator[Any]:
    with told(table.path):
        yield from table.batches(column)


def _opened(content: bytes) -> Any:
    return nullcontext(BytesIO(content))
