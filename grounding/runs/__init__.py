"""Runs: train one, load one, ask it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grounding.data import ImageSet
    from grounding.experiment import Experiment
    from grounding.runs.run import Run

__all__ = ["Run", "load", "train"]


def __getattr__(name: str) -> Any:
    if name != "Run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grounding.runs.run import Run  # the manifest is read without PyTorch

    return Run


def train(
    config: str | Path | Experiment,
    *,
    resume: bool = False,
    force: bool = False,
    quiet: bool = False,
    tensorboard: str | Path | None = None,
    images: Any = None,
    labels: Any = None,
    **overrides: Any,
) -> Run:
    """Train an experiment, unless its run is there already, and return the run.

    Examples:
        >>> run = grounding.train("7", training={"epochs": 3}, experiment={"name": "short"})

    Args:
        config: a YAML file, the name or number of a packaged one, or an experiment.
        resume: go on after the last checkpoint of an interrupted training.
        force: train again, also under a name that another experiment has taken.
        quiet: show nothing but warnings and, on a terminal, a bar.
        tensorboard: folder to log to as well.
        images: arrays to train on instead of the config's data, see `datasets.from_arrays`, whose
            result can be given as well. The run is known by what is in them; they are not kept.
        labels: of these images; None for none.
        overrides: values that replace those of the config, by section: `training={"epochs": 3}`.

    Raises:
        UserError: it cannot be trained, or the name is taken by another experiment; one line.
    """
    from grounding._paths import given_path
    from grounding.experiment import Experiment, load_config
    from grounding.runs.run import load_run
    from grounding.runs.training import train_experiment

    if isinstance(config, Experiment):
        if overrides:
            raise TypeError("overrides need a config by name or path; change the experiment itself")
        experiment = config
    else:
        experiment = load_config(config, **overrides)
    folder = given_path(tensorboard) if tensorboard is not None else None
    given = _given(images, labels)
    if given is not None:
        experiment = experiment.variant("", data={"source": "python", "data_dir": None})
    options: dict[str, Any] = {"resume": resume, "force": force, "quiet": quiet}
    train_experiment(experiment, **options, tensorboard=folder, images=given)
    return load_run(experiment, images=given)


def load(name: str | Path, *, images: Any = None, labels: Any = None) -> Run:
    """The run of a name, a manifest, a checkpoint or a config.

    Examples:
        >>> grounding.load("contrastive_autoencoder_fast").latents("test").shape
        (10000, 32)

    Args:
        name: the experiment's name, looked for in artifacts/; or the path of its `.run.json` or of
            a checkpoint; or a config or its number.
        images: those that it was trained on, if they were given from Python.
        labels: of these.

    Raises:
        UserError: there is none, or it cannot be used; one line.
    """
    from grounding.runs.run import open_run

    return open_run(name, _given(images, labels))


def _given(images: Any, labels: Any) -> ImageSet | None:
    """What was given from Python as a data set; None if nothing was."""
    if images is None and labels is None:
        return None
    from grounding.data import ImageSet, from_arrays

    if images is None or (isinstance(images, ImageSet) and labels is not None):
        raise TypeError("labels belong to images that are given as an array")
    return images if isinstance(images, ImageSet) else from_arrays(images, labels)
