import re

import numpy as np

from grounding.export.picture import HEIGHT, MARGIN, WIDTH, flattened, scatter


def places(svg):
    return [[int(v) for v in re.findall(r"-?\d+", p.get("d").replace("h0", ""))] for p in svg]


def test_the_two_widest_directions_are_shown():
    # Spread 10 along z, 4 along x, 1 along y.
    points = np.float32([[0, 0, -10], [0, 0, 10], [-4, 0, 0], [4, 0, 0], [0, -1, 0], [0, 1, 0]])
    flat = flattened(points)
    np.testing.assert_allclose(flat[:, 0], [-10, 10, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(flat[:, 1], [0, 0, -4, 4, 0, 0], atol=1e-9)


def test_the_cloud_fills_the_picture_and_keeps_its_shape():
    # 4 wide, 1 high: the width decides the scale.
    points = np.float32([[-2, -0.5, 0], [2, -0.5, 0], [2, 0.5, 0], [-2, 0.5, 0]])
    svg = scatter(points, np.int32([0, 1, 2, 3]), "")
    scale = (WIDTH - 2 * MARGIN) / 4
    low, high = round(HEIGHT / 2 + scale / 2), round(HEIGHT / 2 - scale / 2)
    right = WIDTH - MARGIN
    assert places(svg) == [[MARGIN, low], [right, low], [right, high], [MARGIN, high]]


def test_one_point_or_many_in_one_place_lie_in_the_middle():
    for count in (1, 5):
        svg = scatter(np.ones((count, 3), np.float32), np.zeros(count, np.int32), "")
        assert places(svg) == [[WIDTH // 2, HEIGHT // 2] * count]


def test_negative_labels_have_a_colour():
    svg = scatter(np.zeros((1, 3), np.float32), np.int32([-1]), "")
    assert svg[0].get("class") == "c9"
