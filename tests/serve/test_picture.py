import re

import numpy as np

from grounding.serve.picture import HEIGHT, MARGIN, WIDTH, scatter


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
