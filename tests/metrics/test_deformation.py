"""Deformed images: all drawings tried out on tiny ones, and digits with known neighbours."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel

from grounding import data
from grounding.metrics import (
    accuracy,
    deformation,
    deskew,
    hidden_markov_distortion,
    hog,
    image_distortion,
    knn_accuracy,
    knn_predict,
)

MOVES = range(-2, 3)


def contexts(image):
    """Gradients of the 3 x 3 pixels around each pixel of an image (C, H, W): (H, W, 18 C)."""
    gradients = [sobel(part, axis, mode="nearest") / 8 for part in image for axis in (0, 1)]
    padded = np.pad(gradients, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(*image.shape[1:], -1)


def tried_out(query, reference):
    """Both distances by their definitions, over all drawings."""
    query, reference = contexts(query), contexts(reference)
    height, width = query.shape[:2]

    def cost(y, x, to_y, to_x):
        if not (0 <= to_y < height and 0 <= to_x < width):
            return np.inf
        return ((query[y, x] - reference[to_y, to_x]) ** 2).sum()

    def paths(size):
        for path in product(MOVES, repeat=size):
            places = [i + d for i, d in enumerate(path)]
            steps = np.diff(places)
            if min(places) >= 0 and max(places) < size and set(steps.tolist()) <= {0, 1, 2}:
                yield places

    def column(x, to_x):
        free = {
            (y, to_y): min(cost(y, x, to_y, to_x + d) for d in (-1, 0, 1))
            for y in range(height)
            for to_y in range(height)
        }
        return min(sum(free[y, to_y] for y, to_y in enumerate(path)) for path in paths(height))

    columns = {(x, to_x): column(x, to_x) for x in range(width) for to_x in range(width)}
    every = product(range(height), range(width))
    return (
        sum(min(cost(y, x, y + dy, x + dx) for dy in MOVES for dx in MOVES) for y, x in every),
        min(sum(columns[x, to_x] for x, to_x in enumerate(path)) for path in paths(width)),
    )


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 5, 3), (1, 1, 4)])
def test_the_best_of_all_drawings(shape):
    images = np.random.default_rng(0).random((4, *shape))
    queries, references = torch.tensor(images[:2]).float(), torch.tensor(images[2:]).float()
    expected = np.array([[tried_out(q, r) for r in images[2:]] for q in images[:2]])
    found = image_distortion(queries, references).numpy()
    assert found == pytest.approx(expected[..., 0], abs=1e-5)
    found = hidden_markov_distortion(queries, references).numpy()
    assert found == pytest.approx(expected[..., 1], abs=1e-5)


def test_an_image_is_at_0_from_itself_and_near_where_it_has_moved():
    digits = deskew(data.load().test_images[1:7])
    moved = digits.roll((2, -2), dims=(2, 3))
    for distances in (image_distortion, hidden_markov_distortion):
        assert distances(digits, digits).diagonal().abs().max() < 1e-3
        found = distances(digits, torch.cat((moved, torch.zeros(1, 1, 28, 28))))
        assert found.argmin(1).tolist() == list(range(6))
        assert found.diagonal().max() < 0.02 * found[:, -1].min()
    # By pixels a black image is nearer to half of them than what has moved.
    pixels = torch.cdist(digits.flatten(1), torch.cat((moved.flatten(1), torch.zeros(1, 784))))
    assert (pixels.argmin(1) == 6).sum() == 3


def test_images_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 1, 4, 4\) and references \(3, 1, 5, 4\)"):
        image_distortion(torch.zeros(2, 1, 4, 4), torch.zeros(3, 1, 5, 4))
    with pytest.raises(ValueError, match=r"shape \(2, 16\), expected \(N, C, H, W\)"):
        hidden_markov_distortion(torch.zeros(2, 16), torch.zeros(3, 16))


def test_distances_do_not_depend_on_how_they_are_shared_out(monkeypatch):
    images = torch.rand(9, 1, 7, 8, generator=torch.Generator().manual_seed(0))
    whole = hidden_markov_distortion(images, images[:5])
    monkeypatch.setattr(deformation, "QUERIES", 4)
    monkeypatch.setattr(deformation, "REFERENCES", 2)
    told = []
    parts = hidden_markov_distortion(images, images[:5], lambda *done: told.append(done))
    torch.testing.assert_close(parts, whole)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_hundred_digits_name_others():
    """The nearest of 100 digits, for 200 validation images: .95 of 10,000 in five such draws."""
    splits = data.cut(data.load(), train=100, val=200, test=10, seed=0)
    train, asked = (deskew(data.to_unit(split.images)) for split in (splits.train, splits.val))
    labels = splits.train.labels, splits.val.labels

    def by_points(place):
        return knn_accuracy(place(train), labels[0], place(asked), labels[1], 1)

    def by(distances):
        nearest = labels[0][distances(asked, train).topk(1, largest=False).indices]
        return accuracy(labels[1], knn_predict(nearest))

    assert 0.75 < by_points(lambda images: images.flatten(1)) < 0.87
    assert 0.86 < by_points(hog) < 0.94
    assert 0.90 < by(image_distortion) < 0.98
    assert 0.92 < by(hidden_markov_distortion) < 0.99
