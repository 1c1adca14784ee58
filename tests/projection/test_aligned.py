import numpy as np
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from grounding.projection import laid_on


def test_a_layout_that_was_turned_mirrored_and_moved_comes_back():
    goal = np.random.default_rng(0).normal(size=(20, 3))
    turn = Rotation.from_euler("xyz", [0.3, -1.0, 2.0]).as_matrix() @ np.diag([1, 1, -1])
    found = laid_on(goal @ turn.T + [5, -3, 1], goal)
    assert found.dtype == np.float32
    assert np.allclose(found, goal, atol=1e-5)


def test_distances_stay_and_no_turn_fits_better():
    rng = np.random.default_rng(1)
    goal = rng.normal(size=(30, 3))
    points = 3 * goal[:, [1, 2, 0]] + rng.normal(size=(30, 3))
    found = laid_on(points, goal)

    def distances(z):
        return np.linalg.norm(z[:, None] - z[None], axis=2)

    assert np.allclose(distances(found), distances(points), atol=1e-4)
    # SciPy scales both to one size first; so scaled, ours is as near.
    _, _, least = procrustes(goal, points)
    ours, wanted = ((z - z.mean(axis=0)) for z in (found, goal))
    ours, wanted = ours / np.linalg.norm(ours), wanted / np.linalg.norm(wanted)
    scale = (ours * wanted).sum()
    assert np.isclose(((scale * ours - wanted) ** 2).sum(), least)


def test_one_point_and_points_on_a_line_are_no_trouble():
    assert laid_on([[1, 2, 3]], [[4, 5, 6]]).tolist() == [[4, 5, 6]]
    line = np.outer(np.arange(4), [1, 0, 0])
    assert np.allclose(laid_on(line, line[:, [1, 2, 0]]), line[:, [1, 2, 0]], atol=1e-6)
