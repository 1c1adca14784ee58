"""How far neighbours in pixels stay neighbours in latent space."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array
from grounding.metrics.pairs import check_same_points, point_values


def continuity(x: Array, z: Array, k: int = 5) -> float:
    """How far the k nearest in x are still near in z, in [0, 1]: trustworthiness, roles swapped."""
    return float(point_values(z, x=x, trustworthiness_k=k)["continuity"].mean())


@register.metric("continuity", better="higher", tables=(), place=25)
def _continuity(
    x: Tensor, z: Tensor, trustworthiness_k: int, pairs: Mapping[str, Tensor]
) -> Tensor:
    """Neighbours in pixels that are neighbours in latent space, 0 to 1."""
    check_same_points(x, z, trustworthiness_k)
    return pairs["continuity"]
