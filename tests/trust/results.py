"""What a training or a step came to, without what a clock decides."""

import json
from pathlib import Path
from typing import Any

from grounding.training.checkpoint import load_checkpoint
from grounding.training.history import metrics_path

# Names of files, moments, and hashes over them; all else is the result.
CLOCK = {"seconds", "images_per_second", "checkpoint_sha256", "sha256", "run"}


def training_result(path: Path) -> dict[str, Any]:
    """All that a training wrote, as values that can be compared bit for bit."""
    held, _ = load_checkpoint(path)
    optimizer = {f"{n}/{k}": t for n, state in held.optimizer.items() for k, t in state.items()}
    values = vars(held) | {
        "state_dict": {name: raw(tensor) for name, tensor in held.state_dict.items()},
        "objective": {name: raw(tensor) for name, tensor in held.objective.items()},
        "optimizer": {name: raw(tensor) for name, tensor in optimizer.items()},
        "history": [without_clock(vars(epoch)) for epoch in held.history],
        "metrics": [
            without_clock(json.loads(line)) for line in metrics_path(path).read_text().splitlines()
        ],
    }
    return without_clock(values)


def document_result(path: Path) -> dict[str, Any]:
    """A JSON output."""
    return without_clock(json.loads(path.read_text(encoding="utf-8")))


def without_clock(values: dict[str, Any]) -> dict[str, Any]:
    """A dictionary and those inside without the keys in `CLOCK`."""
    return {
        key: without_clock(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if key not in CLOCK and key != "companion"
    }


def raw(tensor: Any) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bytes of a tensor."""
    return str(tensor.dtype), tuple(tensor.shape), tensor.contiguous().numpy().tobytes()
