"""Nearest neighbours: against scikit-learn.

The 5 nearest of n training images for each of 10,000 test images, on 32 principal components,
float32, both in turn in one process. Ours decides as if all distances were taken in float64; the
last column is the share of neighbours on which both agree.
"""

from typing import Any

import torch
from harness import mnist
from harness.measure import alternate, compared, say
from harness.question import Curve, Effort, Row
from torch import Tensor

from grounding.metrics import nearest

CURVES = (Curve("neighbors", "references", ("ours, s", "scikit-learn, s")),)
K = 5


def measure(effort: Effort) -> list[Row]:
    splits = mnist.splits()
    references, queries = mnist.stand_ins(splits.train.images, splits.test.images)
    counts = effort.pick((1000, 2000), (5500, 11_000, 27_500, 55_000))
    queries = queries[: effort.pick(500, 10_000)]
    return [row(queries, references[:count], effort.pick(1, 5)) for count in counts]


def row(queries: Tensor, references: Tensor, runs: int) -> Row:
    """Seconds both ways for one number of references."""
    from sklearn.neighbors import NearestNeighbors

    say(f"{len(references)} references")
    found: dict[str, Any] = {}

    def ours() -> None:
        found["ours"] = nearest(queries, references, K).indices

    def sklearn() -> None:
        search = NearestNeighbors(n_neighbors=K).fit(references.numpy())
        found["sklearn"] = search.kneighbors(queries.numpy(), return_distance=False)

    seconds = alternate({"ours": ours, "scikit-learn": sklearn}, runs)
    theirs = torch.from_numpy(found["sklearn"])
    same = found["ours"].sort().values == theirs.sort().values
    return {
        "queries": len(queries),
        "references": len(references),
        **compared(seconds),
        "same neighbours": float(same.double().mean()),
        "runs": runs,
    }
