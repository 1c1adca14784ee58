"""A laboratory for latent spaces: train small autoencoders, measure them, put them in a page.

    import grounding

    run = grounding.train("7", training={"epochs": 3})
    z = run.encode(run.images("test"))
    run.measure("knn_accuracy", "trustworthiness")

`train`, `load` and `load_config` work on experiments; `models`, `objectives`, `metrics`,
`dynamics` and `datasets` are libraries of their own; `register` adds components. All of it is
imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grounding import _registry as register
    from grounding import data as datasets
    from grounding import dynamics, metrics, models, objectives
    from grounding._errors import UserError
    from grounding.experiment import Experiment, load_config
    from grounding.runs import Run, load, train
    from grounding.runs.attach import attach
    from grounding.runs.evaluation import evaluate
    from grounding.studies.report import figures, report
    from grounding.studies.sweeps.sweep import Sweep

__version__ = "0.2.0"

# Public name -> the module it is in, and its name there; "" for the module itself.
_PUBLIC = {
    "train": ("grounding.runs", "train"),
    "load": ("grounding.runs", "load"),
    "attach": ("grounding.runs.attach", "attach"),
    "evaluate": ("grounding.runs.evaluation", "evaluate"),
    "report": ("grounding.studies.report", "report"),
    "figures": ("grounding.studies.report", "figures"),
    "Sweep": ("grounding.studies.sweeps.sweep", "Sweep"),
    "Run": ("grounding.runs", "Run"),
    "load_config": ("grounding.experiment", "load_config"),
    "Experiment": ("grounding.experiment", "Experiment"),
    "UserError": ("grounding._errors", "UserError"),
    "metrics": ("grounding.metrics", ""),
    "dynamics": ("grounding.dynamics", ""),
    "models": ("grounding.models", ""),
    "objectives": ("grounding.objectives", ""),
    "datasets": ("grounding.data", ""),
    "register": ("grounding._registry", ""),
}

__all__ = [  # noqa: RUF022 - what is used first comes first
    "train",
    "load",
    "attach",
    "evaluate",
    "report",
    "figures",
    "load_config",
    "Run",
    "Sweep",
    "Experiment",
    "datasets",
    "dynamics",
    "metrics",
    "models",
    "objectives",
    "register",
    "UserError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'grounding' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted(__all__)
