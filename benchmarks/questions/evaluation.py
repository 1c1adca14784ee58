"""Manifold metrics: one pass against scikit-learn.

n images x (784 pixels | 32 principal components): neighbours, trustworthiness, continuity, label
agreement, silhouette, Davies-Bouldin and Calinski-Harabasz. Each way in a process of its own, in
turn; the data are there before the clock starts. MB are what resident memory rises by above that.
scikit-learn holds all n x n distances at once, so it ends at the test images.
"""

from collections.abc import Sequence
from typing import Any

from harness.measure import PeakMemory, alone, compared, in_turns, say, timed
from harness.question import Curve, Effort, Row

CURVES = (
    Curve("evaluation_seconds", "images", ("ours, s", "scikit-learn, s")),
    Curve("evaluation_memory", "images", ("ours, MB", "scikit-learn, MB")),
)
K = 5
METRICS = (
    "trustworthiness", "continuity", "neighbor_label_agreement", "silhouette", "davies_bouldin",
    "calinski_harabasz",
)  # fmt: skip
SKLEARN_ENDS_AT = 10_000
SMALL = 200


def measure(effort: Effort) -> list[Row]:
    counts = effort.pick((300,), (1250, 2500, 5000, 10_000, 20_000, 55_000))
    return [row(count, effort) for count in counts]


def row(count: int, effort: Effort) -> Row:
    """Seconds and memory both ways for one number of images."""
    say(f"{count} images")
    theirs = count <= SKLEARN_ENDS_AT
    runs = effort.pick(1, 3) if theirs else 1
    ways = ("ours", "scikit-learn") if theirs else ("ours",)
    taken = in_turns(ways, runs, lambda way: alone(spend, way, count))
    spent = {"ours": taken["ours"], "scikit-learn": taken.get("scikit-learn", [])}
    return {
        "images": count,
        **compared({way: [seconds for seconds, _ in each] for way, each in spent.items()}),
        **{f"{way}, MB": highest([mb for _, mb in each]) for way, each in spent.items()},
        "runs": runs,
    }


def highest(values: Sequence[float | None]) -> float | None:
    """The largest, None if any is unknown."""
    return max((v for v in values if v is not None), default=None) if None not in values else None


def spend(way: str, count: int) -> tuple[float, float | None]:
    """Seconds and MB of one way over the first images: of the test set if there are enough."""
    from harness import mnist

    splits = mnist.splits()
    chosen = splits.test if count <= len(splits.test) else splits.train
    (latents,) = mnist.stand_ins(chosen.images)
    x, z, labels = mnist.pixels(chosen.images[:count]), latents[:count], chosen.labels[:count]
    del splits, chosen, latents
    work = {"ours": ours, "scikit-learn": scikit_learn}[way]
    work(x[:SMALL], z[:SMALL], labels[:SMALL])
    with PeakMemory() as memory:
        seconds = timed(lambda: work(x, z, labels))
    return seconds, memory.mb


def ours(x: Any, z: Any, labels: Any) -> None:
    """One blocked pass."""
    from grounding import metrics

    metrics.measure(metrics.Space(z=z, labels=labels, x=x, k=K), METRICS)


def scikit_learn(x: Any, z: Any, labels: Any) -> None:
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
