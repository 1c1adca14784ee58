"""What is exported of a run: latent points, interactive assets, ONNX models, weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grounding._errors import UserError
from grounding.data import Splits, to_unit
from grounding.export.arrays import browser_files
from grounding.export.latents import Format, latents_files
from grounding.export.onnx import Half, onnx_model
from grounding.export.points import (
    Embedding,
    EmbeddingOptions,
    choose_points,
    embed,
    interactive_assets,
    latent_points,
    rounded,
)
from grounding.metrics.arrays import unit_length
from grounding.metrics.novelty import auroc_by_kind, odd_scores
from grounding.models.attached import OnnxModule
from grounding.runs.artifacts import LeftOut, Made, Output, made_from
from grounding.runs.measuring import class_names
from grounding.runs.run import SHOWN, Run

PROJECTION_K = 12
SAMPLES_WITHOUT_LABELS = 10
MOST_SAMPLES, MOST_POINTS = 1000, 250_000  # that the pages take
FEWEST_FRESH = 20  # images, from which a share is told
ASSETS = EmbeddingOptions(max_points=SHOWN)


def points_output(run: Run, split: str, options: EmbeddingOptions, path: Path) -> Output:
    """A split's latents in three dimensions, as JSON for the viewer and as arrays."""

    def make(head: Mapping[str, Any]) -> Made:
        embedding = embedding_of(run, split, options)
        errors = None
        if run.has_trained_decoder:
            errors = run.reconstruction_errors(split, embedding.indices)
        images, latents = run.splits.named(split), run.latents_of(split)
        body = latent_points(embedding, images, options, latents, k, errors)
        return _with_arrays(run, split, path, head, body, embedding)

    k = run.experiment.analysis.k
    settings = {"split": split, **_test_samples(run, split), **asdict(options), "k": k}
    code = ("export.points", "export.arrays", "projection", "metrics", "runs.exporting")
    return Output(
        "points", path, made_from(run, settings, *code), make, _notice(run, split, options)
    )


def assets_output(
    run: Run, split: str, options: EmbeddingOptions, projection_k: int | None, path: Path
) -> Output:
    """References, their points and one sample per class, as JSON for the playground and arrays.

    Args:
        run: the trained run.
        split: the images.
        options: how latents become points.
        projection_k: neighbours that a probe is placed between; default: 12, or all if there are
            fewer.
        path: of the JSON.
    """

    def make(head: Mapping[str, Any]) -> Made:
        embedding = embedding_of(run, split, options)
        count = len(embedding.indices)
        k = min(PROJECTION_K, count) if projection_k is None else projection_k
        if not 1 <= k <= count:
            raise UserError(f"--projection-k {k} is not in 1 to {count}, the number of points")
        labels, samples, indices = _samples(run.splits, split)
        body = {
            **interactive_assets(embedding, run.splits.named(split), options, k),
            "digit_samples": rounded(samples),
            "sample_labels": labels,
            "sample_indices": indices,
            **_novelty(run, split, embedding),
        }
        return _with_arrays(run, split, path, head, body, embedding)

    settings = {
        "split": split,
        **_test_samples(run, split),
        **asdict(options),
        "projection_k": projection_k,
    }
    code = ("export.points", "export.arrays", "projection", "metrics", "runs.exporting")
    return Output(
        "assets", path, made_from(run, settings, *code), make, _notice(run, split, options)
    )


def _novelty(run: Run, split: str, embedding: Embedding) -> dict[str, Any]:
    """How well the distance to the nearest reference tells odd images; {} without fresh images.

    That is what the playground's meter goes by. Fresh images are those of another split that the
    model was not trained on.
    """
    fresh = run.splits.named("test" if split == "val" else "val")
    if len(fresh) < FEWEST_FRESH:
        return {}

    def place(z: Tensor) -> Tensor:
        return unit_length(z) if embedding.l2_normalized else z

    references = place(run.latents_of(split, embedding.indices)).clone()

    def encode(images: Tensor) -> Tensor:
        return place(run.model.encode(images.to(run.device)))

    with torch.inference_mode():
        found = odd_scores(
            fresh.images, fresh.labels, references, encode, None, seed=run.experiment.seed
        )
    told = auroc_by_kind(found.real["distance"], found.odd["distance"])
    return {"novelty_auroc": {kind: round(value, 4) for kind, value in told.items()}}


def onnx_output(run: Run, half: Half, path: Path) -> Output:
    """The encoder or the decoder as ONNX, checked against PyTorch."""

    def make(head: Mapping[str, Any]) -> Made:
        if half == "decoder" and not run.has_trained_decoder:
            raise LeftOut(run.without_decoder)
        module = run.model.encoder if half == "encoder" else run.model.decoder
        if isinstance(module, OnnxModule):  # it was checked when it was attached
            data = module.file_bytes()
            return Made({path: data}, f"{len(data) / 1e3:,.0f} kB, as it was attached")
        images = run.splits.test.images[:257]
        examples = to_unit(images)
        if half == "decoder":
            examples = run.latents_of("test", torch.arange(len(images)))
        made_of = json.dumps({"checkpoint_sha256": head["checkpoint_sha256"]})
        metadata = {"experiment": run.name, "half": half, "made_from": made_of}
        data, difference = onnx_model(module, examples, half, metadata)
        said = f"{len(data) / 1e3:,.0f} kB, differs from PyTorch by {difference:.1g}"
        return Made({path: data}, said)

    return Output(half, path, made_from(run, {"half": half}, "export.onnx"), make)


def weights_output(run: Run, path: Path) -> Output:
    """The weights of encoder and decoder as safetensors; those of a decoder that is trained."""

    def make(_: Mapping[str, Any]) -> Made:
        from safetensors.torch import save

        weights = {
            name: tensor.contiguous()
            for name, tensor in run.checkpoint.state_dict.items()
            if run.has_trained_decoder or not name.startswith("decoder.")
        }
        metadata = {"experiment": run.name, "architecture": run.experiment.model.architecture}
        data = save(weights, metadata)
        said = f"{len(weights)} tensors, {len(data) / 1e3:,.0f} kB"
        if not run.has_trained_decoder:
            said += f", none of the decoder: {run.without_decoder}"
        return Made({path: data}, said)

    return Output("weights", path, made_from(run, {}, "runs.exporting"), make)


def latents_output(run: Run, split: str, form: Format, path: Path) -> Output:
    """The latents of a split with the images' indices, labels, names and files, as a table."""

    def make(_: Mapping[str, Any]) -> Made:
        chosen = run.splits.named(split)
        labels = None if chosen.labels is None else chosen.labels.numpy()
        latents = run.latents(split)
        indices, names = chosen.indices.numpy(), run.splits.class_names
        files = latents_files(path, latents, indices, labels, names, form, chosen.files)
        said = f"{len(latents):,} latents of {latents.shape[1]} numbers, {split} images"
        return Made(files, said, {"split": split})

    settings = {"split": split, "format": form, **_test_samples(run, split)}
    return Output("latents", path, made_from(run, settings, "export.latents"), make)


def embedding_of(run: Run, split: str, options: EmbeddingOptions) -> Embedding:
    """Where the latents of a split lie in three dimensions."""
    seed = run.experiment.seed
    indices = choose_points(len(run.splits.named(split)), options.max_points, seed)

    def laid_out() -> Embedding:
        return embed(indices, run.latents_of(split, indices), options, seed)

    return run.once((split, options), laid_out)


def _with_arrays(
    run: Run,
    split: str,
    path: Path,
    head: Mapping[str, Any],
    body: Mapping[str, Any],
    embedding: Embedding,
) -> Made:
    images = run.splits.named(split).images
    document = {**head, "split": split, **class_names(run.splits), **body}
    thumbnails = images[embedding.indices].numpy()
    said = f"{len(embedding.indices)} of {len(images)} {split} images"
    return Made(browser_files(path, document, thumbnails), said, {"split": split})


def _notice(run: Run, split: str, options: EmbeddingOptions) -> str:
    """What to know of points that are too many for the pages."""
    count = len(run.splits.named(split))
    count = min(options.max_points or count, count)
    if count <= MOST_POINTS:
        return ""
    return f"{count:,} points; the pages draw up to {MOST_POINTS:,}, set by --max-points"


def _samples(splits: Splits, split: str) -> tuple[list[int], Tensor, list[int]]:
    """One image of each of up to 1,000 classes.

    As labels, float32 (classes, C * H * W) in [0, 1], and positions. The first of the split; for a
    class that the split lacks, of another one, whose position is -1. Without labels, the first
    images of the split.
    """
    own = splits.named(split)
    if own.labels is None:
        images = own.images[:SAMPLES_WITHOUT_LABELS]
        return [0] * len(images), to_unit(images).flatten(1), list(range(len(images)))
    labels, samples, positions = [], [], []
    for label in splits.classes[:MOST_SAMPLES]:
        for name in dict.fromkeys((split, "test", "val", "train")):
            candidates = splits.named(name)
            if candidates.labels is None:
                continue
            found = torch.nonzero(candidates.labels == label)
            if len(found):
                labels.append(label)
                samples.append(to_unit(candidates.images[found[0, 0]]).flatten())
                positions.append(int(found[0, 0]) if name == split else -1)
                break
    return labels, torch.stack(samples), positions


def _test_samples(run: Run, split: str) -> dict[str, int]:
    """The number of test images, where it decides which they are."""
    return {"test_samples": len(run.splits.test)} if split == "test" else {}
