"""What is measured of a run: the kNN analysis, the manifold metrics, the probes, the profile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._errors import UserError, printable
from grounding._images import BATCH
from grounding._progress import progress_bar
from grounding._streams import generator
from grounding.data import Splits, to_unit
from grounding.data.stored import sample
from grounding.dynamics import Portrait
from grounding.experiment import Experiment
from grounding.export.report import analysis_text, metric_lines, profile_table
from grounding.metrics import (
    Measured,
    NotMeasurable,
    Space,
    anchor_count,
    classification_report,
    facts,
    knn_predict,
    meaning,
    measure,
    names,
    vote_shares,
)
from grounding.metrics.anchors import CONFIDENCE
from grounding.metrics.augmented_bank_accuracy import BANK_K, BANK_VIEWS
from grounding.metrics.facts import needs
from grounding.metrics.rank_me import has_collapsed
from grounding.models.autoencoder import count_parameters
from grounding.runs.artifacts import Made, Output, document_bytes, made_from
from grounding.runs.building import augmentations_of
from grounding.runs.run import FOLLOWED, Run

BANK_IMAGES = 1000
SCORE = "manifold_score"
# Of each number of the profile; what tables show stands in the manifest as well.
PROFILE_KEYS = (
    *("value", "parts", "margin", "left_out", "unit", "axis", "k", "metric", "split", "images"),
    *("better", "meaning"),
)

Results = dict[str, dict[str, Any]]


def measure_run(run: Run, metrics: Iterable[str] = (), split: str = "test") -> Measured:
    """Registered metrics of a run; by default those of the manifold score.

    Raises:
        ValueError: an unknown name, or numbers of neighbours that do not fit.
    """
    return measure(space_of(run, split), tuple(metrics) or (*names(report="manifold"), SCORE))


def space_of(
    run: Run,
    split: str = "test",
    anchors: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Space:
    """All that metrics may ask of a run; nothing is calculated before one does."""
    splits, chosen = run.splits, run.splits.named(split)
    k = run.experiment.analysis.k
    if splits.train.labels is not None and k > len(splits.train):
        raise UserError(
            f"analysis.k {k} neighbours, but only {len(splits.train)} training images; "
            f"try --set analysis.k={len(splits.train)}"
        )
    decoder = run.has_trained_decoder
    return Space(
        z=lambda: run.latents_of(split),
        labels=chosen.labels,
        x=lambda: chosen.images[:].flatten(1).to(run.device),
        train_z=lambda: run.latents_of("train"),
        train_labels=splits.train.labels,
        test_z=lambda: run.latents_of("test"),
        test_labels=splits.test.labels,
        train_images=lambda: sample(splits.train.images),
        test_images=lambda: sample(splits.test.images),
        bank_z=(lambda: _bank(run)) if has_bank(run.experiment, splits) else None,
        reconstruction_errors=(lambda: _errors(run)) if decoder else None,
        encode=lambda images: run.model.encode(images.to(run.device)),
        decode=(lambda z: run.model.decode(z.to(run.device))) if decoder else None,
        dynamics=(lambda: _dynamics(run)) if decoder else None,
        training_seconds=run.checkpoint.seconds,
        k=k,
        metric=run.experiment.analysis.metric,
        anchors=anchors,
        seed=run.experiment.seed,
        progress=progress,
    )


def analysis_output(run: Run, path: Path) -> Output:
    """The kNN analysis of the test images, in all and by class: text and, beside it, JSON."""
    settings = run.experiment.analysis
    options = {"k": settings.k, "metric": settings.metric, "test_samples": len(run.splits.test)}

    def make(head: Mapping[str, Any]) -> Made:
        space = space_of(run)
        found = measure(space, "analysis")
        share = found.values.get("knn_accuracy")
        classes, named = [], run.splits.class_names
        if share is not None:
            predicted = knn_predict(space.get("neighbor_labels"))
            labels = run.splits.classes
            classes = classification_report(space.get("test_labels"), predicted, labels)
        parameters = count_parameters(run.model)
        results = results_of(found, names(report="analysis"))
        knn = found.left_out.get("knn_accuracy", "")
        if share is not None:
            knn = (
                f"{share:.4f}  (k = {settings.k}, {settings.metric}, {len(run.splits.train)} train "
                f"-> {len(run.splits.test)} test)"
            )
        text = analysis_text(
            experiment=run.name,
            checkpoint=printable(str(run.path)),
            parameters=parameters,
            knn=knn,
            classes=classes,
            names=named,
        )
        body = {
            "total_parameters": parameters[0],
            "trainable_parameters": parameters[1],
            **{name: one["value"] for name, one in results.items()},
            "measured_with": measured_with(space, results, "test"),
            "classes": [
                {**c._asdict(), **({"name": named[c.label]} if c.label in named else {})}
                for c in classes
            ],
            **class_names(run.splits),
            "left_out": found.left_out,
        }
        files = {
            analysis_json_path(path): document_bytes({**head, **body}),
            path: text.encode("utf-8", "backslashreplace"),
        }
        return Made(files, text.rstrip(), {**results, "total_parameters": {"value": parameters[0]}})

    chosen = names(report="analysis")
    made = made_from(run, options, "metrics", "export.report", components=_code_of(chosen))
    return Output("analysis", analysis_json_path(path), made, make)


def manifold_output(run: Run, split: str, path: Path, anchors: int | None = None) -> Output:
    """All manifold metrics of a split and the score, as JSON.

    Args:
        run: the trained run.
        split: the images to measure.
        path: of the JSON.
        anchors: images to estimate from, 0 to measure all; default: see `anchor_count`.
    """
    points = len(run.splits.named(split))
    count = anchor_count(points, anchors)
    settings = run.experiment.analysis
    options = {
        "split": split,
        "k": settings.k,
        "metric": settings.metric,
        "test_samples": len(run.splits.test),
        "anchors": count,
    }
    chosen = names(report="manifold")

    def make(head: Mapping[str, Any]) -> Made:
        with progress_bar("manifold metrics") as bar:
            space = space_of(run, split, count, bar.set)
            found = measure(space, (*chosen, SCORE))
        results = results_of(found, (*chosen, SCORE))
        body: dict[str, Any] = {
            "manifold_split": split,
            "k_neighbors": space.k,
            "trustworthiness_neighbors": space.trustworthiness_k,
            # A space in which classes collapse onto points has infinite ratios; JSON has none.
            "metrics": {name: results[name]["value"] for name in chosen},
            SCORE: results[SCORE]["value"],
            "measured_with": measured_with(space, chosen, split),
            "left_out": found.left_out,
        }
        if count:
            body["estimate"] = {
                "anchors": count,
                "points": points,
                "confidence": CONFIDENCE,
                "interval": "normal approximation, finite population correction",
                "margins": {k: v for k, v in found.margins.items() if k != SCORE},
                "manifold_score_margin": found.margins.get(SCORE),
            }
        lines = metric_lines(results)
        return Made({path: document_bytes({**head, **body})}, "\n".join(lines), results)

    notice = ""
    if count:
        notice = (
            f"{points:,} images, estimating from {count:,} of them, with confidence intervals; the "
            "command manifold can measure all"
        )
    made = made_from(run, options, "metrics", components=_code_of(chosen))
    return Output("manifold", path, made, make, notice)


def probes_output(run: Run, path: Path) -> Output:
    """Label probes of the test latents, reconstruction error and regrounding drift, as JSON."""
    chosen = names(report="probes")
    with_bank = has_bank(run.experiment, run.splits)
    options = {
        "k": run.experiment.analysis.k,
        "metric": run.experiment.analysis.metric,
        "test_samples": len(run.splits.test),
        "augmented_bank": {"views": BANK_VIEWS, "k": BANK_K} if with_bank else None,
    }

    def make(head: Mapping[str, Any]) -> Made:
        space = space_of(run)
        found = measure(space, chosen)
        results = results_of(found, chosen)
        body = {
            "probe_settings": {key: options[key] for key in ("test_samples", "augmented_bank")},
            "probes": {name: one["value"] for name, one in results.items()},
            "measured_with": measured_with(space, chosen, "test"),
            "left_out": found.left_out,
        }
        lines = metric_lines(results, "probe")
        return Made({path: document_bytes({**head, **body})}, "\n".join(lines), results)

    code = ("metrics", "dynamics", "runs.measuring")
    return Output("probes", path, made_from(run, options, *code, components=_code_of(chosen)), make)


def profile_output(run: Run, path: Path) -> Output:
    """The profile of a latent space, on the test images, as JSON."""
    chosen = names(report="profile")
    settings = run.experiment.analysis
    options = {
        "k": settings.k,
        "metric": settings.metric,
        "test_samples": len(run.splits.test),
        "followed": FOLLOWED,
    }

    def make(head: Mapping[str, Any]) -> Made:
        with progress_bar("profile") as bar:
            space = space_of(run, progress=bar.set)
            found = measure(space, chosen)
        results = results_of(found, chosen)
        images, with_ = len(run.splits.test), measured_with(space, chosen, "test")
        for name, one in results.items():
            most = facts(name).sample or images
            one["k"], one["metric"] = (with_[name].get(key) for key in ("k", "metric"))
            one["split"] = with_[name]["split"]
            one["images"] = found.points.get(name, min(most, images))
        warnings = []
        rank, dimensions = found.values.get("rank_me"), run.model.latent_dim
        if rank is not None and has_collapsed(rank, dimensions):
            warnings.append(
                f"the latents have collapsed to {rank:.1f} dimensions of {dimensions} (RankMe)"
            )
        body: dict[str, Any] = {
            "profile_settings": options,
            "training_images": len(run.splits.train),
            "profile": {
                name: {key: one[key] for key in PROFILE_KEYS if key in one}
                for name, one in results.items()
            },
            "calibration": _calibration(space),
            "left_out": found.left_out,
            "warnings": warnings,
        }
        lines = [profile_table(results, images), *(f"warning: {line}" for line in warnings)]
        return Made({path: document_bytes({**head, **body})}, "\n".join(lines), results)

    code = ("metrics", "dynamics", "runs.measuring")
    made = made_from(run, options, *code, components=_code_of(chosen))
    return Output("profile", path, made, make)


def results_of(found: Measured, chosen: Iterable[str]) -> Results:
    """What tables have to know of metrics and their values, by name."""
    results: Results = {}
    for name in chosen:
        value = found.values.get(name, math.nan)
        results[name] = {
            "value": value if math.isfinite(value) else None,
            **asdict(facts(name)),
            "meaning": meaning(name),
            "is_metric": True,
        }
        if name in found.parts:
            results[name]["parts"] = {
                part: of if math.isfinite(of) else None for part, of in found.parts[name].items()
            }
        if math.isfinite(found.margins.get(name, math.nan)):
            results[name]["margin"] = found.margins[name]
        if name in found.left_out:
            results[name]["left_out"] = found.left_out[name]
    return results


def measured_with(
    space: Space, chosen: Iterable[str], split: str, test: str = "test"
) -> dict[str, dict[str, str | int]]:
    """By metric: whose latents were measured and, of neighbours, how many by which distance.

    Args:
        space: what was measured.
        chosen: the metrics.
        split: what to call its `z`.
        test: what to call its `test_z`.
    """
    found: dict[str, dict[str, str | int]] = {}
    for name in chosen:
        asks, fixed = needs(name), facts(name).k
        of_test = any(one.startswith(("test_", "neighbor_labels", "reconstr")) for one in asks)
        found[name] = {"split": test if of_test else split}
        counts = {one: getattr(space, one) for one in ("k", "trustworthiness_k") if one in asks}
        if k := fixed or next(iter(counts.values()), None):
            among_training = {"metric", "neighbor_labels", "scores_of_odd"} & {*asks}
            found[name] |= {"k": k, "metric": space.metric if among_training else "euclidean"}
    return found


def class_names(splits: Splits) -> dict[str, Any]:
    """Names of classes as JSON documents have them, under a key of their own; {} without any."""
    names = {str(label): name for label, name in splits.class_names.items()}
    return {"class_names": names} if names else {}


def analysis_json_path(path: Path) -> Path:
    """The JSON beside the text report: `x_analysis.txt` -> `x_analysis.json`."""
    beside = path.with_suffix(".json")
    return beside if beside != path else path.with_name(f"{path.stem}_values.json")


def has_bank(experiment: Experiment, splits: Splits) -> bool:
    """Whether an experiment has augmentations, and few enough images, for a bank of views."""
    return experiment.self_supervised.enabled and len(splits.train) <= BANK_IMAGES


def augmented_views(experiment: Experiment, splits: Splits) -> Tensor:
    """Views of the training images as the experiment augments them, drawn from its seed.

    Returns:
        (V x N, C, H, W) float in [0, 1] on the CPU; view i shows image i % N.
    """
    draws = generator(experiment.seed, "augmented bank")
    images = to_unit(splits.train.images[:])
    augment = augmentations_of(experiment)
    return torch.cat([augment(images, draws) for _ in range(BANK_VIEWS)])


@torch.inference_mode()
def encoded(encode: Callable[[Tensor], Tensor], images: Tensor, device: torch.device) -> Tensor:
    """Where images (N, C, H, W) in [0, 1] lie in a space, (N, D) on the device."""
    return torch.cat([encode(batch.to(device)) for batch in images.split(BATCH)])


def _dynamics(run: Run) -> Portrait:
    if reason := run.without_dynamics:
        raise NotMeasurable(reason)
    return run.dynamics()


def _calibration(space: Space) -> list[dict[str, Any]] | None:
    """Accuracy and number of test images by their share of votes; None if they have no labels."""
    try:
        groups = vote_shares(space.get("neighbor_labels"), space.get("test_labels"))
    except NotMeasurable:
        return None
    return [
        {"votes": share, "accuracy": right, "images": count}
        for share, (right, count) in groups.items()
    ]


def _bank(run: Run) -> Tensor:
    views = augmented_views(run.experiment, run.splits)
    return encoded(run.model.encode, views, run.device)


def _errors(run: Run) -> Tensor:
    return run.reconstruction_errors("test", torch.arange(len(run.splits.test)))


def _code_of(chosen: Iterable[str]) -> dict[str, str]:
    """Hashes of metrics that come from elsewhere."""
    components = (register.metric[name] for name in chosen)
    return {one.name: one.code_hash() for one in components if not one.is_ours}
