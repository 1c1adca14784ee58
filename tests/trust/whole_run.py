"""A small run with every kind of artefact, for tests that damage them."""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from conftest import overrides

from grounding.cli.commands import main
from grounding.data import catalog
from grounding.data.augmented import TrainingInputs
from grounding.experiment.load import load_experiment
from grounding.experiment.schema import Experiment
from grounding.export.layout import SCRIPTS
from grounding.export.site import publish

SMALL = ["data.test_samples=60", "model.latent_dim=4", "model.hidden_dims=[2, 4]"]
NAME = "regularized_covnet"


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def arguments(*settings: str) -> list[str]:
    return ["--config", "3", *overrides(*SMALL, *settings)]


def quiet(command: str, words: list[str]) -> str:
    """Run a command that has to succeed, and return what it printed."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert main(command, words) == 0
    return shown.getvalue()


def make_run(folder: Path, *settings: str) -> Path:
    """Train and export in `folder`; returns its artifacts."""
    folder.mkdir(parents=True, exist_ok=True)
    with inside(folder):
        quiet("run", arguments(*settings))
    return folder / "artifacts"


def make_pages(folder: Path) -> Path:
    """Pages as they are after a build."""
    (folder / "web" / "dist").mkdir(parents=True)
    for name in ("latent_space_viewer.html", "interactive_latent_playground.html"):
        (folder / name).write_text(f"<title>{name}</title>\n" * 20)
    for name in SCRIPTS:
        (folder / "web" / "dist" / name).write_text(f"// {name}\n" * 50)
    return folder


def cached_experiment(folder: Path) -> Experiment:
    settings = [
        "self_supervised.augmentations_per_sample=2",
        "self_supervised.refresh_each_epoch=null",
        "self_supervised.precompute=true",
        f"self_supervised.cache_path={folder / 'augmented.pt'}",
    ]
    return load_experiment("4", settings)


def read_cache(experiment: Experiment) -> None:
    images = torch.arange(10 * 784, dtype=torch.int64).remainder(256).byte()
    TrainingInputs(images.reshape(10, 1, 28, 28), experiment, "data")


@cache
def everything(temporary: Path) -> dict[str, Path]:
    """One file of each kind, by kind; made once. Who changes a file puts it back."""
    folder = temporary / "everything"
    artifacts = make_run(folder)
    read_cache(cached_experiment(artifacts))
    site = folder / "site"
    publish(site, artifacts, pages=make_pages(folder / "pages"))
    packaged = folder / "data"
    shutil.copytree(Path(catalog.__file__).parent / "mnist", packaged / "mnist")
    stem = artifacts / "3_regularized_covnet_final"
    made = {
        "checkpoint": stem.with_suffix(".pt"),
        "checkpoint hash": stem.with_suffix(".pt.sha256"),
        "periodic checkpoint": stem.with_name(f"{stem.name}_epoch001.pt"),
        "metrics": stem.with_name(f"{stem.name}_metrics.jsonl"),
        "analysis": artifacts / "3_regularized_covnet_analysis.json",
        "report": artifacts / "3_regularized_covnet_analysis.txt",
        "manifold metrics": artifacts / f"{NAME}_manifold_metrics.json",
        "latent points": artifacts / f"{NAME}_test_latent_points.json",
        "companion of latent points": artifacts / f"{NAME}_test_latent_points.bin",
        "interactive assets": artifacts / f"{NAME}_test_interactive_assets.json",
        "companion of interactive assets": artifacts / f"{NAME}_test_interactive_assets.bin",
        "encoder": artifacts / f"{NAME}_encoder.onnx",
        "decoder": artifacts / f"{NAME}_decoder.onnx",
        "augmented set": next(artifacts.glob("augmented-*.pt")),
        "packaged images": packaged / "mnist" / f"{catalog.TEST_IMAGES}.gz",
        "packaged labels": packaged / "mnist" / f"{catalog.TEST_LABELS}.gz",
        "published index": site / "index.html",
        "published script": site / "grounding" / "web" / "dist" / "worker.js",
        "published model": site / "artifacts" / f"{NAME}_encoder.onnx",
        "list of a published site": site / ".grounding-site.json",
    }
    assert all(path.is_file() for path in made.values())
    return made
