import numpy as np
import pytest
import torch

from grounding.data import cut, load
from grounding.data.splits import Split
from grounding.export import points
from grounding.export.points import (
    EmbeddingOptions,
    choose_points,
    interactive_assets,
    latent_points,
    rounded,
)
from grounding.metrics.arrays import unit_length

OPTIONS = EmbeddingOptions(max_points=60, l2_normalize=True, umap_n_neighbors=10, umap_min_dist=0.1)
TEST = cut(load(), train=200, val=50, test=100, seed=42).test
LATENTS = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))


def embed(latents, options, seed=42):
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
    embedding = embed(LATENTS, OPTIONS)
    assert embedding.points.shape == (60, 3)
    assert torch.equal(embedding.latents, LATENTS[embedding.indices])
    assert torch.allclose(embedding.searched.norm(dim=1), torch.ones(60))
    assert np.array_equal(embedding.points, embed(LATENTS, OPTIONS).points)
    raw = EmbeddingOptions(0, False, 10, 0.1)
    assert torch.equal(embed(LATENTS, raw).searched, LATENTS)


@pytest.mark.parametrize("length", [2.0**126, 2.0**-100])
def test_latents_as_long_or_short_as_float32_can_be_are_normalised_as_others_are(length):
    usual, other = embed(LATENTS, OPTIONS), embed(LATENTS * length, OPTIONS)
    assert torch.allclose(other.searched, usual.searched, rtol=1e-6, atol=0)
    probes = LATENTS[:9] + 0.1
    there = points.placed(probes, usual, 3)
    assert np.allclose(points.placed(probes * length, usual, 3), there, rtol=1e-4)
    assert unit_length(torch.zeros(2, 3)).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize(
    ("count", "neighbors", "projection"),
    [(1, 30, "pca_3d"), (4, 30, "pca_3d"), (5, 30, "umap_3d"), (60, 2, "umap_3d")],
)
def test_any_number_of_points_can_be_laid_out(count, neighbors, projection):
    embedding = embed(LATENTS[:count], EmbeddingOptions(0, False, neighbors, 0.1))
    assert embedding.points.shape == (count, 3)
    assert np.isfinite(embedding.points).all()
    assert embedding.projection == projection


@pytest.mark.parametrize("latent_dim", [1, 2, 3])
def test_a_latent_of_few_numbers_is_drawn_as_it_is(latent_dim):
    latents = LATENTS[:, :latent_dim]
    embedding = embed(latents, OPTIONS)
    assert embedding.projection == "latent"
    assert embedding.l2_normalized == (latent_dim == 3)
    expected = embedding.searched.numpy()
    assert np.allclose(embedding.points[:, :latent_dim], expected)
    assert (embedding.points[:, latent_dim:] == 0).all()


def test_latent_points_belong_to_their_labels():
    embedding = embed(LATENTS, OPTIONS)
    errors = torch.linspace(0, 1, 60)
    body = latent_points(embedding, TEST, OPTIONS, LATENTS, 4, errors)
    labels = TEST.labels.tolist()
    assert body["labels"] == [labels[i] for i in body["indices"]]
    assert body["num_points"] == len(body["points"]) == 60
    assert (body["projection"], body["latent_dim"]) == ("umap_3d", 8)
    assert np.allclose(body["reconstruction_error"], errors)
    # By other means: the four nearest others of each, among all latents as they are.
    nearest = torch.cdist(LATENTS, LATENTS).fill_diagonal_(torch.inf).argsort(1)[:, :4]
    shares = (TEST.labels[nearest] == TEST.labels[:, None]).double().mean(1)
    assert np.allclose(body["neighbor_label_agreement"], shares[embedding.indices])
    assert body["k_neighbors"] == 4
    # The eight nearest others of each among those drawn, where they were searched.
    z = embedding.searched
    nearest = torch.cdist(z, z).fill_diagonal_(torch.inf).argsort(1)
    assert body["neighbors"] == nearest[:, :8].tolist()
    assert body["split_size"] == 100
    assert "has_labels" not in body


@pytest.mark.parametrize(("count", "columns"), [(1, None), (2, 1), (5, 4), (30, 8)])
def test_the_nearest_others_are_there_whatever_the_layout_looks_at(count, columns):
    options = EmbeddingOptions(0, False, umap_n_neighbors=3)
    z = LATENTS[:count]
    bare = Split(TEST.images[:count], None, TEST.indices[:count])
    body = latent_points(embed(z, options), bare, options, z, 1)
    nearest = torch.cdist(z, z).fill_diagonal_(torch.inf).argsort(1)
    assert body.get("neighbors") == (columns and nearest[:, :columns].tolist())


@pytest.mark.parametrize(("count", "used"), [(60, 30), (11, 10)])
def test_the_file_says_how_many_neighbours_umap_kept_together(count, used):
    options = EmbeddingOptions(count)
    values = latent_points(embed(LATENTS, options), TEST, options, LATENTS, 5)
    assert values["umap_n_neighbors"] == used


def test_without_labels_the_points_are_there_all_the_same():
    bare = Split(TEST.images, None, TEST.indices)
    body = latent_points(embed(LATENTS, OPTIONS), bare, OPTIONS, LATENTS, 4)
    assert body["labels"] == [0] * 60
    assert not {"reconstruction_error", "neighbor_label_agreement"} & body.keys()
    assert body["has_labels"] is False


def test_assets_hold_the_latents_that_are_searched_and_those_that_are_decoded():
    embedding = embed(LATENTS, OPTIONS)
    body = interactive_assets(embedding, TEST, OPTIONS, 12)
    assert np.allclose(np.linalg.norm(body["reference_latents"], axis=1), 1, atol=1e-6)
    assert np.allclose(body["reference_latents_raw"], LATENTS[embedding.indices], atol=1e-6)
    assert (body["projection_k"], body["projection_method"]) == (12, "knn_barycentric")


def test_rounding_keeps_seven_digits():
    values = torch.tensor([[1 / 3, -123456.789], [1e-12, 0.0]])
    assert rounded(values) == [[0.3333333, -123456.8], [1e-12, 0.0]]
