"""Trustworthiness and continuity, and the pass that all metrics of pairs share."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations, blocks_of
from sklearn import manifold
from zadu.measures import neighborhood_hit, trustworthiness_continuity

from grounding import data
from grounding.metrics import continuity, neighbor_label_agreement, trustworthiness
from grounding.metrics.distances import Distances
from grounding.metrics.pairs import point_values


def spaces(n, dtype=torch.float32, dimension=30):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, dimension, generator=generator, dtype=torch.float64).to(dtype)
    z = x[:, :4] + torch.rand(n, 4, generator=generator, dtype=torch.float64).to(dtype) / 4
    return x, z, torch.arange(n) % 10


def measured(x, z, labels, **options):
    return point_values(z, x=x, labels=labels, **options)


def by_definition(x, z, k):
    """Ranks by stable full sorts of float64 distances."""

    def order(points):
        p = points.double().numpy()
        distances = np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))
        np.fill_diagonal(distances, np.inf)
        return np.argsort(distances, axis=1, kind="stable")

    n = len(x)
    ranks = np.argsort(order(x), axis=1) + 1
    found = np.take_along_axis(ranks, order(z)[:, :k], 1)
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * int(np.maximum(found - k, 0).sum())


def test_five_points_by_hand():
    # Nearest in z of points 0..4: 4, 4, 3, 2, 0; their ranks in x: 4, 4, 1, 1 (a tie of 2 and 4,
    # won by 2), 4. So 3 + 3 + 3 in excess of k = 1, times 2 / (5 * 1 * (10 - 3 - 1)).
    x = torch.tensor([[0.0], [1.0], [3.0], [4.5], [6.0]])
    z = torch.tensor([[0.0], [1.0], [3.0], [3.5], [0.25]])
    assert trustworthiness(x, z, 1) == pytest.approx(1 - 9 * 2 / 30, abs=1e-15)
    # Nearest in x: 1, 0, 3, 2, 3; their ranks in z: 2, 2, 1, 1, 4.
    assert continuity(x, z, 1) == pytest.approx(1 - (1 + 1 + 3) * 2 / 30, abs=1e-15)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("k", [1, 5, 149])
def test_agree_with_scikit_learn(dtype, within, k):
    x, z, _ = spaces(300, dtype)
    x64, z64 = x.double().numpy(), z.double().numpy()
    expected = manifold.trustworthiness(x64, z64, n_neighbors=k)
    assert trustworthiness(x, z, k) == pytest.approx(expected, abs=within)
    assert trustworthiness(x.view(300, 1, 5, 6).numpy(), z, k=k) == trustworthiness(x, z, k)
    expected = manifold.trustworthiness(z64, x64, n_neighbors=k)
    assert continuity(x, z, k) == pytest.approx(expected, abs=within)
    assert trustworthiness(x, x * 3 + 1, k) == continuity(x, x.clone(), k) == 1


@pytest.mark.parametrize("k", [1, 5, 60])
def test_agree_with_zadu_point_by_point_on_real_digits(k):
    digits = data.load()
    pixels, labels = digits.test_images[:400].reshape(400, -1), digits.test_labels[:400]
    z = pixels.astype(np.float64) @ np.random.default_rng(0).normal(size=(784, 5))
    of_all, of_each = trustworthiness_continuity.measure(
        pixels.astype(np.float64), z, k, return_local=True
    )
    found = point_values(z, x=pixels, labels=labels, k=k, trustworthiness_k=k)
    for name, own in (("trustworthiness", trustworthiness), ("continuity", continuity)):
        assert own(pixels, z, k) == pytest.approx(of_all[name], abs=1e-12)
        np.testing.assert_allclose(found[name], of_each[f"local_{name}"], atol=1e-12)
    hit, of_each = neighborhood_hit.measure(z, labels, k, return_local=True)
    assert neighbor_label_agreement(z, labels, k) == pytest.approx(hit["neighborhood_hit"])
    np.testing.assert_allclose(
        found["neighbor_label_agreement"], of_each["local_neighborhood_hit"], atol=1e-12
    )


@given(data=st.data(), n=st.integers(3, 30), offset=st.sampled_from([0.0, 0.5, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_grid_points_full_of_ties(data, n, offset):
    def grid(dimension):
        row = st.lists(st.integers(0, 2), min_size=dimension, max_size=dimension)
        return torch.tensor(data.draw(st.lists(row, min_size=n, max_size=n))).float() + offset

    x, z = grid(3), grid(2)
    k = data.draw(st.integers(1, (n - 1) // 2))
    expected = pytest.approx(by_definition(x, z, k), abs=1e-14)
    assert trustworthiness(x, z, k) == expected
    if offset != 0.5:
        assert trustworthiness((x - offset).byte(), (z - offset).byte(), k) == expected


def test_near_ties_far_from_the_origin_and_a_collapsed_space():
    # Steps that float32 products cannot tell apart decide these ranks.
    generator = torch.Generator().manual_seed(0)
    x = 1000 + torch.randint(0, 50, (200, 2), generator=generator) * 2.0**-9
    x[0] = -4000
    z = torch.rand(200, 2, generator=generator)
    assert trustworthiness(x, z, 6) == pytest.approx(by_definition(x, z, 6), abs=1e-14)
    same = torch.full((200, 2), 0.1)  # ranks are by index
    assert trustworthiness(x, same, 4) == pytest.approx(by_definition(x, same, 4), abs=1e-14)
    assert continuity(x, same, 4) == pytest.approx(by_definition(same, x, 4), abs=1e-14)


def test_wrong_arguments():
    x, z, _ = spaces(10)
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k is {k}, allowed: at least 1 and less than half"):
            trustworthiness(x, z, k)
    with pytest.raises(ValueError, match="x has 10 points and z 9"):
        continuity(x, z[:9], 2)
    with pytest.raises(ValueError, match="not finite"):
        trustworthiness(x, z / 0, 2)


@pytest.mark.parametrize("anchors", [None, torch.arange(0, 600, 6)])
def test_every_pair_is_multiplied_out_once_and_few_are_measured_again(anchors):
    x, z, labels = spaces(600, dimension=500)
    with Operations() as operations, blocks_of(100):
        measured(x, z, labels, anchors=anchors)
    rows = 600 if anchors is None else len(anchors)
    # Two terms carry the squared lengths; the class sums of the silhouette are a product too.
    assert operations.multiplications == rows * 600 * ((500 + 2) + (4 + 2) + 10)
    assert operations.direct == rows * (9 + 9)  # candidates for the neighbours in each space


@pytest.mark.parametrize(
    "kind",
    ["spread", *(pytest.param(k, marks=pytest.mark.full) for k in ("collapsed", "duplicates"))],
)
def test_no_tensor_is_larger_than_the_blocks_and_the_data(kind):
    x, z, labels = spaces(700)
    if kind == "collapsed":
        z = torch.full_like(z, 0.3)
    if kind == "duplicates":
        x[:300], z[:300] = x[0], z[0]
    with Operations() as operations, blocks_of(28):
        measured(x, z, labels)
    assert 0 < operations.bytes < 220_000  # 700 x 700 floats are 1,960,000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_anchors_blocks_and_threads_change_nothing(dtype):
    x, z, labels = spaces(400, dtype)
    x[30:60], z[100:140] = x[200:230], z[300:340]  # ties in both spaces
    anchors = torch.tensor([399, 5, 110, 45, 0, 230])
    before, calls = torch.get_num_threads(), []
    torch.set_num_threads(1)
    whole, again = measured(x, z, labels), measured(x, z, labels)
    some = measured(x, z, labels, anchors=anchors)
    with blocks_of(20):
        parts = measured(x, z, labels)
        torch.set_num_threads(3)
        shared = measured(x, z, labels, progress=lambda *call: calls.append(call))
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)
    assert calls == [(i, 20) for i in range(1, 21)]
    for name, values in whole.items():
        assert torch.equal(values, again[name])
        assert torch.equal(parts[name], shared[name])
        within = 1e-12 if name == "silhouette" else 0
        torch.testing.assert_close(parts[name], values, rtol=0, atol=within)
        torch.testing.assert_close(some[name], values[anchors], rtol=0, atol=within)


def test_an_error_in_a_thread_ends_the_others():
    points, started, before = torch.rand(100, 2), [], torch.get_num_threads()
    with blocks_of(1):
        distances = Distances(points, points)
    torch.set_num_threads(2)

    def work(start, stop):
        started.append(start)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        distances.each_block(work)
    assert torch.get_num_threads() == 2
    assert len(started) < 100
    torch.set_num_threads(before)
