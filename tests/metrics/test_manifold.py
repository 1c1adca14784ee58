import json
import math
import subprocess
import sys

import pytest
import torch
from sklearn import manifold, metrics
from sklearn.neighbors import NearestNeighbors

from grounding.metrics.manifold import manifold_metrics, manifold_score

HALF = {
    "knn_test_accuracy": 0.5,
    "trustworthiness": 0.5,
    "neighbor_label_agreement": 0.5,
    "silhouette": 0.0,
    "davies_bouldin": 1.0,
    "fisher_ratio": 1.0,
}


def test_score_by_hand():
    assert manifold_score(HALF) == 50.0
    values = {
        "knn_test_accuracy": 0.9,
        "trustworthiness": 0.96,
        "neighbor_label_agreement": 0.84,
        "silhouette": 0.2,
        "davies_bouldin": 1.5,
        "fisher_ratio": 0.25,
        "calinski_harabasz": 1234.5,  # reported, not scored
    }
    expected = 100 * (0.9 + 0.96 + 0.84 + 0.6 + 0.4 + 0.2) / 6
    assert manifold_score(values) == pytest.approx(expected, abs=1e-12)


def test_score_of_infinite_metrics():
    best = HALF | {"fisher_ratio": math.inf, "davies_bouldin": 0.0}
    assert manifold_score(best) == pytest.approx(100 * (4 * 0.5 + 2) / 6)
    assert manifold_score(HALF | {"davies_bouldin": math.inf}) == pytest.approx(100 * 2.5 / 6)


def test_score_refuses_missing_and_undefined_metrics():
    with pytest.raises(ValueError, match="lack silhouette"):
        manifold_score({key: value for key, value in HALF.items() if key != "silhouette"})
    with pytest.raises(ValueError, match="not numbers: trustworthiness"):
        manifold_score(HALF | {"trustworthiness": math.nan})


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("block_bytes", [None, 60_000])
def test_metrics_agree_with_scikit_learn(dtype, within, block_bytes):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (400,), generator=generator)
    z = torch.randn(400, 8, generator=generator, dtype=torch.float64) + labels[:, None]
    x = torch.cat((z, torch.rand(400, 22, generator=generator, dtype=torch.float64) * 4), dim=1)
    x, z = x.to(dtype), z.to(dtype)
    calls = []
    found = manifold_metrics(
        x,
        z,
        labels,
        k=3,
        trustworthiness_k=5,
        knn_test_accuracy=0.75,
        block_bytes=block_bytes,
        progress=lambda *call: calls.append(call),
    )
    x64, z64, y = x.double().numpy(), z.double().numpy(), labels.numpy()
    nearest = NearestNeighbors(n_neighbors=3).fit(z64).kneighbors(return_distance=False)
    means = torch.stack([z.double()[labels == c].mean(0) for c in range(5)])
    within_scatter = (z.double() - means[labels]).square().sum()
    between_scatter = (means[labels] - z.double().mean(0)).square().sum()
    expected = {
        "knn_test_accuracy": 0.75,
        "silhouette": metrics.silhouette_score(z64, y),
        "calinski_harabasz": metrics.calinski_harabasz_score(z64, y),
        "davies_bouldin": metrics.davies_bouldin_score(z64, y),
        "trustworthiness": manifold.trustworthiness(x64, z64, n_neighbors=5),
        "continuity": manifold.trustworthiness(z64, x64, n_neighbors=5),
        "neighbor_label_agreement": (y[nearest] == y[:, None]).mean(),
        "fisher_ratio": float(between_scatter / within_scatter),
    }
    assert found == pytest.approx(expected, rel=within, abs=within)
    assert all(type(value) is float for value in found.values())
    assert 0 < manifold_score(found) < 100
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_metrics_of_a_collapsed_space_are_bad_but_numbers():
    x = torch.rand(60, 4, generator=torch.Generator().manual_seed(0))
    z, labels = torch.full((60, 3), 0.7), torch.arange(60) % 3
    found = manifold_metrics(x, z, labels, k=5, trustworthiness_k=5, knn_test_accuracy=1 / 3)
    assert (found["silhouette"], found["fisher_ratio"]) == (0.0, 0.0)
    assert found["davies_bouldin"] == math.inf
    assert manifold_score(found) < 35


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is asked of the resource module")
def test_memory_is_bounded():
    n = 4000
    script = f"""
import json, resource, torch
from grounding.metrics.manifold import manifold_metrics
torch.set_num_threads(1)
def run(n):
    generator = torch.Generator().manual_seed(0)
    x, z = torch.rand(n, 16, generator=generator), torch.rand(n, 4, generator=generator)
    manifold_metrics(x, z, torch.arange(n) % 10, k=5, trustworthiness_k=5, knn_test_accuracy=0.0,
                     block_bytes=2 << 20)
run(500)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run({n})
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert json.loads(result.stdout) * unit < n * n * 4 / 2  # half of one float32 n x n array


def test_wrong_arguments():
    x, z, labels = torch.rand(12, 5), torch.rand(12, 2), torch.arange(12) % 2
    call = {"k": 3, "trustworthiness_k": 5, "knn_test_accuracy": 0.5}
    with pytest.raises(ValueError, match="k is 6, allowed: at least 1 and less than half of 12"):
        manifold_metrics(x, z, labels, **(call | {"trustworthiness_k": 6}))
    with pytest.raises(ValueError, match="k is 12, allowed: 1 to 11"):
        manifold_metrics(x, z, labels, **(call | {"k": 12}))
    with pytest.raises(ValueError, match="1 class"):
        manifold_metrics(x, z, labels * 0, **call)
    with pytest.raises(ValueError, match="x has 11 points and z 12"):
        manifold_metrics(x[:11], z, labels, **call)
