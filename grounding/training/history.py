"""What each epoch came to, and the lines that say so."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict

from grounding._errors import UserError


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
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    epoch: int
    train_loss: float
    val_loss: float | None
    seconds: float
    images_per_second: float


def metrics_text(history: Sequence[Epoch]) -> str:
    """One line of JSON for each epoch."""
    return "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history)


def append_metrics(path: Path, epoch: Epoch) -> None:
    """Add a line to a metrics file, or leave it as it is.

    Raises:
        UserError: the file cannot be written to.
    """
    try:
        with path.open("ab", buffering=0) as file:
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
