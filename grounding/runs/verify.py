"""Whether the files of runs are as they were written, and belong together."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from grounding._errors import UserError, printable, say
from grounding._files import hash_of, resolved_inside
from grounding._paths import given_path
from grounding.runs.manifest import (
    ENDING,
    Manifest,
    manifest_path,
    manifests_in,
    read_manifest,
)

KNOWN = (".pt", ".onnx", ".safetensors", ENDING)

IsSite = Callable[[Path], bool]
CheckSite = Callable[[Path], Iterator[tuple[str, str | None]]]


class Finding(NamedTuple):
    """What was found out about one file.

    Attributes:
        path: its place.
        status: "ok", "damaged", "does not belong", "not looked at", or "not entered": no manifest
            knows it.
        detail: what it is; or what is wrong and what to do.
    """

    path: Path
    status: str
    detail: str


def verify(
    paths: Sequence[str], artifacts: Path, *, sites: tuple[IsSite, CheckSite] | None = None
) -> str:
    """Check every file that the paths mean, and print one line of each.

    Args:
        paths: files, folders of artifacts, published sites, names of runs, or configs.
        artifacts: where to look for a run by its name.
        sites: tells whether a folder is a published site, and checks one.

    Returns:
        A line that sums up.

    Raises:
        UserError: a path means nothing, or a file is not as it should be; the message counts them.
    """
    counts: Counter[str] = Counter()
    seen: set[Path] = set()
    for path in paths:
        for found in _findings(path, artifacts, sites):
            if (place := found.path.absolute()) not in seen:
                seen.add(place)
                counts[found.status] += 1
                say(f"{found.status:<15}  {found.path}: {found.detail}")
    files = f"{len(seen)} file" + ("s" if len(seen) != 1 else "")
    wrong = [f"{count} {status}" for status, count in sorted(counts.items()) if status != "ok"]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)} of {files}; each line above says what to do about its file"
        )
    return f"{files}, all ok"


def _findings(
    target: str, artifacts: Path, sites: tuple[IsSite, CheckSite] | None
) -> Iterator[Finding]:
    path = given_path(target)
    if path.is_dir():
        if sites and sites[0](path):
            for name, problem in sites[1](path):
                status = "ok" if problem is None else "damaged" if problem else "not entered"
                detail = {"ok": "published", "damaged": f"{problem}; publish again"}.get(
                    status, "publish did not write it; move it away"
                )
                yield Finding(path / name, status, detail)
            return
        yield from _folder(path)
    elif path.exists() and path.suffix not in (".yaml", ".yml"):
        if path.name.endswith(ENDING):
            yield from _run_of(path)
        else:
            yield _single(path, artifacts)
    else:
        yield from _named(target, artifacts)


def _folder(folder: Path) -> Iterator[Finding]:
    """All runs of a folder, and the files that look like a run's and are in no manifest."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}") from None
    seen: set[Path] = set()
    names = []
    for path in paths:
        if path.name.endswith(ENDING):
            names.append(f"{path.name.removesuffix(ENDING)}_")
            for found in _run_of(path):
                seen.add(found.path.absolute())
                yield found
    for path in paths:
        known = path.name.endswith(KNOWN) or path.name.startswith(tuple(names))
        if known and path.absolute() not in seen and not path.is_dir():
            seen.add(path.absolute())
            yield _unknown(path)
    if not seen:
        raise UserError(f"{folder} holds no run of grounding; name a run, a file or a folder")


def _run_of(path: Path) -> Iterator[Finding]:
    try:
        manifest = read_manifest(path)
    except (UserError, FileNotFoundError) as error:
        yield Finding(path, "damaged", _without(path, str(error)))
        return
    yield from _run(manifest)


def _run(manifest: Manifest, *named: Path) -> Iterator[Finding]:
    """The manifest and every file of it that lies in its folder, the current one or one named.

    A manifest from elsewhere must not have us read what it likes.
    """
    yield Finding(manifest.path, "ok", f"manifest of {manifest.name}")
    used = manifest.used_checkpoint()
    for artifact in manifest.artifacts.values():
        made_from = artifact.made_from.get("checkpoint")
        for name, file in artifact.files.items():
            path = manifest.place(name)
            if not resolved_inside(path, manifest.path.parent, Path.cwd(), *named):
                hint = f"it lies elsewhere; look with: grounding verify {shlex.quote(str(path))}"
                yield Finding(path, "not looked at", hint)
                continue
            try:
                manifest.check_file(name, file)
            except UserError as error:
                yield Finding(path, "damaged", _without(path, str(error)))
                continue
            if used and made_from not in (None, used[1].sha256):
                wrong = f"it was made from another checkpoint than {used[0]}; make it again"
                yield Finding(path, "does not belong", wrong)
            else:
                yield Finding(path, "ok", f"{artifact.kind} of {manifest.name}")


def _single(path: Path, artifacts: Path) -> Finding:
    """One file, by the manifest that knows it."""
    beside, problems = manifests_in(path.parent)
    others, _ = manifests_in(artifacts)
    for manifest in [*beside, *others]:
        key = manifest.key(path)
        for artifact in manifest.artifacts.values():
            if key in artifact.files:
                of_run = {one.path: one for one in _run(manifest, path.parent)}
                found = of_run[manifest.place(key)]
                for other in (of_run[manifest.place(name)] for name in artifact.files):
                    if found.status == "ok" and other.status != "ok":
                        wrong = f"{other.path}, which belongs to it, {other.detail}"
                        return Finding(path, other.status, wrong)
                return found
    try:
        digest = hash_of(path)
    except OSError as error:
        return Finding(path, "damaged", f"it cannot be read: {error.strerror or error}")
    for manifest in [*beside, *others]:
        if known := manifest.with_sha256(digest):
            detail = f"{known[1].kind} of {manifest.name}, a copy of {known[0]}"
            return Finding(path, "ok", detail)
    return Finding(path, "not entered", problems[0]) if problems else _unknown(path)


def _named(target: str, artifacts: Path) -> Iterator[Finding]:
    """A run by its name or its config, with the data that it was trained on."""
    path = manifest_path(target, artifacts)
    if not path.exists():
        from grounding.experiment import load_config

        try:
            path = manifest_path(load_config(target).name, artifacts)
        except UserError as error:
            raise UserError(f"there is no run {target} in {artifacts}: {error}") from None
    if not path.exists():
        raise UserError(
            f"there is no run {path.name.removesuffix(ENDING)} in {artifacts}; make it with: "
            f"grounding run --config {shlex.quote(target)}"
        )
    findings = list(_run_of(path))
    yield from findings
    if findings[0].status == "ok":
        yield from _data(read_manifest(path))


def _data(manifest: Manifest) -> Iterator[Finding]:
    """The data that a run was trained on, as they are now."""
    if manifest.of != "run" or not manifest.data:
        return  # where the labels of an evaluation are from is in no manifest
    from grounding.experiment import experiment_from_dict
    from grounding.runs.building import PYTHON, load_splits

    source = Path(str(manifest.data.get("source")))
    try:
        experiment = experiment_from_dict(dict(manifest.config), str(manifest.path))
        if experiment.data.source == PYTHON:
            return  # arrays that were given are in no file
        _, splits = load_splits(experiment)
    except UserError as error:
        yield Finding(source, "damaged", str(error))
        return
    if splits.fingerprint == manifest.data.get("fingerprint"):
        yield Finding(source, "ok", f"data that {manifest.name} was trained on")
    else:
        yield Finding(source, "does not belong", f"{manifest.name} was trained on other data")


def _unknown(path: Path) -> Finding:
    if path.suffix == ".safetensors":
        from grounding.data.cache import kept_set_is_whole  # which needs PyTorch

        whole = kept_set_is_whole(path)
        if whole is not None:
            wrong = "it is not as it was kept; delete it, and the next training draws it again"
            kept = "augmented set that a training has kept"
            return Finding(path, *(("ok", kept) if whole else ("damaged", wrong)))
    return Finding(
        path,
        "not entered",
        "no manifest knows it, so nothing tells whether it is as it was written; make it again, or "
        "compare it with where it came from",
    )


def _without(path: Path, message: str) -> str:
    shown = printable(str(path))
    return message.removeprefix(f"{shown} ").removeprefix(f"{shown}: ")
