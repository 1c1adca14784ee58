"""What each epoch came to, the lines that say so, and what follows from them alone."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from pydantic import ConfigDict

from grounding._errors import UserError
from grounding._files import appending

Measure: TypeAlias = Literal["val_loss", "val_knn"]
"""By what an epoch can be called better than another."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; one line of metrics.jsonl.

    Attributes:
        epoch: from 1.
        train_loss: mean loss over the epoch's inputs: the weighted sum of the objectives, by
            default the mean squared error.
        val_loss: mean squared error over the validation images after the epoch; None if there are
            no such images, or no decoder that is trained.
        seconds: training and validation.
        images_per_second: inputs trained on per second, validation not counted.
        val_knn: share of the validation images that their nearest training latents name right; None
            if it was not asked for after this epoch.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    epoch: int
    train_loss: float
    val_loss: float | None
    seconds: float
    images_per_second: float
    val_knn: float | None = None


def best_of(history: Sequence[Epoch], measure: Measure) -> Epoch | None:
    """The first of the epochs with the least val_loss or the largest val_knn; None without any."""
    measured = [epoch for epoch in history if getattr(epoch, measure) is not None]
    better = min if measure == "val_loss" else max
    return better(measured, key=lambda epoch: float(getattr(epoch, measure)), default=None)


def has_stalled(history: Sequence[Epoch], measure: Measure, patience: int) -> bool:
    """Whether the best value is followed by `patience` others or more; never for 0."""
    best = best_of(history, measure)
    later = history[best.epoch :] if best else ()
    return 0 < patience <= sum(getattr(epoch, measure) is not None for epoch in later)


def metrics_text(history: Sequence[Epoch]) -> str:
    """One line of JSON for each epoch."""
    return "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history)


def append_metrics(path: Path, epoch: Epoch) -> None:
    """Add a line to a metrics file, or leave it as it is.

    Raises:
        UserError: the file cannot be written to.
    """
    try:
        with appending(path) as file:
            before = file.seek(0, 2)
            rest = metrics_text([epoch]).encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(before)
                raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
