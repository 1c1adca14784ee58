"""The ledger: which models were measured on the test images, and when.

Whoever measures many models on the test images and keeps the best has chosen by them, and its
number is too good. Nothing forbids that, but it can be counted: each measurement adds a line to
`artifacts/ledger.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from grounding._errors import UserError
from grounding._files import appending, open_regular
from grounding.runs.manifest import FOLDER
from grounding.runs.run import Run

MAX_BYTES, MAX_LINE = 64 << 20, 1 << 16


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
        with appending(path) as file:
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
    found: dict[str, _Seen] = {}
    try:
        with open_regular(path, MAX_BYTES) as file:
            for line in file:
                if one := _entry(line):
                    found.setdefault(one["data"], _Seen()).add(one)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    return [seen.summed(data) for data, seen in found.items()]


class _Seen:
    """What the ledger says of one data set, as far as it was read."""

    def __init__(self) -> None:
        # Of what was seen, hashes: a ledger of short lines would take many times its size.
        self.looks, self.checkpoints, self.configs, self.runs = (set[int]() for _ in range(4))
        self.source = self.first = self.last = ""

    def add(self, one: Mapping[str, str]) -> None:
        """Count a line."""
        self.looks.add(hash((one["checkpoint"], one["kind"])))
        self.checkpoints.add(hash(one["checkpoint"]))
        self.configs.add(hash(one["config"]))
        self.runs.add(hash(one["run"]))
        self.source, time = one["source"], one["time"]
        self.first, self.last = min(self.first or time, time), max(self.last, time)

    def summed(self, data: str) -> Looks:
        """How often it was looked at."""
        return Looks(
            data,
            self.source,
            looks=len(self.looks),
            checkpoints=len(self.checkpoints),
            configs=len(self.configs),
            runs=len(self.runs),
            first=self.first,
            last=self.last,
        )


def _entry(line: bytes) -> dict[str, str] | None:
    try:
        values: Any = json.loads(line) if len(line) <= MAX_LINE else {}
        keys = ("time", "run", "kind", "checkpoint", "config", "data", "source")
        return {key: str(values[key]) for key in keys}
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
