"""The linear probe against its definition, and by hand where the answer is plain."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grounding.metrics import linear_probe_accuracy


def blobs(count, generator, classes):
    """Overlapping classes in five dimensions of very different scales, with labels 7, 300, ..."""
    labels = torch.arange(count) % classes
    centres = torch.tensor([[0.0, 0, 0, 0, 0], [2, 0, 1, 0, 0], [0, 2, -1, 1, 0]])
    points = centres[labels] + torch.randn(count, 5, generator=generator)
    return points * torch.tensor([1.0, 100.0, 0.01, 1.0, 5.0]) + 7, labels * 293 + 7


@pytest.mark.parametrize(("count", "classes"), [(40, 3), (600, 3), (60, 2)])
def test_the_minimum_of_its_loss(count, classes):
    """By Newton's method on all weights, standardised by hand."""
    generator = torch.Generator().manual_seed(count)
    (points, labels), (queries, _) = (blobs(n, generator, classes) for n in (count, 900))
    points, queries = points.double(), queries.double()
    mean, deviation = points.mean(0), points.std(0, correction=0)
    x, q = ((v - mean) / deviation for v in (points, queries))
    y = (labels - 7) // 293

    def loss(flat):
        weights, biases = flat[: 5 * classes].view(5, classes), flat[5 * classes :]
        errors = F.cross_entropy(x @ weights + biases, y, reduction="sum")
        return errors + weights.square().sum() / 2 + 1e-9 * biases.square().sum()

    flat = torch.zeros(6 * classes, dtype=torch.float64)
    for _ in range(30):
        slope = torch.autograd.functional.jacobian(loss, flat)
        flat = flat - torch.linalg.solve(torch.autograd.functional.hessian(loss, flat), slope)
    assert slope.abs().max() < 1e-8
    scores = q @ flat[: 5 * classes].view(5, classes) + flat[5 * classes :]
    expected = scores.argmax(1) * 293 + 7
    assert len(expected.unique()) == classes
    found = linear_probe_accuracy(points, labels, queries, expected)
    assert found >= 0.998  # a query may lie on a border


def test_a_plane_between_two_clusters():
    points = torch.tensor([[0.0, 5.0], [1.0, 5.0], [10.0, 5.0], [11.0, 5.0]])  # one constant number
    labels, queries = torch.tensor([4, 4, 1, 1]), torch.tensor([[5.4, 0.0], [5.6, 9.0], [-50, 5]])
    assert linear_probe_accuracy(points, labels, queries, np.array([4, 1, 4])) == 1
    assert linear_probe_accuracy(points, labels, queries, np.array([4, 1, 1])) == 2 / 3
    generator = torch.Generator().manual_seed(0)
    wide = torch.randn(20, 50, generator=generator)  # more dimensions than points
    assert linear_probe_accuracy(wide, labels.repeat(5), wide, labels.repeat(5)) == 1


def test_what_does_not_fit_is_refused():
    z, labels = torch.eye(2), torch.tensor([0, 1])
    for train_z, train_labels, test_z, problem in (
        (z, labels * 0, z, "only one class"),
        (z, torch.tensor([0, 1, 1]), z, "inconsistent numbers of samples"),
        (z, labels, torch.zeros(2, 3), "3 features"),
        (z / 0, labels, z, "not finite"),
    ):
        with pytest.raises(ValueError, match=problem):
            linear_probe_accuracy(train_z, train_labels, test_z, labels)
