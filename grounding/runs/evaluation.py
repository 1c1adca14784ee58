"""Embeddings of any model: measured, laid out and put into the viewer, without a model here."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from grounding import _registry as register
from grounding._errors import UserError
from grounding._progress import progress_bar
from grounding._streams import generator
from grounding.data import ImageSet, Split
from grounding.data.arrays import from_arrays
from grounding.data.embeddings import Embeddings, embeddings
from grounding.experiment.sections import LONGEST_NAME, NAME
from grounding.export.arrays import browser_files
from grounding.export.points import EmbeddingOptions, choose_points, embed, latent_points
from grounding.export.report import metric_lines
from grounding.metrics import Measured, Space, anchor_count, facts, measure, names
from grounding.metrics.facts import needs
from grounding.runs.artifacts import code_hash, document_bytes, enter
from grounding.runs.manifest import (
    FOLDER,
    Artifact,
    Manifest,
    check_not_of_another,
    manifest_path,
    read_manifest,
    writing,
)
from grounding.runs.measuring import measured_with, results_of
from grounding.training.checkpoint import versions

if TYPE_CHECKING:
    from grounding.runs.notebook import View

KIND = "evaluation"
MOST_QUERIES = 10_000
# What no table of latents has; a metric that asks for it is not mentioned.
OF_A_MODEL = (
    *("encode", "decode", "bank_z", "reconstruction_errors", "training_seconds", "train_images"),
    *("test_images", "changed_latents", "scores_of_odd", "dynamics"),
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured of embeddings.

    Attributes:
        values: metrics by name.
        margins: of those that were estimated, half the 95 % confidence interval.
        left_out: by name, why a metric has no value.
        protocol: how it was measured.
        files: what was written, the report and the points first; () if nothing was.
        name: under which it was written.
    """

    values: Mapping[str, float]
    margins: Mapping[str, float]
    left_out: Mapping[str, str]
    protocol: Mapping[str, Any]
    files: tuple[Path, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        """A table of the metrics with what each one means."""
        return "\n".join(metric_lines(self.results))

    def _repr_html_(self) -> str:
        from grounding.runs.card import evaluation_card

        return evaluation_card(self)

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """What tables have to know of each metric and its value, by name."""
        found = Measured(dict(self.values), dict(self.margins), dict(self.left_out))
        chosen = [name for name in names() if name in found.values or name in found.left_out]
        return results_of(found, chosen)

    def view(self, *, height: int = 640) -> View:
        """The viewer in a notebook's cell; see `Run.view`.

        Raises:
            UserError: nothing was written, for lack of a name.
        """
        from grounding.runs.notebook import view_evaluation

        return view_evaluation(self, height)


def evaluate(
    latents: Any,
    labels: Any = None,
    images: Any = None,
    *,
    name: str = "",
    k: int = 5,
    metric: str = "euclidean",
    seed: int = 42,
    max_points: int = 5000,
    anchors: int | None = None,
    force: bool = False,
) -> Evaluation:
    """Measure embeddings of any model, and put them into the viewer.

    Examples:
        >>> grounding.evaluate(z, labels, images, name="clip")

    What compares references with queries, such as kNN accuracy, takes a fifth of the rows, at most
    10,000, drawn by the seed, as queries, and all others as references.

    Args:
        latents: (N, D), D up to 4096; an array, a tensor, or what `read_embeddings` gave.
        labels: (N,) whole numbers or text; None without labels.
        images: (N, H, W), (N, H, W, C) or (N, C, H, W), as `grounding.datasets.from_arrays` takes
            them, or what it gives; shown in the viewer; trustworthiness and continuity compare
            their pixels with the latents.
        name: writes `artifacts/<name>_evaluation.json`, the points for the viewer and a manifest,
            so that the index shows them; "" writes nothing.
        k: neighbours.
        metric: distance of kNN accuracy, "euclidean" or "cosine".
        seed: of the queries, and of the layout.
        max_points: drawn in the viewer at most; 0 for all.
        anchors: rows to estimate means over all rows from, 0 for all; default: all up to 70,000
            rows, else 10,000.
        force: whether to replace an evaluation of other embeddings under this name.

    Raises:
        UserError: arrays that do not fit, with row and shape; or the name is taken.
    """
    given = latents if isinstance(latents, Embeddings) else embeddings(latents, labels)
    pictures = None if images is None else _pictures(images, len(given.latents))
    manifest = _claimed(name, given, force) if name else None
    started = time.perf_counter()
    z, of = torch.from_numpy(given.latents), given.labels
    labels_of = None if of is None else torch.from_numpy(of)
    order = torch.randperm(len(z), generator=generator(seed, "queries"))
    queries, references = order.tensor_split([min(MOST_QUERIES, max(1, len(z) // 5))])
    count = anchor_count(len(z), anchors)
    protocol: dict[str, Any] = {
        "rows": len(z),
        "dimensions": z.shape[1],
        "k": k,
        "metric": metric,
        "seed": seed,
        "references": len(references),
        "queries": len(queries),
        "anchors": count,
    }
    if not 1 <= k <= len(references):
        most = len(references)
        raise UserError(f"k {k} is not in 1 to {most}, the number of references; try -k {most}")
    with progress_bar("evaluation") as bar:
        space = Space(
            z=z,
            labels=labels_of,
            x=None if pictures is None else pictures.flatten(1),
            train_z=z[references],
            train_labels=None if labels_of is None else labels_of[references],
            test_z=z[queries],
            test_labels=None if labels_of is None else labels_of[queries],
            k=k,
            metric=metric,
            anchors=count,
            seed=seed,
            progress=bar.set,
        )
        found = measure(space, _metrics())
    result = Evaluation(found.values, found.margins, found.left_out, protocol)
    if manifest is None:
        return result
    split = Split(_images(pictures, len(z)), labels_of, torch.arange(len(z)))
    told = measured_with(space, found.values, "all", test="queries")
    files = _write(manifest, given, split, found, protocol, told, max_points, started)
    return Evaluation(found.values, found.margins, found.left_out, protocol, files, name)


def _pictures(images: Any, rows: int) -> Tensor:
    """Images uint8 (N, C, H, W) of an array in any form that `from_arrays` takes, or of a set.

    Raises:
        UserError: they are none of that, or not as many as there are rows.
    """
    images = images if isinstance(images, ImageSet) else from_arrays(images)
    found = np.asarray(images.train_images)
    if len(found) != rows:
        raise UserError(f"{rows} latents, but {len(found)} images")
    return torch.from_numpy(np.require(found, requirements=("C", "W")))


def _metrics() -> list[str]:
    """Metrics that a table of latents can have, each once."""
    return [
        name
        for name in names()
        if not facts(name).alias_of
        and name != "manifold_score"
        and not _asks_for(name).intersection(OF_A_MODEL)
    ]


def _asks_for(name: str) -> set[str]:
    """All that a metric asks for, through other metrics as well."""
    asked = set(needs(name))
    for need in needs(name):
        if need in register.metric.names() and need not in Space.__dataclass_fields__:
            asked |= _asks_for(need)
    return asked


def _images(pictures: Tensor | None, count: int) -> Tensor:
    return torch.empty(count, 0, 0, 0, dtype=torch.uint8) if pictures is None else pictures


def _claimed(name: str, given: Embeddings, force: bool) -> Manifest:
    """The manifest of a name, if that is free or is of these embeddings.

    Raises:
        UserError: it is taken, or no name that its files can begin with.
    """
    if len(name) > LONGEST_NAME or not re.fullmatch(NAME, name) or name.endswith("\n"):
        raise UserError(
            f"name {name!r} must have letters, digits, _, . and - only, begin with a letter or a "
            f"digit, and be no longer than {LONGEST_NAME}: the files are called by it"
        )
    path = manifest_path(name)
    data = {"source": given.source, "fingerprint": given.fingerprint}
    fresh = Manifest(path, name, {}, data, versions())
    try:
        found = read_manifest(path)
    except FileNotFoundError:
        return fresh
    if found.of == "evaluation" and (force or found.data.get("fingerprint") == given.fingerprint):
        return fresh if force else found
    what = {"run": "a run", "study": "a study"}.get(found.of, "an evaluation of other embeddings")
    ways = "name this one otherwise: --name NAME"
    if found.of == "evaluation":
        ways += ", or replace that one: --force"
    raise UserError(f"the name {name} is taken by {what}; {ways}")


def _write(
    manifest: Manifest,
    given: Embeddings,
    split: Split,
    found: Measured,
    protocol: Mapping[str, Any],
    told: Mapping[str, Any],
    max_points: int,
    started: float,
) -> tuple[Path, ...]:
    name, seed = manifest.name, protocol["seed"]
    report, points = (FOLDER / f"{name}_{ending}.json" for ending in (KIND, "latent_points"))
    options = EmbeddingOptions(max_points=max_points)
    indices = choose_points(len(given.latents), max_points, seed)
    laid_out = embed(indices, torch.from_numpy(given.latents)[indices], options, seed)
    made_from = {
        "latents": given.fingerprint,
        "options": {**protocol, "max_points": max_points},
        "code": code_hash("metrics", "projection", "export.points", "runs.evaluation"),
    }
    head = {
        "experiment": name,
        "checkpoint": given.source,
        "made_from": made_from,
        "versions": versions(),
        "data": dict(manifest.data),
    }
    results = results_of(found, found.values)
    body = {
        "protocol": dict(protocol),
        "metrics": {key: one["value"] for key, one in results.items()},
        "measured_with": told,
        "margins": found.margins,
        "left_out": found.left_out,
    }
    class_names = {str(label): text for label, text in given.class_names.items()}
    document = {
        **head,
        "split": "all",
        **({"class_names": class_names} if class_names else {}),
        **latent_points(laid_out, split, options, torch.from_numpy(given.latents), protocol["k"]),
    }
    thumbnails = split.images[indices].numpy() if 0 not in split.images.shape else None
    pictured = browser_files(points, document, thumbnails)
    files = {
        report: {report: document_bytes({**head, **body})},
        points: pictured,
    }
    check_not_of_another(name, report, kind=KIND)
    check_not_of_another(name, *pictured, kind="points")
    seconds = round(time.perf_counter() - started, 3)
    with writing(manifest.path, "evaluation"):
        artifacts = (
            Artifact(KIND, {}, made_from, results, seconds),
            Artifact("points", {}, made_from, {"split": "all"}),
        )
        enter(manifest, files, *artifacts)
    return (report, *pictured)
