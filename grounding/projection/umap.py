"""UMAP: lay latents out in three dimensions so that near neighbours stay near.

Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection for
Dimension Reduction", arXiv:1802.03426. docs/projection.md has the measurements behind the default.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Backend = Literal["umapers", "umap-learn"]
Float32 = NDArray[np.float32]
Graph = tuple[NDArray[np.int64], Float32]

MIN_NEIGHBORS = 2
MAX_SEED = 2**32 - 1
# umapers, like umap-learn, would take 500 epochs up to so many points and 200 beyond: 300 keep as
# many neighbours within 0.005 and take three fifths of the time (docs/projection.md).
FEW_POINTS = 10_000
EPOCHS_OF_FEW = 300


def umap_embedding(
    z: NDArray[np.floating[Any]],
    *,
    n_components: int = 3,
    n_neighbors: int = 30,
    min_dist: float = 0.1,
    seed: int,
    neighbors: tuple[NDArray[np.integer[Any]], NDArray[np.floating[Any]]],
    backend: Backend = "umapers",
) -> Float32:
    """Embed points by UMAP, from their nearest neighbours.

    The same arguments on the same machine give the same bytes, run after run. With the umapers
    backend the number of threads does not matter either.

    Args:
        z: (N, D) points, used as float32, N >= n_components + 2. Unit vectors give cosine
            neighbourhoods.
        n_components: dimensions of the embedding, at least 1.
        n_neighbors: size of a point's neighbourhood, the point itself included, at least 2. At
            most N - 1 are used: a larger value is lowered to that.
        min_dist: how near to each other points may come in the embedding, 0 to 1.
        seed: 0 to 2**32 - 1.
        neighbors: the nearest neighbours, indices (N, k) and euclidean distances (N, k), each row
            ascending, with k >= n_neighbors, or k >= n_neighbors - 1 where no point is among its
            own. Their distances decide, so a difference in the last bit changes the layout.
        backend: "umapers" (compiled) or "umap-learn" (the reference implementation, an optional
            install that compiles itself in every process).

    Returns:
        (N, n_components) float32, finite, in no particular unit; of each axis only differences
        mean anything.

    Raises:
        ValueError: an argument outside what is said above, non-finite points, or backend
            "umap-learn" where that package is not installed.
    """
    _check(n_components, n_neighbors, min_dist, seed, backend)
    z_ND = _checked_points(z, n_components + 2)
    k = min(n_neighbors, len(z_ND) - 1)
    graph = _with_self_first(len(z_ND), k, *neighbors)
    lay_out = _with_umapers if backend == "umapers" else _with_umap_learn
    embedding = np.asarray(lay_out(z_ND, graph, n_components, k, min_dist, seed), dtype=np.float32)
    assert embedding.shape == (len(z_ND), n_components)
    assert np.isfinite(embedding).all(), f"{backend} returned a non-finite embedding"
    return embedding


def _check(n_components: int, n_neighbors: int, min_dist: float, seed: int, backend: str) -> None:
    if n_components < 1:
        raise ValueError(f"n_components is {n_components}, allowed: at least 1")
    if n_neighbors < MIN_NEIGHBORS:
        raise ValueError(f"n_neighbors is {n_neighbors}, allowed: at least {MIN_NEIGHBORS}")
    if not 0 <= min_dist <= 1:
        raise ValueError(f"min_dist is {min_dist}, allowed: 0 to 1")
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed is {seed}, allowed: 0 to {MAX_SEED}")
    if backend not in get_args(Backend):
        raise ValueError(f"backend is {backend!r}, allowed: {', '.join(get_args(Backend))}")


def _checked_points(z: NDArray[np.floating[Any]], at_least: int) -> Float32:
    if z.ndim != 2 or z.shape[1] < 1:
        raise ValueError(f"z has shape {z.shape}, expected (N, D)")
    if len(z) < at_least:
        raise ValueError(f"z has {len(z)} points, UMAP needs at least {at_least}")
    z_ND = np.ascontiguousarray(z, dtype=np.float32)
    if not np.isfinite(z_ND).all():
        row = int(np.argmax(~np.isfinite(z_ND).all(axis=1)))
        raise ValueError(f"z is not finite in float32, first at point {row}")
    return z_ND


def _with_self_first(
    n: int, k: int, indices: NDArray[np.integer[Any]], distances: NDArray[np.floating[Any]]
) -> Graph:
    """The neighbours in the form both libraries expect: k columns, each point its own first.

    Duplicates of a point are as near as itself, so it may stand anywhere among them, or nowhere.
    """
    if indices.shape != distances.shape or indices.ndim != 2 or len(indices) != n:
        raise ValueError(
            f"neighbors have shapes {indices.shape} and {distances.shape}, expected ({n}, k) twice"
        )
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"neighbors are (indices, distances), the first has type {indices.dtype}")
    own = np.arange(n, dtype=np.int64)[:, None]
    is_self = indices == own
    if indices.shape[1] - int(is_self.any()) < k - 1:
        raise ValueError(
            f"neighbors have {indices.shape[1]} columns, n_neighbors {k} needs {k} with the "
            f"point itself or {k - 1} without"
        )
    self_last = np.argsort(is_self, axis=1, kind="stable")[:, : k - 1]
    others = np.take_along_axis(indices, self_last, axis=1)
    to_others = np.take_along_axis(distances, self_last, axis=1)
    _check_graph(n, others, to_others)
    zeros = np.zeros((n, 1))
    return (
        np.concatenate([own, others], axis=1).astype(np.int64),
        np.concatenate([zeros, to_others], axis=1).astype(np.float32),
    )


def _check_graph(
    n: int, indices: NDArray[np.integer[Any]], distances: NDArray[np.floating[Any]]
) -> None:
    if indices.min() < 0 or indices.max() >= n:
        raise ValueError(f"neighbors hold an index outside 0 to {n - 1}")
    in_order = np.sort(indices, axis=1)
    if (in_order[:, 1:] == in_order[:, :-1]).any():
        raise ValueError("neighbors hold the same index twice in a row")
    if not (np.isfinite(distances).all() and (distances >= 0).all()):
        raise ValueError("neighbors hold a distance that is negative or not finite")
    if (np.diff(distances, axis=1) < 0).any():
        raise ValueError("neighbors hold a row whose distances do not ascend")


def _with_umapers(
    z_ND: Float32, graph: Graph, n_components: int, k: int, min_dist: float, seed: int
) -> Any:
    from umapers import Umap

    # A spectral start takes up to four times as long as all the rest, and the layout keeps no more
    # neighbours for it: docs/projection.md.
    model = Umap(
        n_components=n_components,
        n_neighbors=k,
        min_dist=min_dist,
        random_seed=seed,
        init="random",
        n_epochs=EPOCHS_OF_FEW if len(z_ND) <= FEW_POINTS else None,
    )
    return model.fit_transform_with_knn(z_ND, *graph)


def _with_umap_learn(
    z_ND: Float32, graph: Graph, n_components: int, k: int, min_dist: float, seed: int
) -> Any:
    # Numba and umap-learn warn of settings we chose, for example one thread because of the seed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from umap import UMAP
        except ModuleNotFoundError as missing:
            raise ValueError(
                f"backend 'umap-learn' needs {missing.name}: pip install 'grounding[umap-learn]'"
            ) from missing
        model = UMAP(
            n_components=n_components,
            n_neighbors=k,
            min_dist=min_dist,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=graph,
        )
        return model.fit_transform(z_ND)
