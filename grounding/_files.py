"""Output files that are either the old ones or the new ones, never something between."""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grounding._checksums import json_with_checksum
from grounding._errors import UserError
from grounding._locks import is_at, try_lock


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it there once the block is done.

    Missing folders are made. If the block raises, `path` stays as it was.

    Raises:
        UserError: the place cannot be written to.
    """
    with replacing_together(path) as (temporary,):
        yield temporary


@contextmanager
def replacing_together(*paths: Path) -> Iterator[list[Path]]:
    """As `replacing`, for files that belong together.

    None is moved before all are written and synced; then they are moved in the order given.

    Raises:
        UserError: a place cannot be written to; names the first path.
    """
    at = paths[0]
    temporaries: list[tuple[Path, int]] = []
    try:
        for at in paths:
            remove_leftovers(at.parent, at.name)
            temporaries.append(_temporary_for(at))
        at = paths[0]
        yield [temporary for temporary, _ in temporaries]
        for temporary, _ in temporaries:
            sync(temporary)
            temporary.chmod(0o666 & ~_umask())
        for at, (temporary, _) in zip(paths, temporaries, strict=True):
            temporary.replace(at)
        for folder in {path.parent for path in paths}:
            sync(folder)
    except OSError as error:
        raise UserError(f"cannot write {at}: {error.strerror or error}") from error
    finally:
        for temporary, handle in temporaries:
            temporary.unlink(missing_ok=True)
            os.close(handle)


def remove_leftovers(folder: Path, start: str) -> None:
    """Remove temporary files and folders that killed writers left behind.

    Those whose writer lives are locked, and stay.

    Args:
        folder: where to look; need not exist.
        start: how the name of the output begins that they were to become.
    """
    pattern = re.compile(rf"\.{re.escape(start)}.*\.[a-z0-9_]{{8}}\.tmp", re.DOTALL)
    found = list(folder.iterdir()) if folder.is_dir() else []
    for path in (path for path in found if pattern.fullmatch(path.name)):
        with contextlib.suppress(OSError):  # what cannot be removed is in nobody's way
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if try_lock(handle) and is_at(handle, path):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)


def _temporary_for(path: Path) -> tuple[Path, int]:
    """A new locked file beside `path`, and the handle that holds its lock."""
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; name a file")
    _make_folder(path.parent)
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with contextlib.suppress(OSError):  # without locks, leftovers are never removed
            if not try_lock(handle):  # taken for a leftover by another process, and soon removed
                os.close(handle)
                continue
        if is_at(handle, Path(name)):
            return Path(name), handle
        os.close(handle)


def _make_folder(folder: Path) -> None:
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync(place.parent)


def write_text(path: Path, text: str) -> None:
    """Replace a file by UTF-8 text.

    Raises:
        UserError: the place cannot be written to.
    """
    with replacing(path) as temporary:
        # A file name that is no text keeps its bytes as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, values: dict[str, Any], *, indent: int | None = 2) -> None:
    """Replace a file by JSON that any strict reader takes, with its SHA-256 as the last key.

    Raises:
        UserError: the place cannot be written to.
    """
    data = json_with_checksum(values, indent=indent)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_writable(path: Path) -> None:
    """Find out before long work whether its output can be written at the end.

    Raises:
        UserError: it cannot; names the path and the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; name a file")


def sync(path: Path) -> None:
    """Have the system put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
