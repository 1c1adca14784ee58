"""The same ratio per degree of freedom: Calinski-Harabasz."""

from __future__ import annotations

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.separation import Classes, ratio


@register.metric(
    "calinski_harabasz", title="Calinski-Harabasz", digits=1, better="higher", tables=(), place=22
)
def calinski_harabasz(z: Array, labels: Array) -> float:
    """Between-class over within-class scatter, per degree of freedom.

    ``fisher_ratio * (N - K) / (K - 1)`` with K classes; 0 if no class has a second point. Calinski
    and Harabasz 1974.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    classes = Classes(z, labels)
    between, within = classes.scatters()
    count = len(classes.sizes)
    return ratio(between * (len(classes.labels) - count), within * (count - 1))
