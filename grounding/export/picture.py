"""Small still pictures: of a point set, as an SVG, and of images, as a PNG."""

import io
from base64 import b64encode

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, MARGIN = 800, 600, 16
PICTURED_POINTS = 1500  # more would make no clearer picture, but a larger page
# The class colours of the pages, on the ground of their stage.
COLORS = (
    *("#328aff", "#fb0000", "#697d15", "#931be2", "#1c8588"),
    *("#853900", "#fe23ac", "#076a58", "#8282c5", "#aa03ad"),
)
GROUND = "#fafafb"
TYPES = {"svg": "image/svg+xml", "png": "image/png"}


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
        paths.append((f"c{label % len(COLORS)}", dots))
    return paths


def scatter_svg(points: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> bytes:
    """Points as `scatter` sees them, as an SVG file that stands alone."""
    paths = "".join(
        f'<path stroke="{COLORS[int(name[1:])]}" d="{dots}"/>'
        for name, dots in scatter(points, labels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="{MARGIN}" fill="{GROUND}"/>'
        f'<g fill="none" stroke-width="7" stroke-linecap="round" stroke-opacity="0.75">{paths}</g>'
        "</svg>"
    ).encode()


def pictured(count: int) -> slice:
    """Which of so many points are drawn, evenly spread: at most `PICTURED_POINTS`."""
    return slice(None, None, max(1, -(-count // PICTURED_POINTS)))


def data_url(kind: str, data: bytes) -> str:
    """A file as an address that holds it.

    Args:
        kind: "svg" or "png".
        data: its bytes.
    """
    return f"data:{TYPES[kind]};base64,{b64encode(data).decode('ascii')}"


def rows_png(*rows: npt.NDArray[np.uint8]) -> bytes:
    """Rows of images below each other, as a PNG file.

    Args:
        rows: uint8 (N, C, H, W) each, all of one shape. C of 3 or 4 are colours, with opacity; of
            others the first channel is drawn, in grey.
    """
    from PIL import Image

    drawn = [row if row.shape[1] in (3, 4) else row[:, :1] for row in rows]
    sheet = np.concatenate([np.concatenate([*row], axis=2) for row in drawn], axis=1)
    pixels = sheet.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]).save(file, "png")
    return file.getvalue()
