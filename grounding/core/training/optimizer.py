"""The optimiser and the size of its steps."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from grounding.core.config.learning import TrainingSection

# Of all steps, those over which one_cycle rises; what it starts from, as a share of the largest
# step size; and what it ends at, as a share of what it starts from.
RISING, FIRST, LAST = 0.25, 1 / 25, 1e-4


def new_optimizer(
    settings: TrainingSection, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba, 2015), or AdamW (Loshchilov & Hutter, 2019), which decays apart."""
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


def set_step_size(
    optimizer: torch.optim.Optimizer, settings: TrainingSection, step: int, steps: int
) -> None:
    """Set what a schedule says for one step.

    Args:
        optimizer: to change; a constant schedule leaves it alone.
        settings: the schedule and its largest step size.
        step: steps that are done.
        steps: of the whole training.
    """
    if settings.schedule == "one_cycle":
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * one_cycle(step, steps)


def one_cycle(step: int, steps: int) -> float:
    """Share of the largest step size at one step (Smith & Topin, 2018, with cosines).

    Args:
        step: in 0..steps - 1.
        steps: of the whole training, at least 1.

    Returns:
        In (0, 1]: from 1/25 up to 1 after a quarter of the steps, then down to almost 0.
    """
    # The highest step is a whole one, so that a short training has it as well.
    top = max(1, round(RISING * steps)) - 1
    if step <= top:
        return _between(FIRST, 1.0, step / max(1, top))
    return _between(1.0, FIRST * LAST, (step - top) / max(1, steps - 1 - top))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
