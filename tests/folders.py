"""Small artifacts folders, with manifests as runs write them, and built pages."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from grounding.export.arrays import browser_files
from grounding.runs.manifest import Artifact, FileEntry, Manifest, manifest_path, write_manifest
from grounding.serve.layout import PLAYGROUND, SCRIPTS, VIEWER

CONFIG: dict[str, Any] = {"data": {"train_samples": 55000}, "training": {"epochs": 1}}
CONFIG["model"] = {"architecture": "naive_conv"}


def new_run(folder: Path, name: str, config: Mapping[str, Any] = CONFIG) -> Manifest:
    """A run without artifacts."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Manifest(manifest_path(name, folder), name, config)
    write_manifest(run)
    return run


def put(
    run: Manifest, kind: str, files: Mapping[str, bytes], results: Any = None, **made_from: Any
) -> Manifest:
    """Write the files of an artifact, the main file first, and enter them in the manifest."""
    for key, data in files.items():
        run.place(key).parent.mkdir(parents=True, exist_ok=True)
        run.place(key).write_bytes(data)
    entries = {key: FileEntry(sha256(data).hexdigest(), len(data)) for key, data in files.items()}
    made = Artifact(kind, entries, made_from, results or {})
    changed = replace(run, artifacts={**run.artifacts, next(iter(files)): made})
    write_manifest(changed)
    return changed


def put_points(
    run: Manifest, kind: str, name: str, split: str = "", made: str = "", **arrays: Any
) -> Manifest:
    """Enter a JSON file of points, its arrays file and that of its images."""
    images = np.zeros((2, 1, 2, 2), np.uint8)
    files = {str(place): data for place, data in browser_files(Path(name), arrays, images).items()}
    return put(run, kind, files, {"split": split}, checkpoint=made)


def score(value: object, title: str, digits: int = 4, place: int = 9, **more: Any) -> Any:
    """A result as runs write it for tables."""
    facts = {"title": title, "digits": digits, "place": place, "unit": ""}
    return {"value": value, "tables": ["index", "seeds"], **facts, **more}


def whole_run(folder: Path, name: str = "a") -> Manifest:
    """A run with everything that a run has."""
    checkpoint = f"weights of {name}".encode()
    made = sha256(checkpoint).hexdigest()
    run = put(new_run(folder, name), "checkpoint", {f"{name}_final.pt": checkpoint})
    knn = score(0.97264, "kNN accuracy")
    report = {f"{name}_analysis.json": b"{}", f"{name}_analysis.txt": b"report"}
    results = {"knn_accuracy": knn, "total_parameters": {"value": 1234}}
    run = put(run, "analysis", report, results, checkpoint=made)
    results = {
        "silhouette": score(None, "silhouette", unit="of 1"),
        "rank_me": score(18.25, "RankMe", 1, 10, unit="of 32"),
        "knn_test_accuracy": knn,
        "not_for_the_index": score(3.5, "hidden", tables=["compare"]),
    }
    run = put(run, "manifold", {f"{name}_metrics.json": b"{}"}, results, checkpoint=made)
    points = {"points": [[0, 0, 0], [1, 2, 3]], "labels": [0, 13]}
    run = put_points(run, "points", f"{name}_points.json", "test", made, **points)
    for half in ("encoder", "decoder"):
        run = put(run, half, {f"{name}_{half}.onnx": half.encode()}, checkpoint=made)
    references = {"reference_points": [[0, 0, 0]], "reference_labels": [0]}
    return put_points(run, "assets", f"{name}_assets.json", "val", made, **references)


def built_pages(folder: Path) -> Path:
    """Pages as they are after a build, beside files that are not theirs."""
    for name in (
        "web/dist/deep/runtime.wasm",
        "web/dist/notebook.js",
        *(f"web/dist/{name}" for name in SCRIPTS),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(Path(name).name)
    for page in (VIEWER, PLAYGROUND, "grounding/train.py"):
        (folder / Path(page).name).write_text(Path(page).name)
    return folder


def resealed(data: bytes) -> bytes:
    """A manifest's bytes with the SHA-256 that they need in the end."""
    body = data.rpartition(b',\n "sha256"')[0] or data
    return body + b',\n "sha256": "' + sha256(body).hexdigest().encode() + b'"\n}\n'
