"""Classification by nearest neighbours, and how good it is: in all, and class by class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array, NotMeasurable, as_labels, encoded
from grounding.metrics.neighbors import check_k, nearest

BANK_VIEWS, BANK_K = 30, 15


class ClassScore(NamedTuple):
    """How well one class is recognised.

    Attributes:
        label: of the class.
        precision: share of the points predicted as this class that are of it, in [0, 1].
        recall: share of the points of this class that were predicted as it, in [0, 1].
        f1: harmonic mean of the two, in [0, 1].
        support: number of points of this class.
    """

    label: int
    precision: float
    recall: float
    f1: float
    support: int


def knn_predict(neighbor_labels: Array) -> Tensor:
    """Majority vote of the neighbours; of equally frequent labels the lowest wins.

    Args:
        neighbor_labels: (Q, k) whole numbers, k >= 1.

    Returns:
        (Q,) int64, on the CPU.
    """
    # Only on the CPU is the mode sure to be the lowest.
    return as_labels(neighbor_labels).cpu().mode(dim=1).values


def accuracy(y_true: Array, y_pred: Array) -> float:
    """Share of predictions that are right, in [0, 1]; both (N,), N >= 1."""
    y_true, y_pred = _pair(y_true, y_pred)
    return float((y_true == y_pred).double().mean())


def classification_report(
    y_true: Array, y_pred: Array, labels: Iterable[int] | None = None
) -> list[ClassScore]:
    """Scores class by class; one that is 0 / 0 is 0.

    Args:
        y_true: (N,) whole numbers, N >= 1.
        y_pred: (N,), likewise.
        labels: the classes to report, in this order, whether they occur or not; default: each that
            occurs in either, by ascending label.

    Raises:
        ValueError: for shapes that do not fit, or labels that are no whole numbers.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    scores = []
    for label in torch.cat((y_true, y_pred)).unique().tolist() if labels is None else labels:
        is_it, named = y_true == label, y_pred == label
        right, support, predicted = (int(some.sum()) for some in (is_it & named, is_it, named))
        shares = right / max(predicted, 1), right / max(support, 1)
        f1 = 2 * right / max(support + predicted, 1)
        scores.append(ClassScore(label, *shares, f1, support))
    return scores


def _pair(y_true: Array, y_pred: Array) -> tuple[Tensor, Tensor]:
    true, predicted = as_labels(y_true), as_labels(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or len(true) == 0:
        raise ValueError(
            f"y_true has shape {tuple(true.shape)} and y_pred {tuple(predicted.shape)}, "
            "expected the same (N,), N >= 1"
        )
    return true.cpu(), predicted.cpu()


def knn_accuracy(
    train_z: Array,
    train_labels: Array,
    test_z: Array,
    test_labels: Array,
    k: int = 5,
    *,
    metric: str = "euclidean",
) -> float:
    """Share of test points that the majority of their k nearest training points names right.

    Args:
        train_z: (N, D).
        train_labels: (N,).
        test_z: (Q, D), same dtype and device.
        test_labels: (Q,).
        k: neighbours, 1 <= k <= N; of equally frequent labels the lowest wins.
        metric: "euclidean" or "cosine".
    """
    indices = nearest(test_z, train_z, k, metric=metric).indices
    return accuracy(test_labels, knn_predict(as_labels(train_labels).to(indices.device)[indices]))


@register.metric(
    "knn_test_accuracy",
    title="kNN accuracy",
    better="higher",
    tables=(),
    alias_of="knn_accuracy",
    place=20,
)
@register.metric(
    "knn_accuracy",
    title="kNN accuracy",
    report="analysis",
    axis="classes",
    better="higher",
    tables=("index", "compare", "seeds"),
    place=0,
)
def _knn_accuracy(test_labels: Tensor, neighbor_labels: Tensor, k: int) -> float:
    """Share of test images named right by their nearest training latents."""
    check_k(k, neighbor_labels.shape[1])
    return accuracy(test_labels, knn_predict(neighbor_labels))


@register.metric(
    "knn_1_accuracy",
    title="kNN, k = 1",
    report="probes",
    axis="classes",
    better="higher",
    k=1,
    tables=("index", "compare"),
    place=1,
)
def _knn_1_accuracy(test_labels: Tensor, neighbor_labels: Tensor) -> float:
    """Share of test images named right by their one nearest training latent."""
    return accuracy(test_labels, neighbor_labels[:, 0])


@register.metric(
    "augmented_bank_accuracy",
    title="augmented bank",
    report="probes",
    better="higher",
    k=BANK_K,
    tables=("compare",),
    place=3,
)
def _augmented_bank_accuracy(
    bank_z: Tensor, train_labels: Tensor, test_z: Tensor, test_labels: Tensor, metric: str
) -> float:
    """By the 15 nearest of 30 augmented views of each training image."""
    labels = train_labels.repeat(len(bank_z) // len(train_labels))
    return knn_accuracy(bank_z, labels, test_z, test_labels, BANK_K, metric=metric)


@register.metric(
    "cycle_accuracy",
    title="kNN after D and E",
    report="profile",
    axis="dynamics",
    better="higher",
    tables=("index",),
    place=90,
)
def _cycle_accuracy(
    train_z: Tensor,
    train_labels: Tensor,
    test_z: Tensor,
    test_labels: Tensor,
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    k: int,
    metric: str,
) -> float:
    """Share of test images named right by their latents once decoded and encoded again."""
    check_k(k, len(train_z))
    drawn = encoded(lambda z: encode(decode(z)), test_z)
    if not bool(drawn.isfinite().all()):
        raise NotMeasurable("latents that are decoded and encoded are not finite")
    return knn_accuracy(train_z, train_labels, drawn, test_labels, k, metric=metric)
