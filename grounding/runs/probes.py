"""What else a latent space is asked: other readings of its labels, its pictures and its paths."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grounding._files import write_json
from grounding._streams import generator
from grounding.data.augment import Augmentation, augment
from grounding.data.splits import Splits, to_unit
from grounding.experiment.schema import Experiment
from grounding.export.report import text_table
from grounding.metrics.classification import accuracy, knn_predict
from grounding.metrics.drift import POSITIONS, regrounding_drift
from grounding.metrics.linear_probe import linear_probe
from grounding.metrics.neighbors import nearest
from grounding.runs.run import Run
from grounding.runs.step import Step, document, finite, made_from
from grounding.training.loop import EVALUATION_BATCH

BANK_VIEWS, BANK_K, BANK_IMAGES = 30, 15, 1000
DRIFT_PAIRS = 200

NOTES = {
    "knn_1_accuracy": "share of test images named right by their one nearest training latent",
    "linear_probe_accuracy": "by logistic regression on the training latents",
    "augmented_bank_accuracy": (
        f"by {BANK_K} nearest latents of {BANK_VIEWS} augmented views of each training image"
    ),
    "test_reconstruction_error": "mean squared error of D(E(x)) over the test images",
    "regrounding_drift": "|E(D(z)) - z| along straight paths, in lengths of the path",
}


def probes_path(experiment: Experiment) -> Path:
    """Where an experiment's probes lie by default."""
    return experiment.artifact("probes.json")


def probes_step(run: Run, path: Path) -> Step:
    """Label probes of the test latents, reconstruction error and regrounding drift, as JSON."""
    with_bank = has_bank(run.experiment, run.splits)
    settings: dict[str, Any] = {
        "metric": run.experiment.analysis.metric,
        "test_samples": len(run.splits.test),
        "linear_probe_penalty": 1.0,
        "augmented_bank": {"views": BANK_VIEWS, "k": BANK_K} if with_bank else None,
        "drift": {"pairs": DRIFT_PAIRS, "positions": list(POSITIONS)},
    }

    def make(step: Step) -> str:
        started = time.perf_counter()
        train, test = (finite(run.latents(name)) for name in ("train", "test"))
        bank = None
        if with_bank:
            views = augmented_views(run.experiment, run.splits)
            bank = finite(encoded(run.model.encode, views, run.device))
        indices = torch.arange(len(test))
        errors = run.reconstruction_errors("test", indices, test)
        drift = _drift(run, test)
        probes: dict[str, float | None] = {
            **label_probes(run.experiment, run.splits, train, test, bank),
            "test_reconstruction_error": float(errors.double().mean()),
            "regrounding_drift": drift if math.isfinite(drift) else None,
        }
        body = {"probe_settings": settings, "probes": probes}
        write_json(path, document(run, step, body, started))
        return "\n".join(probe_lines(probes))

    return Step("probes", path, made_from(run, settings), make)


def label_probes(
    experiment: Experiment, splits: Splits, train: Tensor, test: Tensor, bank: Tensor | None
) -> dict[str, float | None]:
    """Accuracies on the test images, each in [0, 1], of what training labels say in a space.

    Args:
        experiment: for its metric.
        splits: whose labels are used.
        train: (N, D), finite, where the training images lie.
        test: (Q, D), finite, where the test images lie.
        bank: (V x N, D), finite, where augmented views of the training images lie, view by view.
    """
    labels, truth = splits.train.labels, splits.test.labels
    metric, classes = experiment.analysis.metric, splits.num_classes
    by_plane = linear_probe(train, labels, test, classes)
    by_bank = None
    if bank is not None:
        of_views = labels.repeat(len(bank) // len(labels))
        by_bank = knn_accuracy(test, truth, bank, of_views, BANK_K, metric, classes)
    return {
        "knn_1_accuracy": knn_accuracy(test, truth, train, labels, 1, metric, classes),
        "linear_probe_accuracy": accuracy(truth, by_plane),
        "augmented_bank_accuracy": by_bank,
    }


def knn_accuracy(
    queries: Tensor,
    truth: Tensor,
    references: Tensor,
    labels: Tensor,
    k: int,
    metric: str,
    num_classes: int,
) -> float:
    """Share of queries (Q, D) with labels (Q,) that the k nearest references name right."""
    found = nearest(queries, references, k, metric=metric)
    return accuracy(truth, knn_predict(labels[found.indices.cpu()], num_classes))


def has_bank(experiment: Experiment, splits: Splits) -> bool:
    """Whether an experiment has augmentations, and few enough images, for a bank of views."""
    return experiment.self_supervised.enabled and len(splits.train) <= BANK_IMAGES


def augmented_views(experiment: Experiment, splits: Splits) -> Tensor:
    """Views of the training images as the experiment augments them, drawn from its seed.

    Returns:
        (V x N, C, H, W) float in [0, 1] on the CPU; view i shows image i % N.
    """
    augmentation = Augmentation(**experiment.self_supervised.augmentation.model_dump())
    draws = generator(experiment.seed, "augmented bank")
    images = to_unit(splits.train.images)
    return torch.cat([augment(images, augmentation, draws) for _ in range(BANK_VIEWS)])


@torch.inference_mode()
def encoded(encode: Callable[[Tensor], Tensor], images: Tensor, device: torch.device) -> Tensor:
    """Where images (N, C, H, W) in [0, 1] lie in a space, (N, D) on the device."""
    return torch.cat([encode(batch.to(device)) for batch in images.split(EVALUATION_BATCH)])


def probe_lines(probes: dict[str, float | None]) -> list[str]:
    """A table of probes with what each one means."""
    rows = [
        (name, "undefined" if value is None else f"{value:.4f}", NOTES[name])
        for name, value in probes.items()
    ]
    return text_table("lrl", ("probe", "value", ""), rows)


def _drift(run: Run, latents: Tensor) -> float:
    """Regrounding drift between pairs of different test images, drawn from the seed."""
    count = len(latents)
    if count < 2:
        return math.nan
    draws = generator(run.experiment.seed, "drift pairs")
    first = torch.randint(count, (DRIFT_PAIRS,), generator=draws)
    ahead = torch.randint(1, count, (DRIFT_PAIRS,), generator=draws)
    second = (first + ahead) % count
    with torch.inference_mode():
        return regrounding_drift(
            latents[first.to(run.device)],
            latents[second.to(run.device)],
            lambda z: run.model.encode(run.model.decode(z)),
        )
