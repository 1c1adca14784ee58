"""What each part of the contrastive experiment is worth, on validation images.

    python benchmarks/ablation.py [--seeds 0-2] [--processes 2] [--only NAME ...]

Trains config 7 and variants of it, each with one thing changed, and writes the kNN accuracy on the
5,000 validation images (k = 5 and 1, the 100 clean training latents as references) to
docs/ablation.json and, as a table, to docs/ablation.md; what is there already is kept. Also how the
accuracy of config 7 grows with the seconds of training. The test images are never looked at.
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

from grounding.core.config.load import load_experiment
from grounding.core.data.splits import Splits, load_splits, to_unit
from grounding.core.files import write_json, write_text
from grounding.core.option_values import seed_list
from grounding.core.probes import encoded, knn_accuracy
from grounding.core.run import model_of
from grounding.core.training.checkpoint import Checkpoint, epoch_path, load_checkpoint
from grounding.core.training.loop import train

CONFIG = "7"
JSON, TABLE = Path("docs/ablation.json"), Path("docs/ablation.md")
ALONE = ["objectives.near=0", "objectives.close=0"]
OFF = ["objectives.contrastive=0", *ALONE]
AUGMENTATION = "self_supervised.augmentation"
VARIANTS: dict[str, list[str]] = {
    "config 7": [],
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
}  # fmt: skip


def main() -> None:
    """Train what is missing and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=seed_list, default=(0, 1, 2), help="e.g. 0-2")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each (default: 2)")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    found: dict[str, dict[str, Any]] = json.loads(JSON.read_text()) if JSON.exists() else {}
    missing = [
        (name, seed)
        for seed in arguments.seeds
        for name in arguments.only
        if str(seed) not in found.get(name, {})
    ]
    workers = ProcessPoolExecutor(
        arguments.processes, initializer=torch.set_num_threads, initargs=(1,)
    )
    with workers as pool:
        jobs = {pool.submit(measure, name, seed): (name, seed) for name, seed in missing}
        for job in as_completed(jobs):
            name, seed = jobs[job]
            found.setdefault(name, {})[str(seed)] = job.result()
            ordered = {known: found[known] for known in VARIANTS if known in found}
            write_json(JSON, ordered)
            write_text(TABLE, "".join(f"{line}\n" for line in table(ordered)))
            print(f"{name}, seed {seed}: {job.result()['knn_5']:.4f}", flush=True)


def measure(name: str, seed: int) -> dict[str, Any]:
    """Train one variant with one seed; for the unchanged config also after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pt"
        every = 1 if not VARIANTS[name] else 0
        settings = [
            *VARIANTS[name], f"experiment.seed={seed}", "training.device=cpu",
            f"output.save_every_n_epochs={every}", f"output.checkpoint_path={path}",
        ]  # fmt: skip
        experiment = load_experiment(CONFIG, settings)
        splits = load_splits(experiment.data, seed)
        held = train(experiment, splits, torch.device("cpu"))
        result = {**accuracies(held, splits), "val_loss": held.val_loss, "seconds": held.seconds}
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


def table(found: dict[str, dict[str, Any]]) -> Iterable[str]:
    """A Markdown table of means and ranges over the seeds, then the learning curve."""
    yield "| | kNN, k = 5 | lowest to highest | k = 1 | seeds |"
    yield "|---|---|---|---|---|"
    for name, by_seed in found.items():
        five, one = ([run[key] for run in by_seed.values()] for key in ("knn_5", "knn_1"))
        yield (
            f"| {name} | {statistics.mean(five):.3f} | {min(five):.3f} to {max(five):.3f} "
            f"| {statistics.mean(one):.3f} | {', '.join(sorted(by_seed))} |"
        )
    yield ""
    yield "| config 7, epoch | seconds | kNN, k = 5 |"
    yield "|---|---|---|"
    curves = [run["curve"] for run in found.get("config 7", {}).values()]
    for number, points in enumerate(zip(*curves, strict=True), 1):
        seconds, five = ([point[key] for point in points] for key in ("seconds", "knn_5"))
        yield f"| {number} | {statistics.mean(seconds):.0f} | {statistics.mean(five):.3f} |"


if __name__ == "__main__":
    main()
