"""The training loop: one function for every architecture, read from top to bottom."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding._streams import seeded
from grounding.data.loader import TrainingInputs
from grounding.data.splits import to_unit
from grounding.models.autoencoder import Autoencoder
from grounding.models.layers import Dropout
from grounding.objectives.base import Objectives
from grounding.objectives.reconstruction import reconstruction_error
from grounding.training.checkpoint import Checkpoint, machine, versions
from grounding.training.history import Epoch
from grounding.training.memory import keep_freed_memory
from grounding.training.optimizer import Adam, one_cycle
from grounding.training.resume import restore

EVALUATION_BATCH = 500
COLLAPSE_IMAGES = 2000
"""Validation images that tell whether the latents have collapsed."""


@dataclass(eq=False)
class Training:
    """A training after some epochs: the objects that are trained, and what each epoch came to."""

    model: Autoencoder
    objectives: Objectives
    optimizer: Adam
    history: list[Epoch] = field(default_factory=list)

    def checkpoint(self, *, config: dict[str, Any], data_fingerprint: str, run: str) -> Checkpoint:
        """All of it as it is now, on the CPU; for the arguments see `Checkpoint`."""
        return Checkpoint(
            state_dict=_copies(self.model.state_dict()),
            objectives=_copies(self.objectives.state_dict()),
            optimizer={name: _copies(state) for name, state in self.optimizer.state.items()},
            config=config,
            epoch=len(self.history),
            train_loss=self.history[-1].train_loss,
            val_loss=self.history[-1].val_loss,
            history=tuple(self.history),
            image_shape=self.model.image_shape,
            data_fingerprint=data_fingerprint,
            versions=versions(),
            device=next(self.model.parameters()).device.type,
            machine=machine(),
            threads=torch.get_num_threads(),
            seconds=sum(epoch.seconds for epoch in self.history),
            run=run,
        )


def train(
    model: Autoencoder,
    objectives: Objectives,
    loader: TrainingInputs,
    val_images: Tensor | None = None,
    *,
    epochs: int,
    learning_rate: float = 0.001,
    weight_decay: float = 0.0,
    optimizer: Literal["adam", "adamw"] = "adam",
    schedule: Literal["constant", "one_cycle"] = "constant",
    start: Checkpoint | None = None,
    on_step: Callable[[int], None] = lambda _: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    save: Callable[[Training], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Training:
    """Train a model; it and its objectives are moved to the device that the loader's images are on.

    Args:
        model: with its initial weights.
        objectives: what is made smaller, and in which precision.
        loader: what each epoch reads; its seed decides on all that is drawn.
        val_images: uint8 (N, C, H, W), to measure reconstructions with after each epoch.
        epochs: passes over the loader, those before `start` included.
        learning_rate: step size; with one_cycle the largest.
        weight_decay: L2 penalty of adam; decoupled decay of adamw.
        optimizer: "adam" or "adamw".
        schedule: of the step size: "constant" or "one_cycle".
        start: where to go on; default: at the first epoch.
        on_step: called after each step with the number of inputs it used.
        save: called after each epoch; `Training.checkpoint` is what can be kept of it.
        on_epoch: called after that.
        warn: called with a line about what is not as it should be.

    Raises:
        ValueError: an unknown optimizer or schedule.
        UserError: the loss is no longer finite, a step is too small for the model, or `start` does
            not fit.
    """
    if optimizer not in ("adam", "adamw") or schedule not in ("constant", "one_cycle"):
        raise ValueError(f"optimizer {optimizer!r} or schedule {schedule!r} is unknown")
    keep_freed_memory()
    device = loader.images.device
    model.to(device)
    objectives.to(device)
    adam = Adam(
        {**dict(model.named_parameters()), **dict(objectives.named_parameters("objectives"))},
        learning_rate,
        weight_decay=weight_decay,
        decoupled=optimizer == "adamw",
    )
    smallest = smallest_batch(model, objectives)
    training = Training(model, objectives, adam)
    history = training.history
    if start:
        restore(start, model, objectives, adam)
        history += start.history
    if val_images is not None:
        val_images = val_images.to(device)

    for number in range(len(history) + 1, epochs + 1):
        started = time.perf_counter()
        # Everything of ours draws from streams of its own; parts of other people may not.
        with seeded(loader.seed, "epoch", number):
            objectives.begin_epoch(model, loader, number)
            model.train()
            _seed_dropout(model, loader.generator("dropout", number))
            losses = torch.zeros(loader.steps, device=device)
            sizes = []
            for step, batch in enumerate(loader.epoch(number)):
                if len(batch.inputs) < smallest * loader.views:
                    raise UserError(
                        f"a step of {len(batch.inputs)} inputs is too small: the model or its "
                        f"objectives need {smallest} images; try --set training.batch_size="
                        f"{smallest * loader.views} or more, and {smallest} or more training images"
                    )
                if schedule == "one_cycle":
                    share = one_cycle((number - 1) * loader.steps + step, epochs * loader.steps)
                    adam.learning_rate = learning_rate * share
                loss = objectives(model, batch)
                loss.backward()
                adam.step()
                adam.zero_grad()
                # Kept on the device: asking for the number here would wait for every step.
                losses[step] = loss.detach()
                sizes.append(len(batch.inputs))
                on_step(sizes[-1])
        train_loss = _mean(losses, sizes)
        trained = time.perf_counter()
        val_loss = None
        if val_images is not None and objectives.trains_decoder:
            val_loss = reconstruction_loss(model, val_images)
        found = {"training": train_loss, "validation": val_loss}
        _stop_if_not_finite(found, history, learning_rate)

        done = time.perf_counter()
        epoch = Epoch(
            number, train_loss, val_loss, done - started, loader.count / (trained - started)
        )
        history.append(epoch)
        save(training)
        on_epoch(epoch)

    if history and history[-1].train_loss == 0:
        number = history[-1].epoch
        warn(f"the training loss of epoch {number} is exactly 0: nothing is learnt any more")
    if history and val_images is not None:
        _warn_of_collapse(model, val_images, warn)
    return training


def initial_model(build: Callable[[], Autoencoder], seed: int) -> Autoencoder:
    """The model that `build` makes, its weights drawn from a seed."""
    with seeded(seed, "init"):
        return build()


def smallest_batch(model: nn.Module, objectives: Objectives) -> int:
    """Images without which a step cannot be computed; for the loader, if it comes after these.

    Batch normalisation needs two, for there is no spread in views of one; objectives say what they
    need.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    normalises = any(isinstance(m, kinds) for part in (model, objectives) for m in part.modules())
    return max(objectives.smallest_batch, 2 if normalises else 1)


@torch.inference_mode()
def reconstruction_loss(model: Autoencoder, images: Tensor) -> float:
    """Mean squared error of D(E(x)) over images uint8 (N, C, H, W), without dropout."""
    model.eval()
    errors, sizes = [], []
    for batch in images.split(EVALUATION_BATCH):
        clean = to_unit(batch)
        errors.append(reconstruction_error(model(clean), clean))
        sizes.append(len(batch))
    return _mean(torch.stack(errors), sizes)


def _mean(values: Tensor, counts: Sequence[int]) -> float:
    """The mean of values (N,) that stand for so many each."""
    # In Python's float64: not every device has one.
    total = sum(value * count for value, count in zip(values.tolist(), counts, strict=True))
    return float(total / sum(counts))


def rank_me(latents: Tensor) -> float:
    """Dimensions over which latents (N, D) spread (Garrido et al., 2023).

    Returns:
        exp of the entropy of the singular values divided by their sum; in [1, min(N, D)].
    """
    values = torch.linalg.svdvals(latents.cpu().double())
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return math.exp(-torch.xlogy(shares, shares).sum().item())


@torch.inference_mode()
def _warn_of_collapse(model: Autoencoder, images: Tensor, warn: Callable[[str], None]) -> None:
    model.eval()
    some = images[:COLLAPSE_IMAGES].split(EVALUATION_BATCH)
    latents = torch.cat([model.encode(to_unit(batch)) for batch in some])
    if min(latents.shape) > 2 and (rank := rank_me(latents)) < 2:
        warn(
            f"the latents have collapsed: those of the validation images spread over {rank:.1f} "
            f"dimensions of {latents.shape[1]} (RankMe); train longer, or on more images or views"
        )


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()
    }


def _seed_dropout(model: Autoencoder, draws: torch.Generator) -> None:
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = draws


def _stop_if_not_finite(
    losses: Mapping[str, float | None], history: Sequence[Epoch], learning_rate: float
) -> None:
    before = f" (training loss before: {history[-1].train_loss:.4g})" if history else ""
    for name, loss in losses.items():
        if loss is not None and not math.isfinite(loss):
            raise UserError(
                f"the {name} loss of epoch {len(history) + 1} is {loss}{before}; training stopped "
                "and its checkpoint was not written; try a smaller step: --set "
                f"training.learning_rate={learning_rate / 10:g}"
            )
