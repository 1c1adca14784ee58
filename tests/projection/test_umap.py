import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from grounding.projection import umap


def three_blobs(per_blob=100, dim=16, apart=8.0):
    rng = np.random.default_rng(0)
    centres = np.zeros((3, dim))
    centres[[0, 1, 2], [0, 1, 2]] = apart
    labels = np.repeat([0, 1, 2], per_blob)
    return (centres[labels] + rng.normal(size=(3 * per_blob, dim))).astype(np.float32), labels


def swiss_roll(n=400):
    rng = np.random.default_rng(1)
    turn, across = rng.uniform(4, 12, n), rng.uniform(0, 10, n)
    return np.stack([turn * np.cos(turn), across, turn * np.sin(turn)], axis=1).astype(np.float32)


def exact_neighbors(z, k):
    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(z).kneighbors(z)
    return indices, distances


def umap_embedding(z, **options):
    """Our function, given an independent library's exact neighbours unless the test has its own."""
    if "neighbors" not in options:
        k = min(options.get("n_neighbors", 30), len(z))
        options["neighbors"] = exact_neighbors(z, k)
    return umap.umap_embedding(z, **options)


def overlap(z, embedding, k=15):
    """Mean share of the k nearest in z that are among the k nearest in the embedding."""
    pairs = zip(
        exact_neighbors(z, k + 1)[0][:, 1:],
        exact_neighbors(embedding, k + 1)[0][:, 1:],
        strict=True,
    )
    return np.mean([len(set(near) & set(laid)) / k for near, laid in pairs])


def test_shape_type_and_finiteness():
    z, _ = three_blobs(70)
    assert umap_embedding(z, seed=0).shape == (210, 3)
    flat = umap_embedding(z, n_components=2, seed=0)
    assert flat.shape == (210, 2)
    assert flat.dtype == np.float32
    assert np.isfinite(flat).all()


def test_separated_blobs_stay_separated():
    z, labels = three_blobs()
    embedding = umap_embedding(z, n_neighbors=15, seed=0)
    vote = KNeighborsClassifier(n_neighbors=16).fit(embedding, labels)
    assert vote.score(embedding, labels) > 0.99
    assert trustworthiness(z, embedding, n_neighbors=15) > 0.8


def test_a_surface_is_unrolled_with_its_neighbourhoods():
    z = swiss_roll()
    embedding = umap_embedding(z, n_neighbors=15, seed=0)
    assert trustworthiness(z, embedding, n_neighbors=15) > 0.97
    assert overlap(z, embedding) > 0.6


def test_same_seed_same_bytes_another_seed_another_layout():
    z, _ = three_blobs(70)
    first, again = umap_embedding(z, seed=3), umap_embedding(z.copy(), seed=3)
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - umap_embedding(z, seed=4)).max() > 0.1


EMBED = """
import sys
import numpy as np
from sklearn.neighbors import NearestNeighbors
from grounding.projection.umap import umap_embedding
z = np.random.default_rng(5).normal(size=(300, 16)).astype(np.float32)
d, i = NearestNeighbors(n_neighbors=30, algorithm="brute").fit(z).kneighbors(z)
sys.stdout.buffer.write(umap_embedding(z, seed=42, neighbors=(i, d)).tobytes())
"""


def test_fresh_processes_and_thread_counts_give_the_same_bytes():
    outputs = []
    for threads in ("1", "3"):
        names = ("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
        env = os.environ | dict.fromkeys(names, threads)
        done = subprocess.run([sys.executable, "-c", EMBED], env=env, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        outputs.append(done.stdout)
    assert len(outputs[0]) == 300 * 3 * 4
    assert outputs[0] == outputs[1]


def test_the_form_of_known_neighbors_does_not_matter():
    z, _ = three_blobs(70)
    indices, distances = exact_neighbors(z, 25)
    # The same values in each form, so that only the form differs.
    distances = distances.astype(np.float32)
    distances[:, 0] = 0
    with_self = umap_embedding(z, n_neighbors=20, seed=0, neighbors=(indices, distances))
    bare = (indices[:, 1:20].astype(np.int32), distances[:, 1:20].astype(np.float64))
    without_self = umap_embedding(z, n_neighbors=20, seed=0, neighbors=bare)
    assert with_self.tobytes() == without_self.tobytes()


def test_duplicate_points_stay_together():
    rng = np.random.default_rng(2)
    z = np.repeat(rng.normal(size=(100, 8)), 3, axis=0).astype(np.float32)
    embedding = umap_embedding(z, n_neighbors=10, seed=0).reshape(100, 3, 3)
    spread = np.linalg.norm(embedding - embedding.mean(axis=1, keepdims=True), axis=2).mean()
    assert np.isfinite(embedding).all()
    assert spread < 0.3 * np.linalg.norm(embedding - embedding.mean(axis=(0, 1)), axis=2).mean()


@pytest.mark.parametrize("n", [5, 6, 12, 31])
def test_few_points_lower_the_neighborhood(n):
    z = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
    embedding = umap_embedding(z, n_neighbors=30, seed=0)
    assert embedding.tobytes() == umap_embedding(z, n_neighbors=n - 1, seed=0).tobytes()


def test_all_points_the_same():
    assert np.isfinite(umap_embedding(np.ones((40, 4), dtype=np.float32), seed=0)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 0}, "n_components is 0"),
        ({"n_neighbors": 1}, "n_neighbors is 1"),
        ({"min_dist": 1.5}, "min_dist is 1.5"),
        ({"min_dist": float("nan")}, "min_dist is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"backend": "tsne"}, "backend is 'tsne', allowed: umapers, umap-learn"),
        ({"z": np.zeros(5)}, "expected"),
        ({"z": np.zeros((4, 2))}, "z has 4 points, UMAP needs at least 5"),
        ({"z": np.where(np.eye(9) > 0, np.inf, 0)}, "not finite in float32, first at point 0"),
    ],
)
def test_bad_arguments(change, message):
    neighbors = exact_neighbors(np.eye(9), 9)
    arguments = {"z": np.eye(9), "seed": 0, "neighbors": neighbors} | change
    with pytest.raises(ValueError, match=message):
        umap.umap_embedding(arguments.pop("z"), **arguments)


def changed(array, value, where=(3, 2)):
    array = array.copy()
    array[where] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, d: (i, d[:, :4]), "shapes"),
        (lambda i, d: (i[:20], d[:20]), "shapes"),
        (lambda i, d: (d, i), "first has type float64"),
        (lambda i, d: (i[:, :5], d[:, :5]), "5 columns, n_neighbors 6 needs 6 with"),
        (lambda i, d: (changed(i, 30), d), "outside 0 to 29"),
        (lambda i, d: (changed(i, i[3, 1]), d), "same index twice"),
        (lambda i, d: (i, changed(d, -1.0)), "negative"),
        (lambda i, d: (i, changed(d, np.nan)), "not finite"),
        (lambda i, d: (i, changed(d, 99.0)), "do not ascend"),
    ],
)
def test_bad_neighbors(change, message):
    z = np.random.default_rng(7).normal(size=(30, 4)).astype(np.float32)
    neighbors = change(*exact_neighbors(z, 6))
    with pytest.raises(ValueError, match=message):
        umap_embedding(z, n_neighbors=6, seed=0, neighbors=neighbors)


def test_a_missing_optional_backend_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match=r"pip install 'grounding\[umap-learn\]'"):
        umap_embedding(np.eye(9), seed=0, backend="umap-learn")


@pytest.mark.full
def test_as_good_as_the_reference_implementation():
    pytest.importorskip("umap")
    z = swiss_roll(1000)
    ours = umap_embedding(z, seed=0)
    reference = umap_embedding(z, seed=0, backend="umap-learn")
    again = umap_embedding(z, seed=0, backend="umap-learn")
    assert reference.tobytes() == again.tobytes()
    assert overlap(z, ours) > overlap(z, reference) - 0.02
