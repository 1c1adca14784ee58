"""The spectrum of f = E∘D: by how much it stretches and turns what is near a latent."""

from __future__ import annotations

import torch
from torch import Tensor

from grounding.dynamics.flow import Map

# Latents that are decoded and encoded together. What their layers keep for the way back is in
# proportion: 256 of 32 numbers in experiment 6 take 155 MB.
ROWS = 256
STEP = 1e-3  # of the scale, for differences


def jacobians(f: Map, z: Tensor, scale: float) -> Tensor:
    """J_f at some latents, (N, D, D) float64 on the CPU: column k is how f moves with z_k.

    By reverse-mode differentiation, right to the rounding of float32. Of a map that torch cannot
    differentiate, such as an ONNX model, by central differences; see `is_differentiable`.

    Args:
        f: the map.
        z: (N, D).
        scale: of the latents, see `scale_of`; differences are taken over a thousandth of it.
    """
    dimensions, found = z.shape[1], []
    if not len(z):
        return torch.zeros(0, dimensions, dimensions, dtype=torch.float64)
    matrices = _by_gradients if is_differentiable(f, z) else _by_differences
    axes = torch.eye(dimensions, dtype=z.dtype, device=z.device)
    for part in z.detach().split(max(1, ROWS // dimensions)):
        # A latent is repeated for each axis, so that a batch is all that the map has to take.
        repeated = part.repeat_interleave(dimensions, dim=0)
        rows_or_columns = matrices(f, repeated, axes.repeat(len(part), 1), STEP * scale)
        found.append(rows_or_columns.view(len(part), dimensions, dimensions).double().cpu())
    stacked = torch.cat(found)
    return stacked if matrices is _by_gradients else stacked.mT


def is_differentiable(f: Map, z: Tensor) -> bool:
    """Whether torch can differentiate f, tried at the first of latents (N, D)."""
    with torch.enable_grad():
        return f(z[:1].detach().clone().requires_grad_()).requires_grad


def eigenvalues(jacobian: Tensor) -> Tensor:
    """Eigenvalues (N, D) complex128 of matrices (N, D, D), the largest modulus first.

    Those of a matrix that is not finite are NaN.
    """
    finite = jacobian.flatten(1).isfinite().all(dim=1)
    found = torch.full(jacobian.shape[:2], torch.nan, dtype=torch.complex128)
    if bool(finite.any()):
        values = torch.linalg.eigvals(jacobian[finite].double())
        order = values.abs().argsort(dim=1, descending=True)
        found[finite] = values.gather(1, order)
    return found


def _by_gradients(f: Map, z: Tensor, axes: Tensor, step: float) -> Tensor:  # noqa: ARG001
    """Row i of the Jacobian at a latent: what moves coordinate i of f, an axis (B, D) for each."""
    with torch.enable_grad():
        z = z.clone().requires_grad_()
        # Of a sum: given a gradient to begin with, torch imports its symbolic shapes and SymPy.
        return torch.autograd.grad((f(z) * axes.to(z)).sum(), z)[0]


@torch.no_grad()
def _by_differences(f: Map, z: Tensor, axes: Tensor, step: float) -> Tensor:
    """Column k of the Jacobian at a latent: where f moves along axis k."""
    ahead, behind = (f(z + sign * step * axes).double() for sign in (1, -1))
    return (ahead - behind) / (2 * step)
