import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from grounding.projection import principal_components


def test_points_on_a_line():
    points = torch.tensor([[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]])
    found = principal_components(points, 1)
    assert np.abs(found.components_[0]).tolist() == pytest.approx([0.5**0.5] * 2)
    assert sorted(found.transform(points)[:, 0]) == pytest.approx([-(2**0.5), 0, 2**0.5])


@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_the_same_projection_as_by_singular_values(shape):
    rng = np.random.default_rng(1)
    points = (rng.normal(size=shape) * np.arange(1, shape[1] + 1)).astype(np.float32)
    others = rng.normal(size=(5, shape[1]))
    found = principal_components(points, 5)
    oracle = PCA(5, svd_solver="full").fit(points.astype(np.float64))
    signs = np.sign((found.components_ * oracle.components_).sum(axis=1))
    assert found.transform(others) * signs == pytest.approx(oracle.transform(others), abs=1e-9)


def test_no_more_directions_than_there_are():
    others = torch.randn(4, 7)
    assert principal_components(torch.randn(3, 7), 32).transform(others).shape == (4, 3)
    one = torch.randn(1, 7)
    assert principal_components(one, 2).transform(one).tolist() == [[0]]
