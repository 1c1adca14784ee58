"""Output files that are either the old ones or the new ones, and input files that are files."""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

import filelock

from grounding._errors import UserError

MAX_HEADER = 1 << 20  # bytes, of a safetensors file
MAX_LINE = 1 << 20  # characters of a line, or of lines that a quoted cell joins
MAX_VALUES = 1_000_000  # of JSON, which take up to 30 times the room of their text
# Images pack to a fifth, drawings of strokes to a thirtieth, blank ones to a thousandth: of what is
# compressed, up to so many bytes for each one, and always up to so many.
MAX_EXPANSION = 50
ALWAYS_EXPANDED = 64 << 20
_CHUNK = 1 << 20


class BusyError(UserError):
    """Another process holds what has to be held."""


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
        UserError: a place cannot be written to; names it.
    """
    at = paths[0]
    temporaries: list[Path] = []
    try:
        for place in paths:
            at = place
            temporaries.append(_temporary_for(place))
        at = paths[0]
        yield temporaries
        for temporary in temporaries:
            sync(temporary)
            temporary.chmod(0o666 & ~_umask())
        for at, temporary in zip(paths, temporaries, strict=True):
            temporary.replace(at)
        for folder in {path.parent for path in paths}:
            sync(folder)
    except OSError as error:
        raise UserError(f"cannot write {at}: {error.strerror or error}") from error
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def remove_leftovers(*paths: Path) -> None:
    """Remove temporary files that killed writers of these outputs left behind.

    Whoever calls this is the only writer of them (see `locked`), so that nobody needs them.
    """
    for path in paths:
        pattern = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}\.tmp", re.DOTALL)
        for found in path.parent.iterdir() if path.parent.is_dir() else ():
            if pattern.fullmatch(found.name):
                with contextlib.suppress(OSError):  # what cannot be removed is in nobody's way
                    found.unlink()


def write_text(path: Path, text: str) -> None:
    """Replace a file by UTF-8 text.

    Raises:
        UserError: the place cannot be written to.
    """
    with replacing(path) as temporary:
        # A file name that is no text keeps its bytes as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


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


@contextmanager
def locked(lock: Path, work: str) -> Iterator[None]:
    """Hold a lock file while the block lasts; it ends with the process, however that ends.

    A file system without locks protects nobody.

    Args:
        lock: its path; missing folders are made.
        work: what is done, for the message of those who come second.

    Raises:
        BusyError: another process has it.
        UserError: the place cannot be written to.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(lock)
        held.acquire(timeout=0.2, poll_interval=0.05)
    except filelock.Timeout:
        what = f"{lock.name.removeprefix('.').removesuffix('.lock')} in {lock.parent}"
        raise BusyError(
            f"cannot do the {work}: another process is writing {what}; wait until it is done"
        ) from None
    except NotImplementedError:
        held = None
    except OSError as error:
        raise UserError(f"cannot write {lock}: {error.strerror or error}") from None
    try:
        yield
    finally:
        if held:
            lock.unlink(missing_ok=True)  # who waits for it takes a new file
            held.release()


@contextmanager
def open_regular(path: Path, max_bytes: int | None = None) -> Iterator[IO[bytes]]:
    """Open a file of somebody else's for reading: never a pipe or device that could wait for ever.

    Args:
        path: of a regular file; links are followed, see `resolved_inside`.
        max_bytes: the largest size to accept.

    Raises:
        OSError: it cannot be read, or is no regular file (then with a reason in `strerror`).
        UserError: it is larger than max_bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:  # a NUL in it, or what this locale has no bytes for
        raise FileNotFoundError(errno.ENOENT, "no file has such a name", str(path)) from None
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with os.fdopen(handle, "rb") as file:
        if max_bytes is not None and state.st_size > max_bytes:
            raise UserError(f"{path} has {state.st_size} bytes; at most {max_bytes} are read")
        yield file


@contextmanager
def appending(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file to write at its end; it is made if it is missing.

    A link in its place is not followed, and nobody is waited for at a pipe.

    Raises:
        OSError: it cannot be written to, or is no regular file (then with a reason in `strerror`).
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a pipe
            raise OSError(errno.EINVAL, "not a regular file", str(path)) from None
        raise
    with os.fdopen(handle, "ab", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file


@contextmanager
def open_safetensors(path: Path, framework: str) -> Iterator[Any]:
    """Open a safetensors file of somebody else's for reading.

    The library compares all that the header says with the file's size before it reads an array, but
    would take memory for a header of 100 MB.

    Args:
        path: of a regular file.
        framework: "numpy" or "pt".

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is not such a file, or its header is longer than `MAX_HEADER`.
    """
    from safetensors import SafetensorError, safe_open

    with open_regular(path) as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER:
            raise ValueError("its header is too long")
        try:
            with safe_open(path, framework) as opened:
                yield opened
        except SafetensorError as error:
            raise ValueError(str(error)) from None


def unpacked_limit(size: int) -> int:
    """How many bytes may come out of a compressed file of so many."""
    return max(ALWAYS_EXPANDED, MAX_EXPANSION * size)


def parsed_json(data: bytes) -> Any:
    """What somebody else's JSON says.

    Raises:
        ValueError: it is none, holds a number that is not finite, or more than `MAX_VALUES` values.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"it holds more than {MAX_VALUES:,} values")
    try:
        return json.loads(data, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def bounded_lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of somebody else's text, of which a reader of CSV takes one row into memory.

    Args:
        file: the text.
        path: where it is from, for the message.

    Raises:
        UserError: one is longer than `MAX_LINE`, or a quoted cell that holds several.
    """
    number, quoted = 0, 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        # A quote that is open at the end of a line joins it to the next.
        is_open = (line.count('"') % 2 == 1) != bool(quoted)
        quoted = quoted + len(line) if is_open else 0
        if max(len(line), quoted) > MAX_LINE:
            raise UserError(
                f"{path}: line {number} goes on for more than {MAX_LINE:,} characters; check "
                "that it is the right file, with one row a line"
            )
        yield line


def resolved_inside(path: Path, *folders: Path) -> Path | None:
    """Where a path leads, with links followed; None if that is in none of the folders."""
    try:
        place = path.resolve()
        inside = any(place.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, ValueError, RuntimeError):  # a loop of links is a RuntimeError
        return None
    return place if inside else None


def hash_of(path: Path, expected_bytes: int | None = None) -> str:
    """Hex SHA-256 of a regular file; "" if its size is not the expected one.

    Raises:
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        if expected_bytes is not None and os.fstat(file.fileno()).st_size != expected_bytes:
            return ""
        digest = hashlib.sha256()
        while piece := file.read(_CHUNK):
            digest.update(piece)
        return digest.hexdigest()


def sync(path: Path) -> None:
    """Have the system put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def _temporary_for(path: Path) -> Path:
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; name a file")
    missing = [place for place in (path.parent, *path.parent.parents) if not place.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync(place.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
