"""One JSON output of a run, told by its content and checked before anything is believed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from grounding._checksums import (
    DamagedError,
    MismatchError,
    check_json,
    read_json,
    says_it_is_ours,
    without_checksum,
)
from grounding._files import sha256_of
from grounding.export.companion import companion_of
from grounding.export.companion_file import read_companion
from grounding.export.layout import file_inside

Kind = Literal["points", "assets", "manifold", "analysis", "probes", "seeds"]
# The keys that tell a kind; those of a point set are what its picture is drawn from.
KINDS: dict[Kind, tuple[str, ...]] = {
    "points": ("points", "labels"),
    "assets": ("reference_points", "reference_labels"),
    "manifold": ("manifold_score", "metrics"),
    "analysis": ("knn_accuracy", "classes"),
    "probes": ("probe_settings", "probes"),
    "seeds": ("seeds", "summary"),
}
COMPARISON = ("comparison", "rows")
SHOWN = (
    "split",
    "manifold_split",
    "checkpoint_sha256",
    "config",
    "manifold_score",
    "metrics",
    "knn_accuracy",
    "total_parameters",
    "probes",
    "seeds",
    "summary",
)
PICTURED_POINTS = 1500
MAX_JSON_BYTES = 1 << 27


class OfSeveralError(ValueError):
    """A file is ours and whole, but not of a single experiment."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Some points of a point set, for its picture.

    Attributes:
        points: float32 (N, 3), evenly drawn, at most `PICTURED_POINTS`.
        labels: int32 (N,).
        count: how many points there are in all.
    """

    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    count: int


@dataclass(frozen=True, eq=False)
class Output:
    """One JSON output of a run.

    Attributes:
        path: its file.
        companion: the binary companion that belongs to it, if it is there and whole.
        report: of an analysis the text, of seeds the CSV beside it, if it is there and whole.
        values: those of its keys that are in `SHOWN`.
        cloud: of a point set.
    """

    path: Path
    companion: Path | None
    report: Path | None
    values: dict[str, Any]
    cloud: Cloud | None

    @property
    def split(self) -> str:
        """The split it was made of; "" if it does not say."""
        split = self.values.get("split", self.values.get("manifold_split"))
        return split if isinstance(split, str) else ""


def read_output(path: Path, damaged: list[str]) -> tuple[str, Kind, Output]:
    """Experiment, kind and content of a JSON file; adds to `damaged` what is wrong beside it.

    Raises:
        DamagedError: the JSON file is damaged.
        OfSeveralError: it compares experiments.
        ValueError: it is no output of a run; the message says why.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"larger than {MAX_JSON_BYTES >> 20} MiB")
    covered = check_json(path)
    companion = values = None
    try:
        named = companion_of(path)
        companion = _inside(path.parent, named.name) if named else None
        values = _values_of_companion(companion) if companion else None
    except (DamagedError, MismatchError) as error:
        damaged.append(str(error))
    if values is None:
        values, companion = read_json(path)[0], None
    elif not covered and says_it_is_ours(values):
        raise without_checksum(path)
    if covered and all(key in values for key in COMPARISON):
        raise OfSeveralError("compares experiments")
    experiment = values.get("experiment")
    if not isinstance(experiment, str) or not 0 < len(experiment) <= 200:
        raise ValueError("no experiment")
    if not experiment.isprintable():
        raise ValueError("unprintable experiment")
    for kind, keys in KINDS.items():
        if all(key in values for key in keys):
            cloud = report = None
            if kind in ("points", "assets"):
                cloud = _cloud(values[keys[0]], values[keys[1]])
            elif not isinstance(values[keys[1]], dict | list):
                raise ValueError(f"{keys[1]} is no table")
            if kind in ("analysis", "seeds"):
                report = _report(path, values, damaged)
            lean = {key: values[key] for key in SHOWN if key in values}
            return experiment, kind, Output(path, companion, report, lean, cloud)
    raise ValueError("no output of a run")


def check_report(path: Path, values: dict[str, Any], key: str = "report") -> Path | None:
    """The file for readers that a JSON output names, after checking it; None if it names none.

    Args:
        path: of the JSON output.
        values: what it holds.
        key: under which it names the file: "report" (text or CSV) or "figure" (SVG).

    Raises:
        DamagedError: it is missing or not as it was written.
    """
    entry = values.get(key)
    if not isinstance(entry, dict) or not isinstance(name := entry.get("file"), str):
        return None
    report = _inside(path.parent, name)
    if report is None:
        raise DamagedError(f"{path} names {name}, which is not beside it; make both again")
    if sha256_of(report) != entry.get("sha256"):
        raise DamagedError(
            f"{report} is damaged: its SHA-256 is not the one in {path.name}; make both again"
        )
    return report


def _report(path: Path, values: dict[str, Any], damaged: list[str]) -> Path | None:
    if "report" not in values:  # another program's analysis
        return _inside(path.parent, path.with_suffix(".txt").name)
    try:
        return check_report(path, values)
    except DamagedError as error:
        damaged.append(str(error))
        return None


def _values_of_companion(companion: Path) -> dict[str, Any]:
    names = [key for kind in ("points", "assets") for key in KINDS[kind]]
    held = read_companion(companion, names)
    return {**held.meta, **held.arrays}


def _cloud(points: Any, labels: Any) -> Cloud:
    if not all(isinstance(values, list | np.ndarray) for values in (points, labels)):
        raise ValueError("points or labels are no list")
    count = len(points)
    step = max(1, -(-count // PICTURED_POINTS))
    try:
        some = np.asarray(points[::step], dtype=np.float64)
        whole = np.asarray(labels[::step], dtype=np.int32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("points or labels are not numbers") from None
    if len(labels) != count or some.shape != (len(some), 3) or whole.shape != (len(some),):
        raise ValueError("points are not N x 3, or labels not N")
    if count == 0 or not (np.abs(some) < 1e30).all():  # false for NaN, too
        raise ValueError("points are missing, not finite or far too large")
    return Cloud(some.astype(np.float32), whole, count)


def _inside(folder: Path, name: str) -> Path | None:
    return folder / name if file_inside(folder, [name]) else None
