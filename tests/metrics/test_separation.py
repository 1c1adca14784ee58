import math

import numpy as np
import pytest
import torch
from operations import blocks_of
from sklearn import metrics

from grounding.metrics import calinski_harabasz, davies_bouldin, fisher_ratio, silhouette

ALL = [silhouette, calinski_harabasz, davies_bouldin, fisher_ratio]


def clusters(dtype=torch.float64, n=400, spread=1.0):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 7, (n,), generator=generator) * 3 - 2  # gaps between the labels
    means = torch.randn(30, 6, generator=generator, dtype=torch.float64) * 2
    noise = torch.randn(n, 6, generator=generator, dtype=torch.float64) * spread
    return (means[labels + 2] + noise + 5).to(dtype), labels


# Classes {0, 2} and {10, 14} on a line: means 1 and 12, mean of all 6.5.
POINTS = torch.tensor([[0.0], [2.0], [10.0], [14.0]])
LABELS = torch.tensor([4, 4, 9, 9])


def test_four_points_by_hand():
    between, within = 2 * 5.5**2 * 2, 1 + 1 + 4 + 4
    assert fisher_ratio(POINTS, LABELS) == pytest.approx(between / within, abs=1e-12)
    assert calinski_harabasz(POINTS, LABELS) == pytest.approx(between / (within / 2), abs=1e-12)
    assert davies_bouldin(POINTS, LABELS) == pytest.approx((1 + 2) / 11, abs=1e-12)
    own, other = (2, 2, 4, 4), (12, 10, 9, 13)
    expected = sum((b - a) / b for a, b in zip(own, other, strict=True)) / 4
    assert silhouette(POINTS, LABELS) == pytest.approx(expected, abs=1e-12)
    assert silhouette(POINTS.byte(), LABELS) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_agree_with_scikit_learn(dtype, within, spread):
    points, labels = clusters(dtype, spread=spread)
    labels[0], labels[1] = 100, 101  # alone in their classes
    oracle = points.double().numpy(), labels.numpy()
    for ours, theirs in (
        (silhouette, metrics.silhouette_score),
        (calinski_harabasz, metrics.calinski_harabasz_score),
        (davies_bouldin, metrics.davies_bouldin_score),
    ):
        assert ours(points, labels) == pytest.approx(theirs(*oracle), rel=within, abs=within)
    with blocks_of(7):
        assert silhouette(points, labels) == pytest.approx(
            metrics.silhouette_score(*oracle), abs=within
        )


@pytest.mark.parametrize("far", [1e7, 3e38, -3e38])
@pytest.mark.parametrize("rows", [256, 7])
def test_a_few_far_points_leave_the_others_silhouettes_as_they_are(far, rows):
    points, labels = clusters(torch.float32)
    points[0], points[1, 2] = far, -far
    p = points.double().numpy()
    distances = np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))
    expected = metrics.silhouette_score(distances, labels.numpy(), metric="precomputed")
    with blocks_of(rows):
        assert silhouette(points, labels) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("far", [1e7, 1e19, -3e38])
@pytest.mark.parametrize("row", [0, 5])
def test_one_far_point_takes_no_digits_of_the_other_classes(far, row):
    points, labels = clusters(torch.float32)
    points[row] = far
    oracle = points.double().numpy(), labels.numpy()
    for ours, theirs in (
        (calinski_harabasz, metrics.calinski_harabasz_score),
        (davies_bouldin, metrics.davies_bouldin_score),
    ):
        assert ours(points, labels) == pytest.approx(theirs(*oracle), rel=1e-9)


def test_classes_without_scatter_and_a_collapsed_space():
    points = torch.tensor([[0.1, 0.2]] * 3 + [[5.0, 1.0]] * 2)
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert [metric(points, labels) for metric in ALL] == [1, math.inf, 0, math.inf]
    assert calinski_harabasz(points[::3], labels[::3]) == 0  # no class has a second point
    same = torch.full((5, 3), 0.1)
    assert [metric(same, labels) for metric in ALL] == [0, 0, math.inf, 0]


@pytest.mark.parametrize("metric", ALL)
def test_wrong_arguments(metric):
    for points, labels, message in (
        (POINTS, torch.zeros(4, dtype=torch.int64), "1 class, at least 2"),
        (POINTS, LABELS[:3], r"\(4, 1\) and labels \(3,\)"),
        (torch.where(POINTS == 2, torch.nan, POINTS), LABELS, "not finite"),
        (POINTS[:, 0], LABELS, r"expected \(N, D\)"),
        (POINTS, LABELS.double(), "float64, expected whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            metric(points, labels)
