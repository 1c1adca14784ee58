"""How far classes overlap: Davies-Bouldin."""

from __future__ import annotations

import math

import torch

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.separation import Classes


@register.metric("davies_bouldin", title="Davies-Bouldin", better="lower", tables=(), place=23)
def davies_bouldin(z: Array, labels: Array) -> float:
    """Overlap of classes, 0 is best.

    The mean over classes of the largest ``(s_i + s_j) / |m_i - m_j|``; m are the class means, s the
    mean distances to them. Two classes with the same mean are not separated at all: the value is
    inf. Davies and Bouldin 1979.

    Args:
        z: (N, D).
        labels: (N,), at least two classes.
    """
    classes = Classes(z, labels)
    means, deviations = classes.means()
    spreads = classes.one_hot @ deviations.norm(dim=1) / classes.sizes
    apart = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist")
    ratios = (spreads[:, None] + spreads) / apart
    ratios = torch.where(apart == 0, math.inf, ratios)
    return float(ratios.fill_diagonal_(-math.inf).amax(dim=1).mean())
