"""UMAP: lay latents out in three dimensions so that near neighbours stay near.

Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection for
Dimension Reduction", arXiv:1802.03426. docs/projection.md has the measurements behind the choices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32 = NDArray[np.float32]

# umapers, like umap-learn, would take 500 epochs up to so many points and 200 beyond: 300 keep as
# many neighbours within 0.005 and take three fifths of the time (docs/projection.md).
FEW_POINTS = 10_000
EPOCHS_OF_FEW = 300


def umap_embedding(
    z: ArrayLike,
    *,
    n_neighbors: int = 30,
    min_dist: float = 0.1,
    seed: int = 0,
    neighbors: tuple[ArrayLike, ArrayLike] | None = None,
) -> Float32:
    """Embed points by UMAP.

    The same arguments on the same machine give the same bytes, run after run and with any number of
    threads.

    Args:
        z: (N, D) points, used as float32, finite, N >= 5. Unit vectors give cosine neighbourhoods.
        n_neighbors: size of a point's neighbourhood, the point itself included, at least 2. At
            most N - 1 are used: a larger value is lowered to that.
        min_dist: how near to each other points may come in the embedding, 0 to 1.
        seed: 0 or more.
        neighbors: of each point the nearest others, indices (N, k) and euclidean distances (N, k),
            each row ascending, k >= n_neighbors - 1. Their distances decide, so a difference in the
            last bit changes the layout. None leaves the search to umapers, which is exact, too.

    Returns:
        (N, 3) float32, finite, in no particular unit; of each axis only differences mean anything.

    Raises:
        ValueError: an argument outside what is said above.
    """
    from umapers import Umap

    z_ND = np.ascontiguousarray(z, dtype=np.float32)
    count = len(z_ND)
    k = min(n_neighbors, count - 1)
    # A spectral start takes up to four times as long as all the rest, and the layout keeps no more
    # neighbours for it: docs/projection.md.
    model = Umap(
        n_components=3,
        n_neighbors=k,
        min_dist=min_dist,
        random_seed=seed,
        init="random",
        n_epochs=EPOCHS_OF_FEW if count <= FEW_POINTS else None,
        ann_mode="exact",
    )
    if neighbors is None:
        return np.asarray(model.fit_transform(z_ND), dtype=np.float32)
    # Each point stands first among its own, even before its duplicates: umapers takes that form
    # only if it holds for all points.
    others, distances = (np.asarray(values)[:, : k - 1] for values in neighbors)
    indices = np.column_stack((np.arange(count), others)).astype(np.int64)
    distances = np.column_stack((np.zeros(count), distances)).astype(np.float32)
    return np.asarray(model.fit_transform_with_knn(z_ND, indices, distances), dtype=np.float32)
