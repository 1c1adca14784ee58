"""Experiments on many draws of their training images: means over test images, with intervals.

    python benchmarks/draws.py [--config 6] [--seeds 0-19] [--labels] [--set KEY=VALUE ...]

A seed draws the training images, the initial weights and all else. Trains the config with each seed
on whatever device there is, and measures how many test images their nearest training latents name
right (kNN), how many of their reconstructions (cycle), both with k = 5 and with k = 1, and
the mean squared error of the reconstructions. `--labels` trains its encoder with the labels
instead. The values are added to docs/draws.json under `--name`; what is there already is kept and
not trained again. Writes their tables to docs/draws.md.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np

import grounding
from grounding import metrics
from grounding._files import write_text
from grounding.cli.options import Seeds
from grounding.experiment import Experiment, load_experiment
from grounding.metrics.spread import spread
from grounding.objectives import trains_decoder
from grounding.studies.labelled import labels_control

VALUES = Path("docs/draws.json")
COLUMNS = {
    "knn_5": "kNN, k = 5", "knn_1": "k = 1", "cycle_5": "cycle, k = 5", "cycle_1": "cycle, k = 1",
    "mse": "MSE",
}  # fmt: skip


def main() -> None:
    """Train what is missing and write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="6", help="default: 6")
    parser.add_argument("--seeds", default="0-19", help="default: 0-19")
    parser.add_argument("--labels", action="store_true", help="the 100 labels instead")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--name", help="of the row (default: config 6, ...)")
    arguments = parser.parse_args()
    name = arguments.name or f"config {arguments.config}{', labels' * arguments.labels}"
    found = json.loads(VALUES.read_text()) if VALUES.exists() else {}
    for seed in Seeds().convert(arguments.seeds, None, None):
        draws = found.setdefault(name, {})
        if str(seed) in draws:
            continue
        chosen = [*arguments.settings, f"experiment.seed={seed}", "output.save_every_n_epochs=0"]
        experiment = load_experiment(arguments.config, chosen)
        draws[str(seed)] = measured(
            labels_control(experiment)[0] if arguments.labels else experiment
        )
        write_text(VALUES, json.dumps(found, indent=1) + "\n")
        print(f"{name}, seed {seed}: {draws[str(seed)]}", flush=True)
    write_text(VALUES.with_suffix(".md"), "".join(f"{line}\n" for line in tables(found)))


def measured(experiment: Experiment) -> dict[str, float]:
    """Train an experiment, and ask the test images."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        run = grounding.train(experiment, quiet=True)
        known, labels = run.latents("train"), run.labels("train")
        latents, images = run.latents("test"), np.asarray(run.images("test")) / 255
        spaces, result = {"knn": latents}, {}
        if trains_decoder(experiment.objective_weights):
            drawn = run.decode(latents)
            spaces["cycle"] = run.encode(drawn)
            result["mse"] = float(np.square(drawn - images, dtype=np.float64).mean())
        for key, z in spaces.items():
            for k in (5, 1):
                result[f"{key}_{k}"] = metrics.knn_accuracy(
                    known, labels, z, run.labels("test"), k, metric=experiment.analysis.metric
                )
    return result


def tables(found: dict[str, dict[str, Any]]) -> Iterable[str]:
    """Means with intervals and least values, then the differences of the same draws."""
    yield f"| | {' | '.join(COLUMNS.values())} | least kNN, k = 5 | draws |"
    yield "|---|" + "---|" * (len(COLUMNS) + 2)
    for name, draws in found.items():
        cells = [cell([d[key] for d in draws.values() if key in d]) for key in COLUMNS]
        least = min(d["knn_5"] for d in draws.values())
        yield f"| {name} | {' | '.join(cells)} | {least:.4f} | {len(draws)} |"
    yield ""
    first, *others = found
    yield f"| less {first} | {' | '.join(COLUMNS.values())} | draws |"
    yield "|---|" + "---|" * (len(COLUMNS) + 1)
    for name in others:
        pairs = [
            (found[name][seed], found[first][seed]) for seed in found[name] if seed in found[first]
        ]
        cells = [
            cell([a[key] - b[key] for a, b in pairs if key in a and key in b], "+")
            for key in COLUMNS
        ]
        yield f"| {name} | {' | '.join(cells)} | {len(pairs)} |"


def cell(values: list[float], sign: str = "") -> str:
    """Mean and half its 95 % interval; empty without values."""
    if (found := spread(values)) is None:
        return ""
    margin = "" if found.margin is None else f" ± {found.margin:.4f}"
    return f"{found.mean:{sign}.4f}{margin}"


if __name__ == "__main__":
    main()
