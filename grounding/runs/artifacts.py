"""One output of a trained run: what decides its content, how it is made, how it is entered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import grounding
from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import check_writable, remove_leftovers, replacing_together
from grounding._memory import hand_back_freed_memory
from grounding.runs.ledger import enter_look
from grounding.runs.manifest import (
    ENDING,
    Artifact,
    DamagedError,
    FileEntry,
    Manifest,
    check_not_of_another,
    manifest_path,
    write_manifest,
    writing,
)
from grounding.runs.run import Run
from grounding.training.checkpoint import versions

# Whose numbers come from the test images, if they are asked for those.
MEASURES = ("analysis", "manifold", "profile", "probes", "dynamics")


class LeftOut(UserError):  # noqa: N818 - nothing is wrong
    """An output cannot be made of this run, and why; not a mistake of anybody's."""


@dataclass(frozen=True)
class Made:
    """What making an output gave.

    Attributes:
        files: the bytes of each file, the main file first.
        said: a line about the result, or a table of several.
        results: its numbers, for tables: name -> {"value", "title", "digits", "better"}.
    """

    files: Mapping[Path, bytes]
    said: str
    results: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """One output of a trained run.

    Attributes:
        kind: what it is, e.g. "analysis".
        path: of its main file.
        made_from: what decides its content.
        make: its files, given what goes into the head of a JSON document.
        notice: what a person should know before it is made, "" if nothing.
    """

    kind: str
    path: Path
    made_from: Mapping[str, Any]
    make: Callable[[Mapping[str, Any]], Made]
    notice: str = ""


def made_from(run: Run, options: Mapping[str, Any], *code: str, **more: Any) -> dict[str, Any]:
    """What decides an output's content.

    Args:
        run: whose checkpoint and test images are read.
        options: all that its maker was told.
        code: packages or modules that make it, e.g. "metrics", "export.onnx"; when one of their
            files changes, the output is made again.
        more: further values, e.g. hashes of components from elsewhere.
    """
    every = (*code, "models", "data", "runs.run")
    model = register.model[run.experiment.model.architecture]
    if not model.is_ours:
        more["model"] = model.code_hash()
    values = {
        "checkpoint": run.sha256,
        "options": options,
        "code": code_hash(*every),
        "torch": versions()["torch"],
        **more,
    }
    return dict(json.loads(json.dumps(values)))  # as the manifest gives it back


@cache
def code_hash(*names: str) -> str:
    """SHA-256 over the sources of some packages and modules of ours."""
    root = Path(grounding.__file__).parent
    digest = sha256()
    for name in sorted(names):
        place = root / name.replace(".", "/")
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
            code = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(code)}\0".encode() + code)
    return digest.hexdigest()


def reason_to_make(run: Run, output: Output) -> str | None:
    """Why an output has to be made; None if it is there, intact and made from just this.

    "" if it is not there or was made from something else; a damaged file is named.
    """
    manifest = run.manifest
    key = manifest.key(output.path) if manifest else ""
    if manifest is None or key not in manifest.artifacts:
        return ""
    if dict(manifest.artifacts[key].made_from) != dict(output.made_from):
        return ""
    try:
        manifest.check(key)
    except DamagedError as error:
        return str(error)
    return None


def made_once(run: Run, output: Output) -> Path:
    """The path of an output, which is made unless it is up to date.

    Raises:
        UserError: it cannot be made.
    """
    if reason_to_make(run, output) is not None:
        make(run, output)
    return output.path


def make(run: Run, output: Output) -> Made:
    """Make an output, write its files and enter them in the run's manifest.

    Raises:
        LeftOut: it cannot be made of this run.
        UserError: it cannot be written, or another process is writing files of this run.
    """
    check_writable(output.path)
    check_not_of_another(run.name, output.path, kind=output.kind)
    started = time.perf_counter()
    path = manifest_path(run.name)
    with writing(path, output.kind):
        made = output.make(head(run, output))
        enter(
            run_manifest(run),
            {output.path: made.files},
            Artifact(
                output.kind,
                {},
                output.made_from,
                made.results,
                round(time.perf_counter() - started, 3),
            ),
        )
        if output.kind in MEASURES and output.made_from["options"].get("split", "test") == "test":
            enter_look(run, output.kind, made.results)
    hand_back_freed_memory()
    return made


def head(run: Run, output: Output) -> dict[str, Any]:
    """What every JSON document of a run begins with."""
    return {
        "experiment": run.name,
        "checkpoint": str(run.path),
        "checkpoint_sha256": run.sha256,  # the pages compare it with that of the models
        "seed": run.experiment.seed,
        "made_from": dict(output.made_from),
        "versions": versions(),
        "data": {"source": run.splits.source, "fingerprint": run.splits.fingerprint},
        "config": run.experiment.as_dict(),
    }


def run_manifest(run: Run) -> Manifest:
    """The manifest of a run; a new one if there is none under its name."""
    found = run.manifest
    if found is not None:
        return found
    data = {"source": run.splits.source, "fingerprint": run.splits.fingerprint}
    path = manifest_path(run.name)
    return Manifest(path, run.name, run.experiment.as_dict(), data, versions())


def enter(
    manifest: Manifest,
    files: Mapping[Path, Mapping[Path, bytes]],
    *artifacts: Artifact,
    forget: Sequence[str] = (),
) -> Manifest:
    """Write the files of artifacts, and then the manifest that knows them.

    The caller is the only writer of the run's files (see `manifest.writing`).

    Args:
        manifest: as it was read.
        files: by the artifact's main file, the bytes of each of its files.
        artifacts: one for each of these, without its files.
        forget: keys of artifacts that are no longer the run's.

    Raises:
        UserError: a place cannot be written to, or a file of another is there.
    """
    name = manifest.path.name.removesuffix(ENDING)  # what it says of itself is no path
    for parts, artifact in zip(files.values(), artifacts, strict=True):
        check_not_of_another(name, *parts, kind=artifact.kind, folder=manifest.path.parent)
    known = {key: one for key, one in manifest.artifacts.items() if key not in forget}
    # The main file of each last: a document never names arrays that are not there.
    data = {p: part for parts in files.values() for p, part in reversed(list(parts.items()))}
    remove_leftovers(*data, manifest.path)
    with replacing_together(*data) as temporaries:
        for temporary, part in zip(temporaries, data.values(), strict=True):
            temporary.write_bytes(part)
    for (main, parts), artifact in zip(files.items(), artifacts, strict=True):
        entries = {
            manifest.key(path): FileEntry(sha256(part).hexdigest(), len(part))
            for path, part in parts.items()
        }
        known[manifest.key(main)] = replace(artifact, files=entries)
    changed = replace(manifest, artifacts=known)
    write_manifest(changed)
    return changed


def document_bytes(values: Mapping[str, Any], *, indent: int | None = 2) -> bytes:
    """JSON that any strict reader takes: no NaN, no infinity."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(
        values, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False
    )
    # A file name that is no text keeps its bytes as escapes, which JSON reads back.
    return (text + "\n").encode("utf-8", "backslashreplace")
