"""A small still picture of a point set, as SVG."""

from xml.etree.ElementTree import Element, SubElement

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, MARGIN = 800, 600, 16
COLORS = 10


def scatter(
    points: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], description: str
) -> Element:
    """Points seen from the side on which they spread most, one path for each class.

    The class of label n is drawn in an element of the class attribute `c{n % 10}`, which a style
    sheet colours.

    Args:
        points: (N, 3), N >= 1.
        labels: (N,).
        description: what a person who cannot see it is told.
    """
    svg = Element(
        "svg",
        {
            "class": "picture",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-label": description,
        },
    )
    places = _fitted(flattened(points))
    for label in np.unique(labels).tolist():
        # A stroke of no length with round ends is a dot, in the fewest bytes.
        dots = "".join(f"M{x} {y}h0" for x, y in places[labels == label].tolist())
        SubElement(svg, "path", {"class": f"c{label % COLORS}", "d": dots})
    return svg


def flattened(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Coordinates (N, 2) along the two directions of largest variance of points (N, 3).

    The sign is fixed by making each direction's largest component positive.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    chosen = directions[:, [2, 1]]
    largest = np.abs(chosen).argmax(axis=0)
    flat: npt.NDArray[np.float64] = centred @ (chosen * np.sign(chosen[largest, [0, 1]]))
    return flat


def _fitted(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Whole pixels of the picture, both axes on one scale, y upwards."""
    low, high = places.min(axis=0), places.max(axis=0)
    picture = np.array([WIDTH, HEIGHT])
    scale = ((picture - 2 * MARGIN) / np.maximum(high - low, 1e-9)).min()
    centred = (places - (low + high) / 2) * scale * np.array([1, -1])
    fitted: npt.NDArray[np.int64] = np.rint(centred + picture / 2).astype(np.int64)
    return fitted
