"""What a person sees of long work: a bar on a terminal, one plain line an epoch elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grounding.training.history import Epoch

REDRAW_SECONDS = 0.1


class TrainingProgress:
    """Progress of one training; use it as a context manager.

    Args:
        epochs: epochs in all.
        inputs_per_epoch: training inputs of one epoch.
        done: epochs that are done already.
        console: where to draw; default standard output.
    """

    def __init__(
        self, epochs: int, inputs_per_epoch: int, done: int = 0, console: Console | None = None
    ) -> None:
        self.console = console or Console(file=sys.stdout)
        self.epochs = epochs
        self.inputs_per_epoch = inputs_per_epoch
        self.pending = 0
        self.drawn = 0.0
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(
            "training", total=epochs * inputs_per_epoch, completed=done * inputs_per_epoch
        )

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def on_step(self, inputs: int) -> None:
        """Count inputs; draw at most ten times a second."""
        self.pending += inputs
        if not self.bar.disable and (now := time.monotonic()) - self.drawn > REDRAW_SECONDS:
            self.bar.advance(self.task, self.pending)
            self.pending, self.drawn = 0, now

    def on_epoch(self, epoch: Epoch) -> None:
        """Print the epoch's line."""
        width = len(str(self.epochs))
        self.bar.console.print(
            f"epoch {epoch.epoch:>{width}}/{self.epochs}  "
            f"train loss {epoch.train_loss:.5f}  val loss {epoch.val_loss:.5f}  "
            f"{epoch.seconds:.1f} s  {epoch.images_per_second:,.0f} images/s",
            highlight=False,
            soft_wrap=True,
        )
        self.bar.console.file.flush()


@contextmanager
def work_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for (done, in all) that shows on a terminal only, and only while work goes on."""
    console = Console(file=sys.stdout)
    with Progress(
        TextColumn(description),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(description, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
