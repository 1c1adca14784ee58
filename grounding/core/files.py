"""Output files that are either the old ones or the new ones, never something between."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grounding.core.checksums import json_with_checksum
from grounding.core.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it there once the block is done.

    Missing folders are made. If the block raises, `path` stays as it was.

    Raises:
        UserError: the place cannot be written to.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise UserError(f"cannot write {path}: it is a folder; name a file")
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
        _sync(path.parent)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by UTF-8 text.

    Raises:
        UserError: the place cannot be written to.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


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


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
