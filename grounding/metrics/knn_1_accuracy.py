"""How many test images their one nearest training latent names right."""

from __future__ import annotations

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.classification import accuracy


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
