"""What a person sees of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.progress import Progress


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
    # Imported here: a command that shows no bar takes a twentieth less time without it.
    from rich import progress
    from rich.console import Console

    class Shown(Console):
        """A console whose reader may leave, as in `grounding run | head`."""

        def on_broken_pipe(self) -> NoReturn:
            """Let the command end as it does for any other output that nobody reads."""
            raise BrokenPipeError

    console = Shown(file=sys.stdout)
    columns = (
        progress.TextColumn(description),
        progress.BarColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    shown = progress.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    )
    with shown:
        yield Bar(shown, description, total, done)
