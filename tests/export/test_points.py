import numpy as np
import pytest
import torch

from grounding._errors import UserError
from grounding.data.splits import Split, load_splits
from grounding.experiment.schema import DataSection
from grounding.export import points
from grounding.export.assets import digit_samples, interactive_assets
from grounding.export.points import (
    EmbeddingOptions,
    choose_points,
    label_agreement,
    latent_points,
    rounded,
)

OPTIONS = EmbeddingOptions(max_points=60, l2_normalize=True, umap_n_neighbors=10, umap_min_dist=0.1)
SPLITS = load_splits(DataSection(train_samples=200, val_samples=50, test_samples=100), 42)
LATENTS = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))


def embed(latents, options, seed):
    chosen = choose_points(len(latents), options.max_points, seed)
    return points.embed(chosen, latents[chosen], options, seed)


def test_points_are_drawn_by_the_seed_in_ascending_order():
    drawn = choose_points(1000, 50, 42)
    assert len(set(drawn.tolist())) == 50
    assert torch.equal(drawn, drawn.sort().values)
    assert torch.equal(drawn, choose_points(1000, 50, 42))
    assert not torch.equal(drawn, choose_points(1000, 50, 43))
    for all_of_them in (0, 7, 8):
        assert choose_points(7, all_of_them, 1).tolist() == list(range(7))


def test_an_embedding_is_reproducible_and_says_which_points_it_holds():
    embedding = embed(LATENTS, OPTIONS, 42)
    assert embedding.points.shape == (60, 3)
    assert torch.equal(embedding.latents, LATENTS[embedding.indices])
    assert torch.allclose(embedding.searched.norm(dim=1), torch.ones(60))
    again = embed(LATENTS, OPTIONS, 42)
    assert np.array_equal(embedding.points, again.points)
    raw = EmbeddingOptions(0, False, 10, 0.1)
    assert torch.equal(embed(LATENTS, raw, 42).searched, LATENTS)


@pytest.mark.parametrize(("count", "neighbors"), [(4, 30), (60, 4)])
def test_too_few_points_are_an_error(count, neighbors):
    options = EmbeddingOptions(count, False, neighbors, 0.1)
    with pytest.raises(UserError, match="at least 5"):
        embed(LATENTS, options, 42)


def test_five_points_are_enough():
    assert embed(LATENTS[:5], EmbeddingOptions(0, False, 30, 0.1), 1).points.shape == (5, 3)


def test_latent_points_belong_to_their_labels():
    embedding = embed(LATENTS, OPTIONS, 42)
    errors = torch.linspace(0, 1, 60)
    body = latent_points(embedding, SPLITS, "test", OPTIONS, errors)
    labels = SPLITS.test.labels.tolist()
    assert body["labels"] == [labels[i] for i in body["indices"]]
    assert body["num_points"] == len(body["points"]) == 60
    assert (body["projection"], body["latent_dim"]) == ("umap_3d", 8)
    assert np.allclose(body["reconstruction_error"], errors)
    assert all(0 <= share <= 1 for share in body["neighbor_label_agreement"])


def test_label_agreement_counts_the_others():
    labels = torch.tensor([1, 1, 2, 1])
    # The point itself first, last, in between, and not at all because of duplicates.
    neighbors = torch.tensor([[0, 1, 2], [2, 3, 1], [0, 2, 3], [0, 1, 2]])
    assert label_agreement(neighbors, labels).tolist() == pytest.approx([1 / 2, 1 / 2, 0, 2 / 3])


def test_rounding_keeps_seven_digits():
    values = torch.tensor([[1 / 3, -123456.789], [1e-12, 0.0]])
    assert rounded(values) == [[0.3333333, -123456.8], [1e-12, 0.0]]


def test_each_digit_sample_is_an_image_of_that_digit():
    samples = digit_samples(SPLITS, "test")
    assert samples.shape == (10, 784)
    for digit in range(10):
        first = int((SPLITS.test.labels == digit).nonzero()[0])
        assert torch.equal(samples[digit], SPLITS.test.images[first].flatten() / 255)


def without(splits, digit, *names):
    from dataclasses import replace

    kept = {}
    for name in names:
        split = splits.named(name)
        keep = split.labels != digit
        kept[name] = Split(split.images[keep], split.labels[keep])
    return replace(splits, **kept)


def test_a_digit_that_the_split_lacks_comes_from_another():
    lacking = without(SPLITS, 3, "test", "val")
    samples = digit_samples(lacking, "test")
    first = int((SPLITS.train.labels == 3).nonzero()[0])
    assert torch.equal(samples[3], SPLITS.train.images[first].flatten() / 255)
    with pytest.raises(UserError, match="no split has an image of digit 3"):
        digit_samples(without(SPLITS, 3, "test", "val", "train"), "test")


def test_projection_k_is_checked():
    embedding = embed(LATENTS, OPTIONS, 42)
    with pytest.raises(UserError, match="--projection-k 61 is not in 1 to 60"):
        interactive_assets(embedding, SPLITS, "test", OPTIONS, 61)
