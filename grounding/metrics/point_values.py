"""What each point adds to the metrics that are means over points, in one pass over distances."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from grounding.metrics.distances import Distances
from grounding.metrics.neighborhood import (
    check_neighborhood,
    preserved_shares,
    rank_excess,
)
from grounding.metrics.neighbors import Progress, check_k, nearest_in_block
from grounding.metrics.separation import Classes, silhouette_in_block


class PointValues(NamedTuple):
    """Terms of M points, each (M,) float64; the mean over all points is the metric.

    Attributes:
        trustworthiness: at most 1, and 1 if the neighbours in z are just those in x.
        continuity: likewise, with the roles swapped.
        agreement: share of the neighbours in z that have the point's label, in [0, 1].
        silhouette: in [-1, 1].
    """

    trustworthiness: Tensor
    continuity: Tensor
    agreement: Tensor
    silhouette: Tensor


def point_values(
    x: Tensor,
    z: Tensor,
    labels: Tensor,
    *,
    k: int,
    trustworthiness_k: int,
    anchors: Tensor | None = None,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> PointValues:
    """Values of all points or of some, each against all points.

    The distances of a block of points to all others are calculated once in x and once in z; each
    metric reads what it needs of them before the next block.

    Args:
        x: (N, P) inputs, float32 or float64, or uint8: images as they are, which is fastest.
        z: (N, D) latents of the same points, on the same device.
        labels: (N,) integers, at least two classes.
        k: neighbours for the label agreement, 1 <= k <= N - 1.
        trustworthiness_k: neighbours for trustworthiness and continuity, 1 <= k < N / 2.
        anchors: (M,) int64, the points to measure; default: all, in order.
        block_bytes: size of a block of distances in x; see `Distances`.
        progress: called with (blocks done, blocks in all).

    Raises:
        ValueError: k out of range, shapes that do not fit, one class only, non-finite values.
    """
    check_neighborhood(x, z, trustworthiness_k)
    check_k(k, len(z) - 1)
    classes = Classes(z, labels)
    itself = torch.arange(len(z), device=z.device) if anchors is None else anchors.to(z.device)
    # The silhouette sums roots of these distances, which float32 would round too coarsely.
    before, after = (
        Distances(
            points if anchors is None else points[itself],
            points,
            itself=itself,
            dtype=dtype,
            block_bytes=block_bytes,
        )
        for points, dtype in ((x, None), (z, torch.float64))
    )
    excess = torch.empty(2, len(itself), dtype=torch.int64, device=z.device)
    agreement, silhouette = torch.empty(2, len(itself), dtype=torch.float64, device=z.device)

    def measure(start: int, stop: int) -> None:
        rows = slice(start, stop)
        block_x, block_z = before.block(start, stop), after.block(start, stop)
        near_x = nearest_in_block(before, block_x, trustworthiness_k).indices
        near_z = nearest_in_block(after, block_z, max(k, trustworthiness_k)).indices
        own = classes.labels[itself[rows], None]
        agreement[rows] = (classes.labels[near_z[:, :k]] == own).double().mean(dim=1)
        near_z = near_z[:, :trustworthiness_k]
        excess[0, rows] = rank_excess(before, block_x, near_z, near_x)
        excess[1, rows] = rank_excess(after, block_z, near_x, near_z)
        silhouette[rows] = silhouette_in_block(block_z, classes)  # overwrites the block

    before.each_block(measure, progress)
    trustworthiness, continuity = preserved_shares(excess.double(), len(z), trustworthiness_k)
    return PointValues(trustworthiness, continuity, agreement, silhouette)
