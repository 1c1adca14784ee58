"""How far neighbours in latent space are neighbours in pixels."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.pairs import check_same_points, point_values


def trustworthiness(x: Array, z: Array, k: int = 5) -> float:
    """How far the k nearest in z are also near in x, in [0, 1]; 1 is best.

    ``1 - 2 / (n k (2n - 3k - 1)) * sum_i sum_j max(0, r(i, j) - k)`` over the k nearest j of i in
    z, where r is the rank of j among the neighbours of i in x, from 1, by euclidean distance, ties
    by the lower index. Venna and Kaski, Neighborhood preservation in nonlinear projection methods,
    ICANN 2001.

    Args:
        x: (N, P) points before, float32, float64 or uint8.
        z: (N, D) points after, of any of these dtypes.
        k: neighbours, 1 <= k < N / 2.
    """
    return float(point_values(z, x=x, trustworthiness_k=k)["trustworthiness"].mean())


@register.metric("trustworthiness", better="higher", tables=(), place=24)
def _trustworthiness(
    x: Tensor, z: Tensor, trustworthiness_k: int, pairs: Mapping[str, Tensor]
) -> Tensor:
    """Neighbours in latent space that are neighbours in pixels, 0 to 1."""
    check_same_points(x, z, trustworthiness_k)
    return pairs["trustworthiness"]
