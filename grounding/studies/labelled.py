"""The control that is told what an experiment is not: the same encoder, trained with labels."""

from __future__ import annotations

from typing import Any

from grounding._errors import UserError
from grounding.experiment import Experiment, setting
from grounding.runs.building import load_splits


def labels_control(experiment: Experiment, command: str = "") -> tuple[Experiment, str]:
    """The same experiment, trained to name the training labels from the latents instead.

    Args:
        experiment: which one.
        command: what trains it.

    Returns:
        The control, and what trains that.
    """
    # The views stay: they decide which images a batch holds.
    views, given = experiment.objectives.views, experiment.objectives.model_dump(mode="json")
    defaults = type(experiment.objectives)().model_dump(mode="json")
    labels_only = {**defaults, "reconstruction": 0.0, "labels": 1.0, "views": views}
    changed: dict[str, Any] = {}
    training = experiment.training.model_dump(mode="json")
    stopping = training["early_stopping"]
    if training["keep_best"] == "val_loss":  # which it has not
        training["keep_best"] = changed["training.keep_best"] = None
    if stopping["metric"] == "val_loss" and stopping["patience"]:
        stopping["patience"] = changed["training.early_stopping.patience"] = 0
    control = experiment.variant("_labels", objectives=labels_only, training=training)
    changed |= {f"objectives.{k}": v for k, v in labels_only.items() if v != given[k]}
    changed["experiment.name"] = control.name
    return control, command and " ".join([command, *(setting(k, v) for k, v in changed.items())])


def without_labels(experiment: Experiment) -> str:
    """Why an experiment has no such control; "" if it has, or if its images cannot be read."""
    try:
        train = load_splits(experiment)[1].train
    except UserError:  # which its training says
        return ""
    if train.labels is None:
        return "there are no labels"
    return "" if train.has_classes else "the training images are of one class only"
