import pytest
import torch
from operations import LargestTensor, Products

from grounding.metrics.distances import Distances
from grounding.metrics.point_values import point_values


def spaces(n, dtype=torch.float32, dimension=30):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, dimension, generator=generator, dtype=torch.float64).to(dtype)
    z = x[:, :4] + torch.rand(n, 4, generator=generator, dtype=torch.float64).to(dtype) / 4
    return x, z, torch.arange(n) % 10


def measured(x, z, labels, **options):
    return point_values(x, z, labels, k=5, trustworthiness_k=5, **options)


def test_every_pair_is_multiplied_out_once_in_each_space():
    x, z, labels = spaces(600, dimension=500)  # more terms than one product takes
    with Products() as products:
        measured(x, z, labels, block_bytes=300_000)
    # Two terms carry the squared lengths; the class sums of the silhouette are a product too.
    terms = (500 + 2) + (4 + 2) + 10
    assert products.multiplications == 600 * 600 * terms


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_few_distances_are_measured_again(dtype):
    x, z, labels = spaces(2000, dtype)
    with Products() as products:
        measured(x, z, labels)
    # Of 2 x 2000 x 2000: about 9 candidates and 5 neighbours of each point in each space.
    assert products.direct < 2000 * 2 * 16


def test_anchors_cost_their_share():
    x, z, labels = spaces(600)
    anchors = torch.arange(0, 600, 6)
    with Products() as products:
        measured(x, z, labels, anchors=anchors)
    assert products.multiplications == 100 * 600 * (32 + 6 + 10)


@pytest.mark.parametrize("kind", ["spread", "collapsed", "duplicates"])
def test_no_tensor_is_larger_than_the_blocks_and_the_data(kind):
    x, z, labels = spaces(1500)
    if kind == "collapsed":
        z = torch.full_like(z, 0.3)
    if kind == "duplicates":
        x[:700], z[:700] = x[0], z[0]
    with LargestTensor() as largest:
        measured(x, z, labels, block_bytes=100_000)
    # The latents' blocks are float64, twice as large. 1500 x 1500 floats are 9,000,000.
    assert 0 < largest.bytes < 1_000_000


def test_anchors_have_the_values_that_they_have_among_all():
    x, z, labels = spaces(400)
    x[30:60], z[100:140] = x[200:230], z[300:340]  # ties in both spaces
    whole = measured(x, z, labels)
    anchors = torch.tensor([399, 5, 110, 45, 0, 230])
    some = measured(x, z, labels, anchors=anchors)
    for all_values, values in zip(whole, some, strict=True):
        torch.testing.assert_close(values, all_values[anchors], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_block_size_changes_no_rank_and_the_same_again_not_a_bit(dtype):
    x, z, labels = spaces(300, dtype)
    x[:50] = x[50:100]
    whole, again = measured(x, z, labels), measured(x, z, labels)
    parts = measured(x, z, labels, block_bytes=20_000)
    for name in whole._fields:
        assert torch.equal(getattr(whole, name), getattr(again, name))
    assert torch.equal(whole.trustworthiness, parts.trustworthiness)
    assert torch.equal(whole.continuity, parts.continuity)
    assert torch.equal(whole.agreement, parts.agreement)
    torch.testing.assert_close(whole.silhouette, parts.silhouette, rtol=0, atol=1e-12)


def test_duplicates_are_at_distance_zero():
    # Two classes, each one point many times over: nothing can be better separated.
    x = torch.tensor([[0.1, 0.7]] * 20 + [[3.3, -1.9]] * 20)
    values = measured(x, x, torch.arange(40) // 20)
    assert values.silhouette.tolist() == [1.0] * 40


@pytest.fixture
def threads():
    """Set how many threads PyTorch uses, and put it back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_threads_change_no_rank_and_are_put_back(threads):
    x, z, labels = spaces(700)
    threads(1)
    alone = measured(x, z, labels, block_bytes=100_000)
    calls = []
    threads(3)
    shared = measured(x, z, labels, block_bytes=100_000, progress=lambda *call: calls.append(call))
    assert torch.get_num_threads() == 3
    for ours, theirs in zip(alone, shared, strict=True):
        assert torch.equal(ours, theirs)
    assert calls == [(i, 20) for i in range(1, 21)]


def test_an_error_in_a_thread_ends_the_others(threads):
    points = torch.rand(100, 2)
    distances = Distances(points, points, block_bytes=400)
    threads(2)
    started = []

    def work(start, stop):
        started.append((start, stop))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        distances.each_block(work, None)
    assert torch.get_num_threads() == 2
