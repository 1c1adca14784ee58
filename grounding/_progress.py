"""What a person sees of long work: a bar on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """A bar that shows while the work goes on, and lines that stay above it."""

    def __init__(self, progress: Progress, description: str, total: int | None, done: int) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total, completed=done)

    def advance(self, count: int) -> None:
        """Count further work as done."""
        self._progress.advance(self._task, count)

    def set(self, done: int, total: int) -> None:
        """Say how much is done of how much."""
        self._progress.update(self._task, completed=done, total=total)

    def say(self, line: str) -> None:
        """Print a line at once."""
        self._progress.console.print(line, highlight=False, soft_wrap=True, markup=False)
        self._progress.console.file.flush()


@contextmanager
def progress_bar(description: str, total: int | None = None, done: int = 0) -> Iterator[Bar]:
    """A bar for some work, on a terminal only, gone at the end.

    Args:
        description: of the work.
        total: how much there is to do; None if that is not known yet.
        done: how much of it is done already.
    """
    console = _Console(file=sys.stdout)
    columns = (TextColumn(description), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with shown:
        yield Bar(shown, description, total, done)


class _Console(Console):
    """A console whose reader may leave, as in `grounding run | head`."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the command end as it does for any other output that nobody reads."""
        raise BrokenPipeError
