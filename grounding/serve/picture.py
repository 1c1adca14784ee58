"""A small still picture of a point set, as the paths of an SVG."""

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, MARGIN = 800, 600, 16
COLORS = 10


def scatter(
    points: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]
) -> list[tuple[str, str]]:
    """Points seen from the side on which they spread most, as one SVG path for each class.

    The first principal component points right and the second up; the largest entry of each is
    positive, since their signs are otherwise a matter of chance.

    Args:
        points: (N, 3), N >= 1.
        labels: (N,).

    Returns:
        The attributes `class` and `d` of each path, on WIDTH x HEIGHT pixels. The class of label n
        is `c{n % 10}`, which a style sheet colours; the dots have no length, round line ends make
        them visible.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    directions = np.linalg.eigh(centred.T @ centred).eigenvectors[:, [2, 1]]
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])
    flat = centred @ directions * [1, -1]  # pixels count downwards
    low, high = flat.min(axis=0), flat.max(axis=0)
    picture = np.array([WIDTH, HEIGHT])
    scale = ((picture - 2 * MARGIN) / np.maximum(high - low, 1e-9)).min()
    places = np.rint((flat - (low + high) / 2) * scale + picture / 2).astype(np.int64)
    paths = []
    for label in np.unique(labels).tolist():
        dots = "".join(f"M{x} {y}h0" for x, y in places[labels == label].tolist())
        paths.append((f"c{label % COLORS}", dots))
    return paths
