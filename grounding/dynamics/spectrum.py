"""The spectrum of f = E∘D: by how much it stretches and turns what is near a latent."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.autograd import forward_ad

from grounding.dynamics.flow import Map

ROWS = 2048  # latents that are decoded and encoded together
STEP = 1e-3  # of the scale, for differences


@torch.no_grad()
def jacobians(f: Map, z: Tensor, scale: float) -> Tensor:
    """J_f at some latents, (N, D, D) float64 on the CPU: column k is how f moves with z_k.

    By forward-mode differentiation, a pass for each column, right to the rounding of float32. Of a
    map that has no such derivative, such as an ONNX model, by central differences; see
    `is_differentiable`.

    Args:
        f: the map.
        z: (N, D).
        scale: of the latents, see `scale_of`; differences are taken over a thousandth of it.
    """
    dimensions, found = z.shape[1], []
    if not len(z):
        return torch.zeros(0, dimensions, dimensions, dtype=torch.float64)
    columns = _forward if is_differentiable(f, z) else _differences
    directions = torch.eye(dimensions, dtype=z.dtype, device=z.device)
    for part in z.clone().split(max(1, ROWS // dimensions)):
        # A latent is repeated for each direction, so that a batch is all that the map has to take.
        repeated = part.repeat_interleave(dimensions, dim=0)
        moved = columns(f, repeated, directions.repeat(len(part), 1), STEP * scale)
        assert moved is not None
        found.append(moved.view(len(part), dimensions, dimensions).mT.double().cpu())
    return torch.cat(found)


@torch.no_grad()
def is_differentiable(f: Map, z: Tensor) -> bool:
    """Whether f can be differentiated in forward mode, tried at the first of latents (N, D)."""
    try:
        return _forward(f, z[:1].clone(), torch.ones_like(z[:1])) is not None
    except NotImplementedError:  # of one of its layers
        return False


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


def _forward(f: Map, z: Tensor, directions: Tensor, step: float = 0.0) -> Tensor | None:  # noqa: ARG001
    """How f moves with each latent (B, D) along its direction (B, D); None if it does not say."""
    with forward_ad.dual_level(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch compiles rules of its own
        moved: Tensor | None = forward_ad.unpack_dual(
            f(forward_ad.make_dual(z, directions))
        ).tangent
    return moved


def _differences(f: Map, z: Tensor, directions: Tensor, step: float) -> Tensor | None:
    ahead, behind = (f(z + sign * step * directions).double() for sign in (1, -1))
    return (ahead - behind) / (2 * step)
