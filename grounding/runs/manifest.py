"""The manifest of a run: what it is, and for each of its files what it holds and came from.

`artifacts/<name>.run.json` is the one place for hashes. A file is written beside its place, synced
and renamed, and then entered here: what a kill leaves between the two is a file that the manifest
does not know, which is made again and never believed. The manifest itself ends in the SHA-256 of
all bytes before it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from grounding._errors import LONGEST, UserError
from grounding._files import hash_of, locked, open_regular, parsed_json, replacing

FORMAT = 1
ENDING = ".run.json"
FOLDER = Path("artifacts")
MAX_BYTES = 16 << 20
MAX_ARTIFACTS = 10_000
# Of a result that is shown: digits behind the point, its size, and the numbers that it is made of.
MOST_DIGITS, LARGEST, MOST_PARTS = 10, 1e100, 100
# Kinds of what is no run, with what names it; and what names files besides --output.
STUDIES = {
    "seeds": "--set experiment.name=NAME",
    "comparison": "--output STEM",
    **dict.fromkeys(("sweep", "sweep plan"), "grounding sweep NAME"),
}
_NAMED_BY = {
    **dict.fromkeys(
        ("checkpoint", "best checkpoint", "metrics"), "--set output.checkpoint_path=FILE"
    ),
    "analysis": "--set output.analysis_path=FILE",
    "manifold": "--set output.manifold_analysis_path=FILE",
    **STUDIES,
}
_TRAILER = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}\n')
_TRAILER_BYTES = 82


class DamagedError(UserError):
    """A file is not as it was written."""


@dataclass(frozen=True)
class FileEntry:
    """One file of an artifact.

    Attributes:
        sha256: of its bytes, hexadecimal.
        bytes: its size.
    """

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Artifact:
    """One output of a run: a file, or several that belong together.

    Attributes:
        kind: what it is, e.g. "checkpoint", "analysis", "points".
        files: by path relative to the manifest's folder, the main file first.
        made_from: all that decides its content; equal again means up to date.
        results: its numbers, for tables.
        seconds: how long it took to make.
    """

    kind: str
    files: Mapping[str, FileEntry]
    made_from: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """What a run is and which files it has.

    Attributes:
        path: of the manifest.
        name: the run's.
        config: the config in force, as plain values; {} of a study.
        data: "source" and "fingerprint" of the data set.
        code: versions of grounding, python and torch.
        artifacts: by the path of the main file, relative to the manifest's folder.
    """

    path: Path
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def of(self) -> str:
        """What it is the manifest of: a "run", an "evaluation" or a "study"."""
        return "run" if self.config else "evaluation" if self.data else "study"

    def key(self, path: Path) -> str:
        """How the manifest calls a file: its path relative to the manifest's folder."""
        return os.path.relpath(path.absolute(), self.path.parent.absolute()).replace(os.sep, "/")

    def place(self, key: str) -> Path:
        """Where a file that the manifest names lies."""
        return Path(os.path.normpath(self.path.parent / key))

    def of_kind(self, *kinds: str) -> dict[str, Artifact]:
        """Its artifacts of some kinds, by the path of the main file."""
        return {key: one for key, one in self.artifacts.items() if one.kind in kinds}

    def used_checkpoint(self) -> tuple[str, FileEntry] | None:
        """Path and entry of the checkpoint that all after training is made from.

        That of the best epoch where one is kept, else the final one; None before the end.
        """
        for kind in ("best checkpoint", "checkpoint"):
            for key, artifact in self.of_kind(kind).items():
                return key, artifact.files[key]
        return None

    def with_sha256(self, digest: str) -> tuple[str, Artifact] | None:
        """The artifact that has a file of this hash, with the file's path; None if none has."""
        for artifact in self.artifacts.values():
            for key, file in artifact.files.items():
                if file.sha256 == digest:
                    return key, artifact
        return None

    def check(self, key: str) -> None:
        """Compare the files of an artifact with what was written.

        Raises:
            DamagedError: one is missing or not as it was written; says what to do.
        """
        for name, file in self.artifacts[key].files.items():
            self.check_file(name, file)

    def check_file(self, name: str, file: FileEntry) -> None:
        """Compare one file with what was written.

        Raises:
            DamagedError: it is missing or not as it was written; says what to do.
        """
        path = self.place(name)
        try:
            found = hash_of(path, file.bytes)
        except FileNotFoundError:
            raise DamagedError(f"{path} is missing; make it again or copy it here") from None
        except OSError as error:
            raise DamagedError(f"{path} cannot be read: {error.strerror or error}") from None
        if found != file.sha256:
            raise DamagedError(
                f"{path} is damaged: its bytes are not those that {self.path.name} has; "
                "make it again or copy it again"
            )

    def is_intact(self, key: str) -> bool:
        """Whether the files of an artifact are as they were written."""
        try:
            self.check(key)
        except DamagedError:
            return False
        return True


def manifest_path(name: str, folder: Path = FOLDER) -> Path:
    """Where the manifest of a run lies."""
    return folder / f"{name}{ENDING}"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check it.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not as it was written, or of another version.
        UserError: it cannot be read.
    """
    values = read_sealed(path, "copy it again, or delete it and train again")
    try:
        return _from_json(path, values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is no manifest of this version: {error}") from None


def write_manifest(manifest: Manifest) -> None:
    """Replace a manifest's file.

    Raises:
        UserError: the place cannot be written to.
    """
    with replacing(manifest.path) as temporary:
        temporary.write_bytes(manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """What a manifest's file holds."""
    values = {
        "format": FORMAT,
        "name": manifest.name,
        "config": manifest.config,
        "data": manifest.data,
        "code": manifest.code,
        "artifacts": {key: asdict(one) for key, one in manifest.artifacts.items()},
    }
    return sealed_json(values)


def sealed_json(values: Mapping[str, Any]) -> bytes:
    """JSON of a table that ends in the SHA-256 of all bytes before it."""
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    # A file name that is no text keeps its bytes as escapes, which JSON reads back.
    body = text.removesuffix("\n}").encode("utf-8", "backslashreplace")
    return body + b',\n "sha256": "' + sha256(body).hexdigest().encode() + b'"\n}\n'


def read_sealed(path: Path, advice: str) -> dict[str, Any]:
    """Read what `sealed_json` wrote.

    Args:
        path: of the file.
        advice: what to do if it is damaged.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not as it was written.
        UserError: it cannot be read.
    """
    try:
        with open_regular(path, MAX_BYTES) as file:
            data = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    body, trailer = data[:-_TRAILER_BYTES], data[-_TRAILER_BYTES:]
    found = _TRAILER.fullmatch(trailer)
    if not found or found[1].decode() != sha256(body).hexdigest():
        raise DamagedError(
            f"{path} is damaged: it does not end in the SHA-256 of what it says; {advice}"
        )
    try:
        return dict(parsed_json(data))
    except (ValueError, TypeError) as error:
        raise DamagedError(f"{path} is no JSON table: {error}; {advice}") from None


def manifests_in(
    folder: Path, mentioned: Sequence[str] | None = None
) -> tuple[list[Manifest], list[str]]:
    """The manifests in a folder by name, and one line for each that cannot be read.

    Args:
        folder: where they lie.
        mentioned: leave out those that have none of these names of runs and files in them.
    """
    texts = [json.dumps(one, ensure_ascii=False)[1:-1] for one in mentioned or ()]
    parts = [text.encode("utf-8", "backslashreplace") for text in texts]
    found: list[Manifest] = []
    problems: list[str] = []
    try:
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        return [], [f"cannot read {folder}: {error.strerror or error}"]
    for name in names:
        if name.endswith(ENDING) and not name.startswith("."):
            try:
                if mentioned is not None and not _holds_any(folder / name, parts):
                    continue
                found.append(read_manifest(folder / name))
            except (UserError, FileNotFoundError) as error:
                problems.append(str(error))
    return found, problems


def _holds_any(path: Path, parts: Sequence[bytes]) -> bool:
    """Whether one of these is in a file; of what cannot be read, nobody knows."""
    try:
        with open_regular(path, MAX_BYTES) as file:
            data = file.read()
    except (OSError, UserError):
        return True
    return any(part in data for part in parts)


def check_not_of_another(
    name: str, *paths: Path, kind: str = "checkpoint", folder: Path = FOLDER
) -> None:
    """Refuse to replace what another run or study, or another output of the same run, has written.

    Args:
        name: of the run or study.
        paths: files that are to be written.
        kind: what they are.
        folder: where the manifest of that name lies.

    Raises:
        UserError: one of them is there, and entered as something else by a manifest in artifacts/
            or beside it; or it is a checkpoint, or of a study, and the name is that of another kind
            of thing.
    """
    own = manifest_path(name, folder).resolve()
    there = [path for path in paths if path.exists()]
    places = {p.resolve(): p for p in (*(path.parent for path in there), folder, FOLDER)}
    # With a thousand runs in the folder, to parse every manifest takes longer than some trainings.
    wanted_names = [own.name.removesuffix(ENDING), *(path.name for path in there)]
    for place in places.values():
        for run in manifests_in(place, wanted_names)[0]:
            is_own = run.path.resolve() == own
            wanted = "study" if kind in STUDIES else "run" if kind == "checkpoint" else run.of
            if is_own and run.artifacts and run.of != wanted:
                how = STUDIES.get(kind, STUDIES["seeds"])
                raise UserError(f"the name {name} is taken by a {run.of}; take another: {how}")
            for one in run.artifacts.values():
                taken = [path for path in there if run.key(path) in one.files]
                if taken and not (is_own and one.kind == kind):
                    raise UserError(
                        f"{taken[0]} belongs to {run.name}, as its {one.kind}; name another file"
                        + "".join(f", e.g. {how}" for how in [_NAMED_BY.get(kind)] if how)
                    )


@contextmanager
def writing(path: Path, work: str) -> Iterator[None]:
    """Be the only one to write the files of a run while the block lasts.

    Args:
        path: of its manifest.
        work: what is done, for those who come second.

    Raises:
        UserError: another process is writing them, or the folder cannot be written to.
    """
    with locked(path.with_name(f".{path.name.removesuffix(ENDING)}.lock"), work):
        yield


def _from_json(path: Path, values: dict[str, Any]) -> Manifest:
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']!r}, this version reads {FORMAT}")
    if len(values["artifacts"]) > MAX_ARTIFACTS:
        raise ValueError(f"more than {MAX_ARTIFACTS} artifacts")
    artifacts = {}
    for key, one in values["artifacts"].items():
        files = {name: FileEntry(**file) for name, file in one["files"].items()}
        tables = (one["made_from"], one["results"])
        if not isinstance(one["kind"], str) or not all(isinstance(t, dict) for t in tables):
            raise ValueError(f"{key} is no artifact")
        if key not in files or not all(map(_is_entry, files.values())):
            raise ValueError(f"{key} lacks its file")
        artifacts[key] = Artifact(**{**one, "files": files})
    parts = {name: dict(values[name]) for name in ("config", "data", "code")}
    return Manifest(path, str(values["name"]), **parts, artifacts=artifacts)


def shown_results(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Of an artifact's results, those that tables can show, with all that tables ask for.

    What a stranger's file has in their place - other types, numbers without an end, long texts - is
    left out.
    """
    texts = ("title", "unit", "meaning", "alias_of", "axis", "better", "left_out")
    empty = {**dict.fromkeys(texts[:-1], ""), "digits": 4, "place": 0, "images": 0, "parts": {}}

    def is_number(value: Any) -> bool:
        return type(value) in (int, float) and abs(value) < LARGEST

    def can_be_shown(one: dict[str, Any]) -> bool:
        return (
            all(isinstance(text, str) and len(text) <= LONGEST for text in _of(one, texts))
            and type(one["digits"]) is int
            and 0 <= one["digits"] <= MOST_DIGITS
            and isinstance(one["parts"], dict)
            and len(one["parts"]) <= MOST_PARTS
            and all(map(is_number, _of(one["parts"], tuple(one["parts"]))))
            and all(map(is_number, _of(one, ("value", "margin", "place", "images"))))
        )

    found = {}
    for name, given in results.items():
        if isinstance(given, dict) and "value" in given:
            told = {key: value for key, value in given.items() if value is not None}
            one = {**empty, "value": None, **told}
            if can_be_shown(one):
                found[name] = one
    return found


def _of(one: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [one[name] for name in names if one.get(name) is not None]


def _is_entry(file: FileEntry) -> bool:
    return isinstance(file.sha256, str) and isinstance(file.bytes, int)
