"""The ledger: which models were measured on the test images, and when.

Whoever measures many models on the test images and keeps the best has chosen by them, and its
number is too good. Nothing forbids that, but it can be counted: each measurement adds a line to
`artifacts/ledger.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from grounding._errors import UserError
from grounding._files import open_regular
from grounding.runs.manifest import FOLDER
from grounding.runs.run import Run

MAX_BYTES = 64 << 20


class Looks(NamedTuple):
    """How often the test images of one data set were looked at.

    Attributes:
        data: the first 16 digits of the data's SHA-256.
        source: where they came from.
        looks: measurements, those repeated with the same checkpoint not counted.
        checkpoints: models that were measured.
        configs: different configs among them, seeds not counted.
        runs: names of runs.
        first: date of the first, ISO 8601.
        last: of the last.
    """

    data: str
    source: str
    looks: int
    checkpoints: int
    configs: int
    runs: int
    first: str
    last: str


def ledger_path(folder: Path = FOLDER) -> Path:
    """Where the ledger of an artifacts folder lies."""
    return folder / "ledger.jsonl"


def enter_look(run: Run, kind: str, results: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Add a measurement on the test images.

    Args:
        run: what was measured.
        kind: of the output, e.g. "analysis".
        results: by the name of the metric.
        folder: of the ledger.

    Raises:
        UserError: it cannot be written.
    """
    config = run.experiment.as_dict()
    config["experiment"] = {**config["experiment"], "name": "", "seed": 0}
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run.name,
        "kind": kind,
        "metrics": sorted(n for n, one in results.items() if isinstance(one, dict)),
        "checkpoint": run.sha256[:16],
        "config": sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16],
        "data": run.splits.fingerprint[:16],
        "source": run.splits.source,
    }
    path = ledger_path(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write at the end of the file: lines of processes side by side do not mix.
        with path.open("ab", buffering=0) as file:
            file.write((json.dumps(line) + "\n").encode())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def looks(folder: Path = FOLDER) -> list[Looks]:
    """What the ledger of a folder holds, a row for each data set; [] if there is none.

    Lines that are none are left out: a disk that was full can have cut one.

    Raises:
        UserError: it cannot be read, or is larger than 64 MB.
    """
    path = ledger_path(folder)
    try:
        with open_regular(path, MAX_BYTES) as file:
            entries = [*filter(None, map(_entry, file.read().splitlines()))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    return [
        _summed([one for one in entries if one["data"] == data])
        for data in dict.fromkeys(one["data"] for one in entries)
    ]


def _entry(line: bytes) -> dict[str, str] | None:
    try:
        values: Any = json.loads(line)
        keys = ("time", "run", "kind", "checkpoint", "config", "data", "source")
        return {key: str(values[key]) for key in keys}
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _summed(entries: Sequence[dict[str, str]]) -> Looks:
    def different(*keys: str) -> int:
        return len({tuple(one[key] for key in keys) for one in entries})

    return Looks(
        entries[0]["data"],
        entries[-1]["source"],
        different("checkpoint", "kind"),
        different("checkpoint"),
        different("config"),
        different("run"),
        min(one["time"] for one in entries),
        max(one["time"] for one in entries),
    )
