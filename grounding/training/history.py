"""What each epoch came to, and the file that says so."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grounding._errors import UserError
from grounding._files import write_text


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; one line of metrics.jsonl.

    Attributes:
        epoch: from 1.
        train_loss: mean loss over the epoch's inputs: the weighted sum of the objectives, by
            default the mean squared error.
        val_loss: mean squared error over the validation images after the epoch.
        seconds: training and validation.
        images_per_second: inputs trained on per second, validation not counted.
    """

    epoch: int
    train_loss: float
    val_loss: float
    seconds: float
    images_per_second: float


def metrics_path(checkpoint_path: Path) -> Path:
    """The file with one line of metrics an epoch: `x_final.pt` -> `x_final_metrics.jsonl`."""
    return checkpoint_path.with_name(f"{checkpoint_path.stem}_metrics.jsonl")


def write_metrics(path: Path, history: Sequence[Epoch]) -> None:
    """Replace a metrics file.

    Raises:
        UserError: the place cannot be written to.
    """
    write_text(path, "".join(map(_line, history)))


def append_metrics(path: Path, epoch: Epoch) -> None:
    """Add a line to a metrics file, or leave it as it is.

    Raises:
        UserError: the file cannot be written to.
    """
    try:
        with path.open("ab", buffering=0) as file:
            before = file.seek(0, 2)
            rest = _line(epoch).encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(before)
                raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _line(epoch: Epoch) -> str:
    return json.dumps(asdict(epoch)) + "\n"
