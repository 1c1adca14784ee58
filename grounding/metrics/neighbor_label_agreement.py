"""Whether the nearest latents have the same label."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_labels, as_tensor
from grounding.metrics.neighbors import check_k, nearest


def neighbor_label_agreement(z: Array, labels: Array, k: int = 5) -> float:
    """Mean share of the k nearest other points that have a point's label, in [0, 1].

    Args:
        z: (N, D).
        labels: (N,).
        k: neighbours, 1 <= k <= N - 1.
    """
    return float(neighbor_label_shares(nearest(z, z, k, exclude_self=True).indices, labels).mean())


def neighbor_label_shares(indices: Array, labels: Array) -> Tensor:
    """Share of each point's neighbours that have its label, (N,) float64 in [0, 1].

    Args:
        indices: (N, k) int64, the nearest others of each point.
        labels: (N,).
    """
    indices, labels = as_tensor(indices), as_labels(labels)
    if indices.ndim != 2 or labels.shape != indices.shape[:1]:
        raise ValueError(
            f"indices have shape {tuple(indices.shape)} and labels {tuple(labels.shape)}, "
            "expected (N, k) and (N,)"
        )
    labels = labels.to(indices.device)
    return (labels[indices] == labels[:, None]).double().mean(dim=1)


@register.metric(
    "neighbor_label_agreement",
    title="neighbour label agreement",
    better="higher",
    tables=(),
    place=26,
)
def _agreement(z: Tensor, labels: Tensor, k: int, pairs: Mapping[str, Tensor]) -> Tensor:  # noqa: ARG001
    """Share of the nearest latents that have the same label, 0 to 1."""
    check_k(k, len(z) - 1)
    return pairs["neighbor_label_agreement"]
