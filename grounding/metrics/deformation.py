"""How badly one image can be deformed into another: distances that nobody has to train.

Keysers, Deselaers, Gollan and Ney, Deformation models for image recognition, IEEE PAMI 29(8), 2007.
A pixel is described by the gradients (Sobel) of the 3 x 3 pixels around it. Each pixel of the query
is drawn from a pixel of the reference close to its own place; the distance is the least sum of
squared differences of such a drawing. The models differ in which drawings they allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding.metrics.arrays import Array, unit_images
from grounding.metrics.distances import Progress, each_block

WARP = 2  # pixels that a pixel may come from, each way
FREE = 1  # columns that it may leave its own column for
QUERIES, REFERENCES = 16, 128  # handled together: what they cost stays in the processor's cache
FAR = 1e9  # what a place outside of the reference costs


def image_distortion(queries: Array, references: Array, progress: Progress | None = None) -> Tensor:
    """Distances (Q, R) of the image distortion model: each pixel is free, whatever others do.

    It comes from the best of the 5 x 5 pixels around its place.

    Args:
        queries: (Q, C, H, W), uint8 or in [0, 1].
        references: (R, C, H, W), likewise.
        progress: called with (blocks of queries done, blocks in all).
    """

    def drawn(columns: Iterator[Tensor]) -> Tensor:
        return torch.stack([costs.amin(0).amin(2).sum(0) for costs in columns]).sum(0)

    return _distances(queries, references, WARP, drawn, progress)


def hidden_markov_distortion(
    queries: Array, references: Array, progress: Progress | None = None
) -> Tensor:
    """Distances (Q, R) of the pseudo-two-dimensional hidden Markov distortion model, P2DHMDM.

    Column i of the query is drawn from column u(i) of the reference and, within it, row j from row
    v(i, j); a pixel may then come from one column further left or right. u(i) is within 2 of i and
    u(i + 1) - u(i) is 0, 1 or 2; the same holds for v in each column. Their ends are free.

    Args:
        queries: (Q, C, H, W), uint8 or in [0, 1].
        references: (R, C, H, W), likewise.
        progress: called with (blocks of queries done, blocks in all).
    """

    def drawn(columns: Iterator[Tensor]) -> Tensor:
        found = []
        for costs in columns:
            least = torch.minimum(costs[:, :, :, :-2], costs[:, :, :, 2:])
            torch.minimum(least, costs[:, :, :, 1:-1], out=least)
            found.append(_least_path(least))
        return _least_path(torch.stack(found).permute(2, 0, 1, 3))

    return _distances(queries, references, WARP + FREE, drawn, progress)


def _distances(
    queries: Array,
    references: Array,
    reach: int,
    drawn: Callable[[Iterator[Tensor]], Tensor],
    progress: Progress | None,
) -> Tensor:
    """Distances (Q, R), of what `drawn` makes of `_columns`."""
    queries, references = unit_images(queries).cpu(), unit_images(references).cpu()
    if queries.shape[1:] != references.shape[1:]:
        raise ValueError(
            f"queries have shape {tuple(queries.shape)} and references {tuple(references.shape)}, "
            "they must be images of one shape"
        )
    found = torch.empty(len(queries), len(references))
    blocks = [_reference_columns(_contexts(some), reach) for some in references.split(REFERENCES)]

    def work(start: int, stop: int) -> None:
        features = _contexts(queries[start:stop])
        ones = features.new_ones(len(features), 1, *features.shape[2:])
        left = torch.cat((features * -2, ones), dim=1).permute(3, 2, 0, 1).contiguous()
        own = features.square().sum((1, 2, 3))[:, None]
        parts = [drawn(_columns(left, block, reach)) for block in blocks]
        found[start:stop] = (torch.cat(parts, dim=1) + own).clamp_min(0)

    each_block(work, len(queries), QUERIES, progress)
    return found


def _contexts(images: Tensor) -> Tensor:
    """The gradients of the 3 x 3 pixels around each pixel: (N, 18 C, H, W)."""
    count, _, height, width = images.shape
    sobel = torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]) / 8
    layers = F.pad(images.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    gradients = F.conv2d(layers, torch.stack((sobel, sobel.T))[:, None])
    return F.unfold(gradients.view(count, -1, height, width), 3, padding=1).view(
        count, -1, height, width
    )


def _reference_columns(features: Tensor, reach: int) -> Tensor:
    """References (R, K, H, W) as `_columns` multiplies them: (H + 4, K + 1, W + 2 reach, R).

    The last of the K + 1 is the squared length of the others, or FAR outside of the image.
    """
    around = (0, 0, reach, reach, 0, 0, WARP, WARP)
    features = features.permute(2, 1, 3, 0)
    squares = features.square().sum(1, keepdim=True)
    return torch.cat((F.pad(features, around), F.pad(squares, around, value=FAR)), dim=1)


def _columns(left: Tensor, references: Tensor, reach: int) -> Iterator[Tensor]:
    """What drawing the pixels of each column costs, less the squared length of the pixels.

    Args:
        left: queries (W, H, Q, K + 1), times -2, and ones.
        references: of `_reference_columns`.
        reach: columns that a pixel may come from, each way.

    Yields:
        (5, H, Q, 2 reach + 1, R) by displacement in rows, row, query, displacement in columns and
        reference; the memory is used again for the next column.
    """
    width, height, count, _ = left.shape
    span = 2 * reach + 1
    costs = left.new_empty(2 * WARP + 1, height, count, span * references.shape[3])
    for column in range(width):
        for down in range(len(costs)):
            right = references[down : down + height, :, column : column + span].flatten(2)
            torch.bmm(left[column], right, out=costs[down])
        yield costs.unflatten(3, (span, -1))


def _least_path(costs: Tensor) -> Tensor:
    """The least sum over positions, whose displacement changes by 1 at most from one to the next.

    A place, which is position plus displacement, so goes on by 0, 1 or 2.

    Args:
        costs: (displacements, positions, ...).

    Returns:
        (...).
    """
    best = costs.new_full((len(costs) + 2, *costs.shape[2:]), FAR)
    best[1:-1] = costs[:, 0]
    least = torch.empty_like(best[1:-1])
    for position in range(1, costs.shape[1]):
        torch.minimum(best[:-2], best[2:], out=least)
        torch.minimum(least, best[1:-1], out=least)
        torch.add(least, costs[:, position], out=best[1:-1])
    return best[1:-1].amin(0)
