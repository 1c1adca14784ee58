"""Losses of each epoch for TensorBoard, which is an optional part of the installation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grounding._errors import UserError
from grounding.training.history import Epoch


@contextmanager
def tensorboard_log(folder: Path) -> Iterator[Callable[[Epoch], None]]:
    """Give a function that logs an epoch to a folder for `tensorboard --logdir`.

    Raises:
        UserError: TensorBoard is not installed, or the folder cannot be written to.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            'TensorBoard is not installed; install it with: pip install -e ".[tensorboard]"'
        ) from None
    try:
        writer = SummaryWriter(str(folder))
    except OSError as error:
        raise UserError(f"cannot write TensorBoard logs to {folder}: {error.strerror}") from None

    def log(epoch: Epoch) -> None:
        writer.add_scalars(
            "loss", {"train": epoch.train_loss, "validation": epoch.val_loss}, epoch.epoch
        )
        writer.add_scalar("images per second", epoch.images_per_second, epoch.epoch)

    try:
        yield log
    finally:
        writer.close()
