"""Training: the loop, its optimiser, checkpoints and how to go on from one."""

from grounding.training.checkpoint import Checkpoint, checkpoint_bytes, model_of, read_checkpoint
from grounding.training.device import resolve_device
from grounding.training.history import Epoch
from grounding.training.loop import NotFinite, Training, initial_model, smallest_batch, train
from grounding.training.precision import resolve_precision
from grounding.training.validation import KNN

__all__ = [
    "KNN",
    "Checkpoint",
    "Epoch",
    "NotFinite",
    "Training",
    "checkpoint_bytes",
    "initial_model",
    "model_of",
    "read_checkpoint",
    "resolve_device",
    "resolve_precision",
    "smallest_batch",
    "train",
]
