"""Time the manifold analysis against scikit-learn on the same latents.

    python benchmarks/manifold.py --config 2

Trains the experiment if need be. The yardstick is what most scripts do: load the same checkpoint,
encode the same images, then scikit-learn's own functions for every metric. Both run in turn, in
whole processes of their own, several times; the ratio of each pair is printed, and their median,
with the peak memory of both.
"""

import argparse
import os
import sys
import time
from statistics import median

WAYS = ("ours", "yardstick")


def main() -> None:
    """Time both ways in turn and print seconds, memory and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        {"ours": ours, "yardstick": yardstick}[arguments.way](arguments.config)
        return
    from grounding.experiment.load import load_experiment
    from grounding.runs.run import trained_run
    from grounding.runs.trainer import train_experiment

    experiment = load_experiment(arguments.config, [])
    if trained_run(experiment)[0] is None:
        train_experiment(experiment)
    ratios, peaks = [], dict.fromkeys(WAYS, 0)
    for _ in range(arguments.runs):
        seconds = {}
        for way in WAYS:
            seconds[way], peak = timed([sys.executable, __file__, *sys.argv[1:], "--way", way])
            peaks[way] = max(peaks[way], peak)
        ratios.append(seconds["yardstick"] / seconds["ours"])
        print(
            f"ours {seconds['ours']:.2f} s, yardstick {seconds['yardstick']:.2f} s, "
            f"{ratios[-1]:.2f} times as fast",
            flush=True,
        )
    print(
        f"median of {arguments.runs}: {median(ratios):.2f} times as fast; peak memory "
        f"{peaks['ours'] / 1e6:.0f} MB against {peaks['yardstick'] / 1e6:.0f} MB"
    )


def timed(command: list[str]) -> tuple[float, int]:
    """Wall seconds and peak bytes of a process."""
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def ours(config: str) -> None:
    """The command."""
    from grounding.cli.commands import main

    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    raise SystemExit(main("manifold", ["--config", config, "--output", "artifacts/benchmark.json"]))


def yardstick(config: str) -> None:
    """The same metrics by scikit-learn."""
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
    from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

    from grounding.experiment.load import load_experiment
    from grounding.runs.run import load_run

    run, _ = load_run(load_experiment(config, []))
    pixels = run.splits.test.images.flatten(1).numpy() / 255
    z, y = run.latents("test").numpy(), run.splits.test.labels.numpy()
    train_z, train_y = run.latents("train").numpy(), run.splits.train.labels.numpy()
    k = run.experiment.analysis.k
    KNeighborsClassifier(k).fit(train_z, train_y).score(z, y)
    silhouette_score(z, y)
    calinski_harabasz_score(z, y)
    davies_bouldin_score(z, y)
    trustworthiness(pixels, z, n_neighbors=max(5, k))
    found = NearestNeighbors(n_neighbors=k + 1).fit(z).kneighbors(return_distance=False)
    (y[found[:, 1:]] == y[:, None]).mean()


if __name__ == "__main__":
    main()
