"""What an objective is, what it can ask of a training step, and the weighted sum of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, cast

import numpy.typing as npt
import torch
from torch import Tensor, nn

from grounding import _registry as register
from grounding._registry import Settings
from grounding._streams import seeded
from grounding.data.loader import Batch, TrainingInputs
from grounding.models.autoencoder import Autoencoder

Array: TypeAlias = Tensor | npt.NDArray[Any]
"""What the losses take."""


@dataclass(frozen=True, eq=False)
class Context:
    """Facts about a training that objectives are made from.

    Attributes:
        model: what is trained.
        epochs: of the whole training; None for an objective whose settings do not say that it
            depends on them (see `Objective`).
        views: inputs of each image in one step.
        images: training images, N; None if nobody has counted them.
        train_labels: whole numbers (N,), or None.
        classes: the labels that there are, sorted; () without labels.
    """

    model: Autoencoder
    epochs: int | None = 1
    views: int = 1
    images: int | None = None
    train_labels: Tensor | None = None
    classes: tuple[int, ...] = ()


class Step:
    """One training step: its batch, and what the model makes of it once somebody asks.

    The model's layers compute in the precision of the training; what they give is float32.

    Attributes:
        batch: the inputs, their targets and identities.
        shared: what an objective has computed and needs again in this step, by any name.
    """

    def __init__(self, model: Autoencoder, batch: Batch, objectives: Objectives) -> None:
        self.batch = batch
        self.shared: dict[str, Tensor] = {}
        self._model = model
        self._objectives = objectives

    @property
    def latents(self) -> Tensor:
        """E(x) of the inputs, (B, D)."""
        return self._encoded[1]

    @property
    def features(self) -> Tensor:
        """What the encoder's last layer makes the latents of, (B, F).

        Only for objectives that say `needs_features`.
        """
        return self._encoded[0].float()

    @cached_property
    def sample(self) -> Tensor:
        """What the decoder sees, (B, D): the latents, unless an objective draws around them."""
        for _, objective in self._objectives.by_name():
            drawn = objective.sample(self)
            if drawn is not None:
                return drawn
        return self.latents

    @cached_property
    def reconstructions(self) -> Tensor:
        """D(sample), (B, C, H, W) in [0, 1]."""
        with self._layers(self.sample):
            return self._model.decode(self.sample).float()

    def encode(self, images: Tensor) -> Tensor:
        """E of other images (B, C, H, W), (B, D)."""
        with self._layers(images):
            return self._model.encode(images).float()

    @cached_property
    def _encoded(self) -> tuple[Tensor, Tensor]:
        inputs, encoder = self.batch.inputs, self._model.encoder
        if not self._objectives.need_features:
            latents = self.encode(inputs)
            return latents, latents
        with self._layers(inputs):
            assert isinstance(encoder, nn.Sequential)
            features = encoder[:-1](inputs)
            return features, encoder[-1](features).float()

    def _layers(self, x: Tensor) -> torch.autocast:
        """Where the model's layers compute: in bfloat16, or as they are."""
        lower = self._objectives.precision != torch.float32
        dtype = self._objectives.precision if lower else None
        return torch.autocast(x.device.type, dtype, enabled=lower)


class Objective(nn.Module):
    """Something that a training step makes smaller.

    A subclass has a `forward`; its parameters are of layers that only training needs.
    `@register.objective(name, settings=...)` takes these facts: needs_views (1 unless said),
    trains_decoder (False), reads_decoder (False: it does without one that is trained), uses_labels
    (False), and smallest_batch, the images without which a step cannot be computed (1).

    If its settings have a method `problem(weight, images)`, that returns why it cannot be used with
    this weight and number of training images, or "". Only if they have a property or field
    `depends_on_epochs` that is true is the objective told how many epochs there will be: a training
    cannot be made longer afterwards then.

    Args:
        settings: an object of the class that it was registered with.
        context: facts about the training.

    Raises:
        ValueError: it cannot be used in this training.
    """

    needs_features: ClassVar[bool] = False
    """Whether it asks for `Step.features`."""

    settings: Any

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__()
        self.settings = settings
        self.context = context

    def begin_epoch(self, model: Autoencoder, loader: TrainingInputs, epoch: int) -> None:
        """Prepare what an epoch, counted from 1, needs; may leave the model in either mode.

        It depends on the model, the loader and the epoch alone, so that resuming is exact.
        """

    def sample(self, step: Step) -> Tensor | None:  # noqa: ARG002
        """What the decoder sees in place of the latents, (B, D); None for the latents."""
        return None

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar.

        With `training.cuda_graphs`, most steps of an epoch replay the work of one: what is not done
        by tensors, such as a random number of Python's, is then as it was in that one.
        """
        raise NotImplementedError


class Objectives(nn.ModuleDict):
    """The weighted sum of some objectives.

    Args:
        weights: by name; those of weight 0 take no part.
        settings: by name; defaults where there are none.
        context: facts about the training.
        precision: arithmetic of the model's layers, bfloat16 or float32; all else is float32.
        seed: from which the weights of the objectives' own layers are drawn.

    Raises:
        ValueError: all weights are 0, or an objective is unknown or cannot be used here.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        settings: Mapping[str, Settings],
        context: Context,
        *,
        precision: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check(weights, settings, views=context.views, images=context.images)
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.trains_decoder = trains_decoder(weights)
        self.precision = precision
        for name in self.weights:
            component = register.objective[name]
            chosen = settings[name] if name in settings else component.settings()
            depends = getattr(chosen, "depends_on_epochs", False)
            told = context if depends else replace(context, epochs=None)
            with seeded(seed, "init objective"):
                self[name] = component.make(chosen, told)
        self.need_features = any(objective.needs_features for _, objective in self.by_name())

    @property
    def smallest_batch(self) -> int:
        """Images without which a step cannot be computed."""
        return max(int(register.objective[name].facts.get("smallest_batch", 1)) for name in self)

    def by_name(self) -> Iterator[tuple[str, Objective]]:
        """The objectives that take part."""
        return cast("Iterator[tuple[str, Objective]]", iter(self.items()))

    def begin_epoch(self, model: Autoencoder, loader: TrainingInputs, epoch: int) -> None:
        """Prepare an epoch, counted from 1; may leave the model in either mode."""
        for _, objective in self.by_name():
            objective.begin_epoch(model, loader, epoch)

    def forward(self, model: Autoencoder, batch: Batch) -> Tensor:
        """The loss of one batch, a scalar."""
        step = Step(model, batch, self)
        terms = []
        for name, objective in self.by_name():
            loss, weight = objective(step), self.weights[name]
            terms.append(loss if weight == 1 else weight * loss)
        return terms[0] if len(terms) == 1 else torch.stack(terms).sum()


def check(
    weights: Mapping[str, float],
    settings: Mapping[str, Settings],
    *,
    views: int = 1,
    mirrored: bool = False,
    composites: int = 0,
    images: int | None = None,
) -> None:
    """Refuse objectives that cannot be used together, or not with what a step shows them.

    The last four arguments are facts of the loader (see `TrainingInputs`); `images` is how many
    there are to train on, if they have been counted.

    Raises:
        ValueError: what cannot be, and what to change; one line.
    """
    if not any(weights.values()):
        raise ValueError("all weights are 0; give at least one, e.g. reconstruction: 1.0")
    for name, weight in weights.items():
        facts = register.objective[name].facts
        if weight < 0:
            raise ValueError(f"the weight of {name} is {weight}, allowed: 0 or more")
        needed = facts.get("needs_views", 1)
        if weight and views < needed:
            raise ValueError(f"{name} compares views of an image; set views to {needed} or more")
        if weight and facts.get("reads_decoder") and not trains_decoder(weights):
            raise ValueError(
                f"{name} needs a decoder that is trained; give reconstruction a weight as well"
            )
        if weight and facts.get("uses_labels") and (mirrored or composites):
            key = "mirrored" if mirrored else "composites"
            raise ValueError(f"{key} makes images without a label; drop it, or {name}")
    for name, chosen in settings.items():
        problem = getattr(chosen, "problem", None)
        if problem and (line := problem(weights.get(name, 0.0), images)):
            raise ValueError(line)


def trains_decoder(weights: Mapping[str, float]) -> bool:
    """Whether one of the objectives with a weight > 0 trains the decoder."""
    chosen = (register.objective[name].facts for name, weight in weights.items() if weight)
    return any(facts.get("trains_decoder", False) for facts in chosen)
