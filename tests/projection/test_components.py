import pytest
import torch

from grounding.projection.components import principal_components


def test_points_on_a_line():
    points = torch.tensor([[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]])
    found = principal_components(points, 1)
    assert found.mean.tolist() == [2.0, 1.0]
    assert found.directions.abs()[:, 0].tolist() == pytest.approx([0.5**0.5] * 2)
    along = found.project(points)[:, 0]
    assert sorted(along.tolist()) == pytest.approx([-(2**0.5), 0, 2**0.5])


@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_the_same_projection_as_scikit_learn(shape):
    from sklearn.decomposition import PCA

    generator = torch.Generator().manual_seed(1)
    points = torch.randn(shape, generator=generator) * torch.arange(1, shape[1] + 1)
    others = torch.randn(5, shape[1], generator=generator)
    found = principal_components(points, 5)
    oracle = PCA(5, svd_solver="full").fit(points.double().numpy())
    expected = torch.from_numpy(oracle.transform(others.double().numpy()))
    signs = torch.sign((found.directions.T * torch.from_numpy(oracle.components_)).sum(1))
    assert torch.allclose(found.project(others) * signs, expected, atol=1e-9)


def test_no_more_directions_than_there_are():
    assert principal_components(torch.randn(3, 7), 32).directions.shape == (7, 3)


@pytest.mark.parametrize(("points", "count"), [((2, 3), 0), ((0, 3), 1), ((3,), 1)])
def test_what_does_not_fit_is_refused(points, count):
    with pytest.raises(ValueError, match="expected"):
        principal_components(torch.zeros(points), count)
