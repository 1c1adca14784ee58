"""The steps of the chain: a trained run goes in, one output comes out."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from grounding._checksums import json_with_checksum
from grounding._errors import UserError, printable
from grounding._files import replacing_together, write_json
from grounding._streams import generator
from grounding.data.splits import SplitName, to_unit
from grounding.export.assets import interactive_assets
from grounding.export.companion import write_with_companion
from grounding.export.onnx import Half, export_onnx
from grounding.export.points import (
    Embedding,
    EmbeddingOptions,
    choose_points,
    embed,
    latent_points,
)
from grounding.export.report import analysis_text, manifold_lines, text_table
from grounding.metrics.anchors import CONFIDENCE, anchor_count, choose_anchors
from grounding.metrics.classification import accuracy, classification_report, knn_predict
from grounding.metrics.manifold import (
    ManifoldEstimate,
    manifold_estimate,
    manifold_metrics,
    manifold_score,
)
from grounding.metrics.neighbors import nearest
from grounding.models.autoencoder import count_parameters
from grounding.runs.run import Run
from grounding.runs.step import Step, document, finite, made_from
from grounding.training.history import metrics_path


def analysis_step(run: Run, path: Path) -> Step:
    """KNN accuracy and per-class scores of the test images, as text and, beside it, as JSON."""
    settings = run.experiment.analysis
    options = {"k": settings.k, "metric": settings.metric, "test_samples": len(run.splits.test)}

    def make(step: Step) -> str:
        started = time.perf_counter()
        predicted = _knn_labels(run)
        labels = run.splits.test.labels
        share = accuracy(labels, predicted)
        classes = classification_report(labels, predicted, run.splits.num_classes)
        parameters = count_parameters(run.model)
        knn = (
            f"k = {settings.k}, {settings.metric}, {len(run.splits.train)} train -> "
            f"{len(run.splits.test)} test"
        )
        text = analysis_text(
            experiment=run.experiment.name,
            checkpoint=printable(str(run.path)),
            parameters=parameters,
            accuracy=share,
            knn=knn,
            classes=classes,
        )
        body: dict[str, Any] = {
            "total_parameters": parameters[0],
            "trainable_parameters": parameters[1],
            "knn_accuracy": share,
            "classes": [{"label": i, **c._asdict()} for i, c in enumerate(classes)],
        }
        # The text has no place for a hash of its own.
        body["report"] = {"file": path.name, "sha256": sha256(text.encode("utf-8")).hexdigest()}
        data = json_with_checksum(document(run, step, body, started), indent=2)
        with replacing_together(path, step.path) as (report, values):
            report.write_bytes(text.encode())
            values.write_bytes(data)
        return text.rstrip()

    return Step("analyze", analysis_json_path(path), made_from(run, options), make)


def manifold_step(run: Run, split: SplitName, path: Path, anchors: int | None = None) -> Step:
    """All manifold metrics of a split and the score, as JSON.

    Args:
        run: the trained run.
        split: the images to measure.
        path: of the JSON.
        anchors: images to estimate from, 0 to measure all; default: see `anchor_count`.
    """
    k = run.experiment.analysis.k
    points = len(run.splits.named(split))
    count = anchor_count(points, anchors)
    options = {
        "split": split,
        "k": k,
        "metric": run.experiment.analysis.metric,
        "samples": points,
        "test_samples": len(run.splits.test),
    }
    if count:
        options["anchors"] = count

    def make(step: Step) -> str:
        started = time.perf_counter()
        measured = _measure_manifold(run, split, max(5, k), count)
        metrics = measured.metrics
        # A space in which classes collapse onto points has infinite ratios; JSON has no infinity.
        body: dict[str, Any] = {
            "manifold_split": split,
            "k_neighbors": k,
            "trustworthiness_neighbors": max(5, k),
            "metrics": {key: v if math.isfinite(v) else None for key, v in metrics.items()},
            "manifold_score": manifold_score(metrics),
        }
        if count:
            body["estimate"] = {
                "anchors": count,
                "points": points,
                "confidence": CONFIDENCE,
                "interval": "normal approximation, finite population correction",
                "margins": measured.margins,
                "manifold_score_margin": measured.score_margin,
            }
        write_json(path, document(run, step, body, started))
        return "\n".join(manifold_lines(body))

    notice = ""
    if count:
        notice = (
            f"{points:,} images, estimating from {count:,} of them, with confidence intervals; "
            "grounding manifold --exact measures all"
        )
    return Step("manifold", path, made_from(run, options), make, notice=notice)


def _measure_manifold(
    run: Run, split: SplitName, trustworthiness_k: int, anchors: int | None
) -> ManifoldEstimate:
    """The metrics of a split, estimated if there are anchors; without them no margins."""
    from grounding._progress import work_progress  # only this step draws a bar

    chosen = run.splits.named(split)
    if 2 * trustworthiness_k >= len(chosen):
        raise UserError(
            f"the {split} split has {len(chosen)} images; its metrics at {trustworthiness_k} "
            f"neighbours need more than {2 * trustworthiness_k}"
        )
    if len(chosen.labels.unique()) < 2:
        raise UserError(f"the {split} split has one class only; its metrics need two")
    x = chosen.images.flatten(1).to(run.device)
    z, labels = finite(run.latents(split)), chosen.labels.to(run.device)
    neighbors = {"k": run.experiment.analysis.k, "trustworthiness_k": trustworthiness_k}
    knn = accuracy(run.splits.test.labels, _knn_labels(run))
    with work_progress("manifold metrics") as progress:
        if not anchors:
            return ManifoldEstimate(
                manifold_metrics(
                    x, z, labels, **neighbors, knn_test_accuracy=knn, progress=progress
                ),
                {},
                0.0,
            )
        drawn = choose_anchors(len(z), anchors, generator(run.experiment.seed, "anchors"))
        return manifold_estimate(
            x, z, labels, drawn, **neighbors, knn_test_accuracy=knn, progress=progress
        )


def points_step(run: Run, split: SplitName, options: EmbeddingOptions, path: Path) -> Step:
    """A split's latents in three dimensions, as JSON for the viewer."""

    def make(step: Step) -> str:
        def describe(embedding: Embedding) -> dict[str, Any]:
            errors = run.reconstruction_errors(split, embedding.indices, embedding.latents)
            return latent_points(embedding, run.splits, split, options, errors)

        return _write_embedding(run, step, split, options, describe)

    settings = {"split": split, **asdict(options)}
    return Step("points", path, made_from(run, settings), make, has_companion=True)


def onnx_step(run: Run, half: Half, path: Path) -> Step:
    """The encoder or the decoder as ONNX, checked against PyTorch."""

    def make(step: Step) -> str:
        examples = to_unit(run.splits.test.images[:257])
        module = run.model.encoder
        if half == "decoder":
            examples = finite(run.latents("test", torch.arange(len(examples))))
            module = run.model.decoder
        metadata = {
            "experiment": run.experiment.name,
            "half": half,
            "made_from": json.dumps(step.made_from, sort_keys=True),
        }
        difference = export_onnx(module, examples, half, path, metadata)
        return f"{path.stat().st_size / 1e3:,.0f} kB, differs from PyTorch by {difference:.1g}"

    return Step(half, path, made_from(run, {"half": half}), make)


def assets_step(
    run: Run, split: SplitName, options: EmbeddingOptions, projection_k: int, path: Path
) -> Step:
    """References, their points and one sample per digit, as JSON for the playground."""
    settings = {"split": split, **asdict(options), "projection_k": projection_k}

    def make(step: Step) -> str:
        def describe(embedding: Embedding) -> dict[str, Any]:
            return interactive_assets(embedding, run.splits, split, options, projection_k)

        return _write_embedding(run, step, split, options, describe)

    return Step("assets", path, made_from(run, settings), make, has_companion=True)


def chain_steps(run: Run) -> list[Step]:
    """Every output of an experiment, with the defaults of the commands that make them."""
    experiment = run.experiment
    shared = {"l2_normalize": True, "umap_n_neighbors": 30, "umap_min_dist": 0.1}
    points, assets = (
        EmbeddingOptions(max_points=count, **shared)  # type: ignore[arg-type]
        for count in (5000, 3000)
    )
    return [
        analysis_step(run, experiment.analysis_path),
        manifold_step(run, "test", experiment.manifold_analysis_path),
        points_step(run, "test", points, experiment.artifact("test_latent_points.json")),
        onnx_step(run, "encoder", experiment.artifact("encoder.onnx")),
        onnx_step(run, "decoder", experiment.artifact("decoder.onnx")),
        assets_step(run, "test", assets, 12, experiment.artifact("test_interactive_assets.json")),
    ]


def result_lines(run: Run, steps: Sequence[Step]) -> list[str]:
    """The result table of a chain and where everything lies."""
    paths = {step.name: step.path for step in steps}
    analysis = json.loads(paths["analyze"].read_text(encoding="utf-8"))
    manifold = json.loads(paths["manifold"].read_text(encoding="utf-8"))
    checkpoint = run.checkpoint
    total = analysis["total_parameters"]
    rows = [
        ("parameters", f"{total:,}", run.experiment.model.architecture),
        ("training", f"{checkpoint.seconds:.1f}", f"seconds, {checkpoint.epoch} epochs"),
        ("validation loss", f"{checkpoint.val_loss:.5f}", "mean squared error"),
    ]
    lines = text_table("lrl", (run.experiment.name, "", ""), rows)
    table = [*lines, "", *manifold_lines(manifold), ""]
    files = {
        "checkpoint": run.path,
        "metrics": metrics_path(run.path),
        "report": run.experiment.analysis_path,
        **paths,
    }
    return table + text_table("ll", ("file", ""), [(k, str(v)) for k, v in files.items()])


def analysis_json_path(path: Path) -> Path:
    """The JSON beside the text report: `x_analysis.txt` -> `x_analysis.json`."""
    beside = path.with_suffix(".json")
    return beside if beside != path else path.with_name(f"{path.stem}_values.json")


def _write_embedding(
    run: Run,
    step: Step,
    split: SplitName,
    options: EmbeddingOptions,
    describe: Callable[[Embedding], dict[str, Any]],
) -> str:
    """Lay a split out, write what `describe` says of it, and return a line about the result."""
    started = time.perf_counter()
    seed, images = run.experiment.seed, run.splits.named(split).images
    indices = choose_points(len(images), options.max_points, seed)
    embedding = embed(indices, finite(run.latents(split, indices)), options, seed)
    body = describe(embedding)
    write_with_companion(
        step.path,
        document(run, step, {"split": split, **body}, started),
        images[embedding.indices].numpy(),
    )
    return f"{body['num_points']} of {len(images)} {split} images"


@lru_cache(maxsize=1)
def _knn_labels(run: Run) -> torch.Tensor:
    """Labels int64 (N,) that the nearest training latents give to the test images.

    Kept for the last run, because a chain asks twice: for the analysis and for the manifold score.
    """
    settings = run.experiment.analysis
    references = run.splits.train
    if settings.k > len(references):
        raise UserError(
            f"analysis.k {settings.k} neighbours, but only {len(references)} training images; "
            f"try --set analysis.k={len(references)}"
        )
    found = nearest(
        finite(run.latents("test")),
        finite(run.latents("train")),
        settings.k,
        metric=settings.metric,
    )
    votes = references.labels[found.indices.cpu()]
    return knn_predict(votes, run.splits.num_classes)
