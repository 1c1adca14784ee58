"""How many test images the nearest augmented views of training images name right."""

from __future__ import annotations

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.knn_accuracy import knn_accuracy

BANK_VIEWS, BANK_K = 30, 15


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
