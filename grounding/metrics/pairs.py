"""What metrics that compare every pair of points need: all in one pass over the distances."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import threshold

from grounding.metrics.arrays import Array, NotMeasurable, as_points
from grounding.metrics.distances import Block, Distances, Progress
from grounding.metrics.neighbors import nearest_in_block
from grounding.metrics.separation import Classes

# Of a mean distance, how much a block's distances may be off by before they are measured again.
# What they are off by on average is its square at most.
LOOSE = 1e-4


def point_values(
    z: Array,
    *,
    x: Array | None = None,
    labels: Array | None = None,
    k: int = 5,
    trustworthiness_k: int = 5,
    anchors: Tensor | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """What each point adds to the metrics that are means over points.

    The distances of a block of points to all others are calculated once in x and once in z; each
    metric reads what it needs of them before the next block.

    Args:
        z: (N, D) latents.
        x: (N, P) inputs of the same points, on the same device; uint8, images as they are, is
            fastest. None leaves out trustworthiness and continuity.
        labels: (N,), at least two classes. None leaves out the silhouette and the label agreement.
        k: neighbours for the label agreement, 1 <= k <= N - 1.
        trustworthiness_k: neighbours for trustworthiness and continuity, 1 <= k < N / 2.
        anchors: (M,) int64, the points to measure, each against all; default: all, in order.
        progress: called with (blocks done, blocks in all).

    Returns:
        By the name of each metric, (M,) float64, whose mean is the metric.
    """
    # The silhouette sums roots of distances, which float32 would round too coarsely.
    z, near = as_points(z, "z").double(), trustworthiness_k
    itself = torch.arange(len(z), device=z.device) if anchors is None else anchors.to(z.device)

    def distances(points: Tensor) -> Distances:
        queries = points if anchors is None else points[itself]
        return Distances(queries, points, itself=itself, dtype=torch.float64)

    after, before = distances(z), None
    if x is not None:
        x = as_points(x, "x")
        check_same_points(x, z, near)
        before = distances(x)
    classes = None if labels is None else Classes(z, labels)
    count = max(k if classes else 1, near if before else 1)
    values = torch.zeros(4, len(itself), dtype=torch.float64, device=z.device)
    trust, kept, agreement, silhouettes = values

    def measure(start: int, stop: int) -> None:
        rows = slice(start, stop)
        block_z = after.block(start, stop)
        near_z = nearest_in_block(after, block_z, count).indices
        if before:
            block_x = before.block(start, stop)
            near_x = nearest_in_block(before, block_x, near).indices
            trust[rows] = rank_excess(block_x, near_z[:, :near]).double()
            kept[rows] = rank_excess(block_z, near_x).double()
        if classes:
            alike = classes.labels[near_z[:, :k]] == classes.labels[itself[rows], None]
            agreement[rows] = alike.double().mean(dim=1)
            silhouettes[rows] = silhouettes_in_block(after, block_z, classes)  # overwrites it

    (before or after).each_block(measure, progress)
    found: dict[str, Tensor] = {}
    if before:
        shares = 1 - values[:2] * (2 / (near * (2 * len(z) - 3 * near - 1)))
        found |= {"trustworthiness": shares[0], "continuity": shares[1]}
    if classes:
        found |= {"neighbor_label_agreement": agreement, "silhouette": silhouettes}
    return found


def rank_excess(block: Block, columns: Tensor) -> Tensor:
    """How far references lie beyond the k nearest of each of a block's queries.

    Args:
        block: of float64 or int32.
        columns: (B, k) int64, different references for each query.

    Returns:
        (B,) int64, sums of max(0, r - k), where the rank r is 1 plus the number of references that
        come before: those that are nearer, and of those as near, up to the rounding of float64, the
        ones of lower index.
    """
    limit_Bk, tolerance_B1 = block.squared.gather(1, columns), block.tolerance[:, None]
    low_Bk, high_Bk = limit_Bk - tolerance_B1, limit_Bk + tolerance_B1
    before_Bk = torch.empty_like(columns)
    others = torch.arange(block.squared.shape[1], device=columns.device)
    tile, mask = low_Bk.new_empty((2, 0, 0), dtype=torch.float32)
    for part in block.tiles():
        exact, low_Tk, high_Tk = block.squared[part], low_Bk[part].float(), high_Bk[part].float()
        if len(mask) < len(exact):
            tile, mask = exact.new_empty((2, *exact.shape), dtype=torch.float32)
        # Rounding to float32 keeps the order of a value and a limit, so that it can only bring
        # values between the limits, never out of them; and float32 is read in half the time.
        values, out = tile[: len(exact)].copy_(exact), mask[: len(exact)]
        for j in range(columns.shape[1]):
            # Comparisons that return numbers are vectorised, those that return booleans are not.
            nearer_T = torch.lt(values, low_Tk[:, j : j + 1], out=out).sum(dim=1)
            up_to_T = torch.le(values, high_Tk[:, j : j + 1], out=out).sum(dim=1)
            before_Bk[part, j] = nearer_T.long()
            undecided = (up_to_T - nearer_T > 1).nonzero()[:, 0]  # the reference itself always is
            if len(undecided):
                rows, near_RN = undecided + part.start, exact[undecided]
                lower_RN = others < columns[rows, j, None]
                tied_RN = (near_RN <= high_Bk[rows, j, None]) & lower_RN
                before_Bk[rows, j] = ((near_RN < low_Bk[rows, j, None]) | tied_RN).sum(dim=1)
    return (before_Bk + 1 - columns.shape[1]).clamp_(min=0).sum(dim=1)


def silhouettes_in_block(distances: Distances, block: Block, classes: Classes) -> Tensor:
    """Silhouettes (B,) float64 of a block's queries; overwrites the block.

    Args:
        distances: in float64, of queries that are references.
        block: of them.
        classes: of the references.
    """
    itself = block.itself
    assert itself is not None
    indistinct = float(block.tolerance.amax())  # from 0, by the block's values
    sums_KB = classes.one_hot.new_empty(len(classes.sizes), len(block.squared))
    for rows in block.tiles():
        values = block.squared[rows].scatter_(1, itself[rows, None], 0)
        threshold(values, indistinct, 0, inplace=True)
        torch.mm(classes.one_hot, values.sqrt_().T, out=sums_KB[:, rows])
    found, longer_B = _silhouettes_of(sums_KB, itself, classes)
    # Where a few points lie far away, a block cannot tell the others apart.
    loose = (math.sqrt(2 * indistinct) > LOOSE * longer_B).nonzero()[:, 0]
    for part, exact_PN in distances.rows(block.queries[loose]):
        own = itself[loose[part]]
        exact_PN.scatter_(1, own[:, None], 0)
        found[loose[part]], _ = _silhouettes_of(classes.one_hot @ exact_PN.T, own, classes)
    return found


def _silhouettes_of(sums_KB: Tensor, itself: Tensor, classes: Classes) -> tuple[Tensor, Tensor]:
    """Silhouettes and max(a, b), (B,), by the sums of distances to the points of each class."""
    own_1B = classes.labels[itself][None]
    size_B = classes.sizes[own_1B[0]]
    a_B = sums_KB.gather(0, own_1B)[0] / (size_B - 1).clamp(min=1)
    b_B = (sums_KB / classes.sizes[:, None]).scatter_(0, own_1B, math.inf).amin(dim=0)
    longer_B = torch.maximum(a_B, b_B)
    silhouettes = ((b_B - a_B) / longer_B).nan_to_num_(nan=0.0)
    return torch.where(size_B > 1, silhouettes, 0.0), longer_B


def check_same_points(x: Tensor, z: Tensor, k: int) -> None:
    """Raise ValueError unless x and z have the same N points, NotMeasurable unless k < N / 2."""
    if len(x) != len(z):
        raise ValueError(f"x has {len(x)} points and z {len(z)}, they must be the same points")
    if not 1 <= k < len(x) / 2:
        raise NotMeasurable(f"k is {k}, allowed: at least 1 and less than half of {len(x)} points")
