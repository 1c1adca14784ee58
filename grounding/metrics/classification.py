"""Classification by nearest neighbours, and how good it is: in all, and class by class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from grounding.metrics.arrays import Array, as_labels


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
