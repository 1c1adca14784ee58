"""Time training against the usual way of writing it.

    python benchmarks/training.py --config 1 --epochs 2

The yardstick is what most scripts do: a Dataset that prepares one image at a time, a DataLoader, a
plain loop over the same architecture in torch's own layers, Adam, validation each epoch. Both run
in turn in processes of their own, several times; the ratio of each pair is printed, and their
median.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

WAYS = ("ours", "yardstick")


def main() -> None:
    """Time both ways in turn and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        seconds = {"ours": ours, "yardstick": yardstick}[arguments.way](arguments)
        print(f"seconds {seconds:.3f}")
        return
    ratios = []
    for _ in range(arguments.runs):
        seconds = {way: timed(way, arguments) for way in WAYS}
        ratios.append(seconds["yardstick"] / seconds["ours"])
        print(
            f"config {arguments.config}, {arguments.epochs} epochs: ours {seconds['ours']:.2f} s, "
            f"yardstick {seconds['yardstick']:.2f} s, {ratios[-1]:.2f} times as fast",
            flush=True,
        )
    print(f"median of {arguments.runs}: {median(ratios):.2f} times as fast")


def timed(way: str, arguments: argparse.Namespace) -> float:
    """Seconds that one way takes in a process of its own, start-up not counted."""
    command = [sys.executable, __file__, "--config", arguments.config]
    command += ["--epochs", str(arguments.epochs), "--way", way]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(shown.split()[-1])


def ours(arguments: argparse.Namespace) -> float:
    """Train by `grounding`."""
    import torch

    from grounding.core.data.splits import load_splits
    from grounding.core.training.loop import train

    experiment = load(arguments)
    splits = load_splits(experiment.data, experiment.seed)
    with tempfile.TemporaryDirectory() as folder:
        output = experiment.output.model_copy(update={"checkpoint_path": Path(folder) / "x.pt"})
        experiment = experiment.model_copy(update={"output": output})
        started = time.perf_counter()
        train(experiment, splits, torch.device("cpu"))
        return time.perf_counter() - started


def yardstick(arguments: argparse.Namespace) -> float:
    """Train the usual way."""
    import torch
    import torch.nn.functional as F

    from grounding.core.data.splits import load_splits
    from grounding.core.training.loop import initial_model

    experiment = load(arguments)
    splits = load_splits(experiment.data, experiment.seed)
    model = plain_layers(initial_model(experiment, splits.image_shape))
    loaders = {}
    settings = experiment.self_supervised
    each = settings.augmentations_per_sample if settings.enabled else 1
    for name, split, augmented in (
        ("train", splits.train, settings.enabled),
        ("val", splits.val, False),
    ):
        loaders[name] = torch.utils.data.DataLoader(
            OneByOne(split.images, each if augmented else 1, augmented),
            batch_size=experiment.training.batch_size,
            shuffle=name == "train",
        )
    optimizer = torch.optim.Adam(model.parameters(), lr=experiment.training.learning_rate)
    started = time.perf_counter()
    for _ in range(experiment.training.epochs):
        model.train()
        for batch, targets in loaders["train"]:
            loss = F.mse_loss(model(batch), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            sum(F.mse_loss(model(batch), targets).item() for batch, targets in loaders["val"])
    return time.perf_counter() - started


class OneByOne:
    """A map-style dataset of (input, clean image), float (C, H, W), each prepared on its own."""

    def __init__(self, images, each, augmented):
        self.images, self.each, self.augmented = images, each, augmented

    def __len__(self):
        return len(self.images) * self.each

    def __getitem__(self, index):
        image = self.images[index % len(self.images)].float() / 255
        return (augment_one(image) if self.augmented else image), image


def augment_one(image):
    """Change one image (C, H, W) as `core.data.augment` changes batches, the per-image way."""
    import math
    import random

    import torch
    import torch.nn.functional as F

    height, width = image.shape[1:]
    down, right = random.randint(-2, 2), random.randint(-2, 2)
    padded = F.pad(image, (2, 2, 2, 2))
    image = padded[:, 2 - down : 2 - down + height, 2 - right : 2 - right + width]
    turn = math.radians(random.uniform(-12, 12))
    theta = torch.tensor(
        [[math.cos(turn), math.sin(turn), 0.0], [-math.sin(turn), math.cos(turn), 0.0]]
    )
    grid = F.affine_grid(theta[None], [1, *image.shape], align_corners=False)
    image = F.grid_sample(image[None], grid, align_corners=False)[0]
    image = image * random.uniform(0.85, 1.15)
    image = image + torch.randn_like(image) * 0.08
    return (image * (torch.rand_like(image) >= 0.08)).clamp(0, 1)


def plain_layers(model):
    """The same model with torch's own layers in place of ours."""
    from torch import nn

    from grounding.core.models import resnet, strided

    for name, layer in model.named_children():
        if isinstance(layer, strided.StridedConv2d | strided.StridedConvTranspose2d):
            layer.__class__ = type(layer).__bases__[0]
        elif isinstance(layer, resnet.Subsampled):
            plain = nn.Conv2d(
                layer.in_channels, layer.out_channels, 1, stride=layer.every, bias=False
            )
            plain.weight = layer.weight
            setattr(model, name, plain)
        else:
            plain_layers(layer)
    return model


def load(arguments: argparse.Namespace):
    """The experiment with the number of epochs asked for."""
    from grounding.core.config.load import load_experiment

    settings = [f"training.epochs={arguments.epochs}", "output.save_every_n_epochs=0"]
    return load_experiment(arguments.config, settings)


if __name__ == "__main__":
    main()
