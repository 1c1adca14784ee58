"""Training step: the loop against a bare step.

Blocks of steps of the loop, blocks of the bare step on prepared batches (forward, backward, step of
the same model with the same optimiser) and the making of as many batches, in turn in one process.
Added: loop over bare, median of neighbouring blocks. Of it, what making the batches takes, which a
bare step gets for nothing: in experiments 4 and 5 their augmentation. What is left is the loop's
own. Beside them the same bare step in float32, and so how many times as fast `training.precision`
makes it. Experiments 2 and 3 take their steps of 100 images from longer epochs.
"""

import time
from itertools import islice
from statistics import median

import torch
from harness.measure import median_ratio, say, timed
from harness.question import Effort, Row
from harness.step import Parts, bare_steps, config_numbers, parts_of, settle, with_long_epochs

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
    parts = parts_of(with_long_epochs(config), device)
    blocks = interleaved(parts, seconds)
    steps = STEPS[device.type]
    loop = median_ratio(blocks["loop"], blocks["bare"])
    batches = median_ratio(blocks["batches"], blocks["bare"])
    size = parts.experiment.training.batch_size
    return {
        "experiment": config,
        "images in a step": size,
        "arithmetic": str(parts.precision).removeprefix("torch."),
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


def interleaved(parts: Parts, seconds: float) -> dict[str, list[float]]:
    """Seconds of blocks of steps: "loop", "bare", "float32" (bare as well) and "batches", in turn.

    The loop is the real one: its own call after each step hands over to the others.
    """
    steps = STEPS[parts.device.type]
    bare, exact = bare_steps(parts), bare_steps(parts, precision=torch.float32)
    stream = parts.batches()
    prepared = list(islice(stream, steps))
    wait = settle(parts.device)
    others = {
        "bare": lambda: bare(prepared),
        "float32": lambda: exact(prepared),
        "batches": lambda: list(islice(stream, steps)),
    }
    blocks: dict[str, list[float]] = {"loop": [], **{name: [] for name in others}}
    most = parts.inputs.steps // steps - 1  # validation is no part of a step
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
            for name, work in others.items():
                blocks[name].append(timed(work, wait))
            enough = now > end and len(blocks["loop"]) > WARM_UP + 2
            if enough or len(blocks["loop"]) >= most:
                raise _EnoughError
        block_started = time.perf_counter()

    try:
        parts.train(on_step=on_step)
    except _EnoughError:
        return {name: times[WARM_UP:] for name, times in blocks.items()}
    raise RuntimeError("the training ended before it was measured")
