"""How much nearer the own class is than the nearest other one."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.pairs import point_values


def silhouette(z: Array, labels: Array) -> float:
    """Mean of ``(b - a) / max(a, b)``, in [-1, 1]; 1 is best.

    a is a point's mean distance to the others of its class, b the least mean distance to another
    class. A point alone in its class counts 0, and so does one with a = b = 0. Rousseeuw 1987.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    return float(point_values(z, labels=labels, k=1)["silhouette"].mean())


@register.metric("silhouette", better="higher", tables=(), place=21)
def _silhouette(labels: Tensor, pairs: Mapping[str, Tensor]) -> Tensor:  # noqa: ARG001
    """Own class against the nearest other class, -1 to 1."""
    return pairs["silhouette"]
