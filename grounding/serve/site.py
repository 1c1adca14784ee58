"""A site that any static host can serve: the index, the pages and the outputs of chosen runs.

`.grounding-site.json` is a manifest of the files that publishing wrote. While they are replaced, it
names the new ones beside the earlier ones: after a kill, the next publishing knows every file that
it finds, unless a person has changed it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from grounding._errors import UserError, printable
from grounding._files import hash_of, locked, open_regular, replacing
from grounding.runs.manifest import (
    Artifact,
    DamagedError,
    FileEntry,
    Manifest,
    manifest_bytes,
    read_manifest,
    write_manifest,
)
from grounding.serve import index, layout

LIST = ".grounding-site.json"
LOCK = ".grounding-site.lock"
_INDEX = "index.html"
_COMING = ".nojekyll"  # the key of what is being written
# What a writer that was killed leaves beside a file: its folder, its name, and letters.
_LEFTOVER = re.compile(r"(^|.*/)\.([^/]+)\.[a-z0-9_]{8}\.tmp", re.DOTALL)
_Files = Mapping[str, FileEntry]
_Content = tuple[FileEntry, Path | bytes]  # of a file of the site, and where it comes from


def publish(
    folder: Path,
    artifacts: Path,
    only: Sequence[str] = (),
    *,
    force: bool = False,
    pages: Path = layout.PAGES,
) -> list[str]:
    """Write a self-contained site, or bring an earlier one up to date.

    All links are relative, so the site works at any address. Each file is written beside its place
    and renamed, the index last. Nothing is ever removed that publishing did not write.

    Args:
        folder: the site; missing, empty, or made by an earlier call and unchanged since.
        artifacts: where the runs lie.
        only: names of the runs to publish; default: all but single seeds without pages.
        force: replace files of the site that were changed since.
        pages: the folder with the two pages and `web/dist`.

    Returns:
        Lines that say what was published, and what of these runs was left out.

    Raises:
        UserError: nothing to publish, damaged outputs or outputs of different checkpoints, pages
            that are not built, a folder that holds other files or cannot be written, or one that
            another process is publishing to.
    """
    runs, lines = _published_parts(chosen(artifacts, only), artifacts)
    wanted = _contents(runs, artifacts, pages)
    files = {name: entry for name, (entry, _) in wanted.items()}
    place, folder = folder, folder.resolve()
    try:
        with locked(folder / LOCK, "publishing"):
            known = _read_list(folder) if is_site(folder) else {}
            found = _check_unchanged(folder, known.values(), force)
            _write_list(folder, {**known, _COMING: files})
            for name, (entry, source) in wanted.items():
                if found.get(name) != entry.sha256:
                    _put(folder, name, entry, source)
            for name in found.keys() - wanted.keys():
                (folder / name).unlink()
            _write_list(folder, {_INDEX: files})
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error
    names = ", ".join(run.name for run in runs)
    size = sum(entry.bytes for entry in files.values()) / 1e6
    return [*lines, printable(f"published {names}: {len(files)} files, {size:.1f} MB, {place}")]


def is_site(folder: Path) -> bool:
    """Whether publishing wrote to a folder."""
    return (folder / LIST).exists()


def check_site(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Each file of a published site with what is wrong: None for nothing, "" if it is foreign.

    Raises:
        DamagedError: the list of files is not as it was written.
        UserError: the folder is not a published site, or a file cannot be read.
    """
    known = _read_list(folder)
    yield LIST, "says that publishing was interrupted" if _COMING in known else None
    files = {name: entry for one in known.values() for name, entry in one.items()}
    found = set(_files_below(folder))
    for name, entry in sorted(files.items()):
        is_there = name in found  # so it lies in the folder
        whole = is_there and _hash(folder / name) == entry.sha256
        wrong = "is not as it was published" if is_there else "is missing"
        yield name, None if whole else wrong
    yield from ((name, "") for name in sorted(found - files.keys()))


def chosen(artifacts: Path, names: Sequence[str]) -> list[Manifest]:
    """The runs of a folder that have these names; without any, all but single seeds.

    Raises:
        UserError: there is no such run, or none at all; or none that can be read.
    """
    runs, problems = index.find_runs(artifacts)
    have = [run.name for run in runs]
    unknown = [name for name in names if name not in have]
    if problems and (unknown or not names):
        raise UserError(f"nothing was published: {problems[0]}; or move the file away")
    if unknown:
        raise UserError(f"no run is called {unknown[0]}; there are: {', '.join(have) or 'none'}")
    if not runs:
        raise UserError(f"no runs in {artifacts}; make one with: grounding run --config 7")
    return [run for run in runs if run.name in names] if names else index.without_seeds(runs)


def _published_parts(runs: Sequence[Manifest], artifacts: Path) -> tuple[list[Manifest], list[str]]:
    """The runs with those of their outputs that are published, and a line for what is left out."""
    parts, of_training, outside = [], [], []
    for run in runs:
        kept = {}
        for key, artifact in run.artifacts.items():
            if artifact.kind in index.OF_TRAINING:
                of_training.append(key)
            elif index.is_outside(artifact, artifacts):
                outside.append(key)
            elif wrong := index.problem(run, key, artifacts):
                raise UserError(f"nothing was published: {run.name}: {wrong}")
            else:
                kept[key] = artifact
        parts.append(replace(run, artifacts=kept))
    left_out = {"no page needs": of_training, f"not in {artifacts}": outside}
    lines = [f"left out, {why}: {', '.join(keys)}" for why, keys in left_out.items() if keys]
    return parts, list(map(printable, lines))


def _contents(runs: Sequence[Manifest], artifacts: Path, pages: Path) -> dict[str, _Content]:
    """The files of the site by their path in it, the index last."""
    page_files = layout.page_files(pages)
    if not layout.are_built(page_files):
        raise UserError(layout.NOT_BUILT.rstrip("."))
    contents = {name: _made(path.read_bytes()) for name, path in page_files.items()}
    for run in runs:
        for artifact in run.artifacts.values():
            for key, entry in artifact.files.items():
                contents[f"{layout.ARTIFACTS}/{key}"] = entry, artifacts / key
        contents[f"{layout.ARTIFACTS}/{run.path.name}"] = _made(manifest_bytes(run))
    contents[".nojekyll"] = _made(b"")  # hosts that run Jekyll leave out files with odd names
    contents[_INDEX] = _made(index.index_page(runs, artifacts))
    return contents


def _made(data: bytes) -> _Content:
    return FileEntry(sha256(data).hexdigest(), len(data)), data


def _check_unchanged(folder: Path, known: Iterable[_Files], force: bool) -> dict[str, str]:
    """The hash of each file of the site; refuses a folder in which others have written."""
    hashes: dict[str, set[str]] = {LIST: set()}
    for name, entry in (item for files in known for item in files.items()):
        hashes.setdefault(name, set()).add(entry.sha256)
    found = {}
    for name in list(_files_below(folder)):
        written = _LEFTOVER.sub(r"\1\2", name)
        if written != name and written in hashes:
            (folder / name).unlink()
            continue
        if name not in hashes:
            raise UserError(
                f"{folder} holds a file that grounding publish did not write: {name}; move it "
                "away, or name a new folder"
            )
        found[name] = _hash(folder / name)
        if found[name] not in hashes[name] and not force:
            raise UserError(
                f"{folder / name} was changed after it was published; move it away, or replace it "
                "with --force"
            )
    return found


def _put(folder: Path, name: str, entry: FileEntry, source: Path | bytes) -> None:
    place = folder / name
    if place.parent.resolve() != place.parent:
        raise UserError(f"{place.parent} lies behind a link, which publishing does not follow")
    data = source
    if isinstance(data, Path):
        with open_regular(data) as file:
            data = file.read()
    if sha256(data).hexdigest() != entry.sha256:
        raise UserError(f"{source!s} changed while it was published; publish again")
    with replacing(place) as temporary:
        temporary.write_bytes(data)


def _write_list(folder: Path, files: Mapping[str, _Files]) -> None:
    site = {key: Artifact("site", some) for key, some in files.items()}
    write_manifest(Manifest(folder / LIST, "site", artifacts=site))


def _read_list(folder: Path) -> dict[str, _Files]:
    """The files that were published last, and those that were being written, if any were."""
    try:
        site = read_manifest(folder / LIST).artifacts
        return {key: site[key].files for key in (_INDEX, _COMING) if key in site}
    except FileNotFoundError:
        raise UserError(f"{folder} was not made by grounding publish") from None
    except DamagedError:
        raise DamagedError(
            f"{folder / LIST} is damaged, or of another version; delete the folder if it holds "
            "nothing of yours, and publish again"
        ) from None


def _hash(path: Path) -> str:
    """SHA-256 of a file of the site; "" of a link or anything else that publishing never writes."""
    try:
        return "" if path.is_symlink() else hash_of(path)
    except OSError:
        return ""


def _files_below(folder: Path) -> Iterator[str]:
    """Paths of all files of a site, and of links, which are not followed."""
    for path in folder.rglob("*"):
        if path.name not in (LIST, LOCK) and (path.is_symlink() or not path.is_dir()):
            yield path.relative_to(folder).as_posix()
