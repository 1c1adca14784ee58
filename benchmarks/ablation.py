"""What each part of the contrastive experiments is worth, on validation images.

    python benchmarks/ablation.py [--config 7] [--seeds 0 1 ...] [--processes 2] [--only NAME ...]

Trains a config and variants of it, with one or two things changed, and writes the kNN accuracy on
the 5,000 validation images (k = 5 and 1, the 100 clean training latents as references) and the mean
squared error of their reconstructions to docs/ablation_N.json and, as a table, to
docs/ablation_N.md; what is there already is kept. Also how the accuracy of the config itself grows
with the seconds of training. Config 7, made smaller and without mirror images and composites, has
variants of augmentations and losses (about an hour for five seeds), config 6 of what joins its
batches and what its decoder draws (hours). All of it is in float32, so that processors with and
without bfloat16 do the same. The test images are never looked at.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import chdir
from pathlib import Path
from typing import Any

import torch

import grounding
from grounding import metrics
from grounding._files import write_text
from grounding.experiment import load_experiment

ALONE = ["objectives.near=0", "objectives.close=0"]
OFF = ["objectives.contrastive=0", *ALONE]
AUGMENTATIONS = "self_supervised.augmentations"
# Small enough that fifteen variants of it with five seeds each take an hour.
SMALL = ["model.hidden_dims=[16,32,64]", "training.epochs=6"]
OF_7: dict[str, list[str]] = {
    "config 7, smaller": [],
    "no elastic deformation": [f"{AUGMENTATIONS}.elastic.enabled=false"],
    "no change of thickness": [f"{AUGMENTATIONS}.thickness.enabled=false"],
    "no scale, no shear": [
        f"{AUGMENTATIONS}.{name}.enabled=false" for name in ("scaling", "shear")
    ],
    "cut-out of 8 pixels as well": [
        f"{AUGMENTATIONS}.cutout.enabled=true", f"{AUGMENTATIONS}.cutout.side=8",
    ],
    "the augmentations of config 4": [
        f"{AUGMENTATIONS}.{setting}"
        for setting in (
            "translation.enabled=true", "translation.max_shift=2", "rotation.max_degrees=12",
            "noise.std=0.08", "masking.prob=0.08", "subpixel_translation.enabled=false",
            "scaling.enabled=false", "shear.enabled=false", "elastic.enabled=false",
            "thickness.enabled=false",
        )
    ],
    "near images pushed away as well": ALONE,
    "near images left out, none drawn together": ["objectives.close=0"],
    "a projection of 128 and 64": ["objectives.projection_dims=[128,64]"],
    "temperature 0.2": ["objectives.temperature=0.2"],
    "temperature 0.5": ["objectives.temperature=0.5"],
    "largest step 0.002": ["training.learning_rate=0.002"],
    "VICReg instead": [*OFF, "objectives.vicreg=0.04"],
    "only reconstruction": OFF,
    "only the 100 labels": [*OFF, "objectives.reconstruction=0", "objectives.labels=1"],
    "mirror images as well": ["objectives.mirrored=true"],
    "50 composites a step as well": ["objectives.composites=50"],
    "mirror images and composites as well": [
        "objectives.mirrored=true", "objectives.composites=50",
    ],
}  # fmt: skip
NARROW = "model.hidden_dims=[24,48,96]"
WITHOUT = ["objectives.mirrored=false", "objectives.composites=0"]
OF_6: dict[str, list[str]] = {
    "config 6": [],
    "no mirror images, no composites": WITHOUT,
    "and narrower: 24, 48, 96": [*WITHOUT, NARROW],
    "and reconstruction with weight 20": [*WITHOUT, "objectives.reconstruction=20"],
    "and reconstruction with weight 20, narrower": [
        *WITHOUT, "objectives.reconstruction=20", NARROW,
    ],
    "and the clean image with weight 1, narrower": [
        *WITHOUT, "objectives.reconstruction_of=image", "objectives.reconstruction=1", NARROW,
    ],
}  # fmt: skip
VARIANTS = {"6": OF_6, "7": OF_7}
ALWAYS = {
    "6": ["training.precision=float32"],
    "7": ["training.precision=float32", *SMALL, *WITHOUT],
}


def main() -> None:
    """Train what is missing and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=VARIANTS, default="7", help="default: 7")
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5), help="default: 0 to 4")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each (default: 2)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="variants (default: all)")
    arguments = parser.parse_args()
    variants = VARIANTS[arguments.config]
    chosen = arguments.only or list(variants)
    if unknown := [name for name in chosen if name not in variants]:
        parser.error(f"no variant {unknown[0]!r}; there are: {', '.join(variants)}")
    values = Path(f"docs/ablation_{arguments.config}.json")
    found: dict[str, dict[str, Any]] = json.loads(values.read_text()) if values.exists() else {}
    missing = [
        (name, seed)
        for seed in arguments.seeds
        for name in chosen
        if str(seed) not in found.get(name, {})
    ]
    workers = ProcessPoolExecutor(
        arguments.processes, initializer=torch.set_num_threads, initargs=(1,)
    )
    with workers as pool:
        jobs = {
            pool.submit(measure, arguments.config, variants[name], seed): (name, seed)
            for name, seed in missing
        }
        for job in as_completed(jobs):
            name, seed = jobs[job]
            found.setdefault(name, {})[str(seed)] = job.result()
            ordered = {known: found[known] for known in variants if known in found}
            write_text(values, json.dumps(ordered, indent=2) + "\n")
            lines = table(ordered, next(iter(variants)))
            write_text(values.with_suffix(".md"), "".join(f"{line}\n" for line in lines))
            print(f"{name}, seed {seed}: {job.result()['knn_5']:.4f}", flush=True)


def measure(config: str, settings: list[str], seed: int) -> dict[str, Any]:
    """Train one variant with one seed; for the unchanged config also after each epoch."""
    own = [f"experiment.seed={seed}", "training.device=cpu"]
    own.append(f"output.save_every_n_epochs={0 if settings else 1}")
    experiment = load_experiment(config, [*ALWAYS[config], *settings, *own])
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        run = grounding.train(experiment, quiet=True)
        result: dict[str, Any] = {
            **accuracies(run),
            "val_loss": run.checkpoint.val_loss,
            "seconds": run.checkpoint.seconds,
        }
        if not settings:
            epochs = map(grounding.load, sorted(Path("artifacts").glob("*_epoch*.pt")))
            result["curve"] = [
                {"seconds": epoch.checkpoint.seconds, **accuracies(epoch)} for epoch in epochs
            ]
    return result


def accuracies(run: grounding.Run) -> dict[str, float]:
    """The kNN accuracies on the validation images, k = 5 and k = 1."""
    known, asked = ((run.latents(split), run.labels(split)) for split in ("train", "val"))
    metric = run.experiment.analysis.metric
    return {f"knn_{k}": metrics.knn_accuracy(*known, *asked, k, metric=metric) for k in (5, 1)}


def table(found: dict[str, dict[str, Any]], unchanged: str) -> Iterable[str]:
    """A Markdown table of means and ranges over the seeds, then the learning curve."""
    yield "| | kNN, k = 5 | lowest to highest | k = 1 | MSE | seeds |"
    yield "|---|---|---|---|---|---|"
    for name, by_seed in found.items():
        runs = [by_seed[seed] for seed in sorted(by_seed, key=int)]
        five, one, error = ([run[key] for run in runs] for key in ("knn_5", "knn_1", "val_loss"))
        yield (
            f"| {name} | {statistics.mean(five):.3f} | {min(five):.3f} to {max(five):.3f} "
            f"| {statistics.mean(one):.3f} | {statistics.mean(error):.3f} "
            f"| {', '.join(sorted(by_seed, key=int))} |"
        )
    yield ""
    yield f"| {unchanged}, epoch | seconds | kNN, k = 5 |"
    yield "|---|---|---|"
    curves = [run["curve"] for run in found.get(unchanged, {}).values()]
    for number, points in enumerate(zip(*curves, strict=True), 1):
        seconds, five = ([point[key] for point in points] for key in ("seconds", "knn_5"))
        yield f"| {number} | {statistics.mean(seconds):.0f} | {statistics.mean(five):.3f} |"


if __name__ == "__main__":
    main()
