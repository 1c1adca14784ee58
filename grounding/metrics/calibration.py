"""Whether the share of the votes that a class gets is how often it is right."""

from __future__ import annotations

from torch import Tensor

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_labels
from grounding.metrics.classification import knn_predict
from grounding.metrics.neighbors import check_k


def vote_shares(neighbor_labels: Array, labels: Array) -> dict[float, tuple[float, int]]:
    """By the share of the neighbours that agree on the answer: its accuracy, and how many points.

    Args:
        neighbor_labels: (Q, k) whole numbers, k >= 1.
        labels: (Q,), what is right.
    """
    votes, truth = as_labels(neighbor_labels).cpu(), as_labels(labels).cpu()
    named = knn_predict(votes)
    counts = (votes == named[:, None]).sum(dim=1)
    right = named == truth
    return {
        count / votes.shape[1]: (
            float(right[counts == count].double().mean()),
            int((counts == count).sum()),
        )
        for count in counts.unique().tolist()
    }


@register.metric(
    "vote_calibration_error",
    title="calibration of votes",
    axis="classes",
    digits=3,
    better="lower",
    tables=("index",),
    place=4,
)
def _vote_calibration_error(test_labels: Tensor, neighbor_labels: Tensor, k: int) -> float:
    """Mean distance between the share of votes and how often they are right, 0 to 1."""
    check_k(k, neighbor_labels.shape[1])
    groups = vote_shares(neighbor_labels, test_labels)
    apart = sum(abs(share - right) * points for share, (right, points) in groups.items())
    return apart / len(test_labels)
