import json
from pathlib import Path

import pytest
from pydantic import Field, create_model

from grounding import _registry as register
from grounding._errors import UserError
from grounding.data.augmentations import AugmentationSettings
from grounding.experiment.document import PACKAGED_CONFIGS
from grounding.experiment.load import experiment_from_dict, load_config, load_experiment
from grounding.experiment.schema import differences, json_schema, with_sizes
from grounding.models import ModelSettings


def test_the_shipped_json_schema_is_that_of_the_registered_components():
    shipped = json.loads((PACKAGED_CONFIGS / "schema.json").read_text(encoding="utf-8"))
    assert shipped == json_schema(), "grounding schema > grounding/configs/schema.json"
    for name, section in shipped["$defs"].items():
        for key, value in section["properties"].items():
            referred = shipped["$defs"].get(value.get("$ref", "").rpartition("/")[2], value)
            assert value.get("description") or referred.get("description"), f"{name}.{key}"


def test_an_experiment_is_frozen_and_survives_being_plain_values():
    experiment = load_config("7")
    assert experiment_from_dict(experiment.as_dict(), "x") == experiment
    with pytest.raises(ValueError, match="frozen"):
        experiment.training.epochs = 3


def test_a_variant_has_every_output_to_itself():
    output = {"checkpoint_path": "a/b.c.pt", "analysis_path": "r", "manifold_analysis_path": None}
    experiment = load_config("2", output=output)
    one = experiment.variant("_seed7", experiment={"seed": 7})
    assert (one.seed, one.name) == (7, f"{experiment.name}_seed7")
    assert one.checkpoint_path == Path("a/b.c_seed7.pt")
    assert one.analysis_path == Path("r_seed7")
    assert one.manifold_analysis_path == Path(f"artifacts/{one.name}_manifold_metrics.json")
    assert one.variant("", experiment={"seed": 42}).training == experiment.training
    with pytest.raises(UserError, match=r"cannot be run as .*_x: objectives: all weights are 0"):
        experiment.variant("_x", objectives={"reconstruction": 0.0})


@pytest.mark.parametrize(
    ("setting", "difference"),
    [
        ("experiment.seed=1", (1, 42)),
        ("data.train_samples=99", (99, 100)),
        ("model.architecture=vanilla_fc", ("vanilla_fc", "naive_conv")),
        ("self_supervised.enabled=false", (False, True)),
        ("self_supervised.refresh_each_epoch=false", (False, True)),
        ("self_supervised.augmentations.cutout.enabled=true", (True, False)),
        ("self_supervised.augmentations.clamp_max=0.9", (0.9, 1.0)),
        ("self_supervised.augmentations.fill=edge", ("edge", 0.0)),
        ("self_supervised.augmentations.translation.max_shift=7%", ("7%", 2)),
        ("objectives.kl=0.1", (0.1, 0.0)),
        ("experiment.name=other", None),
        ("training.device=cpu", None),
        ("training.cuda_graphs=true", None),
        ("data.data_dir=elsewhere", None),
        ("output.checkpoint_path=x.pt", None),
        ("regularization.dropout.p=0.4", None),
        ("model.input_size=28", None),
        ("objectives.temperature=0.5", None),
        ("self_supervised.augmentations.cutout={enabled: false, side: 3}", None),
        ("self_supervised.cache_path=x.pt", None),
    ],
)
def test_what_changes_training_is_told_apart(setting, difference):
    told = {} if difference is None else {setting.split("=")[0]: difference}
    assert differences(load_experiment("4", [setting]), load_config("4")) == told


def test_a_section_that_is_off_counts_as_its_defaults():
    off = load_config("2", **{"self_supervised.augmentations.translation.max_shift": 1})
    assert differences(off, load_config("2")) == {}
    dropout = load_config("4", **{"regularization.dropout.enabled": True})
    assert differences(dropout, load_config("4")) == {"regularization.dropout.p": (0.2, 0.0)}
    cooler = load_config("8", **{"objectives.temperature": 0.5})
    assert differences(cooler, load_config("8")) == {"objectives.temperature": (0.5, 0.1)}


def test_sizes_that_were_left_out_are_filled_in():
    open_sizes = dict.fromkeys(("train_samples", "val_samples", "test_samples"))
    experiment = load_config("1", data=open_sizes)
    assert with_sizes(experiment, 55_000, 5_000, 10_000) == load_config("1")
    with pytest.raises(UserError, match="objectives: near 9 needs more images"):
        with_sizes(load_config("7", data=open_sizes), 9, 9, 9)


class OneSettings(register.Settings):
    """Settings of `one`."""

    sharpness: float = Field(2.0, gt=0)
    """How sharp."""


class OtherSettings(OneSettings):
    """Settings of `other`, which shares one."""


class WaveSettings(AugmentationSettings):
    """Settings of `wave`."""

    height: int = 3
    """In pixels."""


class LineSettings(ModelSettings):
    """Settings of `line`."""

    bias: bool = True
    """Whether there is one."""


def component(*_):
    """Something of somebody else's."""


@pytest.fixture
def registered(monkeypatch):
    """The registries, from which what a test adds is gone afterwards."""
    for registry in (register.model, register.objective, register.augmentation):
        registry.names()
        monkeypatch.setattr(registry, "_components", dict(registry._components))
    return register


def test_a_config_can_say_what_a_component_of_the_user_s_can_be_told(registered):
    plain = load_config("4")
    registered.model("line", settings=LineSettings)(component)
    registered.objective("one", settings=OneSettings)(component)
    registered.objective("other", settings=OtherSettings)(component)
    registered.augmentation("wave", settings=WaveSettings, stage="move")(component)
    off = load_config("4")
    assert "How sharp." in json.dumps(json_schema())
    experiment = load_config(
        "4",
        objectives={"one": 0.5, "other": 2, "sharpness": 3},
        self_supervised={"augmentations": {"wave": {"height": 5}}},
    )
    assert experiment.objective_weights == {"reconstruction": 1.0, "one": 0.5, "other": 2.0}
    assert experiment.objective_settings("other") == OtherSettings(sharpness=3.0)
    assert experiment.augmentation_settings["wave"] == WaveSettings(enabled=True, height=5)
    assert differences(experiment, off) == {
        "objectives.one": (0.5, 0.0),
        "objectives.other": (2.0, 0.0),
        "self_supervised.augmentations.wave.enabled": (True, False),
    }
    line = {"experiment": {"name": "x"}, "model": {"architecture": "line", "bias": False}}
    assert experiment_from_dict(line, "x").model_arguments() == {
        "name": "line", "dropout": 0.0, "latent_dim": 32, "activation": "relu", "bias": False
    }  # fmt: skip
    values, on = off.as_dict(), experiment.as_dict()
    for registry in (registered.model, registered.objective, registered.augmentation):
        for name in ("line", "one", "other", "wave"):
            registry._components.pop(name, None)
    assert experiment_from_dict(values, "x.pt") == plain
    with pytest.raises(UserError, match=r"x\.pt: .*augmentations\.wave: unknown key"):
        experiment_from_dict(on, "x.pt")


@pytest.mark.parametrize("key", ["temperature", "views", "kl"])
def test_two_objectives_cannot_mean_different_things_by_one_setting(registered, key):
    settings = create_model("Clash", __base__=register.Settings, **{key: (float, 1.0)})
    registered.objective("third", settings=settings)(component)
    with pytest.raises(UserError, match=f"objective third has a setting {key}, which means"):
        load_config("1")
