"""Maps whose flow is known: what they do to latents can be computed by hand."""

import math

import torch
from scipy.linalg import hadamard

STRENGTH = 2.0  # of the Hopfield map
OVERLAP = 0.9575040240772688  # m = tanh(2 m)


def drawn(count, dimensions, seed=0):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def towards(points, rate=0.5):
    """Go a part of the way to the nearest of some points: a contraction in each of their cells."""

    def f(z):
        nearest = points[(z[:, None] - points).square().sum(dim=2).argmin(dim=1)]
        return nearest + rate * (z - nearest)

    return f


def rotation(turn):
    """Turn a plane by a part of a whole turn."""
    angle = 2 * math.pi * turn
    matrix = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    return lambda z: (z.double() @ matrix.T).to(z)


def patterns(count=3, dimensions=16):
    """Orthogonal patterns of -1 and 1, (count, dimensions)."""
    return torch.tensor(hadamard(dimensions)[1 : count + 1], dtype=torch.float32)


def hopfield(stored):
    """z -> tanh(strength W z) with Hebb's W (Hopfield 1984): it ends in the patterns, +-.

    The patterns are orthogonal, so at a multiple m of one of them W z = z, and it is fixed where
    m = tanh(strength m); there the derivative is strength (1 - m^2) W, whose eigenvalues are 0 and,
    as often as there are patterns, strength (1 - m^2).
    """
    weights = stored.T @ stored / stored.shape[1]
    return lambda z: torch.tanh(STRENGTH * z @ weights)
