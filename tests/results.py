"""What a training or an output came to, without what a clock decides."""

import json
from pathlib import Path
from typing import Any

import torch

from grounding.runs.training import metrics_path
from grounding.training.checkpoint import read_checkpoint

# Moments, and names and hashes that follow from them; all else is the result.
CLOCK = {
    *("seconds", "images_per_second", "run", "training", "checkpoint", "arrays", "sha256"),
    "checkpoint_sha256",
}


def training_result(path: Path) -> Any:
    """All that a training wrote, as values that can be compared bit for bit."""
    lines = metrics_path(path).read_text().splitlines()
    return comparable({**vars(read_checkpoint(path)), "metrics": [json.loads(x) for x in lines]})


def document_result(path: Path) -> Any:
    """A JSON output."""
    return comparable(json.loads(path.read_text(encoding="utf-8")))


def comparable(value: Any) -> Any:
    """Values in plain ones: without the keys in `CLOCK`, tensors as their bytes."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, list | tuple):
        return [comparable(vars(x) if hasattr(x, "train_loss") else x) for x in value]
    if isinstance(value, dict):
        return {key: comparable(x) for key, x in value.items() if key not in CLOCK}
    return value
