"""Memory that a training step frees is kept for the next one; imports without a collector."""

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Numbers of glibc's mallopt(3), and the largest threshold that it takes.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_LARGEST_THRESHOLD = 32 * 1024 * 1024
_PAD = 64 * 1024 * 1024
# Larger blocks than those of a batch.
_HANDED_BACK = 8 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Tell glibc not to hand large freed blocks back to the system.

    A step frees its activations and the next one asks for as much again. By default each large
    block comes fresh from the kernel, page by page: in experiment 5 that was 20,000 page faults and
    a fifth to a quarter of each step. Other C libraries are left alone.

    Returns:
        Whether it was possible.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is None:
        return False
    settings = (
        (_MMAP_THRESHOLD, _LARGEST_THRESHOLD),
        (_TRIM_THRESHOLD, 2**31 - 1),
        (_TOP_PAD, _PAD),
    )
    return all(mallopt(option, value) == 1 for option, value in settings)


def hand_back_freed_memory() -> None:
    """Have glibc hand all freed blocks back to the system, those between others in use, too.

    After a training, or an output of large images, these can be some hundred MB. From now on blocks
    of 8 MB and more go back when they are freed, until a training keeps them again.
    """
    trim, mallopt = _of_glibc("malloc_trim"), _of_glibc("mallopt")
    if trim is not None and mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _HANDED_BACK)
        trim(0)


@contextmanager
def collector_off() -> Iterator[None]:
    """Import something large without the garbage collector, which then leaves it alone for good.

    It would look again and again through the 150,000 objects that come with PyTorch and stay.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.freeze()
            gc.enable()


def _of_glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
