import pytest
import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.neighbors import KNeighborsClassifier

from grounding.metrics.classification import accuracy, classification_report, knn_predict
from grounding.metrics.neighbors import nearest


def test_majority_and_ties_to_the_lowest_label():
    labels = torch.tensor([[2, 2, 1], [1, 0, 1], [2, 1, 0], [2, 2, 2]])
    assert knn_predict(labels, 3).tolist() == [2, 1, 0, 2]
    assert knn_predict(torch.tensor([[3, 1, 1, 3]]), 5).tolist() == [1]


def test_predicts_as_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.randn(n, 3, generator=generator) for n in (400, 150))
    labels = torch.randint(0, 6, (400,), generator=generator)
    found = knn_predict(labels[nearest(test, train, 4).indices], 6)
    oracle = KNeighborsClassifier(n_neighbors=4, algorithm="brute").fit(train.double(), labels)
    assert found.tolist() == oracle.predict(test.double()).tolist()


def test_report_of_five_points_by_hand():
    report = classification_report(torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 0]), 3)
    assert report[0] == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert report[1] == pytest.approx((1 / 2, 1 / 2, 1 / 2, 2))
    assert report[2] == (0.0, 0.0, 0.0, 0)
    assert accuracy(torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 0])) == 0.6


def test_report_as_scikit_learn():
    generator = torch.Generator().manual_seed(1)
    y_true = torch.randint(0, 8, (500,), generator=generator)
    y_pred = torch.randint(1, 9, (500,), generator=generator)
    report = classification_report(y_true, y_pred, 10)
    oracle = precision_recall_fscore_support(y_true, y_pred, labels=range(10), zero_division=0)
    for ours, theirs in zip(zip(*report, strict=True), oracle, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert accuracy(y_true, y_pred) == pytest.approx(accuracy_score(y_true, y_pred), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: knn_predict(torch.zeros(3, dtype=torch.int64), 2), r"shape \(3,\)"),
        (lambda: knn_predict(torch.tensor([[0, 2]]), 2), "from 0 to 2, allowed: 0 to 1"),
        (lambda: knn_predict(torch.tensor([[0, -1]]), 2), "from -1 to 0"),
        (lambda: knn_predict(torch.zeros(2, 2), 2), "float32, expected integers"),
        (lambda: accuracy(torch.zeros(2), torch.zeros(3)), r"\(2,\) and y_pred \(3,\)"),
        (lambda: accuracy(torch.zeros(0), torch.zeros(0)), "N >= 1"),
        (
            lambda: classification_report(torch.tensor([0]), torch.tensor([7]), 2),
            "y_pred are from 7 to 7",
        ),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
