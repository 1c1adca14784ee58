import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from grounding.projection import umap_embedding


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


def nearest_others(z, k):
    """An independent library's exact neighbours."""
    distances, indices = NearestNeighbors(n_neighbors=k).fit(z).kneighbors()
    return indices, distances


def overlap(z, embedding, k=15):
    """Mean share of the k nearest in z that are among the k nearest in the embedding."""
    pairs = zip(nearest_others(z, k)[0], nearest_others(embedding, k)[0], strict=True)
    return np.mean([len(set(near) & set(laid)) / k for near, laid in pairs])


def test_separated_blobs_stay_separated():
    z, labels = three_blobs()
    embedding = umap_embedding(z, n_neighbors=15, neighbors=nearest_others(z, 14))
    assert (embedding.shape, embedding.dtype) == ((300, 3), np.float32)
    vote = KNeighborsClassifier(n_neighbors=16).fit(embedding, labels)
    assert vote.score(embedding, labels) > 0.99
    assert trustworthiness(z, embedding, n_neighbors=15) > 0.8


def test_a_surface_is_unrolled_with_its_neighbourhoods():
    z = swiss_roll()
    embedding = umap_embedding(z, n_neighbors=15, neighbors=nearest_others(z, 14))
    assert trustworthiness(z, embedding, n_neighbors=15) > 0.97
    assert overlap(z, embedding) > 0.6
    alone = umap_embedding(z, n_neighbors=15)  # it finds the neighbours itself
    assert overlap(z, alone) == pytest.approx(overlap(z, embedding), abs=0.03)


EMBED = """
import sys
import numpy as np
from sklearn.neighbors import NearestNeighbors
from grounding.projection import umap_embedding
z = np.random.default_rng(5).normal(size=(300, 16)).astype(np.float32)
d, i = NearestNeighbors(n_neighbors=29, algorithm="brute").fit(z).kneighbors()
sys.stdout.buffer.write(umap_embedding(z, seed=42, neighbors=(i, d)).tobytes())
sys.stdout.buffer.write(umap_embedding(z, seed=42).tobytes())
sys.stdout.buffer.write(umap_embedding(z, seed=43).tobytes())
"""


def test_the_seed_alone_decides_in_any_process_with_any_number_of_threads():
    outputs = []
    for threads in ("1", "3"):
        names = ("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
        env = os.environ | dict.fromkeys(names, threads)
        done = subprocess.run([sys.executable, "-c", EMBED], env=env, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    _, first, other = np.frombuffer(outputs[0], np.float32).reshape(3, 300, 3)
    assert np.abs(first - other).max() > 0.1


def test_more_neighbors_than_needed_and_tensors_do_as_well():
    z, _ = three_blobs(70)
    indices, distances = nearest_others(z, 25)
    many = (torch.from_numpy(indices), torch.from_numpy(distances))
    expected = umap_embedding(z, n_neighbors=20, neighbors=(indices[:, :19], distances[:, :19]))
    found = umap_embedding(torch.from_numpy(z), n_neighbors=20, neighbors=many)
    assert found.tobytes() == expected.tobytes()


def test_duplicate_points_stay_together():
    rng = np.random.default_rng(2)
    z = np.repeat(rng.normal(size=(100, 8)), 3, axis=0).astype(np.float32)
    embedding = umap_embedding(z, n_neighbors=10, neighbors=nearest_others(z, 9))
    of_three = embedding.reshape(100, 3, 3)
    spread = np.linalg.norm(of_three - of_three.mean(axis=1, keepdims=True), axis=2).mean()
    assert spread < 0.3 * np.linalg.norm(embedding - embedding.mean(axis=0), axis=1).mean()
    assert np.isfinite(umap_embedding(np.ones((40, 4), dtype=np.float32))).all()


@pytest.mark.parametrize("n", [5, 6, 31])
def test_few_points_lower_the_neighborhood(n):
    z = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
    embedding = umap_embedding(z, n_neighbors=40)
    assert embedding.tobytes() == umap_embedding(z, n_neighbors=n - 1).tobytes()
    of_two = umap_embedding(z, n_neighbors=2, neighbors=nearest_others(z, 1))
    assert np.isfinite(of_two).all()
    assert (of_two.std(axis=0) > 0.05).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_neighbors": 1}, "n_neighbors must be >= 2"),
        ({"min_dist": 1.5}, "min_dist must be"),
        ({"z": np.full((9, 9), np.inf)}, "non-finite"),
        ({"neighbors": nearest_others(np.eye(9), 3)}, r"columns must be >= n_neighbors \(8\)"),
        ({"neighbors": (np.full((9, 8), 9), np.ones((9, 8)))}, "out of range"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"z": np.eye(9)} | change
    with pytest.raises(ValueError, match=message):
        umap_embedding(arguments.pop("z"), **arguments)


@pytest.mark.full
def test_as_good_as_the_reference_implementation():
    library = pytest.importorskip("umap")
    z = swiss_roll(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one thread because of the seed
        theirs = library.UMAP(n_components=3, n_neighbors=30, random_state=0).fit_transform(z)
    ours = umap_embedding(z, neighbors=nearest_others(z, 29))
    assert overlap(z, ours) > overlap(z, theirs) - 0.02
