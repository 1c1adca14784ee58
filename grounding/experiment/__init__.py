"""Experiments: YAML files, and the schema that the registered components make for them.

What needs torch is imported when it is first asked for; `read_document` never needs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grounding.experiment.load import experiment_from_dict, load_config, load_experiment
    from grounding.experiment.schema import Experiment, differences, json_schema, setting

__all__ = [
    "Experiment",
    "differences",
    "experiment_from_dict",
    "json_schema",
    "load_config",
    "load_experiment",
    "setting",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from grounding.experiment import load, schema

    return getattr(schema if hasattr(schema, name) else load, name)
