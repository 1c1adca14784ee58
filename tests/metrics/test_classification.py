import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.neighbors import KNeighborsClassifier

from grounding.metrics import (
    accuracy,
    classification_report,
    knn_accuracy,
    knn_predict,
    nearest,
    neighbor_label_agreement,
    neighbor_label_shares,
)


def test_majority_and_ties_to_the_lowest_label():
    labels = torch.tensor([[2, 2, 1], [1, 0, 1], [2, 1, 0], [2, 2, 2]])
    assert knn_predict(labels).tolist() == [2, 1, 0, 2]
    assert knn_predict(np.array([[300, -7, -7, 300], [26, 1000, 26, 1]])).tolist() == [-7, 26]


def test_predicts_as_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(n, 3, generator=generator) for n in (400, 150))
    labels = torch.randint(-3, 3, (400,), generator=generator) * 100
    found = knn_predict(labels[nearest(test, train, 4).indices])
    oracle = KNeighborsClassifier(n_neighbors=4, algorithm="brute").fit(train.double(), labels)
    expected = torch.tensor(oracle.predict(test.double()))
    assert torch.equal(found, expected)
    truth = torch.randint(-3, 3, (150,), generator=generator) * 100
    share = (expected == truth).double().mean().item()
    assert knn_accuracy(train.numpy(), labels.numpy(), test.numpy(), truth.numpy(), 4) == share


def test_report_of_five_points_by_hand():
    y_true, y_pred = torch.tensor([0, 0, 0, 700, 700]), torch.tensor([0, 0, 700, 700, 0])
    first, second = report = classification_report(y_true, y_pred)
    assert first == pytest.approx((0, 2 / 3, 2 / 3, 2 / 3, 3))
    assert second == pytest.approx((700, 1 / 2, 1 / 2, 1 / 2, 2))
    assert accuracy(y_true, y_pred) == 0.6
    # Asked for, a class that occurs nowhere has a row, too.
    assert classification_report(y_true, y_pred, (0, 5, 700)) == [first, (5, 0, 0, 0, 0), second]
    assert classification_report(y_true, y_pred, (0, 700)) == report


def test_report_as_scikit_learn():
    generator = torch.Generator().manual_seed(1)
    y_true = torch.randint(0, 8, (500,), generator=generator) * 3 - 5
    y_pred = torch.randint(1, 9, (500,), generator=generator) * 3 - 5
    report = classification_report(y_true, y_pred)
    labels = [3 * i - 5 for i in range(9)]
    oracle = precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0)
    assert [score.label for score in report] == labels
    for ours, theirs in zip(list(zip(*report, strict=True))[1:], oracle, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert accuracy(y_true, y_pred) == pytest.approx(accuracy_score(y_true, y_pred), abs=1e-12)


def test_label_agreement_by_hand():
    indices = torch.tensor([[1, 2], [0, 2], [0, 1], [2, 1]])
    assert neighbor_label_shares(indices, np.array([5, 5, 5, 7])).tolist() == [1, 1, 1, 0]
    assert neighbor_label_shares(indices, torch.tensor([5, 5, 7, 7])).tolist() == [0.5, 0.5, 0, 0.5]
    line = torch.tensor([[0.0], [1.0], [2.5], [10.0]])
    assert neighbor_label_agreement(line, torch.tensor([5, 5, 5, 7]), 1) == 3 / 4
    with pytest.raises(ValueError, match=r"expected \(N, k\) and \(N,\)"):
        neighbor_label_shares(torch.zeros(4, 2, dtype=torch.int64), torch.zeros(3).long())


def test_wrong_arguments():
    none, two = np.zeros(0, int), np.zeros(2, int)
    for call, true, predicted, message in (
        (accuracy, two, np.zeros(3, int), r"\(2,\) and y_pred \(3,\)"),
        (accuracy, none, none, "N >= 1"),
        (classification_report, two, np.zeros(2), "float64, expected whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            call(true, predicted)
