"""Who writes what: locks that end with the process that holds them, however it ends.

The lock of `x` is an flock on `.x.lock` beside it, which says who holds it and since when. Reading
asks for no lock. A killed process leaves the file behind, but not the lock: the next writer takes
the file over and removes it at its end.
"""

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from grounding._errors import UserError

# What a file system without locks answers; there, nobody is kept from writing.
_NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)


@contextmanager
def writing(work: str, *paths: Path) -> Iterator[None]:
    """Be the only one to write some outputs while the block lasts.

    Missing folders are made.

    Args:
        work: what is done, for those who come second, e.g. "training of naive_covnet".
        paths: the outputs; another spelling of the same place is the same place.

    Raises:
        UserError: another process, or another block of this one, is writing one of them; names it.
            Or the place cannot be written to.
    """
    with ExitStack() as held:
        places = {path.parent.resolve() / path.name: path for path in paths}
        for place in sorted(places):
            held.enter_context(_lock(place, places[place], work))
        yield


def try_lock(handle: int) -> bool:
    """Take the lock of an open file, which ends with the handle; False if another has it.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _lock(place: Path, path: Path, work: str) -> Iterator[None]:
    lock = place.with_name(f".{place.name}.lock")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = _take(lock, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    try:
        _sign(handle, work, path)
        yield
    finally:
        lock.unlink(missing_ok=True)  # before the lock ends: afterwards it could be another's
        os.close(handle)


def _sign(handle: int, work: str, path: Path) -> None:
    record = {"work": work, "process": os.getpid(), "since": time.strftime("%F %T")}
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(record).encode(), 0)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def _take(lock: Path, path: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if not try_lock(handle):
                raise UserError(f"cannot write {path}: {_holder(handle)}; wait until it is done")
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in _NO_LOCKS:
                return handle
            os.close(handle)
            raise
        # Whoever held it may have removed the file since it was opened.
        if is_at(handle, lock):
            return handle
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        record = json.loads(os.pread(handle, 4096, 0))
        return (
            f"{record['work']} (process {record['process']}, since {record['since']}) is writing it"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process is writing it"
