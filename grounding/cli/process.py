"""The process that a command runs in: its streams, its folder, how it is asked to end."""

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from grounding._errors import UserError
from grounding._memory import collector_off

SPINS = "10000"  # of a thread that waits for work


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: locks and temporary files are cleaned up."""

    def end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def prepare_streams() -> None:
    """Make standard streams that are closed, or that cannot show a name, harmless."""
    # Otherwise the next file to be opened would get the number of a closed stream, and every
    # message of a C library would land in it.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        # The C locale's "surrogateescape" would raise at an é and let bytes of others through.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def check_current_folder() -> None:
    """Say it if the current folder was deleted: libraries end the process over that.

    Raises:
        UserError: it was.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UserError(
            f"the current folder cannot be used ({error.strerror}); change to one that exists: cd"
        ) from None


def import_torch() -> None:
    """Import PyTorch with the garbage collector off, which takes a fifth to a quarter less time.

    GNU's OpenMP lets its threads spin between two operators for some milliseconds. Where another
    program needs the core, each operator waits as long for a thread that does not run. Here threads
    sleep after `SPINS`, unless OMP_WAIT_POLICY or GOMP_SPINCOUNT is set. On two cores that others
    used as well, trainings of experiment 4 (two epochs, whole commands) took 1.4 to 3.0 times as
    long without it; on idle ones a step is as fast either way.
    """
    if "torch" in sys.modules:
        return
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    with collector_off():
        import torch  # noqa: F401
