"""The manifold score: six views of a latent space as one number."""

from grounding import _registry as register


@register.metric(
    "manifold_score",
    unit="of 100",
    report="",
    digits=1,
    better="higher",
    tables=(),
    place=10,
)
def manifold_score(
    knn_test_accuracy: float,
    trustworthiness: float,
    neighbor_label_agreement: float,
    silhouette: float,
    davies_bouldin: float,
    fisher_ratio: float,
) -> float:
    """The mean of six metrics, each brought to [0, 1] with 1 best, times 100.

    ``100 * mean(knn_test_accuracy, trustworthiness, neighbor_label_agreement,
    (silhouette + 1) / 2, 1 / (1 + davies_bouldin), fisher_ratio / (1 + fisher_ratio))``. An
    infinite davies_bouldin counts 0, an infinite fisher_ratio 1.

    It is linear in the metrics that are means over points: of their values at single points it
    makes values whose mean is the score.
    """
    parts = (
        knn_test_accuracy,
        trustworthiness,
        neighbor_label_agreement,
        (silhouette + 1) / 2,
        1 / (1 + davies_bouldin),
        1 - 1 / (1 + fisher_ratio),
    )
    return 100 * sum(parts) / len(parts)
