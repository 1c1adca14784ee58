"""Seconds, memory and growth: in this process, in turns, or in processes of their own."""

import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import linear_regression, median
from typing import Any, NamedTuple

LAUNCHER = Path(__file__).with_name("launch.py")
GROUNDING = [sys.executable, "-m", "grounding"]


class Spent(NamedTuple):
    """What a whole process took.

    Attributes:
        seconds: by the clock.
        processor_seconds: of all its threads and children.
        memory_mb: its largest resident memory, or that of its largest child.
    """

    seconds: float
    processor_seconds: float
    memory_mb: float


def timed(work: Callable[[], Any], settle: Callable[[], Any] = lambda: None) -> float:
    """Seconds of one call; `settle` waits for what the call may have left running."""
    settle()
    started = time.perf_counter()
    work()
    settle()
    return time.perf_counter() - started


def alternate(
    ways: Mapping[str, Callable[[], Any]],
    runs: int,
    *,
    warm_up: int = 1,
    settle: Callable[[], Any] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds of each way's runs, taken in turns, so that a busy minute hits all of them."""
    taken = in_turns(ways, warm_up + runs, lambda name: timed(ways[name], settle))
    return {name: seconds[warm_up:] for name, seconds in taken.items()}


def in_turns(ways: Iterable[str], runs: int, measure: Callable[[str], Any]) -> dict[str, list[Any]]:
    """What `measure` returns for each way, time after time, the ways one after the other."""
    taken: dict[str, list[Any]] = {way: [] for way in ways}
    for number in range(runs):
        for way, found in taken.items():
            say(f"{way}, run {number + 1}")
            found.append(measure(way))
    return taken


def compared(seconds: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    """Columns for the seconds of two ways, of which the second may be missing."""
    (ours, first), (theirs, second) = seconds.items()
    return {
        f"{ours}, s": median(first),
        f"{theirs}, s": median(second) if second else None,
        "times as fast": median_ratio(second, first) if second else None,
    }


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of over / under, pair by pair: neighbours in time share the machine's mood."""
    return median(a / b for a, b in zip(over, under, strict=True))


def fitted_exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power p of costs ~ sizes^p: the slope of the least-squares line through the logarithms.

    Raises:
        ValueError: fewer than two different sizes, or a value that is not positive.
    """
    return linear_regression(list(map(math.log, sizes)), list(map(math.log, costs))).slope


def process(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Spent:
    """Run a command to its end and say what it took.

    Args:
        command: program and arguments.
        folder: where it runs.
        environment: variables that are set for it.

    Raises:
        RuntimeError: it failed; with what it said last.
    """
    # A child's peak memory starts at that of the process which spawned it: hence a small one.
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), *command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return Spent(**json.loads(done.stdout.splitlines()[-1]))


def repeated(command: Sequence[str], folder: Path, runs: int) -> Spent:
    """Median seconds and highest memory of a command's runs."""
    say(" ".join(command[2:]))
    return summed_up([process(command, folder) for _ in range(runs)])


def summed_up(spent: Sequence[Spent]) -> Spent:
    """Median seconds and highest memory."""
    seconds, processor_seconds, memory_mb = zip(*spent, strict=True)
    return Spent(median(seconds), median(processor_seconds), max(memory_mb))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a module returns in a fresh process; raises what it raises there."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def say(what: str) -> None:
    """Show on a terminal what is being measured now."""
    if sys.stderr.isatty():
        print(f"    {what}", file=sys.stderr, flush=True)


class PeakMemory:
    """How far resident memory rises inside a `with` block, in MB above its beginning.

    `mb` is None where the system does not say.
    """

    _STATUS = Path("/proc/self/status")
    _RESET = Path("/proc/self/clear_refs")

    def __enter__(self) -> "PeakMemory":
        self.mb: float | None = None
        try:
            self._RESET.write_text("5")  # sets the high-water mark to what is resident now
            self._before = self._kilobytes("VmRSS")
        except OSError:
            self._before = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            # The system counts in steps of some pages, so nothing can come out below nothing.
            self.mb = max(0.0, (self._kilobytes("VmHWM") - self._before) / 1e3)

    def _kilobytes(self, key: str) -> float:
        lines = self._STATUS.read_text(encoding="ascii").splitlines()
        found = next(line for line in lines if line.startswith(f"{key}:"))
        return float(found.split()[1]) * 1.024
