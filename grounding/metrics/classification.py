"""Classification by nearest neighbours, and how good it is, class by class."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ClassScore(NamedTuple):
    """How well one class is recognised.

    Attributes:
        precision: share of the points predicted as this class that are of it, in [0, 1].
        recall: share of the points of this class that were predicted as it, in [0, 1].
        f1: harmonic mean of the two, in [0, 1].
        support: number of points of this class.
    """

    precision: float
    recall: float
    f1: float
    support: int


def knn_predict(neighbor_labels: Tensor, num_classes: int) -> Tensor:
    """Majority vote of the neighbours; of equally frequent labels the lowest wins.

    Args:
        neighbor_labels: (Q, k) integers in 0..num_classes - 1.
        num_classes: number of classes, at least 1.

    Returns:
        (Q,) int64.

    Raises:
        ValueError: for another shape or a label out of range.
    """
    if neighbor_labels.ndim != 2 or neighbor_labels.shape[1] < 1:
        raise ValueError(
            f"neighbor_labels have shape {tuple(neighbor_labels.shape)}, expected (Q, k >= 1)"
        )
    labels_Qk = _checked_labels("neighbor_labels", neighbor_labels, num_classes)
    votes_QC = labels_Qk.new_zeros(len(labels_Qk), num_classes)
    votes_QC.scatter_add_(1, labels_Qk, torch.ones_like(labels_Qk))
    return votes_QC.argmax(dim=1)


def accuracy(y_true: Tensor, y_pred: Tensor) -> float:
    """Share of predictions that are right, in [0, 1]; both tensors (N,), N >= 1."""
    _check_pair(y_true, y_pred)
    return float((y_true == y_pred).double().mean())


def classification_report(y_true: Tensor, y_pred: Tensor, num_classes: int) -> list[ClassScore]:
    """Scores of class 0, 1, ..., num_classes - 1; a score that is 0 / 0 is 0.

    Args:
        y_true: (N,) integers in 0..num_classes - 1.
        y_pred: (N,), likewise.
        num_classes: number of classes, at least 1.

    Raises:
        ValueError: for shapes that do not fit or a label out of range.
    """
    _check_pair(y_true, y_pred)
    y_true = _checked_labels("y_true", y_true, num_classes)
    y_pred = _checked_labels("y_pred", y_pred, num_classes)
    support = torch.bincount(y_true, minlength=num_classes).tolist()
    predicted = torch.bincount(y_pred, minlength=num_classes).tolist()
    right = torch.bincount(y_true[y_true == y_pred], minlength=num_classes).tolist()
    return [
        ClassScore(_share(r, p), _share(r, s), _share(2 * r, s + p), s)
        for r, p, s in zip(right, predicted, support, strict=True)
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _check_pair(y_true: Tensor, y_pred: Tensor) -> None:
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or len(y_true) == 0:
        raise ValueError(
            f"y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}, "
            "expected the same (N,), N >= 1"
        )


def _checked_labels(name: str, labels: Tensor, num_classes: int) -> Tensor:
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"{name} are {labels.dtype}, expected integers")
    if labels.numel():
        low, high = (int(value) for value in labels.aminmax())
        if low < 0 or high >= num_classes:
            raise ValueError(f"{name} are from {low} to {high}, allowed: 0 to {num_classes - 1}")
    return labels.long()
