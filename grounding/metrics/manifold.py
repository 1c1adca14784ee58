"""The manifold score: six views of a latent space as one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from grounding.metrics.anchors import check_anchors, mean_margin
from grounding.metrics.neighbors import Progress
from grounding.metrics.point_values import PointValues, point_values
from grounding.metrics.separation import calinski_harabasz, davies_bouldin, fisher_ratio

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
        x: (N, P) inputs, float32 or float64, or uint8: images as they are, which is fastest.
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
    values = point_values(
        x,
        z,
        labels,
        k=k,
        trustworthiness_k=trustworthiness_k,
        block_bytes=block_bytes,
        progress=progress,
    )
    return _metrics(values, z, labels, knn_test_accuracy)


class ManifoldEstimate(NamedTuple):
    """Metrics of which some are means over a sample of the points.

    Attributes:
        metrics: those of `manifold_metrics`.
        margins: by the name of each estimated metric, half its confidence interval; see
            `mean_margin`.
        score_margin: half the confidence interval of the manifold score.
    """

    metrics: dict[str, float]
    margins: dict[str, float]
    score_margin: float


def manifold_estimate(
    x: Tensor,
    z: Tensor,
    labels: Tensor,
    anchors: Tensor,
    *,
    k: int,
    trustworthiness_k: int,
    knn_test_accuracy: float,
    block_bytes: int | None = None,
    progress: Progress | None = None,
) -> ManifoldEstimate:
    """The metrics of `manifold_metrics`, the means over points taken over anchors only.

    An anchor is compared with all points, so that what it adds is what it adds to the exact mean:
    the estimates of trustworthiness, continuity, neighbor_label_agreement and silhouette are
    unbiased. The other metrics are exact. The cost is that of M x N distances, not N x N.

    Args:
        x: (N, P); this and whatever else is not named below is as there.
        z: (N, D).
        labels: (N,).
        anchors: (M,) int64, different points drawn at random; at least 2. See `choose_anchors`.
        k: neighbours for the label agreement.
        trustworthiness_k: neighbours for trustworthiness and continuity.
        knn_test_accuracy: passed through.
        block_bytes: size of a block of distances.
        progress: called with (blocks done, blocks in all).

    Raises:
        ValueError: as there, and for anchors that are no sample of the points.
    """
    check_anchors(anchors, len(z))
    values = point_values(
        x,
        z,
        labels,
        anchors=anchors,
        k=k,
        trustworthiness_k=trustworthiness_k,
        block_bytes=block_bytes,
        progress=progress,
    )
    shares = {
        "trustworthiness": values.trustworthiness,
        "continuity": values.continuity,
        "neighbor_label_agreement": values.agreement,
        "silhouette": values.silhouette,
    }
    # The score is linear in these, so that it is itself a mean over the points.
    scored = (values.trustworthiness + values.agreement + values.silhouette / 2) * (
        100 / len(SCORED)
    )
    return ManifoldEstimate(
        metrics=_metrics(values, z, labels, knn_test_accuracy),
        margins={name: mean_margin(share, len(z)) for name, share in shares.items()},
        score_margin=mean_margin(scored, len(z)),
    )


def _metrics(
    values: PointValues, z: Tensor, labels: Tensor, knn_test_accuracy: float
) -> dict[str, float]:
    return {
        "knn_test_accuracy": float(knn_test_accuracy),
        "silhouette": float(values.silhouette.mean()),
        "calinski_harabasz": calinski_harabasz(z, labels),
        "davies_bouldin": davies_bouldin(z, labels),
        "trustworthiness": float(values.trustworthiness.mean()),
        "continuity": float(values.continuity.mean()),
        "neighbor_label_agreement": float(values.agreement.mean()),
        "fisher_ratio": fisher_ratio(z, labels),
    }
