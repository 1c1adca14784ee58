import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import manifold

from grounding.metrics.neighborhood import (
    continuity,
    neighbor_label_agreement,
    trustworthiness,
)


def embedded(dtype, n=300, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 20, generator=generator, dtype=torch.float64)
    z = x[:, :3] + torch.randn(n, 3, generator=generator, dtype=torch.float64) * 0.3
    return x.to(dtype), z.to(dtype)


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
    x, z = embedded(dtype)
    x64, z64 = x.double().numpy(), z.double().numpy()
    expected = manifold.trustworthiness(x64, z64, n_neighbors=k)
    assert trustworthiness(x, z, k) == pytest.approx(expected, abs=within)
    expected = manifold.trustworthiness(z64, x64, n_neighbors=k)
    assert continuity(x, z, k) == pytest.approx(expected, abs=within)


def test_spaces_of_different_precision():
    x, z = embedded(torch.float64)
    expected = manifold.trustworthiness(x.numpy(), z.float().double().numpy(), n_neighbors=5)
    assert trustworthiness(x, z.float(), 5) == pytest.approx(expected, abs=1e-10)


def test_the_same_space_scores_one():
    x, _ = embedded(torch.float32)
    assert trustworthiness(x, x.clone(), 7) == 1.0
    assert continuity(x, x * 3 + 1, 7) == 1.0


@given(data=st.data(), n=st.integers(3, 30), offset=st.sampled_from([0.0, 0.5, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_grid_points_full_of_ties(data, n, offset):
    def grid(dimension):
        row = st.lists(st.integers(0, 2), min_size=dimension, max_size=dimension)
        return torch.tensor(data.draw(st.lists(row, min_size=n, max_size=n))).float() + offset

    x, z = grid(3), grid(2)
    k = data.draw(st.integers(1, (n - 1) // 2))
    assert trustworthiness(x, z, k) == pytest.approx(by_definition(x, z, k), abs=1e-14)


def test_near_ties_far_from_the_origin():
    # Steps that float32 products cannot tell apart decide these ranks.
    generator = torch.Generator().manual_seed(0)
    x = 1000 + torch.randint(0, 50, (200, 2), generator=generator) * 2.0**-9
    x[0] = -4000
    z = torch.rand(200, 2, generator=generator)
    assert trustworthiness(x, z, 6) == pytest.approx(by_definition(x, z, 6), abs=1e-14)


def test_a_collapsed_space_ranks_by_index():
    x = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    z = torch.full((40, 2), 0.1)
    assert trustworthiness(x, z, 4) == pytest.approx(by_definition(x, z, 4), abs=1e-14)
    assert continuity(x, z, 4) == pytest.approx(by_definition(z, x, 4), abs=1e-14)


def test_order_of_points_and_rotation_do_not_matter():
    x, z = embedded(torch.float64)
    generator = torch.Generator().manual_seed(5)
    order = torch.randperm(len(x), generator=generator)
    turn = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64)).Q
    expected = trustworthiness(x, z, 5)
    assert trustworthiness(x[order], z[order], 5) == expected
    assert trustworthiness(x @ turn, z, 5) == expected


def test_block_size_changes_nothing():
    x, z = embedded(torch.float32)
    x[:100] = x[100:200]
    calls = []
    whole = trustworthiness(x, z, 5)
    for block_bytes in (1, 40_000):
        progress = (lambda *call: calls.append(call)) if block_bytes > 1 else None
        assert trustworthiness(x, z, 5, block_bytes=block_bytes, progress=progress) == whole
    assert calls == [(i, 10) for i in range(1, 11)]


def test_label_agreement_by_hand():
    indices = torch.tensor([[1, 2], [0, 2], [0, 1], [2, 1]])
    assert neighbor_label_agreement(indices, torch.tensor([5, 5, 5, 7])) == 3 / 4
    assert neighbor_label_agreement(indices, torch.tensor([5, 5, 7, 7])) == 3 / 8


def test_wrong_arguments():
    x, z = embedded(torch.float32, n=10)
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k is {k}, allowed: at least 1 and less than half"):
            trustworthiness(x, z, k)
    with pytest.raises(ValueError, match="x has 10 points and z 9"):
        continuity(x, z[:9], 2)
    with pytest.raises(ValueError, match="not finite"):
        trustworthiness(x, z / 0, 2)
    with pytest.raises(ValueError, match=r"expected \(N, k\) and \(N,\)"):
        neighbor_label_agreement(torch.zeros(4, 2, dtype=torch.int64), torch.zeros(3))
