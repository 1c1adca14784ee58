import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from grounding.metrics.separation import (
    calinski_harabasz,
    davies_bouldin,
    fisher_ratio,
    silhouette,
)

ALL = [silhouette, calinski_harabasz, davies_bouldin, fisher_ratio]


def clusters(dtype, seed=0, n=400, dimension=6, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 7, (n,), generator=generator) * 3 - 2  # gaps between the labels
    means = torch.randn(30, dimension, generator=generator, dtype=torch.float64) * 2
    noise = torch.randn(n, dimension, generator=generator, dtype=torch.float64) * spread
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


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_agree_with_scikit_learn(dtype, within, spread):
    points, labels = clusters(dtype, spread=spread)
    oracle = points.double().numpy(), labels.numpy()
    for ours, theirs in (
        (silhouette, metrics.silhouette_score),
        (calinski_harabasz, metrics.calinski_harabasz_score),
        (davies_bouldin, metrics.davies_bouldin_score),
    ):
        assert ours(points, labels) == pytest.approx(theirs(*oracle), rel=within, abs=within)


def test_singletons_have_silhouette_zero_as_in_scikit_learn():
    points, labels = clusters(torch.float64, n=60)
    labels[0], labels[1] = 100, 101
    expected = metrics.silhouette_score(points.numpy(), labels.numpy())
    assert silhouette(points, labels) == pytest.approx(expected, abs=1e-10)


def test_near_duplicates_in_distant_classes():
    # A distance of 1e-3 beside one of 1000 is lost in float32 products.
    points = torch.tensor([[0.0, 0], [1e-3, 0], [1000, 0], [1000, 1e-3], [0, 1000], [1e-3, 1000]])
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    expected = metrics.silhouette_score(points.double().numpy(), labels.numpy())
    assert silhouette(points, labels) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", ALL)
def test_order_of_points_rotation_and_names_of_labels_do_not_matter(metric):
    points, labels = clusters(torch.float64)
    expected = pytest.approx(metric(points, labels), rel=1e-9)
    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(len(points), generator=generator)
    assert metric(points[order], labels[order]) == expected
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q
    assert metric(points @ turn - 3, labels) == expected
    assert metric(points, 50 - labels) == expected
    if metric is not silhouette:
        assert metric(points * 2.0, labels) == expected


def test_silhouette_is_the_same_for_every_block_size():
    points, labels = clusters(torch.float32)
    whole = silhouette(points, labels)
    for block_bytes in (1, 30_000):
        assert silhouette(points, labels, block_bytes=block_bytes) == pytest.approx(
            whole, abs=1e-12
        )


def test_classes_without_scatter():
    points = torch.tensor([[0.1, 0.2]] * 3 + [[5.0, 1.0]] * 2)
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert fisher_ratio(points, labels) == math.inf
    assert calinski_harabasz(points, labels) == math.inf
    assert davies_bouldin(points, labels) == 0
    assert silhouette(points, labels) == 1


def test_a_collapsed_space_is_not_separated():
    points, labels = torch.full((6, 3), 0.1), torch.tensor([0, 0, 0, 1, 1, 1])
    assert fisher_ratio(points, labels) == 0
    assert calinski_harabasz(points, labels) == 0
    assert davies_bouldin(points, labels) == math.inf
    assert silhouette(points, labels) == 0


@pytest.mark.parametrize("metric", ALL)
def test_wrong_arguments(metric):
    with pytest.raises(ValueError, match="1 class, at least 2"):
        metric(POINTS, torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"\(4, 1\) and labels \(3,\)"):
        metric(POINTS, LABELS[:3])
    with pytest.raises(ValueError, match="not finite"):
        metric(torch.where(POINTS == 2, torch.nan, POINTS), LABELS)
    with pytest.raises(ValueError, match=r"expected \(N, D\)"):
        metric(POINTS[:, 0], LABELS)


def test_input_is_left_alone():
    points, labels = clusters(torch.float64, n=50)
    before = points.clone()
    for metric in ALL:
        metric(points, labels)
    np.testing.assert_array_equal(points, before)
