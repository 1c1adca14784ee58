"""What the disk has of a sweep besides its runs: the plan, drawn points, why trials failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from grounding._errors import UserError
from grounding._files import check_writable
from grounding.runs.artifacts import document_bytes, enter
from grounding.runs.manifest import (
    ENDING,
    FOLDER,
    Artifact,
    Manifest,
    check_not_of_another,
    manifest_path,
    read_manifest,
)
from grounding.studies.sweeps.plan import Plan, Point
from grounding.training.checkpoint import versions

ENDINGS = ("json", "csv", "parquet", "html")


@dataclass
class Record:
    """A sweep as its manifest has it.

    Attributes:
        plan: what is to be tried.
        points: that were drawn; of a grid none are kept.
        failures: why trials failed, by name.
    """

    plan: Plan
    points: list[Point] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write it, and enter it in the sweep's manifest.

        Raises:
            UserError: the name is that of something else, or nothing can be written.
        """
        path = plan_path(self.plan.name)
        values = {
            "plan": self.plan.as_dict(),
            "points": list(self.points),
            "failures": self.failures,
        }
        files = {path: {path: document_bytes(values)}}
        enter(_manifest(self.plan.name), files, Artifact("sweep plan", {}, values))


def read_record(name: str) -> Record | None:
    """The record of a name; None if there is none.

    Raises:
        UserError: the name is that of something else, or the record is damaged.
    """
    manifest = _held(name)
    if manifest is None:
        return None
    found = manifest.of_kind("sweep plan").values()
    if not found:
        raise UserError(f"the name {manifest.name} is taken by a {manifest.of}; take another NAME")
    (values,) = (one.made_from for one in found)
    try:
        plan = Plan.from_dict(values["plan"])
        plan.check_itself()
        points = TypeAdapter(list[Mapping[str, Any]]).validate_python(values["points"])
        failures = TypeAdapter(dict[str, str]).validate_python(values["failures"])
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{manifest.path} is of another version: {' '.join(str(error).split())[:200]}; take "
            "another NAME"
        ) from None
    return Record(plan, points, failures)


def check_free(name: str) -> None:
    """Find out before any training whether a sweep's files can be written.

    Raises:
        UserError: they cannot, or belong to something else.
    """
    files = [result_path(name, ending) for ending in ENDINGS]
    for kind, paths in (("sweep plan", [plan_path(name)]), ("sweep", files)):
        check_not_of_another(study_name(name), *paths, kind=kind)
        check_writable(paths[0])


def write_results(name: str, files: Mapping[Path, bytes], runs: Sequence[str]) -> None:
    """Write tables and report of a sweep, and enter them with the names of its runs.

    Raises:
        UserError: a place cannot be written to.
    """
    main = next(iter(files))
    entry = Artifact("sweep", {}, {"runs": [f"{run}{ENDING}" for run in runs]})
    enter(_manifest(name), {main: files}, entry)


def study_name(name: str) -> str:
    """What a sweep's own files are called."""
    return f"{name}_sweep"


def plan_path(name: str) -> Path:
    """Where the plan lies."""
    return FOLDER / f"{study_name(name)}_plan.json"


def result_path(name: str, ending: str) -> Path:
    """Where tables and report lie."""
    return FOLDER / f"{study_name(name)}.{ending}"


def _manifest(name: str) -> Manifest:
    own = study_name(name)
    return _held(name) or Manifest(manifest_path(own), own, code=versions())


def _held(name: str) -> Manifest | None:
    try:
        return read_manifest(manifest_path(study_name(name)))
    except FileNotFoundError:
        return None
