import math

import pytest
import torch

from grounding.data.splits import load_splits, to_unit
from grounding.experiment.load import load_experiment
from grounding.metrics.anchors import (
    anchor_count,
    check_anchors,
    choose_anchors,
    mean_margin,
)
from grounding.metrics.manifold import (
    manifold_estimate,
    manifold_metrics,
    manifold_score,
)

OPTIONS = {"k": 5, "trustworthiness_k": 5, "knn_test_accuracy": 0.5}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits():
    """Pixels (1000, 784), a linear map of them to 8 dimensions, and labels of real images."""
    test = load_splits(load_experiment("0", []).data, 0).test
    x = to_unit(test.images[:1000]).flatten(1)
    return x, x @ torch.randn(784, 8, generator=seeded(0)), test.labels[:1000]


def test_margin_by_hand():
    # s^2 = 2.5; 5 of 20 points: 1.96 * sqrt(2.5 / 5) * sqrt(15 / 20).
    values = torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.float64)
    assert mean_margin(values, 20) == pytest.approx(1.959964 * math.sqrt(0.5 * 0.75), rel=1e-6)
    assert mean_margin(values, 5) == 0
    assert mean_margin(torch.full((9,), 0.3, dtype=torch.float64), 1000) == pytest.approx(0)


@pytest.mark.parametrize(
    ("points", "asked", "count"),
    [
        (10_000, None, None),
        (70_000, None, None),
        (70_001, None, 10_000),
        (70_001, 0, None),
        (10_000, 500, 500),
        (500, 500, None),
        (300, 500, None),
    ],
)
def test_how_many_anchors(points, asked, count):
    assert anchor_count(points, asked) == count


def test_anchors_are_a_set_that_the_generator_alone_decides():
    found = choose_anchors(1000, 200, seeded(3))
    assert found.tolist() == sorted(set(found.tolist()))
    assert torch.equal(found, choose_anchors(1000, 200, seeded(3)))
    assert not torch.equal(found, choose_anchors(1000, 200, seeded(4)))
    assert choose_anchors(7, 7, seeded(0)).tolist() == list(range(7))


def test_all_points_as_anchors_are_exact(digits):
    x, z, labels = (part[:300] for part in digits)
    exact = manifold_metrics(x, z, labels, **OPTIONS)
    estimate = manifold_estimate(x, z, labels, torch.arange(300), **OPTIONS)
    assert estimate.metrics == pytest.approx(exact, abs=1e-12)
    assert set(estimate.margins.values()) == {0.0}
    assert estimate.score_margin == 0


def test_intervals_hold_the_exact_values_as_often_as_they_say(digits):
    x, z, labels = digits
    exact = manifold_metrics(x, z, labels, **OPTIONS)
    exact_score = manifold_score(exact)
    rounds, covered, errors = 200, {}, {}
    for seed in range(rounds):
        anchors = choose_anchors(len(z), 120, seeded(seed))
        estimate = manifold_estimate(x, z, labels, anchors, **OPTIONS)
        found = {name: (estimate.metrics[name], m) for name, m in estimate.margins.items()}
        found["score"] = manifold_score(estimate.metrics), estimate.score_margin
        for name, (value, margin) in found.items():
            error = value - (exact_score if name == "score" else exact[name])
            covered[name] = covered.get(name, 0) + (abs(error) <= margin)
            errors.setdefault(name, []).append(error / margin)
    assert set(covered) == {
        "trustworthiness", "continuity", "neighbor_label_agreement", "silhouette", "score"
    }  # fmt: skip
    for name, count in covered.items():
        # 95 % of 200 is 190, with a standard deviation of 3; skewed values cost a little.
        assert 180 <= count <= 199, (name, count)
        # Unbiased: the mean of 200 errors, each 1 / 1.96 of its margin, is within 3.5 deviations.
        assert abs(sum(errors[name]) / rounds) < 3.5 / 1.96 / math.sqrt(rounds), name


def test_what_needs_no_pairs_stays_exact(digits):
    x, z, labels = (part[:500] for part in digits)
    exact = manifold_metrics(x, z, labels, **OPTIONS)
    anchors = choose_anchors(500, 100, seeded(0))
    estimate = manifold_estimate(x, z, labels, anchors, **OPTIONS)
    for name in set(exact) - set(estimate.margins):
        assert estimate.metrics[name] == exact[name]


@pytest.mark.parametrize(
    ("anchors", "message"),
    [
        (torch.tensor([3]), r"shape \(1,\), expected \(M >= 2,\)"),
        (torch.tensor([0.0, 1.0]), "float32"),
        (torch.tensor([0, 10]), "from 0 to 10, allowed: 0 to 9"),
        (torch.tensor([-1, 3]), "from -1 to 3"),
        (torch.tensor([4, 3, 4]), "a point twice"),
    ],
)
def test_wrong_anchors(anchors, message):
    with pytest.raises(ValueError, match=message):
        check_anchors(anchors, 10)


@pytest.mark.parametrize("count", [0, 11])
def test_wrong_numbers_of_anchors(count):
    with pytest.raises(ValueError, match=f"count is {count}, allowed: 1 to 10"):
        choose_anchors(10, count, seeded(0))
