"""Whole epochs: against Dataset and DataLoader.

The yardstick: a Dataset that prepares one image at a time, a DataLoader, a plain loop over the same
architecture in torch's own layers, Adam, validation each epoch. Both in turn, each in a process of
its own; start-up is not counted, checkpoints and validation are. Median of the ratios of
neighbours.
"""

import tempfile
from pathlib import Path
from typing import Any

from harness.measure import alone, compared, in_turns, say, timed
from harness.question import Effort, Row


def measure(effort: Effort) -> list[Row]:
    from harness.step import config_numbers

    return [row(config, effort) for config in effort.pick(["2"], config_numbers())]


def row(config: str, effort: Effort) -> Row:
    """Seconds both ways for one experiment."""
    import grounding

    settings = grounding.load_config(config)
    short = settings.data.train_samples == 100 and not settings.self_supervised.enabled
    epochs = effort.pick(1, 10 if short else 1, settings.training.epochs)
    overrides = {"training.epochs": epochs, **effort.pick({"data.val_samples": 500}, {})}
    say(f"experiment {config}, {epochs} epochs")
    runs = effort.pick(1, 3, 1)
    seconds = in_turns(("ours", "usual"), runs, lambda way: alone(train, way, config, overrides))
    return {"experiment": config, "epochs": epochs, **compared(seconds), "runs": runs}


def train(way: str, config: str, overrides: dict[str, Any]) -> float:
    """Seconds that one way takes to train an experiment."""
    import torch
    from harness import usual
    from harness.step import parts_of

    import grounding
    from grounding.training import Training, checkpoint_bytes

    parts = parts_of(grounding.load_config(config, **overrides), torch.device("cpu"))
    epochs, every = parts.experiment.training.epochs, parts.experiment.output.save_every_n_epochs
    with tempfile.TemporaryDirectory() as folder:

        def save(training: Training) -> None:
            epoch = len(training.history)
            if epoch == epochs or (every and epoch % every == 0):
                held = training.checkpoint(
                    config=parts.experiment.as_dict(),
                    data_fingerprint=parts.splits.fingerprint,
                    run="",
                )
                (Path(folder) / f"{epoch}.pt").write_bytes(checkpoint_bytes(held))

        ways = {"ours": lambda: parts.train(save=save), "usual": lambda: usual.train(parts)}
        return timed(ways[way])
