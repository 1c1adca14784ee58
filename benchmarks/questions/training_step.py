"""Training step: the loop against a bare step.

Blocks of steps of the loop, blocks of the bare step on prepared batches (forward, backward, step of
the same model with the same optimiser) and the making of as many batches, in turn in one process.
Added: loop over bare, median of neighbouring blocks. Of it, what making the batches takes, which a
bare step gets for nothing: in experiments 4 and 5 their augmentation. What is left is the loop's
own. Beside them the same bare step in float32, and so how many times as fast `training.precision`
makes it. Experiments 2 and 3 take their steps of 100 images from longer epochs.
"""

import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from harness.measure import median_ratio, say, timed
from harness.question import Effort, Row
from harness.step import (
    bare_steps,
    config_numbers,
    endless_batches,
    settle,
    some_batches,
    steps_in_epoch,
    with_long_epochs,
)

from grounding.data.splits import Splits, load_splits
from grounding.experiment.schema import Experiment
from grounding.training.loop import train
from grounding.training.precision import resolve_precision

# In a block: enough of them that a GPU, which runs behind, is not always waited for.
STEPS = {"cpu": 4, "cuda": 16}
WARM_UP = 1


def measure(effort: Effort) -> list[Row]:
    device = torch.device("cpu")
    configs = effort.pick(("2", "4"), config_numbers())
    return [row(config, device, effort.pick(0.1, 20.0, 60.0)) for config in configs]


def row(config: str, device: torch.device, seconds: float) -> Row:
    """Milliseconds and shares of one experiment."""
    say(f"experiment {config}")
    experiment = with_long_epochs(config)
    splits = load_splits(experiment.data, experiment.seed)
    blocks = interleaved(experiment, splits, device, seconds)
    steps = STEPS[device.type]
    loop = median_ratio(blocks["loop"], blocks["bare"])
    batches = median_ratio(blocks["batches"], blocks["bare"])
    size = experiment.training.batch_size
    return {
        "experiment": config,
        "images in a step": size,
        "arithmetic": str(resolve_precision(experiment.training.precision, device))[6:],
        "bare, ms": median(blocks["bare"]) / steps * 1e3,
        "loop, ms": median(blocks["loop"]) / steps * 1e3,
        "added, %": 100 * (loop - 1),
        "of it making batches, %": 100 * batches,
        "left, %": 100 * (loop - 1 - batches),
        "bare in float32, ms": median(blocks["float32"]) / steps * 1e3,
        "times as fast as float32": median_ratio(blocks["float32"], blocks["bare"]),
        "loop, images/s": size * steps / median(blocks["loop"]),
        "blocks": len(blocks["loop"]),
    }


class _EnoughError(Exception):
    """Ends a training from inside."""


def interleaved(
    experiment: Experiment, splits: Splits, device: torch.device, seconds: float
) -> dict[str, list[float]]:
    """Seconds of blocks of steps: "loop", "bare", "float32" (bare as well) and "batches", in turn.

    The loop is the real one: its own call after each step hands over to the others.
    """
    steps = STEPS[device.type]
    bare = bare_steps(experiment, splits, device)
    exact = bare_steps(experiment, splits, device, precision=torch.float32)
    prepared = some_batches(experiment, splits, device, steps)
    stream = endless_batches(experiment, splits, device)
    wait = settle(device)
    blocks: dict[str, list[float]] = {"loop": [], "bare": [], "float32": [], "batches": []}
    most = steps_in_epoch(experiment) // steps - 1  # validation is no part of a step
    done = 0
    end = time.perf_counter() + seconds
    block_started = end

    def on_step(_: int) -> None:
        nonlocal done, block_started
        done += 1
        if done % steps:
            return
        wait()
        now = time.perf_counter()
        if done > steps:  # the first block began before anyone looked at the clock
            blocks["loop"].append(now - block_started)
            blocks["bare"].append(timed(lambda: bare(prepared), wait))
            blocks["float32"].append(timed(lambda: exact(prepared), wait))
            blocks["batches"].append(timed(lambda: list(islice(stream, steps)), wait))
            enough = now > end and len(blocks["loop"]) > WARM_UP + 2
            if enough or len(blocks["loop"]) >= most:
                raise _EnoughError
        block_started = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        output = experiment.output.model_copy(update={"checkpoint_path": Path(folder) / "x.pt"})
        try:
            train(experiment.model_copy(update={"output": output}), splits, device, on_step=on_step)
        except _EnoughError:
            pass
        else:
            raise RuntimeError("the training ended before it was measured")
    return {name: times[WARM_UP:] for name, times in blocks.items()}
