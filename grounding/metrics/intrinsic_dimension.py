"""TwoNN: on how many dimensions points lie, from the two nearest neighbours of each."""

from __future__ import annotations

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._streams import generator
from grounding.metrics.arrays import Array, NotMeasurable, as_points
from grounding.metrics.neighbors import nearest

KEPT = 0.9  # the largest tenth of the ratios is left out, as in the paper
MOST_POINTS = 10_000
FEWEST = 10


def two_nn_dimension(points: Array, seed: int = 0) -> float:
    """Intrinsic dimension of points (N, D).

    With mu = r_2 / r_1, the distances to the second and the first neighbour, -log(1 - F(mu)) is d
    log(mu) for the distribution F of mu and the dimension d, whatever the density, as long as it is
    even over that distance. d is the slope of the least squares line through the origin, with F(mu)
    of the i-th smallest mu as i / N; the tenth of the largest is left out. Facco, d'Errico,
    Rodriguez and Laio, Estimating the intrinsic dimension of datasets by a minimal neighborhood
    information, Scientific Reports 2017.

    Points that have a duplicate are left out. Of more than 10,000, these many are drawn, and their
    neighbours looked for among all.

    Args:
        points: float32, float64 or uint8.
        seed: of the draw.

    Raises:
        NotMeasurable: fewer than 10 points are different from all others.
    """
    points = as_points(points)
    if len(points) < FEWEST:
        raise NotMeasurable(f"there are {len(points)} points, at least {FEWEST} are needed")
    queries = points
    if len(points) > MOST_POINTS:
        drawn = torch.randperm(len(points), generator=generator(seed, "two nearest"))
        queries = points[drawn[:MOST_POINTS].to(points.device)]
    # Itself, or a duplicate, is the first of three.
    distances = nearest(queries, points, 3).distances[:, 1:].double()
    first, second = distances[distances[:, 0] > 0].T
    if len(first) < FEWEST:
        raise NotMeasurable(
            f"{len(first)} of {len(queries)} points have no duplicate, at least {FEWEST} are needed"
        )
    log_mu = (second / first).log().sort().values
    kept = int(KEPT * len(log_mu))
    log_mu = log_mu[:kept]
    steps = torch.arange(1, kept + 1, dtype=torch.float64, device=log_mu.device)
    return float(log_mu @ -torch.log1p(-steps / len(first)) / log_mu.square().sum())


@register.metric(
    "latent_dimension",
    title="TwoNN dimension",
    axis="geometry",
    digits=1,
    tables=("index",),
    sample=MOST_POINTS,
    place=61,
)
def _latent_dimension(z: Tensor, seed: int) -> float:
    """Intrinsic dimension of the latents."""
    return two_nn_dimension(z, seed)


@register.metric(
    "pixel_dimension",
    title="TwoNN of the pixels",
    axis="geometry",
    digits=1,
    tables=(),
    sample=MOST_POINTS,
    place=62,
)
def _pixel_dimension(x: Tensor, seed: int) -> float:
    """Intrinsic dimension of the images."""
    return two_nn_dimension(x, seed)
