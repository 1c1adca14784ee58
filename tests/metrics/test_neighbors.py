import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import LargestTensor
from sklearn.neighbors import NearestNeighbors

from grounding.metrics.distances import Distances
from grounding.metrics.neighbors import nearest

DTYPES = pytest.mark.parametrize(
    ("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)]
)


def gaussian(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def by_definition(queries, references, k, exclude_self):
    """The first k of a stable full sort of float64 distances."""
    q, r = queries.double().numpy(), references.double().numpy()
    distances = np.sqrt(((q[:, None] - r[None]) ** 2).sum(-1))
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), order


def test_five_points_on_a_line():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0], [7.0]])
    found = nearest(points, points, 2, exclude_self=True)
    assert found.indices.tolist() == [[1, 2], [0, 2], [1, 0], [4, 2], [3, 2]]
    assert found.distances.tolist() == [[1, 3], [1, 2], [2, 3], [0, 4], [0, 4]]
    assert found.indices.dtype == torch.int64


def test_without_exclude_self_a_point_finds_itself_or_its_first_copy():
    points = torch.tensor([[2.0, 0.0], [5.0, 1.0], [2.0, 0.0]])
    assert nearest(points, points, 1).indices.tolist() == [[0], [1], [0]]


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
    found = nearest(references[:64], references, 3, exclude_self=False)
    assert found.indices[:3].tolist() == [[0, 1, 2], [1, 0, 2], [2, 1, 3]]
    np.testing.assert_allclose(found.distances[5], [0, step, step], rtol=within)


@DTYPES
def test_many_duplicates_come_in_the_order_of_their_indices(dtype, within):
    points = gaussian(1, 8, dtype=dtype).expand(80, 8).clone()
    points[40] += 1
    found = nearest(points, points, 50, exclude_self=True)
    first = [i for i in range(80) if i not in (40, 7)][:50]
    assert found.indices[7].tolist() == first
    assert found.distances[7].tolist() == [0.0] * 50


@given(
    data=st.data(),
    n=st.integers(2, 40),
    dimension=st.integers(1, 4),
    offset=st.sampled_from([0.0, 0.5, 1000.0]),
    scale=st.sampled_from([1.0, 1e-30, 3e18]),
    exclude_self=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_grid_points_full_of_ties(data, n, dimension, offset, scale, exclude_self):
    cells = data.draw(
        st.lists(
            st.lists(st.integers(0, 2), min_size=dimension, max_size=dimension),
            min_size=n,
            max_size=n,
        )
    )
    k = data.draw(st.integers(1, n - 1))
    grid = torch.tensor(cells, dtype=torch.float32) + offset
    distances, indices = by_definition(grid, grid, k, exclude_self)
    # Scaled, the squares of these numbers leave the range of float32.
    power = 2.0 ** round(math.log2(scale))
    found = nearest(grid * power, grid * power, k, exclude_self=exclude_self)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances / power, distances, rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_block_size_changes_nothing(metric):
    points = torch.cat((gaussian(150, 12), gaussian(150, 12).round()))
    points[20:60] = points[60:100]
    whole = nearest(points, points, 9, metric=metric, exclude_self=True)
    for block_bytes in (1, 5000, 70000):
        parts = nearest(
            points, points, 9, metric=metric, exclude_self=True, block_bytes=block_bytes
        )
        assert torch.equal(parts.indices, whole.indices)
        assert torch.equal(parts.distances, whole.distances)


def test_lower_matmul_precision_changes_nothing():
    points = gaussian(200, 30)
    expected = nearest(points, points, 5, exclude_self=True)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = nearest(points, points, 5, exclude_self=True)
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(found.indices, expected.indices)


def test_order_of_references_does_not_matter():
    references, queries = gaussian(300, 10), gaussian(40, 10, seed=1)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(2))
    found = nearest(queries, references[order], 7)
    expected = nearest(queries, references, 7)
    assert torch.equal(order[found.indices], expected.indices)
    assert torch.equal(found.distances, expected.distances)


@DTYPES
def test_error_of_every_block_value_is_within_its_bound(dtype, within):
    points = gaussian(300, 60, dtype=dtype) * torch.logspace(-3, 3, 300, dtype=dtype)[:, None] + 50
    distances = Distances(points, points)
    block = distances.block(0, 300)
    exact = distances.rows(block.rows).square()
    error = (block.squared.double() - exact).abs()
    assert bool((error <= block.tolerance[:, None]).all())
    assert float(error.max()) > 0


def test_input_is_left_alone_and_may_require_gradients():
    points = gaussian(30, 4, dtype=torch.float64).requires_grad_()
    before = points.detach().clone()
    found = nearest(points, points, 3, exclude_self=True)
    assert torch.equal(points, before)
    assert not found.distances.requires_grad


def test_constant_columns_and_identical_points():
    points = torch.zeros(12, 3)
    points[:, 1] = 0.1
    assert nearest(points, points, 2, exclude_self=True).indices[5].tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["spread", "identical"])
def test_no_tensor_is_larger_than_the_block_and_the_data(kind):
    points = gaussian(1500, 8) if kind == "spread" else torch.ones(1500, 8)
    with LargestTensor() as largest:
        nearest(points, points, 5, exclude_self=True, block_bytes=200_000)
    assert 0 < largest.bytes < 400_000  # 1500 x 1500 floats are 9,000,000


def test_progress_counts_blocks():
    points, calls = gaussian(100, 3), []
    nearest(points, points, 2, block_bytes=100 * 4 * 30, progress=lambda *call: calls.append(call))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("queries", "references", "k", "options", "message"),
    [
        (torch.ones(3, 2), torch.ones(4, 2), 0, {}, "k is 0, allowed: 1 to 4"),
        (torch.ones(3, 2), torch.ones(4, 2), 5, {}, "k is 5, allowed: 1 to 4"),
        (torch.ones(4, 2), torch.ones(4, 2), 4, {"exclude_self": True}, "allowed: 1 to 3"),
        (torch.ones(3, 2), torch.ones(4, 2), 1, {"exclude_self": True}, "3 and 4"),
        (torch.ones(3, 2), torch.ones(4, 3), 1, {}, "dimension 2"),
        (torch.ones(3, 2), torch.ones(4, 2).double(), 1, {}, "float64"),
        (torch.ones(3, 2).int(), torch.ones(4, 2), 1, {}, "int32"),
        (torch.ones(3), torch.ones(4, 2), 1, {}, r"shape \(3,\)"),
        (torch.ones(0, 2), torch.ones(4, 2), 1, {}, "empty"),
        (torch.full((3, 2), math.nan), torch.ones(4, 2), 1, {}, "queries .* not finite"),
        (torch.ones(3, 2), torch.tensor([[1, -math.inf]]), 1, {}, "references .* not finite"),
        (torch.ones(3, 2), torch.ones(4, 2), 1, {"metric": "manhattan"}, "'manhattan'"),
    ],
)
def test_wrong_arguments(queries, references, k, options, message):
    with pytest.raises(ValueError, match=message):
        nearest(queries, references, k, **options)
