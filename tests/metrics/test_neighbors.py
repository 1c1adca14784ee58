"""Nearest neighbours of real points and of 8-bit images, on this processor and on others."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations, blocks_of
from sklearn import manifold
from sklearn.neighbors import NearestNeighbors

from grounding.data import load
from grounding.metrics import continuity, nearest, neighbors, products, trustworthiness
from grounding.metrics.distances import Distances

DTYPES = pytest.mark.parametrize(
    ("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)]
)


@pytest.fixture(params=["as here", "as on another processor"])
def processor(request, monkeypatch):
    """With 8-bit products where there are some, and without."""
    if request.param != "as here":
        monkeypatch.setattr(products, "_is_exact_here", lambda: False)


def gaussian(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def pixels(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return values * (torch.rand(*shape, generator=generator) < 0.3)  # as in images, many are 0


def by_definition(points, k, exclude_self):
    """The first k of a stable full sort of float64 distances."""
    p = points.double().numpy()
    distances = np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), order


def test_five_points_on_a_line():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0], [7.0]])
    for line in (points, points.byte()):
        found = nearest(line, line, 2, exclude_self=True)
        assert found.indices.tolist() == [[1, 2], [0, 2], [1, 0], [4, 2], [3, 2]]
        assert found.distances.tolist() == [[1, 3], [1, 2], [2, 3], [0, 4], [0, 4]]
        # Otherwise a point finds itself, or its first copy.
        assert nearest(line, line, 1).indices[:, 0].tolist() == [0, 1, 2, 3, 3]


def test_cosine_of_four_directions_and_a_zero_vector():
    references = torch.tensor([[0.0, 2.0], [-3.0, 0.0], [5.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    found = nearest(torch.tensor([[0.5, 0.0], [0.0, 0.0]]), references, 5, metric="cosine")
    assert found.indices[0].tolist() == [2, 3, 0, 4, 1]
    expected = torch.tensor([[0, 1 - math.sqrt(0.5), 1, 1, 2], [1, 1, 1, 1, 1]])
    torch.testing.assert_close(found.distances, expected, atol=1e-7, rtol=0)


@DTYPES
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_agrees_with_scikit_learn(dtype, within, metric, offset):
    references = gaussian(700, 20, dtype=dtype) + offset
    queries = gaussian(90, 20, dtype=dtype, seed=1) + offset
    found = nearest(queries, references, 6, metric=metric)
    oracle = NearestNeighbors(n_neighbors=6, algorithm="brute", metric=metric)
    distances, indices = oracle.fit(references.double()).kneighbors(queries.double())
    assert found.distances.dtype == dtype
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=within, atol=within)


@DTYPES
def test_near_duplicates_far_from_the_origin(dtype, within):
    # By |q|^2 + |r|^2 - 2qr these distances would be noise.
    step = 2.0**-10
    references = torch.tensor([[1000.0 + step * i, 2000.0] for i in range(64)], dtype=dtype)
    references = torch.cat((references, torch.tensor([[-5000.0, 0.0]], dtype=dtype)))
    found = nearest(references[:64], references, 3)
    assert found.indices[:3].tolist() == [[0, 1, 2], [1, 0, 2], [2, 1, 3]]
    np.testing.assert_allclose(found.distances[5], [0, step, step], rtol=within)


@pytest.mark.usefixtures("processor")
@given(
    data=st.data(),
    n=st.integers(2, 40),
    width=st.integers(1, 5),
    offset=st.sampled_from([0.0, 0.5, 1000.0]),
    power=st.sampled_from([0, -100, 62]),
    exclude_self=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_points_full_of_ties(data, n, width, offset, power, exclude_self):
    row = st.lists(st.sampled_from([0, 1, 254, 255]), min_size=width, max_size=width)
    points = torch.tensor(data.draw(st.lists(row, min_size=n, max_size=n)), dtype=torch.uint8)
    k = data.draw(st.integers(1, n - 1))
    distances, indices = by_definition(points, k, exclude_self)
    # Scaled, the squares of these numbers leave the range of float32.
    for some, scale in ((points, 1), ((points + offset) * 2.0**power, 2.0**power)):
        with blocks_of(3):
            found = nearest(some, some, k, exclude_self=exclude_self)
        np.testing.assert_array_equal(found.indices, indices)
        assert found.distances.dtype == torch.float32
        np.testing.assert_allclose(found.distances / scale, distances, rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_blocks_and_precision_change_nothing(metric):
    points = torch.cat((gaussian(150, 12), gaussian(150, 12).round()))
    points[20:60] = points[60:100]
    whole = nearest(points, points, 9, metric=metric, exclude_self=True)
    for rows, precision in ((1, "highest"), (7, "highest"), (256, "medium")):
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(precision)
        with blocks_of(rows):
            parts = nearest(points, points, 9, metric=metric, exclude_self=True)
        torch.set_float32_matmul_precision(before)
        assert torch.equal(parts.indices, whole.indices)
        assert torch.equal(parts.distances, whole.distances)


@DTYPES
def test_error_of_every_block_value_is_within_its_bound(dtype, within):
    points = gaussian(300, 60, dtype=dtype) * torch.logspace(-3, 3, 300, dtype=dtype)[:, None] + 50
    distances = Distances(points, points)
    block = distances.block(0, 256)
    exact = torch.cat([some for _, some in distances.rows(block.queries)]).square()
    error = (block.squared.double() - exact).abs()
    assert bool((error <= block.tolerance[:, None]).all())
    assert float(error.max()) > 0


# 4,000 columns: distances no longer fit into the 24 bits of a float32.
@pytest.mark.parametrize("width", [1, 3, 784, 4000])
@pytest.mark.usefixtures("processor")
def test_distances_of_images_are_exact(width):
    references, queries = pixels(100, width), pixels(30, width, seed=1)
    references[5], queries[7] = 0, 255  # as far apart as points can be
    block = Distances(queries, references).block(0, 30)
    rows = [(row - references.long()).square().sum(dim=1) for row in queries.long()]
    assert torch.equal(block.squared.long(), torch.stack(rows))
    assert not block.tolerance.any()


def test_numbers_that_would_outgrow_32_bits():
    wide = torch.tensor([[0], [255]], dtype=torch.uint8)
    for width in (43_600, 43_700):
        points = wide.expand(2, width)
        assert nearest(points, points, 1).indices.tolist() == [[0], [1]]
        far = nearest(points, points, 1, exclude_self=True).distances
        torch.testing.assert_close(far, torch.full((2, 1), 255 * width**0.5))


@pytest.mark.usefixtures("processor")
def test_mnist_as_it_is_and_as_numbers_from_0_to_1():
    # scikit-learn is the oracle: of distances in float64, without its fast but rounded product.
    images = torch.tensor(load().test_images[:700])
    unit = images.flatten(1).double() / 255
    z = unit @ torch.linalg.svd(unit - unit.mean(dim=0), full_matrices=False).Vh[:8].T
    oracle = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(unit.numpy())
    found = nearest(images, images, 5, exclude_self=True)
    np.testing.assert_array_equal(found.indices.numpy(), oracle.kneighbors()[1])
    np.testing.assert_allclose(found.distances.numpy() / 255, oracle.kneighbors()[0], rtol=1e-6)
    for measure, theirs in (
        (trustworthiness, manifold.trustworthiness(unit, z, n_neighbors=5)),
        (continuity, manifold.trustworthiness(z, unit, n_neighbors=5)),
    ):
        assert measure(images, z, 5) == pytest.approx(theirs, abs=1e-10)
        assert measure(images, z, 5) == measure(unit, z, 5)
    cosine = (nearest(some, some, 3, metric="cosine").indices for some in (images, unit))
    assert torch.equal(*cosine)


def test_input_is_left_alone_and_may_require_gradients_or_be_of_numpy():
    points = gaussian(30, 4, dtype=torch.float64).requires_grad_()
    before = points.detach().clone()
    assert not nearest(points, points, 3, exclude_self=True).distances.requires_grad
    assert torch.equal(points, before)
    images = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 1, 2, 3)[::-1]
    images.flags.writeable = False
    assert nearest(images, images, 1, exclude_self=True).indices.tolist() == [[1], [0], [1], [2]]


def test_wrong_arguments():
    points, more = torch.ones(3, 2), torch.ones(4, 2)
    for queries, references, k, options, message in (
        (points, more, 0, {}, "k is 0, allowed: 1 to 4"),
        (points, more, 5, {}, "k is 5, allowed: 1 to 4"),
        (more, more, 4, {"exclude_self": True}, "k is 4, allowed: 1 to 3"),
        (points, more, 1, {"exclude_self": True}, "3 and 4"),
        (points, torch.ones(4, 3), 1, {}, "dimension 2"),
        (points, more.double(), 1, {}, "float64"),
        (points.int(), more, 1, {}, "int32"),
        (points[0], more, 1, {}, r"shape \(2,\)"),
        (points[:0], more, 1, {}, r"shape \(0, 2\)"),
        (points / 0, more, 1, {}, "queries .* not finite"),
        (points, more * math.nan, 1, {}, "references .* not finite"),
        (points, more, 1, {"metric": "manhattan"}, "'manhattan'"),
    ):
        with pytest.raises(ValueError, match=message):
            nearest(queries, references, k, **options)


@pytest.mark.parametrize(
    "count", [2049, *(pytest.param(n, marks=pytest.mark.full) for n in (2048, 4111))]
)
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "duplicates"])
def test_groups_of_many_references_hide_nothing(count, kind, monkeypatch):
    monkeypatch.setattr(neighbors, "MANY", 0)
    draws = torch.Generator().manual_seed(count)
    points = torch.randn(count, 6, generator=draws)
    if kind == "duplicates":
        points = points[torch.randint(count // 20, (count,), generator=draws)]
    points = (points * 40 + 128).clamp(0, 255).byte() if kind == "uint8" else points
    points = points.double() if kind == "float64" else points
    for own, queries, rows in (
        (False, points[:300], torch.arange(300)),
        (True, points, torch.arange(0, count, 4)),  # of the answers, those that are compared
    ):
        exact = torch.cdist(
            queries[rows].double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist"
        )
        if own:
            exact[torch.arange(len(rows)), rows] = math.inf
        values, order = exact.sort(dim=1, stable=True)
        found = nearest(queries, points, 5, exclude_self=own)
        assert torch.equal(found.indices[rows], order[:, :5])
        distances = found.distances[rows].double()
        torch.testing.assert_close(distances, values[:, :5], rtol=1e-6, atol=0)


@pytest.mark.parametrize("many", [0, neighbors.MANY])
def test_tight_clusters_are_told_apart_without_measuring_every_pair(many, monkeypatch):
    monkeypatch.setattr(neighbors, "MANY", many)
    draws = torch.Generator().manual_seed(0)
    centres = torch.randn(10, 8, generator=draws) * 10
    points = centres.repeat(250, 1) + 1e-3 * torch.randn(2500, 8, generator=draws)
    with Operations() as seen:
        found = nearest(points[:400], points, 4)
    oracle = NearestNeighbors(n_neighbors=4, algorithm="kd_tree").fit(points.double().numpy())
    distances, indices = oracle.kneighbors(points[:400].double().numpy())
    assert np.array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-6, atol=1e-12)
    assert seen.direct < 400 * 2500 / 4


def test_copies_of_one_point_take_no_memory_for_all_pairs(monkeypatch):
    monkeypatch.setattr(neighbors, "MANY", 0)
    points = torch.ones(30_000, 3)
    points[::7000] = 0
    with Operations() as seen:
        found = nearest(points[:257], points, 3)
    assert found.indices[0].tolist() == [0, 7000, 14_000]
    assert found.indices[1:].unique().tolist() == [1, 2, 3]
    assert not found.distances.any()
    assert seen.bytes < 256 * 30_000 * 8 / 4


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_several_threads_find_the_same_in_every_mode_of_torch(mode):
    """What was made in inference mode can be written to in that mode only, in each thread."""
    q, r = gaussian(3000, 8), gaussian(900, 8, seed=1)
    expected, before = nearest(q, r, 5), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with mode():
            found = nearest(q * 1, r * 1, 5)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found.indices, expected.indices)
