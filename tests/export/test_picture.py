import re

import numpy as np
from conftest import REPOSITORY

from grounding.export.picture import COLORS, HEIGHT, MARGIN, WIDTH, scatter, scatter_svg


def places(paths):
    return [[int(v) for v in re.findall(r"-?\d+", d.replace("h0", ""))] for _, d in paths]


def test_the_widest_directions_fill_the_picture_and_every_label_has_a_colour():
    # Spread 4 along z, 1 along y, none along x: z points right, y up, and z decides the scale.
    points = np.float32([[7, -0.5, -2], [7, -0.5, 2], [7, 0.5, 2], [7, 0.5, -2]])
    half = (WIDTH - 2 * MARGIN) / 8
    low, high, right = round(HEIGHT / 2 + half), round(HEIGHT / 2 - half), WIDTH - MARGIN
    paths = scatter(points, np.int32([0, 1, 13, -1]))
    assert [style for style, _ in paths] == ["c9", "c0", "c1", "c3"]
    assert places(paths) == [[MARGIN, high], [MARGIN, low], [right, low], [right, high]]
    same_place = scatter(np.ones((2, 3), np.float32), np.int32([0, 0]))
    assert places(same_place) == [2 * [WIDTH // 2, HEIGHT // 2]]


def test_the_colours_are_those_of_the_pages():
    for file in ("serve/templates/index.css", "web/src/colors.js"):
        text = (REPOSITORY / "grounding" / file).read_text(encoding="utf-8")
        places = [text.index(color[1:]) for color in COLORS]
        assert places == sorted(places), f"{file} has the classes' colours in another order"
    assert scatter_svg(np.eye(3, dtype=np.float32), np.int32([0, 1, 12])).count(b"<path") == 3
