"""One output of a trained run: how it is made, and how it is told whether it is up to date."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from grounding._checksums import read_json, without_checksum
from grounding._errors import UserError, printable
from grounding._files import check_writable
from grounding._locks import writing
from grounding.export.companion import companion_of, companion_path
from grounding.export.onnx_file import checked_metadata
from grounding.export.output_file import check_report
from grounding.runs.run import Run
from grounding.training.checkpoint import versions


@dataclass(frozen=True)
class Step:
    """One output of a trained run.

    Attributes:
        name: of the step.
        path: of its file.
        made_from: what decides the file's content.
        make: writes the file, given what it is made from, and returns a line about the result.
        has_companion: whether a binary companion belongs beside the file.
        notice: what a person should know before it is made, "" if nothing.
    """

    name: str
    path: Path
    made_from: dict[str, Any]
    make: Callable[["Step"], str]
    has_companion: bool = False
    notice: str = ""

    def do(self) -> str:
        """Write the file and return a line about the result.

        Raises:
            UserError: it cannot be made or written, or another process is writing it.
        """
        check_writable(self.path)
        companions = [companion_path(self.path)] if self.has_companion else []
        with writing(f"grounding {self.name}", self.path, *companions):
            return self.make(self)

    def reason_to_make(self) -> str | None:
        """Why the file has to be made; None if it is there, whole and made from just this.

        "" if it is not there or was made from something else; a damaged file is named.
        """
        if not self.path.exists():
            return ""
        try:
            current = _read_made_from(self.path) == self.made_from
            if current and self.has_companion and companion_of(self.path) is None:
                raise without_checksum(self.path)
        except UserError as error:
            return str(error)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return f"{self.path} is damaged: it cannot be read as what it should be"
        return None if current else ""


def carry_out(step: Step, *, show_table: bool = True) -> None:
    """Make one output and say so."""
    if step.notice:
        print(f"{step.name}: {step.notice}", flush=True)
    started = time.perf_counter()
    result = step.do()
    seconds = time.perf_counter() - started
    if "\n" in result:  # a table stands on lines of its own
        if show_table:
            print(f"{result}\n")
        result = "done"
    print(f"{step.name}: {result} in {seconds:.1f} s, {step.path}", flush=True)


def finite(latents: torch.Tensor) -> torch.Tensor:
    """The latents as they are.

    Raises:
        UserError: some are not finite numbers.
    """
    if not latents.isfinite().all():
        raise UserError(
            "some latents are not finite numbers; the checkpoint's weights are unusable: train "
            "again with a smaller training.learning_rate"
        )
    return latents


def made_from(run: Run, options: dict[str, Any]) -> dict[str, Any]:
    """What decides an output's content: the checkpoint, the options and the versions."""
    return {"checkpoint_sha256": run.sha256, "options": options, "versions": versions()}


def _read_made_from(path: Path) -> dict[str, Any]:
    """What an output says it was made from, after checking it and the report that it names."""
    if path.suffix == ".onnx":
        metadata = checked_metadata(path)
        if metadata is None:
            raise without_checksum(path)
        return dict(json.loads(metadata["made_from"]))
    values, covered = read_json(path)
    if not covered:
        raise without_checksum(path)
    check_report(path, values)
    return {key: values[key] for key in ("checkpoint_sha256", "options", "versions")}


def document(run: Run, step: Step, body: dict[str, Any], started: float) -> dict[str, Any]:
    """An output's JSON: what it is of, its body, and where it came from."""
    return {
        "experiment": run.experiment.name,
        "checkpoint": printable(str(run.path)),
        **body,
        "seed": run.experiment.seed,
        **step.made_from,
        "data": {"source": run.splits.source, "sha256": run.splits.fingerprint},
        "config": run.experiment.as_dict(),
        "seconds": round(time.perf_counter() - started, 3),
    }
