"""Embeddings of any model from a file: NumPy arrays, parquet and CSV, with their labels."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError
from grounding._files import bounded_lines, open_regular, unpacked_limit
from grounding.data import array_files
from grounding.data.arrays import labels_of

MOST_DIMENSIONS = 4096
MOST_ARRAYS = 100  # of a file, in which the latents are looked for by their shape
ENDINGS = (".npy", ".npz", ".parquet", ".csv", ".tsv")
# Names under which files keep latents, labels and what is neither.
LATENTS = ("latents", "z", "embeddings", "embedding", "features", "x", "data")
LABELS = ("label", "labels", "y", "class", "target", "targets")
NAMES = ("name", "names", "class_name")
OTHERS = ("index", "indices", "id", *NAMES)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings, wherever they are from.

    Attributes:
        latents: float32 (N, D), finite.
        labels: int64 (N,), or None.
        class_names: names of labels that were given as text.
        source: what to call them.
        fingerprint: hex SHA-256 of latents and labels.
    """

    latents: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None
    source: str
    class_names: Mapping[int, str] = field(default_factory=dict)
    fingerprint: str = field(init=False, default="")

    def __post_init__(self) -> None:
        digest = hashlib.sha256(f"{self.latents.shape}".encode())
        for array in (self.latents, self.labels):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        object.__setattr__(self, "fingerprint", digest.hexdigest())


def embeddings(latents: Any, labels: Any = None, *, source: str = "arrays") -> Embeddings:
    """Check latents and labels from anywhere.

    Args:
        latents: (N, D) numbers, N >= 2, 1 <= D <= 4096; an array or a tensor.
        labels: (N,) whole numbers or text, or None.
        source: what to call them.

    Raises:
        UserError: they are no such table, or a value is not finite; names the row.
    """
    table = _numpy(latents)
    if table.ndim != 2 or len(table) < 2 or not 1 <= table.shape[1] <= MOST_DIMENSIONS:
        raise UserError(
            f"{source}: latents are {' x '.join(map(str, table.shape)) or 'one value'}; expected "
            f"N x D with 2 or more rows of 1 to {MOST_DIMENSIONS} numbers"
        )
    if table.dtype.kind not in "fiub":
        raise UserError(f"{source}: latents are {table.dtype}, expected numbers")
    with np.errstate(over="ignore"):  # what float32 cannot hold is named below
        checked = np.ascontiguousarray(table, dtype=np.float32)
    # The extremes carry any NaN or infinity without a mask as large as the data.
    if not (np.isfinite(checked.min()) and np.isfinite(checked.max())):
        row, column = np.argwhere(~np.isfinite(checked))[0]
        raise UserError(
            f"{source}: row {row}, column {column} of the latents is {table[row, column]}, which "
            "is no finite float32; leave such rows out"
        )
    if labels is None:
        return Embeddings(checked, None, source)
    given = {"train": (f"{source}: labels", _numpy(labels))}
    numbers, names = labels_of(given, {"train": len(checked)}, "latent")
    return Embeddings(checked, numbers["train"], source, names)


def read_embeddings(latents: Path, labels: Path | None = None) -> Embeddings:
    """Read latents, and labels from the same file or another.

    - `.npy`: one array (N, D);
    - `.npz`: an array called latents, z, embeddings, features, x or data, or the only one of two
      dimensions; labels under label, labels, y, class or target;
    - `.parquet`: columns of numbers, or one column of lists; a column label;
    - `.csv`, `.tsv`: the same, with or without a line of titles.

    Columns called index, id and name are no latents.

    Args:
        latents: their file.
        labels: `.npy`, `.npz`, `.parquet`, or text with one label a line; None for those in the
            same file, if there are any.

    Raises:
        UserError: a file cannot be read or does not hold that.
    """
    found, within = _read(latents, "latents")
    if found is None:
        raise UserError(f"{latents} holds no table of numbers to take for latents")
    if labels is not None:
        _, within = _read(labels, "labels", len(found))
        if within is None:
            raise UserError(f"{labels} holds no labels: one a row, whole numbers or text")
    return embeddings(found, within, source=str(latents))


def read_array(path: Path) -> npt.NDArray[Any]:
    """One array from a `.npy` file.

    Raises:
        UserError: it cannot be read, or is none.
    """
    if path.suffix.lower() != ".npy":
        raise UserError(f"{path} is no .npy file")
    return _held(path, "")


def _read(path: Path, wanted: str, count: int | None = None) -> tuple[Any, Any]:
    """Latents and labels of a file, None for what it does not hold; `count` labels are wanted."""
    try:
        ending = path.suffix.lower()
        if ending == ".npy":
            array = _held(path, "")
            return (array, None) if wanted == "latents" else (None, array)
        if ending == ".npz":
            return _named(path)
        with open_regular(path) as file:
            if ending == ".parquet":
                return _parquet(file, path)
            if ending in (".csv", ".tsv") or (wanted == "labels" and ending in (".txt", "")):
                return _text(path, wanted, count)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # numpy and pyarrow raise classes of their own
        raise UserError(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from None
    raise UserError(f"{path} is none of {', '.join(ENDINGS)}")


def _held(path: Path, name: str) -> npt.NDArray[Any]:
    """An array of NumPy's files, in memory."""
    array = array_files.read_array(path, name)
    return array if isinstance(array, np.ndarray) else array[:]


def _named(path: Path) -> tuple[Any, Any]:
    names = {name.lower(): name for name in array_files.array_names(path)}
    if len(names) > MOST_ARRAYS and not names.keys() & {*LATENTS}:
        raise UserError(
            f"{path} holds {len(names):,} arrays; call the one that holds the latents latents"
        )
    labels = next((_held(path, names[name]) for name in LABELS if name in names), None)
    for name in LATENTS:
        if name in names:
            return _held(path, names[name]), labels
    latents = None
    for name in names.values():
        if (array := _held(path, name)).ndim == 2:
            if latents is not None:
                every = ", ".join(names.values())
                raise UserError(
                    f"{path} holds {every}; call the one that holds the latents latents"
                )
            latents = array
    return latents, labels


def _parquet(file: Any, path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow.compute as pc
        from pyarrow import parquet, types
    except ImportError:
        raise UserError(
            f'{path}: parquet needs pyarrow; install it with: pip install "grounding[parquet]"'
        ) from None
    schema = parquet.read_schema(file)
    named = {name.lower(): name for name in schema.names}
    label = next((named[name] for name in LABELS if name in named), None)
    vectors, numbers = [], []
    for name in schema.names:
        kind = schema.field(name).type
        if name == label or name.lower() in OTHERS:
            continue
        if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            vectors.append(name)
        elif types.is_floating(kind) or types.is_integer(kind):
            numbers.append(name)
    chosen = vectors[:1] or numbers
    wanted = [*chosen, *([label] if label else [])]
    # Text stays in its dictionary: one of long lines that all rows share is small.
    texts = [label] if label and types.is_string(schema.field(label).type) else []
    opened = parquet.ParquetFile(file, read_dictionary=texts)
    # Where counts of a column are damaged this raises, and to ask for them would end the process.
    opened.scan_contents(wanted)
    groups = [opened.metadata.row_group(i) for i in range(opened.metadata.num_row_groups)]
    leaves = [opened.schema.column(i).path.split(".")[0] for i in range(len(opened.schema))]
    places = [i for i, name in enumerate(leaves) if name in wanted]
    values = sum(group.column(i).num_values for group in groups for i in places)
    most = unpacked_limit(os.fstat(file.fileno()).st_size)
    if 8 * values > most:
        raise UserError(
            f"{path} holds {values:,} values in few bytes; at most {most // 8:,} are read of it: "
            "keep them as .npy"
        )
    table = opened.read(columns=wanted)
    labels = None if label is None else _labels(table.column(label).combine_chunks())
    if vectors:
        column = table.column(vectors[0]).combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        sizes = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(sizes) != 1 or not sizes[0]:
            raise UserError(f"{path}: its lists have different lengths")
        return flat.reshape(len(column), -1), labels
    columns = [table.column(name).to_numpy() for name in numbers]
    return (np.stack(columns, 1) if columns else None), labels


def _labels(column: Any) -> Any:
    """Labels of a column of pyarrow, each text once in memory."""
    if not hasattr(column, "dictionary"):
        return column
    texts = np.array(column.dictionary.to_pylist(), dtype=object)
    found: npt.NDArray[Any] = texts[column.indices.to_numpy(zero_copy_only=False)]
    return found


def _text(path: Path, wanted: str, count: int | None) -> tuple[Any, Any]:
    """Numbers and labels of a text with one row a line."""
    between = "\t" if path.suffix.lower() == ".tsv" else ","
    first = next(csv.reader(itertools.islice(_lines(path), 1), delimiter=between), [])
    if len(first) > 2 * MOST_DIMENSIONS:
        raise UserError(f"{path} has {len(first):,} columns; at most {MOST_DIMENSIONS} are read")
    titles = [title.strip().lower() for title in first]
    has_titles = not all(map(_is_number, titles))
    if wanted == "labels" and len(titles) == 1:
        has_titles = titles[0] in LABELS

    def rows() -> Iterator[str]:
        return itertools.islice(_lines(path), int(has_titles), None)

    def numbers(which: list[int]) -> Any:
        return np.loadtxt(
            rows(),
            np.float64,
            delimiter=between,
            comments=None,
            quotechar='"',
            usecols=which,
            ndmin=2,
        )

    def labels(which: int) -> Any:
        known: dict[str, str] = {}  # each text once in memory
        found: list[str] = []
        for row in csv.reader(rows(), delimiter=between):
            if row and len(row) <= which:
                raise UserError(f"{path}: row {len(found)} has no column {which}, for its label")
            found += [known.setdefault(row[which], row[which])] if row else []
            if count is not None and len(found) > count:
                raise UserError(f"{path} has more labels than the {count} that there are rows")
        return np.array(found, dtype=object)

    if not has_titles:
        if wanted == "labels":
            return None, labels(0)
        return numbers(list(range(len(titles)))), None
    label = next((titles.index(name) for name in LABELS if name in titles), None)
    of_rows = None if label is None else labels(label)
    if wanted == "labels":
        return None, of_rows
    of_latents = [i for i, title in enumerate(titles) if i != label and title not in OTHERS]
    return (numbers(of_latents) if of_latents else None), of_rows


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text, see `bounded_lines`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from bounded_lines(file, path)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numpy(values: Any) -> npt.NDArray[Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if hasattr(values, "to_numpy"):  # pandas, pyarrow
        try:
            values = values.to_numpy(zero_copy_only=False)
        except TypeError:
            values = values.to_numpy()
    return np.asarray(values)
