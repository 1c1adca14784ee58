"""A site that any static host can serve: the index, the pages and the outputs of chosen runs."""

import contextlib
import ctypes
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from grounding._checksums import DamagedError, json_with_checksum, read_json
from grounding._errors import UserError
from grounding._files import remove_leftovers, sha256_of, sync
from grounding._locks import try_lock, writing
from grounding.export import layout
from grounding.export.index import index_page
from grounding.export.layout import file_inside
from grounding.export.outputs import Folder, RunOutputs, read_folder, without_seeds

MARKER = ".grounding-site.json"
_MADE_BY = "grounding publish"
_OLD = "old"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class Published(NamedTuple):
    """What was published.

    Attributes:
        runs: names of the experiments.
        files: number of files.
        size: their bytes.
    """

    runs: list[str]
    files: int
    size: int


def publish(
    folder: Path, artifacts: Path, only: Sequence[str] = (), pages: Path | None = None
) -> Published:
    """Write a self-contained site, replacing an earlier one as a whole.

    All links are relative, so the site works at any address. It is built beside `folder` and put
    in its place at the end; until then the old one stays as it is.

    Args:
        folder: the site; missing, empty, or made by an earlier call and unchanged since.
        artifacts: where the outputs of runs lie.
        only: names of the experiments to publish; default: all, single seeds without pages not
            among them.
        pages: the folder with the two pages and `web/dist`; default: the packaged ones.

    Raises:
        UserError: nothing to publish, damaged outputs or outputs of different checkpoints, pages
            that are not built, a folder that holds other files or cannot be written, or one that
            another process is publishing to.
    """
    pages = pages or layout.pages_folder()
    if not layout.pages_are_built(pages):
        raise UserError(layout.NOT_BUILT.rstrip("."))
    found = read_folder(artifacts)
    runs = _named(found.runs, only)
    _check_sound(found, runs)
    if not runs:
        raise UserError(f"no runs in {artifacts}; make one with: grounding run --config 4")
    folder = folder.resolve()
    try:
        _check_replaceable(folder)
        with writing("grounding publish", folder), _beside(folder) as building:
            _copy(building, runs, artifacts, pages)
            names = _files_below(building)
            size = sum((building / name).stat().st_size for name in names)
            hashes = {name: sha256_of(building / name) for name in names}
            marker = json_with_checksum({"made_by": _MADE_BY, "files": hashes}, indent=1)
            (building / MARKER).write_bytes(marker)
            _sync_all(building)
            _put(building, folder)
            sync(folder.parent)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error
    return Published([run.experiment for run in runs], len(names), size)


def _named(runs: Sequence[RunOutputs], names: Sequence[str]) -> list[RunOutputs]:
    have = [run.experiment for run in runs]
    for name in names:
        if name not in have:
            raise UserError(f"no run is called {name}; there are: {', '.join(have) or 'none'}")
    return [run for run in runs if run.experiment in names] if names else without_seeds(runs)


def _check_sound(found: Folder, runs: Sequence[RunOutputs]) -> None:
    """Refuse to publish what is damaged or does not belong together."""
    if found.damaged:
        raise UserError(f"nothing was published: {found.damaged[0]}; or move the file away")
    for run in runs:
        for path in run.strangers:
            reference = next(iter(run.checkpoints))
            raise UserError(
                f"nothing was published: {path} was made from another checkpoint than "
                f"{reference.name}; make both again with: {run.command_for(path)}"
            )


def published_files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a published site, by its path in the site.

    Raises:
        DamagedError: its list of files is not as it was written.
        UserError: the folder is not a published site.
    """
    path = folder / MARKER
    try:
        marker, covered = read_json(path)
        hashes, ours = marker["files"], marker["made_by"] == _MADE_BY
    except DamagedError:
        raise
    except (OSError, ValueError, KeyError, RecursionError):
        hashes, ours, covered = None, False, False
    if ours and not (covered and isinstance(hashes, dict)):
        raise DamagedError(
            f"{path} is damaged, or an earlier version wrote it; delete the folder if it holds "
            "nothing of yours, and publish again"
        )
    if not ours or not isinstance(hashes, dict):
        raise UserError(f"{folder} was not made by {_MADE_BY}")
    return {str(name): str(digest) for name, digest in hashes.items()}


def check_site(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Each file of a published site with what is wrong with it; None if nothing is.

    Files that publish did not write have "".

    Raises:
        DamagedError: the list of files is not as it was written.
        UserError: the folder is not a published site, or a file cannot be read.
    """
    hashes = published_files(folder)
    found = set(_files_below(folder, links=True))
    yield MARKER, None
    for name, digest in sorted(hashes.items()):
        if name not in found:  # never a path that leaves the folder
            yield name, "is missing"
        elif (folder / name).is_symlink():
            yield name, "is a link now"
        else:
            whole = sha256_of(folder / name) == digest
            yield name, None if whole else "is damaged: its SHA-256 is not the published one"
    for name in sorted(found - hashes.keys() - {MARKER}):
        yield name, ""


def _copy(site: Path, runs: Sequence[RunOutputs], artifacts: Path, pages: Path) -> None:
    built = layout.built_folder(pages)
    sources = {
        layout.STYLE: layout.style_file(),
        **{page: pages / Path(page).name for page in (layout.VIEWER, layout.PLAYGROUND)},
        **{f"{layout.BUILT}/{name}": built / name for name in _files_below(built)},
    }
    for path in (path for run in runs for path in run.files()):
        inside = file_inside(artifacts, [path.name])
        if inside is None:
            raise UserError(f"{path} has gone; publish again")
        sources[f"{layout.ARTIFACTS}/{path.name}"] = inside
    for place, source in sources.items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, site / place)
    (site / "index.html").write_bytes(index_page(runs, (), pages_built=True))
    (site / ".nojekyll").touch()  # hosts that run Jekyll leave out files with odd names


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds anything which an earlier call did not write."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        own = {MARKER, *published_files(folder)}
    except DamagedError:
        raise
    except UserError:
        own = set()
    if not own:
        raise UserError(f"{folder} is not empty and was not made by {_MADE_BY}; name a new folder")
    foreign = sorted(set(_files_below(folder, links=True)) - own)
    if foreign:
        raise UserError(
            f"{folder} holds files that {_MADE_BY} did not write, such as {foreign[0]}; move them "
            "away or name a new folder"
        )


def _files_below(folder: Path, *, links: bool = False) -> list[str]:
    """Paths of all files below a folder, sorted; links to folders too if asked, none followed."""
    names = []
    for parent, folders, files in os.walk(folder):
        found = files + [name for name in folders if links and Path(parent, name).is_symlink()]
        names += [Path(parent, name).relative_to(folder).as_posix() for name in found]
    return sorted(names)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside another, gone at the end whatever happens."""
    _restore(folder)
    remove_leftovers(folder.parent, folder.name)
    name = tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent)
    handle = os.open(name, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # without locks, leftovers are never removed
            try_lock(handle)
        place = Path(name, "site")  # with the permissions of an ordinary new folder
        place.mkdir()
        yield place
    finally:
        shutil.rmtree(name, ignore_errors=True)
        os.close(handle)


def _restore(folder: Path) -> None:
    """Put a site back that a call killed between two renames had taken away."""
    if not folder.exists():
        for old in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*.tmp/{_OLD}")):
            old.rename(folder)
            return


def _sync_all(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))


def _put(new: Path, folder: Path) -> None:
    """Put a new folder where another is; afterwards the old one is where the new one was."""
    if not folder.exists() or not any(folder.iterdir()):
        new.rename(folder)
    elif not _exchange(new, folder):
        old = new.with_name(_OLD)
        folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            old.rename(folder)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, where the system can (Linux); False where it cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    here = _AT_FDCWD
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))
