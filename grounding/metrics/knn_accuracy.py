"""How many test images their nearest training latents name right."""

from __future__ import annotations

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_labels
from grounding.metrics.classification import accuracy, knn_predict
from grounding.metrics.neighbors import check_k, nearest


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
