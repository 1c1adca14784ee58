import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grounding.projection.barycentric import barycentric_projection, barycentric_weights

rows_of_distances = st.integers(1, 6).flatmap(
    lambda k: arrays(np.float64, (4, k), elements=st.floats(0, 1e6))
)


def test_weights_by_hand():
    # 1/(d + 1e-6) of 1 and 3, less the 1e-6, is 1 and 1/3: shares 3/4 and 1/4.
    weights = barycentric_weights(np.array([[1.0, 3.0], [2.0, 2.0]]))
    assert weights == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5]]), abs=1e-6)
    # Here the softening counts: 1/1e-6 and 1/(1e-6 + 1e-6), shares 2/3 and 1/3.
    assert barycentric_weights(np.array([[0.0, 1e-6]]))[0] == pytest.approx([2 / 3, 1 / 3])


def test_projection_by_hand():
    points = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 8.0], [9.0, 9.0, 9.0]])
    place = barycentric_projection(np.array([[1.0, 3.0]]), np.array([[0, 1]]), points)
    assert place == pytest.approx(np.array([[1.0, 0.0, 2.0]]), abs=1e-5)


def test_equal_distances_give_the_mean():
    points = np.random.default_rng(0).normal(size=(6, 3))
    place = barycentric_projection(np.full((1, 4), 0.3), np.array([[1, 2, 4, 5]]), points)
    assert place[0] == pytest.approx(points[[1, 2, 4, 5]].mean(axis=0))


def test_a_probe_on_a_reference_lands_on_it():
    weights = barycentric_weights(np.array([[0.0, 0.5, 1.0, 2.0]], dtype=np.float32))
    assert 1 - weights[0, 0] < 1e-4
    points = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [-5.0, 1.0, 0.0]])
    place = barycentric_projection(np.array([[0.0, 0.5, 1.0, 2.0]]), np.arange(4)[None], points)
    assert place[0] == pytest.approx(points[0], abs=1e-4)


def test_float32_input_is_calculated_in_float64():
    points = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    place = barycentric_projection(np.ones((2, 1), np.float32), np.zeros((2, 1), int), points)
    assert place.dtype == np.float64
    assert (place == points).all()


@given(rows_of_distances)
def test_weights_are_shares_that_fall_with_distance(distances):
    weights = barycentric_weights(distances)
    assert (weights > 0).all()
    assert weights.sum(axis=1) == pytest.approx(np.ones(4))
    nearest_first = np.take_along_axis(weights, np.argsort(distances, axis=1), axis=1)
    assert (np.diff(nearest_first, axis=1) <= 0).all()


@given(rows_of_distances, st.integers(0, 2**32 - 1))
def test_a_projection_lies_between_its_references(distances, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(scale=10, size=(9, 3))
    indices = rng.integers(0, 9, size=distances.shape)
    places = barycentric_projection(distances, indices, points)
    assert (places >= points[indices].min(axis=1) - 1e-12).all()
    assert (places <= points[indices].max(axis=1) + 1e-12).all()


def test_no_queries():
    nothing = np.zeros((0, 2))
    assert barycentric_projection(nothing, nothing.astype(int), np.zeros((3, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("distances", "indices", "points", "message"),
    [
        (np.ones(2), np.zeros(2, int), np.zeros((3, 3)), "expected"),
        (np.ones((1, 0)), np.zeros((1, 0), int), np.zeros((3, 3)), "k >= 1"),
        (-np.ones((1, 2)), np.zeros((1, 2), int), np.zeros((3, 3)), "negative or not finite"),
        (np.full((1, 2), np.nan), np.zeros((1, 2), int), np.zeros((3, 3)), "not finite"),
        (np.ones((1, 2)), np.zeros((1, 1), int), np.zeros((3, 3)), "indices have shape"),
        (np.ones((1, 1)), np.full((1, 1), 3), np.zeros((3, 3)), "outside 0 to 2"),
        (np.ones((1, 1)), np.full((1, 1), -1), np.zeros((3, 3)), "outside 0 to 2"),
        (np.ones((1, 1)), np.zeros((1, 1)), np.zeros((3, 3)), "expected integers"),
        (np.ones((1, 1)), np.zeros((1, 1), int), np.full((3, 3), np.inf), "all finite"),
    ],
)
def test_bad_arguments(distances, indices, points, message):
    with pytest.raises(ValueError, match=message):
        barycentric_projection(distances, indices, points)
