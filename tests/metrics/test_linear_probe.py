"""The linear probe against scikit-learn, and by hand where the answer is plain."""

import pytest
import torch

from grounding.metrics.linear_probe import linear_probe


def blobs(count, generator, spread=1.0):
    """Three overlapping classes in five dimensions of very different scales."""
    labels = torch.arange(count) % 3
    centres = torch.tensor([[0.0, 0, 0, 0, 0], [2, 0, 1, 0, 0], [0, 2, -1, 1, 0]])
    points = centres[labels] + spread * torch.randn(count, 5, generator=generator)
    return points * torch.tensor([1.0, 100.0, 0.01, 1.0, 5.0]) + 7, labels


@pytest.mark.parametrize("penalty", [1.0, 30.0])
@pytest.mark.parametrize("count", [40, 600])
def test_the_same_answers_as_scikit_learn(count, penalty):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    generator = torch.Generator().manual_seed(count)
    points, labels = blobs(count, generator)
    queries, _ = blobs(900, generator)
    scaler = StandardScaler().fit(points.double().numpy())
    oracle = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
    oracle.fit(scaler.transform(points.double().numpy()), labels.numpy())
    expected = oracle.predict(scaler.transform(queries.double().numpy()))
    found = linear_probe(points, labels, queries, 3, penalty)
    assert len(set(found.tolist())) == 3
    assert (found.numpy() == expected).mean() >= 0.998  # a query may lie on a border


def test_more_dimensions_than_points_and_the_same_answer_again():
    from sklearn.linear_model import LogisticRegression

    generator = torch.Generator().manual_seed(0)
    points = torch.randn(20, 50, generator=generator)
    labels = (points[:, 0] > 0).long()
    queries = torch.randn(200, 50, generator=generator)
    mean, deviation = points.mean(0), points.std(0, correction=0)
    oracle = LogisticRegression(tol=1e-10, max_iter=10_000)
    oracle.fit(((points - mean) / deviation).numpy(), labels.numpy())
    expected = oracle.predict(((queries - mean) / deviation).numpy())
    found = linear_probe(points, labels, queries, 2)
    assert (found.numpy() == expected).mean() >= 0.99
    assert torch.equal(found, linear_probe(points, labels, queries, 2))


def test_a_plane_between_two_clusters():
    points = torch.tensor([[0.0, 5.0], [1.0, 5.0], [10.0, 5.0], [11.0, 5.0]])  # one constant number
    labels = torch.tensor([4, 4, 1, 1])
    queries = torch.tensor([[5.4, 0.0], [5.6, 900.0], [-50.0, 5.0]])
    assert linear_probe(points, labels, queries, 6).tolist() == [4, 1, 4]


def test_what_says_nothing_gets_the_most_frequent_label():
    points, queries = torch.full((5, 3), 0.1), torch.tensor([[0.1, 3.0, -8.0]])
    assert linear_probe(points, torch.tensor([2, 0, 2, 1, 2]), queries, 3).tolist() == [2]


def test_latents_made_in_inference_mode_can_be_probed():
    with torch.inference_mode():
        points = torch.tensor([[0.0], [1.0], [8.0], [9.0]]).double()
        found = linear_probe(points, torch.tensor([0, 0, 1, 1]), points, 2)
    assert found.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"labels": torch.tensor([0, 3])}, "labels are not in 0 to 2"),
        ({"labels": torch.tensor([0])}, "expected"),
        ({"queries": torch.zeros(1, 3)}, "expected"),
        ({"penalty": 0.0}, "penalty is 0.0"),
        ({"latents": torch.tensor([[0.0, 1.0], [torch.nan, 0.0]])}, "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(changed, problem):
    given = {
        "latents": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        "labels": torch.tensor([0, 1]),
        "queries": torch.zeros(1, 2),
        "num_classes": 3,
    }
    with pytest.raises(ValueError, match=problem):
        linear_probe(**(given | changed))
