"""What an artifacts folder holds: the outputs of runs, found by their content."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from grounding.core.errors import UserError
from grounding.core.export.companion import companion_of, read_companion

Kind = Literal["points", "assets", "manifold", "analysis"]
# The keys that tell a kind; those of a point set are what its picture is drawn from.
KINDS: dict[Kind, tuple[str, ...]] = {
    "points": ("points", "labels"),
    "assets": ("reference_points", "reference_labels"),
    "manifold": ("manifold_score", "metrics"),
    "analysis": ("knn_accuracy", "classes"),
}
SHOWN = (
    "split",
    "manifold_split",
    "checkpoint_sha256",
    "config",
    "manifold_score",
    "metrics",
    "knn_accuracy",
    "total_parameters",
)
PICTURED_POINTS = 1500
MAX_JSON_BYTES = 1 << 27


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
        companion: the binary companion that belongs to it, if it is there.
        report: of an analysis, the text beside it, if it is there.
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


@dataclass(eq=False)
class RunOutputs:
    """The outputs of one experiment, those of the test split first.

    Attributes:
        experiment: its name.
        outputs: its JSON outputs by kind.
        encoder: the encoder's ONNX file.
        decoder: the decoder's ONNX file.
    """

    experiment: str
    outputs: dict[Kind, list[Output]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    encoder: Path | None = None
    decoder: Path | None = None

    @property
    def score(self) -> float | None:
        """The manifold score, 0 to 100."""
        found = self.outputs["manifold"]
        return number(found[0].values["manifold_score"]) if found else None

    @property
    def is_mixed(self) -> bool:
        """Whether its outputs were made from more than one checkpoint."""
        made_from = {
            str(output.values["checkpoint_sha256"])
            for outputs in self.outputs.values()
            for output in outputs
            if "checkpoint_sha256" in output.values
        }
        return len(made_from) > 1

    def files(self) -> list[Path]:
        """All files of the run that a page or a reader can use."""
        found = [path for path in (self.encoder, self.decoder) if path]
        for output in (output for outputs in self.outputs.values() for output in outputs):
            found += [output.path]
            found += [output.companion] if output.companion else []
            found += [output.report] if output.report else []
        return found


def find_runs(artifacts: Path) -> tuple[list[RunOutputs], list[str]]:
    """The runs whose outputs lie in a folder, best score first, then by name.

    Args:
        artifacts: the folder; its subfolders are not searched. It need not exist.

    Returns:
        The runs, and "name (reason)" for each JSON file that is no output of a run.
    """
    runs: dict[str, RunOutputs] = {}
    skipped = []
    for name in _names(artifacts):
        if not name.endswith(".json") or name.startswith("."):
            continue
        path = file_inside(artifacts, [name])
        try:
            if path is None:
                raise ValueError("not a file inside the folder")
            experiment, kind, output = _read_output(artifacts / name)
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            skipped.append(f"{name} ({_reason(error)})")
            continue
        runs.setdefault(experiment, RunOutputs(experiment)).outputs[kind].append(output)
    for run in runs.values():
        for outputs in run.outputs.values():
            outputs.sort(key=lambda output: (output.split != "test", output.path.name))
        run.encoder = _if_inside(artifacts, f"{run.experiment}_encoder.onnx")
        run.decoder = _if_inside(artifacts, f"{run.experiment}_decoder.onnx")
    ordered = sorted(runs.values(), key=lambda run: (-(run.score or 0), run.experiment))
    return ordered, skipped


def file_inside(root: Path, parts: Sequence[str]) -> Path | None:
    """The regular file at root/parts, with links followed.

    None if there is none, if a name of it starts with a dot, or if it lies outside of root.
    """
    if not parts or any(not part or part[0] == "." or set(part) & set("/\\\0") for part in parts):
        return None
    try:
        base = root.resolve(strict=True)
        path = base.joinpath(*parts).resolve(strict=True)
        inner = path.relative_to(base)
        hidden = any(part.startswith(".") for part in inner.parts)
        return path if path.is_file() and not hidden else None
    except (OSError, ValueError, RuntimeError):  # a loop of links is a RuntimeError
        return None


def number(value: object) -> float | None:
    """A finite number as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def _read_output(path: Path) -> tuple[str, Kind, Output]:
    """Experiment, kind and content of a JSON file.

    Raises:
        ValueError: it is no output of a run; the message says why.
    """
    named = companion_of(path)
    companion = _if_inside(path.parent, named.name) if named else None
    values = _values_of_companion(companion) if companion else None
    if values is None:
        values, companion = _values_of_json(path), None
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
            if kind == "analysis":
                report = _if_inside(path.parent, path.with_suffix(".txt").name)
            lean = {key: values[key] for key in SHOWN if key in values}
            return experiment, kind, Output(path, companion, report, lean, cloud)
    raise ValueError("no output of a run")


def _values_of_companion(companion: Path) -> dict[str, Any] | None:
    names = [key for kind in ("points", "assets") for key in KINDS[kind]]
    try:
        held = read_companion(companion, names)
    except UserError:
        return None
    return {**held.meta, **held.arrays}


def _values_of_json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"larger than {MAX_JSON_BYTES >> 20} MiB")
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


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


def _names(folder: Path) -> Iterable[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _if_inside(folder: Path, name: str) -> Path | None:
    return folder / name if file_inside(folder, [name]) else None


def _reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON"
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deeply or too large"
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
