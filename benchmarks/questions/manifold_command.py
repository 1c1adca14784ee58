"""Manifold analysis: whole processes against scikit-learn.

Both load the same checkpoint of experiment 2 and encode the same images; then `grounding manifold`,
or scikit-learn's own function for each metric, as most scripts call them. In turn.
"""

import sys
import tempfile
from pathlib import Path

from harness.measure import GROUNDING, in_turns, median_ratio, process, say, summed_up
from harness.question import Effort, Row

CONFIG, NAME = "2", "naive_covnet_autoencoder_low_samples"
REDUCED = ("data.val_samples=200", "data.test_samples=300", "training.epochs=1")
YARDSTICK = f"from {__name__} import scikit_learn; scikit_learn()"
IMPORTS = {"PYTHONPATH": str(Path(__file__).parents[1])}


def measure(effort: Effort) -> list[Row]:
    settings = [part for one in effort.pick(REDUCED, ()) for part in ("--set", one)]
    options = ["--config", CONFIG, *settings]
    ways = {
        "ours": [*GROUNDING, "manifold", *options],
        "scikit-learn": [sys.executable, "-c", YARDSTICK],
    }
    with tempfile.TemporaryDirectory() as name:
        say("training")
        process([*GROUNDING, "train", *options], Path(name))
        runs = effort.pick(1, 3, 5)
        spent = in_turns(ways, runs, lambda way: process(ways[way], Path(name), IMPORTS))
    seconds = {way: [one.seconds for one in each] for way, each in spent.items()}
    ratio = median_ratio(seconds["scikit-learn"], seconds["ours"])
    return [
        {
            "way": way,
            "seconds": taken.seconds,
            "processor s": taken.processor_seconds,
            "memory, MB": taken.memory_mb,
            "times as fast": ratio if way == "ours" else 1.0,
            "runs": runs,
        }
        for way, taken in ((way, summed_up(each)) for way, each in spent.items())
    ]


def scikit_learn() -> None:
    """The same metrics of the run in the current folder by scikit-learn."""
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
    from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

    import grounding

    run = grounding.load(NAME)
    pixels = run.images("test").reshape(len(run.images("test")), -1) / 255
    z, y = run.latents("test"), run.labels("test")
    k = run.experiment.analysis.k
    KNeighborsClassifier(k).fit(run.latents("train"), run.labels("train")).score(z, y)
    silhouette_score(z, y)
    calinski_harabasz_score(z, y)
    davies_bouldin_score(z, y)
    trustworthiness(pixels, z, n_neighbors=max(5, k))
    found = NearestNeighbors(n_neighbors=k + 1).fit(z).kneighbors(return_distance=False)
    (y[found[:, 1:]] == y[:, None]).mean()
