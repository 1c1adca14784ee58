"""Jacobians and their eigenvalues, of maps whose derivatives are known."""

import math

import numpy as np
import pytest
import torch
from systems import OVERLAP, STRENGTH, drawn, hopfield, patterns, rotation, towards

from grounding import models
from grounding.dynamics import eigenvalues, is_differentiable, jacobians, regrounding


def test_a_linear_map_is_its_own_derivative_everywhere():
    matrix = drawn(5, 5)
    found = jacobians(lambda z: z @ matrix.T + 1, drawn(700, 5, 1), 1.0)
    assert found.shape == (700, 5, 5)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, matrix.double().expand(700, 5, 5), atol=1e-6, rtol=0)


def test_eigenvalues_by_hand():
    turned = eigenvalues(jacobians(lambda z: 3 * rotation(1 / 8)(z), drawn(2, 2), 1.0))
    expected = 3 / math.sqrt(2)
    for pair in turned:
        assert {round(float(value.imag), 4) for value in pair} == {
            round(expected, 4),
            -round(expected, 4),
        }
        assert pair.real.tolist() == pytest.approx([expected] * 2, abs=1e-5)
    matrices = torch.tensor([[[1.0, 5.0], [0.0, -2.0]], [[math.nan, 0.0], [0.0, 1.0]]])
    found = eigenvalues(matrices)
    assert found[0].tolist() == [-2, 1]  # the largest modulus first
    assert found[1].isnan().all()
    assert eigenvalues(matrices[1:]).isnan().all()


def test_a_contraction_and_a_memory_draw_in_what_is_near():
    points = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    found = eigenvalues(jacobians(towards(points, 0.25), points + 0.5, 1.0))
    torch.testing.assert_close(found.real, torch.full((2, 2), 0.25, dtype=torch.float64))
    stored = patterns()
    near = eigenvalues(jacobians(hopfield(stored), OVERLAP * stored, 1.0)).abs()
    expected = STRENGTH * (1 - OVERLAP**2)  # 0.166
    assert near[:, :3].flatten().tolist() == pytest.approx([expected] * 9, abs=1e-5)
    assert near[:, 3:].abs().max() < 1e-3
    away = eigenvalues(jacobians(hopfield(stored), torch.zeros(1, 16), 1.0)).abs()
    assert away[0, :3].tolist() == pytest.approx([STRENGTH] * 3, abs=1e-5)


@pytest.mark.parametrize("name", ["vanilla_fc", "naive_conv", "asymmetric_resnet", "vgg"])
def test_of_every_model_as_differences_in_float64_find_them(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = models.build(name, (1, 28, 28), latent_dim=6).eval()
    z, step = drawn(3, 6), 1e-6
    found = jacobians(regrounding(model.encode, model.decode), z, 1.0)
    exact = regrounding(model.double().encode, model.decode)
    with torch.no_grad():
        columns = [
            (exact(z.double() + step * axis) - exact(z.double() - step * axis)) / (2 * step)
            for axis in torch.eye(6).double()
        ]
    assert found.abs().max() > 1e-4
    torch.testing.assert_close(found, torch.stack(columns, dim=2), rtol=1e-3, atol=1e-6)


def test_what_cannot_be_differentiated_is_measured_by_differences():
    """A map that leaves torch, as an ONNX model does."""
    points = drawn(4, 4, 1)

    def f(z):
        return torch.from_numpy(np.tanh(z.detach().numpy() @ points.numpy()))

    def g(z):
        return torch.tanh(z @ points)

    z = drawn(9, 4)
    assert (is_differentiable(f, z), is_differentiable(g, z)) == (False, True)
    found, exact = jacobians(f, z, 1.0), jacobians(g, z, 1.0)
    assert exact.abs().max() > 0.5
    torch.testing.assert_close(found, exact, atol=1e-3, rtol=0)
    assert jacobians(f, z[:0], 1.0).shape == (0, 4, 4)
