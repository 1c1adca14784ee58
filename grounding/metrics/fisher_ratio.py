"""The scatter between classes over that within them."""

from __future__ import annotations

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.separation import Classes, ratio


@register.metric("fisher_ratio", title="Fisher ratio", better="higher", tables=(), place=27)
def fisher_ratio(z: Array, labels: Array) -> float:
    """Between-class over within-class scatter.

    ``sum_c n_c |m_c - m|^2 / sum_i |z_i - m_(y_i)|^2``, >= 0: the sums of squared distances of the
    class means to the mean of all, and of the points to their class mean. inf if every point lies
    on its class mean and the means differ; 0 if all points are one.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    return ratio(*Classes(z, labels).scatters())
