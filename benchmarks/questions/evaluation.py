"""Manifold metrics: one pass against scikit-learn.

n images x (784 pixels | 32 principal components): neighbours, trustworthiness, continuity, label
agreement, silhouette, Davies-Bouldin and Calinski-Harabasz. Each way in a process of its own, in
turn; the data are there before the clock starts. MB are what resident memory rises by above that.
scikit-learn holds all n x n distances at once, so it ends at the test images.
"""

import time
from statistics import median
from typing import Any

from harness.measure import PeakMemory, alone, median_ratio, say
from harness.question import Curve, Effort, Row

CURVES = (
    Curve("evaluation_seconds", "images", ("ours, s", "scikit-learn, s")),
    Curve("evaluation_memory", "images", ("ours, MB", "scikit-learn, MB")),
)
K = 5
SKLEARN_ENDS_AT = 10_000
SMALL = 200


def measure(effort: Effort) -> list[Row]:
    counts = effort.pick((300,), (1250, 2500, 5000, 10_000, 20_000, 55_000))
    return [row(count, effort) for count in counts]


def row(count: int, effort: Effort) -> Row:
    """Seconds and memory both ways for one number of images."""
    ways = ["ours"] + (["sklearn"] if count <= SKLEARN_ENDS_AT else [])
    runs = effort.pick(1, 3) if count <= SKLEARN_ENDS_AT else 1
    taken: dict[str, list[Any]] = {way: [] for way in ways}
    for number in range(runs):
        for way in ways:
            say(f"{count} images, {way}, run {number + 1}")
            taken[way].append(alone(spend, way, count, "cpu"))
    seconds = {way: [one["seconds"] for one in spent] for way, spent in taken.items()}
    memory = {way: [one["mb"] for one in spent] for way, spent in taken.items()}
    theirs = "sklearn" in taken
    return {
        "images": count,
        "ours, s": median(seconds["ours"]),
        "scikit-learn, s": median(seconds["sklearn"]) if theirs else None,
        "times as fast": median_ratio(seconds["sklearn"], seconds["ours"]) if theirs else None,
        "ours, MB": highest(memory["ours"]),
        "scikit-learn, MB": highest(memory["sklearn"]) if theirs else None,
        "runs": runs,
    }


def highest(values: list[float | None]) -> float | None:
    """The largest, None if any is unknown."""
    return None if None in values else max(v for v in values if v is not None)


def spend(way: str, count: int, device: str) -> dict[str, float | None]:
    """Seconds and MB of one way over the first images: of the test set if there are enough."""
    from harness import mnist

    splits = mnist.splits()
    chosen = splits.test if count <= len(splits.test) else splits.train
    (latents,) = mnist.principal_components(chosen.images)
    x, z, labels = mnist.pixels(chosen.images[:count]), latents[:count], chosen.labels[:count]
    del splits, chosen, latents
    work = {"ours": ours, "sklearn": sklearn}[way]
    work(x[:SMALL].to(device), z[:SMALL].to(device), labels[:SMALL].to(device))
    x, z, labels = x.to(device), z.to(device), labels.to(device)
    with PeakMemory() as memory:
        started = time.perf_counter()
        work(x, z, labels)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "mb": memory.mb}


def ours(x: Any, z: Any, labels: Any) -> None:
    """One blocked pass."""
    from grounding.metrics.manifold import manifold_metrics

    manifold_metrics(x, z, labels, k=K, trustworthiness_k=K, knn_test_accuracy=1.0)


def sklearn(x: Any, z: Any, labels: Any) -> None:
    """One function for each metric."""
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
    from sklearn.neighbors import NearestNeighbors

    pixels, latents, y = x.numpy(), z.numpy(), labels.numpy()
    silhouette_score(latents, y)
    calinski_harabasz_score(latents, y)
    davies_bouldin_score(latents, y)
    trustworthiness(pixels, latents, n_neighbors=K)
    trustworthiness(latents, pixels, n_neighbors=K)  # continuity
    found = NearestNeighbors(n_neighbors=K).fit(latents).kneighbors(return_distance=False)
    (y[found] == y[:, None]).mean()
