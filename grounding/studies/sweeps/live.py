"""What a person sees of a sweep while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text

from grounding._errors import say
from grounding.experiment import Experiment
from grounding.studies.sweeps.trial import Task, state_of

SHOWN = 8  # trials that run


class Shown:
    """The trials of one stage on a terminal; elsewhere a line for each that has ended."""

    def __init__(self, live: Live | None, planned: int) -> None:
        self._live, self._planned = live, planned
        self.done = self.failed = self.pruned = 0
        self._started = time.monotonic()
        self._first = 0
        self._tasks: dict[str, tuple[Experiment, int]] = {}
        self._workers = 1

    def begin(self, tasks: Sequence[tuple[Task, Experiment, int]], workers: int) -> None:
        """Some trials are to be trained, each up to an epoch, so many at once."""
        self._tasks = {task.name: (experiment, until) for task, experiment, until in tasks}
        self._workers = workers
        self.update()

    def ended(self, task: Task, *said: str) -> None:
        """One has ended, and so much is to be said of it."""
        self._tasks.pop(task.name, None)
        self._first += 1
        for line in (f"{task.name}: {one}" for one in said):
            if self._live is None:
                say(line)
            else:
                self._live.console.print(line, highlight=False, soft_wrap=True, markup=False)
        self.update()

    def update(self) -> None:
        """Look at what the trials that run have written so far."""
        if self._live is None:
            return
        lines = [f"done {self.done} of {self._planned}, pruned {self.pruned}, failed {self.failed}"]
        if self._first:
            each = (time.monotonic() - self._started) / self._first
            left = timedelta(seconds=each * len(self._tasks))
            end = datetime.now().astimezone() + left
            lines[0] += f", these {len(self._tasks)} end at about {end:%H:%M:%S}"
        running = 0
        for name, (experiment, until) in self._tasks.items():
            epochs = len(state_of(experiment).history)
            if epochs:
                running += 1
                lines.append(f"  {name}: epoch {min(epochs, until)} of {until}")
            if running >= min(self._workers, SHOWN):
                break
        self._live.update(Text("\n".join(lines)), refresh=True)


@contextmanager
def shown(planned: int) -> Iterator[Shown]:
    """Show a sweep of so many trials; what is below the lines goes at the end."""
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        yield Shown(None, planned)
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield Shown(live, planned)
