"""What is measured after an epoch, and what a training chooses by it."""

import dataclasses
import math
import re

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from small_trainings import kept, new_model, splits, trained

from grounding.data import to_unit
from grounding.training import KNN, Epoch
from grounding.training.history import best_of, has_stalled
from grounding.training.validation import collapse


def history(*values, of="val_loss"):
    """Epochs with these values of a measure."""
    plain = {"train_loss": 1.0, "val_loss": None, "seconds": 1.0, "images_per_second": 1.0}
    return [Epoch(**{"epoch": n, **plain, of: value}) for n, value in enumerate(values, 1)]


def inverted():
    """Validation images that a model draws the worse the longer it has learnt the others."""
    val = splits().val
    return dataclasses.replace(splits(), val=dataclasses.replace(val, images=255 - val.images))


def knn(every=1, k=1, metric="euclidean"):
    return KNN(splits().train.labels, splits().val.labels, every=every, k=k, metric=metric)


def weights(training):
    return {**training.model.state_dict()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_epoch_by_hand():
    assert best_of(history(0.5, 0.2, 0.2, 0.3), "val_loss").epoch == 2
    assert best_of(history(0.5, None, 0.9, 0.9, of="val_knn"), "val_knn").epoch == 3
    assert best_of(history(None, None), "val_loss") is None
    assert best_of([], "val_knn") is None


@pytest.mark.parametrize(
    ("values", "patience", "stalled"),
    [
        ((), 1, False),
        ((0.5,), 1, False),
        ((0.5, 0.6), 1, True),
        ((0.5, 0.5), 1, True),
        ((0.5, 0.6, 0.4), 1, False),
        ((0.5, 0.6, 0.7), 2, True),
        ((0.5, 0.6, 0.7), 3, False),
        ((0.5, None, 0.6, None, 0.7), 2, True),  # measured every other epoch
        ((0.5, None, 0.6, None), 2, False),
        ((None, None, None), 1, False),
        ((0.5, 0.6, 0.7), 0, False),
    ],
)
def test_when_a_training_has_stalled_by_hand(values, patience, stalled):
    assert has_stalled(history(*values), "val_loss", patience) is stalled
    upwards = [None if value is None else -value for value in values]
    assert has_stalled(history(*upwards, of="val_knn"), "val_knn", patience) is stalled


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_knn_accuracy_is_that_of_scikit_learn(metric):
    training = trained("conv", epochs=1, val_knn=knn(metric=metric))
    with torch.inference_mode():
        model = training.model.eval()
        train, val = (model.encode(to_unit(s.images)) for s in (splits().train, splits().val))
    oracle = KNeighborsClassifier(1, metric=metric).fit(train, splits().train.labels)
    expected = oracle.score(val, splits().val.labels)
    assert 0.1 < expected < 1
    assert training.history[0].val_knn == pytest.approx(expected)


def test_what_is_only_shown_changes_nothing():
    plain, shown = trained("dropout", epochs=4), trained("dropout", epochs=4, val_knn=knn(every=2))
    assert [epoch.val_knn is None for epoch in shown.history] == [True, False, True, False]
    assert same(weights(plain), weights(shown))
    losses = [[(e.train_loss, e.val_loss) for e in t.history] for t in (plain, shown)]
    assert losses[0] == losses[1]


def test_a_training_ends_once_nothing_gets_better():
    training = trained("conv", epochs=9, images=inverted(), patience=2)
    assert [epoch.epoch for epoch in training.history] == [1, 2, 3]
    assert same(weights(training), weights(trained("conv", epochs=3)))


def test_the_weights_of_the_best_epoch_are_kept():
    training = trained("conv", epochs=3, images=inverted(), keep_best="val_loss")
    assert best_of(training.history, "val_loss").epoch == 1
    assert same(training.best, weights(trained("conv", epochs=1)))
    assert not same(training.best, weights(training))
    by_knn = trained("conv", epochs=3, val_knn=knn(every=2), keep_best="val_knn")
    assert same(by_knn.best, weights(trained("conv", epochs=2)))
    assert trained("conv").best == {}


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_training_that_goes_on_chooses_as_an_uninterrupted_one(after):
    chosen = {"images": inverted(), "patience": 3, "keep_best": "val_loss"}
    chosen |= {"val_knn": knn(), "learning_rate": 0.01}
    parts = []
    whole = kept(trained("conv", epochs=9, save=lambda t: parts.append(kept(t)), **chosen))
    assert len(parts) == len(whole.history) == 4
    resumed = kept(trained("conv", epochs=9, start=parts[after - 1], **chosen))
    for name in ("state_dict", "best"):
        assert same(getattr(whole, name), getattr(resumed, name))
    for one, other in zip(whole.history, resumed.history, strict=True):
        assert dataclasses.replace(one, seconds=0, images_per_second=0) == dataclasses.replace(
            other, seconds=0, images_per_second=0
        )


@pytest.mark.parametrize(
    ("scale", "offset", "said"),
    [
        (1.0, 0.0, ""),
        (
            1e-3,
            5.0,
            "the latents have collapsed: .* spread over 1.0 dimensions of 8 .RankMe.; train",
        ),
        (0.0, 5.0, "the latents have collapsed: .* are all the same; train longer"),
        (1.0, math.inf, "some latents of the validation images are not finite numbers"),
    ],
)
def test_latents_that_have_collapsed_are_said_once(scale, offset, said):
    lines, model = [], new_model("vicreg")
    with torch.no_grad():
        model.encoder[-1].weight.mul_(scale)
    model.encoder.register_forward_hook(lambda module, _, z: z if module.training else z + offset)
    trained("vicreg", model=model, learning_rate=1e-12, warn=lines.append)
    assert len(lines) == bool(said)
    assert all(re.match(said, line) for line in lines)


def test_the_collapse_of_a_single_number_is_seen_as_well():
    model = new_model("conv")
    model.encoder.register_forward_hook(lambda _, images, z: z[:, :1])
    assert collapse(model, splits().val.images) == ""
    model.encoder.register_forward_hook(lambda _, images, z: 0 * z + 3)
    assert "are all the same" in collapse(model, splits().val.images)
