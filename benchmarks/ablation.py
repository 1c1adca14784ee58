"""What each part of the contrastive experiments is worth, on validation images.

    python benchmarks/ablation.py [--config 7] [--seeds 0-4] [--processes 2] [--only NAME ...]

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
from pathlib import Path
from typing import Any

import torch

from grounding._files import write_json, write_text
from grounding.cli.option_values import seed_list
from grounding.data.splits import Splits, load_splits, to_unit
from grounding.experiment.load import load_experiment
from grounding.runs.probes import encoded, knn_accuracy
from grounding.runs.run import model_of
from grounding.training.checkpoint import Checkpoint, epoch_path, load_checkpoint
from grounding.training.loop import train

ALONE = ["objectives.near=0", "objectives.close=0"]
OFF = ["objectives.contrastive=0", *ALONE]
AUGMENTATION = "self_supervised.augmentation"
# Small enough that fifteen variants of it with five seeds each take an hour.
SMALL = ["model.hidden_dims=[16,32,64]", "training.epochs=6"]
OF_7: dict[str, list[str]] = {
    "config 7, smaller": [],
    "no elastic deformation": [f"{AUGMENTATION}.elastic=0"],
    "no change of thickness": [f"{AUGMENTATION}.thickness=0"],
    "no scale, no shear": [f"{AUGMENTATION}.scale=0", f"{AUGMENTATION}.shear=0"],
    "cut-out of 8 pixels as well": [f"{AUGMENTATION}.cutout=8"],
    "the augmentations of config 4": [
        f"{AUGMENTATION}.{setting}"
        for setting in (
            "max_shift=2", "max_rotation=12", "noise_std=0.08", "mask_probability=0.08",
            "subpixel_shift=0", "scale=0", "shear=0", "elastic=0", "thickness=0",
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
    parser.add_argument("--seeds", type=seed_list, default=(0, 1, 2, 3, 4), help="default: 0-4")
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
            write_json(values, ordered)
            lines = table(ordered, next(iter(variants)))
            write_text(values.with_suffix(".md"), "".join(f"{line}\n" for line in lines))
            print(f"{name}, seed {seed}: {job.result()['knn_5']:.4f}", flush=True)


def measure(config: str, settings: list[str], seed: int) -> dict[str, Any]:
    """Train one variant with one seed; for the unchanged config also after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pt"
        every = 0 if settings else 1
        own = [
            f"experiment.seed={seed}", "training.device=cpu",
            f"output.save_every_n_epochs={every}", f"output.checkpoint_path={path}",
        ]  # fmt: skip
        experiment = load_experiment(config, [*ALWAYS[config], *settings, *own])
        splits = load_splits(experiment.data, seed)
        held = train(experiment, splits, torch.device("cpu"))
        result: dict[str, Any] = {
            **accuracies(held, splits),
            "val_loss": held.val_loss,
            "seconds": held.seconds,
        }
        if every:
            epochs = [
                load_checkpoint(epoch_path(path, number))[0]
                for number in range(1, experiment.training.epochs + 1)
            ]
            result["curve"] = [
                {"seconds": epoch.seconds, **accuracies(epoch, splits)} for epoch in epochs
            ]
        return result


def accuracies(held: Checkpoint, splits: Splits) -> dict[str, float]:
    """KNN accuracies of a checkpoint on the validation images, k = 5 and k = 1."""
    model, device = model_of(held, Path("x.pt")), torch.device("cpu")
    with torch.inference_mode():
        train_z, val_z = (
            encoded(model.encode, to_unit(split.images), device)
            for split in (splits.train, splits.val)
        )
    known, truth = splits.train.labels, splits.val.labels
    metric = held.experiment.analysis.metric
    return {
        f"knn_{k}": knn_accuracy(val_z, truth, train_z, known, k, metric, splits.num_classes)
        for k in (5, 1)
    }


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
