"""A training that goes on from a checkpoint.

Every training to a checkpoint path is a run with a name of its own, which sorts after those of all
earlier ones and is held in each of its checkpoints. All randomness is a function of seed, purpose
and epoch: weights, Adam's tensors and the epoch are all there is to restore.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.base import Objectives
from grounding.training.checkpoint import FORMAT, RUN, Checkpoint, machine, versions
from grounding.training.optimizer import Adam


def next_run(latest: str = "") -> str:
    """A name that sorts after the latest; the random part tells copies of folders apart."""
    return f"{min(int(latest[:6] or 0) + 1, 999_999):06d}-{secrets.token_hex(4)}"


def is_run_name(text: str) -> bool:
    """Whether `next_run` may have made it."""
    return re.fullmatch(RUN, text) is not None


def epochs_problem(
    held: Checkpoint, before: int, now: int, *, schedule: str, depending: Sequence[str] = ()
) -> str:
    """Why a training cannot go on with another number of epochs, or "" if it can.

    Args:
        held: the checkpoint to go on from.
        before: epochs of the training that it is from.
        now: epochs that are asked for.
        schedule: of the step size.
        depending: objectives that depend on the number of epochs (see `Objective`).
    """
    anew = f"pass --set training.epochs={before}, or train without --resume"
    if now == before:
        return ""
    if now < held.epoch:
        return f"it has {held.epoch} epochs, the config says training.epochs={now}; {anew}"
    if schedule != "constant" or depending:
        what = f"schedule {schedule}" if schedule != "constant" else f"objectives.{depending[0]}"
        return (
            f"it was trained with training.epochs={before}, on which {what} depends, the config "
            f"says {now}; {anew}"
        )
    return ""


def changes(held: Checkpoint, device: torch.device) -> list[str]:
    """One line if this process computes in another way than the one before."""
    before: dict[str, Any] = {
        **held.versions, "device": held.device, "machine": held.machine, "threads": held.threads
    }  # fmt: skip
    now: dict[str, Any] = {
        **versions(), "device": device.type, "machine": machine(),
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    changed = [
        f"{key} {now.get(key)} (was {before.get(key)})"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    line = "the result may differ from that of an uninterrupted training"
    return [f"resuming with {', '.join(changed)}: {line}"] if changed else []


def best_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The weights of the best epoch so far that a checkpoint holds.

    Raises:
        UserError: they are missing, or of another model.
    """
    shapes = [
        {name: tensor.shape for name, tensor in weights.items()}
        for weights in (checkpoint.best, checkpoint.state_dict)
    ]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"the checkpoint of epoch {checkpoint.epoch} does not hold the weights of the best "
            "epoch; delete it, or train without --resume"
        )
    return checkpoint.best


def restore(
    checkpoint: Checkpoint, model: Autoencoder, objectives: Objectives, optimizer: Adam
) -> None:
    """Give a model, its objectives and its optimiser the tensors of a checkpoint.

    Raises:
        UserError: they do not fit, or it was written by an earlier version.
    """
    anew = "train without --resume"
    if checkpoint.format != FORMAT:
        raise UserError(
            f"the checkpoint of epoch {checkpoint.epoch} was written by an earlier version; it can "
            f"be used, but not be continued: {anew}"
        )
    try:
        model.load_state_dict(checkpoint.state_dict)
        objectives.load_state_dict(checkpoint.objectives)
        optimizer.load(checkpoint.optimizer)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the checkpoint of epoch {checkpoint.epoch} does not fit its own config: {reason}; "
            f"delete it, or {anew}"
        ) from None
