from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import manifold
from sklearn.neighbors import NearestNeighbors

from grounding.data.catalog import load
from grounding.metrics import distances as distances_module
from grounding.metrics.distances import Distances
from grounding.metrics.neighborhood import continuity, trustworthiness
from grounding.metrics.neighbors import nearest
from grounding.metrics.products import EightBitProducts


@pytest.fixture(params=["as here", "as on another processor"])
def processor(request, monkeypatch):
    """With 8-bit products where there are some, and without."""
    if request.param != "as here":
        monkeypatch.setattr(distances_module, "multiplies_eight_bits", lambda points, place: False)


def pixels(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return values * (torch.rand(*shape, generator=generator) < 0.3)  # as in images, many are 0


def exact(queries, references):
    """Squared distances as whole numbers, by subtraction."""
    q, r = queries.long(), references.long()
    return torch.stack([(row - r).square().sum(dim=1) for row in q])


def test_three_points_by_hand():
    points = torch.tensor([[0, 255, 7], [3, 251, 7], [255, 0, 7]], dtype=torch.uint8)
    found = nearest(points, points, 2, exclude_self=True)
    assert found.indices.tolist() == [[1, 2], [0, 2], [1, 0]]
    far, farther = (252**2 + 251**2) ** 0.5, (2 * 255**2) ** 0.5
    torch.testing.assert_close(
        found.distances, torch.tensor([[5, farther], [5, far], [far, farther]]), rtol=1e-6, atol=0
    )


# 4,000 columns: distances no longer fit into the 24 bits of a float32.
@pytest.mark.parametrize("width", [1, 3, 784, 4000])
@pytest.mark.usefixtures("processor")
def test_every_block_value_is_within_its_bound(width):
    references, queries = pixels(300, width), pixels(90, width, seed=1)
    references[5], queries[7] = 0, 255  # as far apart as points can be
    distances = Distances(queries, references)
    block = distances.block(20, 90)
    whole = exact(queries[20:], references).double() * distances.scale**2
    error = (block.squared.double() - whole).abs()
    assert bool((error <= block.tolerance[:, None]).all())
    if isinstance(distances._products, EightBitProducts):
        assert torch.equal(block.squared, whole.float())
        assert float((block.tolerance / whole.amax(dim=1)).max()) < 1e-6


@pytest.mark.usefixtures("processor")
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_neighbours_are_those_of_a_stable_sort(seed, count, width, exclude_self):
    generator = torch.Generator().manual_seed(seed)
    levels = torch.tensor([0, 1, 254, 255], dtype=torch.uint8)  # many ties
    points = levels[torch.randint(0, 4, (count, width), generator=generator)]
    squared = exact(points, points)
    if exclude_self:
        squared.fill_diagonal_(2**62)
    k = max(1, count // 2)
    found = nearest(points, points, k, exclude_self=exclude_self, block_bytes=500)
    order = squared.sort(dim=1, stable=True).indices[:, :k]
    assert torch.equal(found.indices, order)
    assert found.distances.dtype == torch.float32
    torch.testing.assert_close(found.distances, squared.gather(1, order).sqrt().float())


@pytest.mark.usefixtures("processor")
def test_mnist_as_it_is_and_as_numbers_from_0_to_1():
    # scikit-learn is the oracle: of distances in float64, without its fast but rounded product.
    images = torch.tensor(load("mnist", None).test_images[:700]).flatten(1)
    unit = images.double() / 255
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


@pytest.mark.usefixtures("processor")
def test_equal_images_and_the_cosine_distance():
    same = torch.full((12, 3), 200, dtype=torch.uint8)
    found = nearest(same, same, 2, exclude_self=True)
    assert found.indices[5].tolist() == [0, 1]
    assert found.distances.tolist() == [[0.0, 0.0]] * 12
    images = pixels(50, 20)
    ours, theirs = (
        nearest(points, points, 3, metric="cosine") for points in (images, images.double())
    )
    assert torch.equal(ours.indices, theirs.indices)


def test_where_the_fast_way_is_taken():
    def ways(points):
        return isinstance(Distances(points, points)._products, EightBitProducts)

    fast = "avx512_vnni" in Path("/proc/cpuinfo").read_text()
    assert ways(pixels(2, 784)) == fast
    assert not ways(torch.zeros(2, 784))
    # Only columns that differ count; of one of them the library's product is wrong.
    one = torch.zeros(9, 50, dtype=torch.uint8)
    one[:, 3] = torch.arange(9)
    assert not ways(one)
    # Numbers on the way would outgrow 31 bits.
    wide = torch.tensor([[0], [255]], dtype=torch.uint8)
    assert not ways(wide.expand(2, 43_700))
    assert ways(wide.expand(2, 43_600)) == fast
