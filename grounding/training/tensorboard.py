"""Losses of each epoch for TensorBoard, which is an optional part of the installation."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from grounding._errors import UserError
from grounding.training.history import Epoch


@contextmanager
def tensorboard_log(folder: Path) -> Iterator[Callable[[Epoch], None]]:
    """Give a function that logs an epoch for `tensorboard --logdir`.

    Each training gets a folder of its own in there, named by the time and a random part, so that
    it is a curve of its own.

    Raises:
        UserError: TensorBoard is not installed, or the folder cannot be written to.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            'TensorBoard is not installed; install it with: pip install -e ".[tensorboard]"'
        ) from None
    folder = folder / f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(2)}"
    try:
        writer = SummaryWriter(str(folder))
    except OSError as error:
        raise UserError(f"cannot write TensorBoard logs to {folder}: {error.strerror}") from None

    def log(epoch: Epoch) -> None:
        losses = {"train": epoch.train_loss}
        if epoch.val_loss is not None:
            losses["validation"] = epoch.val_loss
        writer.add_scalars("loss", losses, epoch.epoch)
        writer.add_scalar("images per second", epoch.images_per_second, epoch.epoch)

    try:
        yield log
    finally:
        writer.close()
