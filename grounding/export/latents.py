"""Latents for other software: one row an image, with its index, label, class name and file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from grounding._errors import UserError

Format = Literal["npy", "npz", "parquet", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)


def latents_files(
    path: Path,
    latents: npt.NDArray[np.float32],
    indices: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64] | None,
    class_names: Mapping[int, str],
    form: Format,
    files: Sequence[str] | None = None,
) -> dict[Path, bytes]:
    """The files of one table of latents, by path, the main file first.

    - "npy": the latents alone, (N, D) float32; beside them `<stem>_rows.csv` with the columns
      index, label, name and file;
    - "npz": `latents` (N, D) float32, `indices` (N,) int64, `labels` (N,) int64, `names` (N,) and
      `files` (N,) text, as far as there are any;
    - "parquet", "csv": the columns index, label, name, file, z0, z1 ...

    Args:
        path: of the main file.
        latents: float32 (N, D).
        indices: int64 (N,), the images' rows in the data set.
        labels: int64 (N,), or None.
        class_names: names of labels, where they have any.
        form: of the file.
        files: of the images, from the data's folder on, where each has one of its own.

    Raises:
        UserError: pyarrow, which parquet needs, is not installed.
    """
    columns: dict[str, npt.NDArray[np.generic]] = {"index": indices}
    if labels is not None:
        columns["label"] = labels
        if class_names:
            columns["name"] = np.array([class_names.get(int(one), "") for one in labels])
    if files is not None:
        columns["file"] = np.array(files)
    if form == "npz":
        renamed = {"index": "indices", "label": "labels", "name": "names", "file": "files"}
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {renamed[name]: values for name, values in columns.items()}
        np.savez(buffer, latents=latents, **arrays)
        return {path: buffer.getvalue()}
    if form == "npy":
        buffer = io.BytesIO()
        np.save(buffer, latents)
        beside = path.with_name(f"{path.stem}_rows.csv")
        return {path: buffer.getvalue(), beside: _csv(columns)}
    columns |= {f"z{i}": latents[:, i] for i in range(latents.shape[1])}
    if form == "csv":
        return {path: _csv(columns)}
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(
            'parquet needs pyarrow: pip install "grounding[parquet]", or --format npz'
        ) from None
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink)
    return {path: sink.getvalue()}


def _csv(columns: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Text that gives back the same float32 numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    # `str` of a NumPy number has as many digits as its own type needs.
    writer.writerows(zip(*(map(str, values) for values in columns.values()), strict=True))
    return text.getvalue().encode("utf-8", "backslashreplace")
