"""Seconds, memory and growth: in this process, in turns, or in processes of their own."""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HARNESS = Path(__file__).parent


@dataclass(frozen=True)
class Spent:
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
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm_up + runs):
        for name, work in ways.items():
            took = timed(work, settle)
            if number >= warm_up:
                seconds[name].append(took)
    return seconds


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of over / under, pair by pair: neighbours in time share the machine's mood."""
    return median(a / b for a, b in zip(over, under, strict=True))


def fitted_exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power p of costs ~ sizes^p: the slope of the least-squares line through the logarithms.

    Raises:
        ValueError: fewer than two different sizes, or a value that is not positive.
    """
    if len(set(sizes)) < 2:
        raise ValueError(f"an exponent needs two different sizes, there are {sorted(set(sizes))}")
    if min(*sizes, *costs) <= 0:
        raise ValueError("an exponent needs positive sizes and costs")
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    x_mean, y_mean = math.fsum(x) / len(x), math.fsum(y) / len(y)
    along = math.fsum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return along / math.fsum((a - x_mean) ** 2 for a in x)


def process(command: Sequence[str], folder: Path) -> Spent:
    """Run a command to its end and say what it took.

    Raises:
        RuntimeError: it failed; with what it said last.
    """
    # A child's peak memory starts at that of the process which spawned it: hence a small one.
    launcher = [sys.executable, "-I", "-S", str(HARNESS / "launch.py"), *command]
    done = subprocess.run(launcher, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return Spent(**json.loads(done.stdout.splitlines()[-1]))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a module under benchmarks/ returns in a fresh process, through JSON.

    Raises:
        RuntimeError: the process failed; it has said why on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        call = [function.__module__, function.__qualname__, json.dumps(arguments), str(result)]
        done = subprocess.run([sys.executable, str(HARNESS / "call.py"), *call], check=False)
        if done.returncode:
            raise RuntimeError(f"{call[0]}.{call[1]}{arguments} failed")
        return json.loads(result.read_text(encoding="utf-8"))


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
