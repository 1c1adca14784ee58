"""The manifold score: six views of a latent space as one number."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from grounding.core.evaluation.distances import Distances
from grounding.core.evaluation.neighborhood import (
    check_neighborhood,
    neighbor_label_agreement,
    neighbor_ranks,
    preserved_share,
    rank_excess,
)
from grounding.core.evaluation.neighbors import Progress, check_k, nearest_in_block
from grounding.core.evaluation.separation import (
    Classes,
    calinski_harabasz,
    davies_bouldin,
    fisher_ratio,
    silhouette_in_block,
)

SCORED = (
    "knn_test_accuracy",
    "trustworthiness",
    "neighbor_label_agreement",
    "silhouette",
    "davies_bouldin",
    "fisher_ratio",
)


def manifold_score(metrics: Mapping[str, float]) -> float:
    """The mean of six metrics, each brought to [0, 1] with 1 best, times 100.

    ``100 * mean(knn_test_accuracy, trustworthiness, neighbor_label_agreement,
    (silhouette + 1) / 2, 1 / (1 + davies_bouldin), fisher_ratio / (1 + fisher_ratio))``. An
    infinite davies_bouldin counts 0, an infinite fisher_ratio 1.

    Args:
        metrics: at least the keys in `SCORED`.

    Raises:
        ValueError: if a key is missing or a value is NaN.
    """
    missing = [key for key in SCORED if key not in metrics]
    if missing:
        raise ValueError(f"metrics lack {', '.join(missing)}")
    undefined = [key for key in SCORED if math.isnan(metrics[key])]
    if undefined:
        raise ValueError(f"metrics are not numbers: {', '.join(undefined)}")
    parts = (
        metrics["knn_test_accuracy"],
        metrics["trustworthiness"],
        metrics["neighbor_label_agreement"],
        (metrics["silhouette"] + 1) / 2,
        1 / (1 + metrics["davies_bouldin"]),
        1 - 1 / (1 + metrics["fisher_ratio"]),
    )
    return 100 * math.fsum(parts) / len(parts)


def manifold_metrics(
    x: Tensor,
    z: Tensor,
    labels: Tensor,
    *,
    k: int,
    trustworthiness_k: int,
    knn_test_accuracy: float,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """All metrics of one split, in one pass over the distances in x and in z.

    Args:
        x: (N, P) inputs, float32 or float64.
        z: (N, D) latents of the same points, on the same device.
        labels: (N,) integers, at least two classes.
        k: neighbours for the label agreement, 1 <= k <= N - 1.
        trustworthiness_k: neighbours for trustworthiness and continuity, 1 <= k < N / 2.
        knn_test_accuracy: passed through, in [0, 1].
        block_bytes: size of a block of distances; see `Distances`.
        progress: called with (blocks done, blocks in all).

    Returns:
        The metrics in `SCORED`, calinski_harabasz and continuity, by name.

    Raises:
        ValueError: k out of range, shapes that do not fit, one class only, non-finite values.
    """
    check_neighborhood(x, z, trustworthiness_k)
    check_k(k, len(z) - 1)
    classes = Classes(z, labels)
    before = Distances(x, x, exclude_self=True, block_bytes=block_bytes)
    # The silhouette sums roots of these distances, which float32 would round too coarsely.
    after = Distances(z, z, exclude_self=True, dtype=torch.float64, block_bytes=block_bytes)
    intruders = torch.zeros((), dtype=torch.int64, device=z.device)
    missed = torch.zeros_like(intruders)
    silhouettes = torch.zeros((), dtype=torch.float64, device=z.device)
    neighbors = torch.empty(len(z), k, dtype=torch.int64, device=z.device)
    step = min(before.rows_per_block, after.rows_per_block)
    starts = range(0, len(z), step)
    for done, start in enumerate(starts, start=1):
        stop = min(start + step, len(z))
        block_x, block_z = before.block(start, stop), after.block(start, stop)
        near_x = nearest_in_block(before, block_x, trustworthiness_k).indices
        near_z = nearest_in_block(after, block_z, max(k, trustworthiness_k)).indices
        neighbors[start:stop] = near_z[:, :k]
        ranks_x = neighbor_ranks(before, block_x, near_z[:, :trustworthiness_k])
        intruders += rank_excess(ranks_x, trustworthiness_k)
        missed += rank_excess(neighbor_ranks(after, block_z, near_x), trustworthiness_k)
        silhouettes += silhouette_in_block(block_z, classes).sum()
        if progress is not None:
            progress(done, len(starts))
    return {
        "knn_test_accuracy": float(knn_test_accuracy),
        "silhouette": float(silhouettes) / len(z),
        "calinski_harabasz": calinski_harabasz(z, labels),
        "davies_bouldin": davies_bouldin(z, labels),
        "trustworthiness": preserved_share(int(intruders), len(z), trustworthiness_k),
        "continuity": preserved_share(int(missed), len(z), trustworthiness_k),
        "neighbor_label_agreement": neighbor_label_agreement(neighbors, labels),
        "fisher_ratio": fisher_ratio(z, labels),
    }
