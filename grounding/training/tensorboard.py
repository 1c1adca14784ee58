"""Losses of each epoch for TensorBoard, which is an optional part of the installation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grounding._errors import UserError
from grounding.training.history import Epoch


@contextmanager
def tensorboard_log(folder: Path, first: int = 1) -> Iterator[Callable[[Epoch], None]]:
    """Give a function that logs an epoch for `tensorboard --logdir`.

    Args:
        folder: of this training alone, which makes it a curve of its own.
        first: epoch that is logged next; what an interrupted training has logged from there on is
            replaced.

    Raises:
        UserError: TensorBoard is not installed, or the folder cannot be written to.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            'TensorBoard is not installed; install it with: pip install "grounding[tensorboard]"'
        ) from None
    try:
        writer = SummaryWriter(str(folder), purge_step=first)
    except OSError as error:
        raise UserError(f"cannot write TensorBoard logs to {folder}: {error.strerror}") from None

    def log(epoch: Epoch) -> None:
        values = {
            "loss/training": epoch.train_loss,
            "loss/validation": epoch.val_loss,
            "kNN accuracy/validation": epoch.val_knn,
            "images per second": epoch.images_per_second,
        }
        for name, value in values.items():
            if value is not None:
                writer.add_scalar(name, value, epoch.epoch)

    try:
        yield log
    finally:
        writer.close()
