import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from grounding.projection import layout, umap_embedding


def points(n, dimensions):
    return np.random.default_rng(n).normal(size=(n, dimensions)).astype(np.float32)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 4, 50])
def test_up_to_three_dimensions_are_drawn_as_they_are(n, dimensions):
    z = points(n, dimensions)
    found = layout(torch.from_numpy(z))
    assert found.projection == "latent"
    assert found.points.shape == (n, 3)
    assert found.points.dtype == np.float32
    assert (found.points[:, :dimensions] == z).all()
    assert (found.points[:, dimensions:] == 0).all()


@pytest.mark.parametrize("n", [5, 60])
def test_more_dimensions_are_laid_out_by_umap(n):
    z = points(n, 4)
    found = layout(z, n_neighbors=10, min_dist=0.3, seed=7)
    assert found.projection == "umap_3d"
    same = umap_embedding(z, n_neighbors=10, min_dist=0.3, seed=7)
    assert found.points.tobytes() == same.tobytes()


def test_known_neighbors_are_used():
    z = points(6, 4)
    indices = np.array([[(i + step) % 6 for step in (1, 2, 3, 4)] for i in range(6)])
    given = layout(z, n_neighbors=5, neighbors=(indices, np.ones((6, 4)))).points
    assert (given != layout(z, n_neighbors=5).points).any()


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_points_keep_their_distances(n):
    z = points(n, 16)
    found = layout(z)
    assert found.projection == "pca_3d"
    assert found.points.shape == (n, 3)
    assert pdist(found.points) == pytest.approx(pdist(z), rel=1e-5)
    # The first axis is the longest one; two points lie on it, as far from its middle.
    assert (np.diff(found.points.std(axis=0)) < 1e-6).all()
    assert np.abs(found.points.mean(axis=0)).max() < 1e-5


@pytest.mark.parametrize(
    ("z", "problem"),
    [
        (np.zeros((0, 2)), "N and D at least 1"),
        (np.zeros(3), "expected .N, D."),
        (np.array([[0.0, np.nan]]), "not finite in float32, first at point 0"),
    ],
)
def test_what_is_no_set_of_points(z, problem):
    with pytest.raises(ValueError, match=problem):
        layout(z)
