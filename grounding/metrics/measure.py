"""Any registered metrics of one latent space, each by the arrays that it asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from grounding import _registry as register
from grounding._images import Images
from grounding._memory import hand_back_freed_memory
from grounding._streams import generator
from grounding.metrics.anchors import mean_margin
from grounding.metrics.arrays import Array, NotMeasurable, as_labels, as_points, as_tensor
from grounding.metrics.distances import Progress
from grounding.metrics.facts import names, needs
from grounding.metrics.invariance import answers
from grounding.metrics.neighbors import nearest
from grounding.metrics.novelty import odd_scores
from grounding.metrics.pairs import point_values

Lazy = Array | Callable[[], Array] | None
LazyImages = Lazy | Images | Callable[[], Images]


@dataclass(eq=False, kw_only=True)
class Space:
    """A latent space: what metrics may ask for, by these names.

    An array may be a tensor or a NumPy array; or a function without arguments that gives it, which
    is called when a metric asks, once. What several metrics ask for is calculated once, too:
    `neighbor_labels` (Q, k), those of the nearest training latents of each test latent; `pairs`,
    the values of single points that `point_values` returns; `changed_latents`, see `answers`, and
    `scores_of_odd`, see `odd_scores`.

    Attributes:
        z: (N, D) latents.
        labels: (N,), any whole numbers.
        x: (N, ...) the images; uint8, as they are, is fastest.
        train_z: (M, D) latents of the training images.
        train_labels: (M,).
        test_z: (Q, D) latents of the test images; default: z.
        test_labels: (Q,); default: labels.
        train_images: (M, C, H, W), uint8 or in [0, 1]; these and the next may also be what is
            indexed like a tensor, and reads what is asked for.
        test_images: (Q, C, H, W), likewise.
        bank_z: (V x M, D) latents of V augmented views of the training images, view by view.
        reconstruction_errors: (Q,) mean squared error of each test image.
        encode: E, from images (B, C, H, W) in [0, 1] to latents (B, D).
        decode: D, from latents (B, D) to images.
        dynamics: a `grounding.dynamics.Portrait` of test latents, or a function that gives it.
        training_seconds: how long the training took.
        k: neighbours.
        metric: of the search among training latents, "euclidean" or "cosine"; all else is
            euclidean.
        trustworthiness_k: neighbours for trustworthiness and continuity; default: max(5, k).
        anchors: how many points, drawn at random, stand for all in the metrics that are means over
            points; default: all. See `anchor_count`.
        seed: of all that is drawn.
        progress: called with (blocks done, blocks in all) of the pass over the distances.
    """

    z: Lazy
    labels: Lazy = None
    x: Lazy = None
    train_z: Lazy = None
    train_labels: Lazy = None
    test_z: Lazy = None
    test_labels: Lazy = None
    train_images: LazyImages = None
    test_images: LazyImages = None
    bank_z: Lazy = None
    reconstruction_errors: Lazy = None
    encode: Callable[[Tensor], Tensor] | None = None
    decode: Callable[[Tensor], Tensor] | None = None
    dynamics: Any = None
    training_seconds: float | None = None
    k: int = 5
    metric: str = "euclidean"
    trustworthiness_k: int = 0
    anchors: int | None = None
    seed: int = 0
    progress: Progress | None = None
    _found: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.trustworthiness_k = self.trustworthiness_k or max(5, self.k)

    def get(self, name: str) -> Any:
        """What a metric gets for a parameter of this name; arrays as tensors where z lies.

        A parameter that has the name of another metric gets its value, or its values of single
        points, of which it is the mean.

        Raises:
            NotMeasurable: it is missing, or holds too little.
            ValueError: nothing has that name.
        """
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Any:
        if name == "pairs":
            return self._pairs()
        if name == "changed_latents":
            return answers(self.get("test_images"), self.get("encode"), self.seed)
        if name == "scores_of_odd":
            return odd_scores(
                self.get("test_images"),
                None if self.test_labels is self.labels is None else self.get("test_labels"),
                self.get("train_z"),
                self.get("encode"),
                self.decode,
                metric=self.metric,
                seed=self.seed,
            )
        if name == "neighbor_labels":
            train_z, labels = self.get("train_z"), self.get("train_labels")
            k = min(self.k, len(train_z))
            return labels[nearest(self.get("test_z"), train_z, k, metric=self.metric).indices]
        if name not in vars(self):
            value = register.metric[name].make(**{need: self.get(need) for need in needs(name)})
            if isinstance(value, float) and math.isnan(value):
                raise NotMeasurable("it is undefined for these latents")
            return value
        value = getattr(self, name)
        if value is None and name in ("test_z", "test_labels"):
            return self.get(name.removeprefix("test_"))
        if value is None:
            raise NotMeasurable(f"needs {NEEDED.get(name, name)}")
        if callable(value) and name not in FUNCTIONS:
            value = value()
        if not isinstance(value, Tensor | np.ndarray):
            return value
        if name.endswith("labels"):
            array = as_labels(value)
        else:
            array = as_points(value, name) if name.endswith(("x", "z")) else as_tensor(value)
        if name in ("labels", "train_labels") and len(array.unique()) < 2:
            raise NotMeasurable(f"{name} hold one class only, at least 2 are needed")
        return array if name == "z" else array.to(self.get("z").device)

    def _pairs(self) -> dict[str, Tensor]:
        """Of what can be measured; the metrics themselves say why they cannot be."""
        z, given = self.get("z"), {}
        for name in ("x", "labels"):
            try:
                given[name] = self.get(name)
            except NotMeasurable:
                given[name] = None
        if 2 * self.trustworthiness_k >= len(z):
            given["x"] = None
        if all(array is None for array in given.values()):
            return {}
        drawn = None
        if self.anchors:
            order = torch.randperm(len(z), generator=generator(self.seed, "anchors"))
            drawn = order[: self.anchors].sort().values
        return point_values(
            z,
            **given,
            k=min(self.k, len(z) - 1),
            trustworthiness_k=self.trustworthiness_k,
            anchors=drawn,
            progress=self.progress,
        )


FUNCTIONS = ("encode", "decode", "progress")
NEEDED = {
    "x": "images",
    "encode": "an encoder",
    "decode": "a trained decoder",
    "train_z": "training latents",
    "train_labels": "labels of training images",
    "bank_z": "augmented views",
    "train_images": "training images",
    "test_images": "test images",
    "dynamics": "a trained decoder",
    "reconstruction_errors": "a trained decoder",
    "training_seconds": "a training",
}


class Measured(NamedTuple):
    """Metrics of a space.

    Attributes:
        values: by name; may be infinite, never NaN.
        margins: by name, of those estimated from anchors: half the 95 % confidence interval.
        left_out: by name, why a metric, or one that it is made of, has no value here.
        parts: by name, of those that are the mean of a few values, what each of these is.
        points: by name, of those that are means over points, how many were measured.
    """

    values: dict[str, float]
    margins: dict[str, float]
    left_out: dict[str, str]
    parts: Mapping[str, Mapping[str, float]] = MappingProxyType({})
    points: Mapping[str, int] = MappingProxyType({})


def measure(space: Space, metrics: str | Iterable[str]) -> Measured:
    """Registered metrics of a space.

    Args:
        space: what there is to measure.
        metrics: "analysis", "manifold", "probes" or "profile", all metrics of that report; or the
            names of some.

    Raises:
        ValueError: an unknown name, or arrays that do not fit, or hold values that are not finite.
    """
    parts: dict[str, Mapping[str, float]] = {}
    points: dict[str, int] = {}
    found = Measured({}, {}, {}, parts, points)
    for name in names(report=metrics) if isinstance(metrics, str) else metrics:
        hand_back_freed_memory()  # or what metrics of large images leave between them adds up
        try:
            value = space.get(name)
        except NotMeasurable as reason:
            found.left_out[name] = str(reason)
            continue
        if isinstance(value, Mapping):
            parts[name] = value
            value = sum(value.values()) / len(value)
        if isinstance(value, Tensor):
            points[name], every = len(value), len(space.get("z"))
            if len(value) < every:
                found.margins[name] = mean_margin(value, every)
            value = value.mean()
        found.values[name] = float(value)
    return found
