"""How many test images are still named right once decoded and encoded again."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import NotMeasurable, encoded
from grounding.metrics.knn_accuracy import knn_accuracy
from grounding.metrics.neighbors import check_k


@register.metric(
    "cycle_accuracy",
    title="kNN after D and E",
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
