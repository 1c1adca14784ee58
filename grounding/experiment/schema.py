"""What an experiment may say, and what of it decides its training.

The registered components make its class. Each value has its unit and meaning in its description,
which is also what an editor shows (`grounding/configs/schema.json`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, create_model, model_validator

from grounding import _registry as register
from grounding._errors import UserError
from grounding._registry import Settings
from grounding.data.augmentations import AugmentationSettings
from grounding.data.sources import dataset_names
from grounding.experiment import sections
from grounding.experiment.document import by_path
from grounding.objectives import check, trains_decoder

MOST_CHECKPOINTS = 9_000  # a manifest takes 10,000 artifacts

# What a model section says to be checked against the images makes no other model.
_CHECKS = {"input_dim", "input_channels", "input_size", "output_padding"}


class Experiment(Settings):
    """One experiment: everything that one YAML file says."""

    experiment: sections.ExperimentSection
    data: sections.DataSection = sections.DataSection()
    model: sections.ModelSection
    training: sections.TrainingSection = sections.TrainingSection()
    regularization: sections.RegularizationSection = sections.RegularizationSection()
    self_supervised: sections.SelfSupervisedSection = sections.SelfSupervisedSection()
    objectives: sections.ObjectivesSection
    output: sections.OutputSection = sections.OutputSection()
    analysis: sections.AnalysisSection = sections.AnalysisSection()

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.name

    @property
    def seed(self) -> int:
        """The experiment's seed."""
        return self.experiment.seed

    @property
    def checkpoint_path(self) -> Path:
        """The final checkpoint."""
        return self.output.checkpoint_path or self.artifact("final.pt")

    @property
    def best_path(self) -> Path:
        """The checkpoint of the best epoch, if one is kept: `x_final.pt` -> `x_best.pt`."""
        final = self.checkpoint_path
        return final.with_name(f"{final.stem.removesuffix('_final')}_best{final.suffix}")

    @property
    def model_path(self) -> Path:
        """The checkpoint that is used after training: that of the best epoch, or the final one."""
        return self.best_path if self.training.keep_best else self.checkpoint_path

    @property
    def analysis_path(self) -> Path:
        """The text report of the kNN analysis."""
        return self.output.analysis_path or self.artifact("analysis.txt")

    @property
    def manifold_analysis_path(self) -> Path:
        """The JSON file of manifold metrics."""
        return self.output.manifold_analysis_path or self.artifact("manifold_metrics.json")

    def artifact(self, ending: str) -> Path:
        """The default path of an output: artifacts/<experiment name>_<ending>."""
        return Path("artifacts") / f"{self.name}_{ending}"

    @property
    def objective_weights(self) -> dict[str, float]:
        """The weights of the objectives that take part, by name."""
        weights = {name: getattr(self.objectives, name, 0.0) for name in register.objective.names()}
        return {name: weight for name, weight in weights.items() if weight > 0}

    def objective_settings(self, name: str) -> Settings:
        """The settings of one objective."""
        made = register.objective[name].settings
        values = {key: getattr(self.objectives, key) for key in made.model_fields}
        return made.model_validate(values)

    @property
    def augmentation_settings(self) -> dict[str, AugmentationSettings]:
        """The settings of the augmentations that take part, by name; none without augmentation."""
        if not self.self_supervised.enabled:
            return {}
        said = dict(self.self_supervised.augmentations)
        return {k: v for k, v in said.items() if isinstance(v, AugmentationSettings) and v.enabled}

    def model_arguments(self) -> dict[str, Any]:
        """What `grounding.models.build` needs besides the shape of the images."""
        settings = self.model.model_dump()
        name = settings.pop("architecture")
        return {"name": name, "dropout": self.regularization.dropout_p, **settings}

    def as_dict(self) -> dict[str, Any]:
        """The experiment as plain strings, numbers, lists and dictionaries.

        Other people's components are in it only if they take part: it can be read without others.
        """
        values = self.model_dump(mode="json")
        augmentations, objectives = values["self_supervised"]["augmentations"], values["objectives"]
        for component in register.augmentation.components():
            if not component.is_ours and not augmentations[component.name]["enabled"]:
                del augmentations[component.name]
        kept = set(sections.ObjectivesSection.model_fields)
        for component in register.objective.components():
            if component.is_ours or objectives[component.name]:
                kept |= {component.name, *component.settings.model_fields}
        values["objectives"] = {key: value for key, value in objectives.items() if key in kept}
        return values

    def variant(self, mark: str, /, **replaced: Mapping[str, Any]) -> Experiment:
        """The experiment with some other values, by section, under names of its own.

        Its name and, before the ending, the paths of its outputs get a mark, e.g. "_seed1".

        Raises:
            UserError: that is no experiment any more; says why.
        """
        values = self.as_dict()
        for section, replacement in replaced.items():
            values[section] |= replacement
        values["experiment"]["name"] = name = self.name + mark
        for key, place in values["output"].items():
            if key.endswith("_path") and place is not None:
                path = Path(place)
                values["output"][key] = str(path.parent / f"{path.stem}{mark}{path.suffix}")
        from grounding.experiment.load import validated  # which needs this module

        source = f"{self.name} cannot be run as {name}" if mark else self.name
        return validated(values, source, {})

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Self:
        said, augmented = self.objectives, self.self_supervised
        has_new_views = augmented.enabled and augmented.refreshes
        try:
            settings = {name: self.objective_settings(name) for name in register.objective.names()}
            shared = said.model_dump(include=set(sections.ObjectivesSection.model_fields))
            check(self.objective_weights, settings, images=self.data.train_samples, **shared)
        except ValueError as error:
            told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise ValueError(f"objectives: {told.removeprefix('Value error, ')}") from None
        for key, measure in self.training.chosen_by().items():
            every, epochs = self.training.val_knn.every, self.training.epochs
            if measure == "val_knn" and not 1 <= every <= epochs:
                raise ValueError(
                    f"{key} val_knn needs it to be measured: set training.val_knn.every to 1, or "
                    f"to training.epochs {epochs} at most"
                )
            if measure == "val_loss" and not trains_decoder(self.objective_weights):
                raise ValueError(
                    f"{key} val_loss needs a decoder that is trained, and no objective does that; "
                    f"set it to val_knn, and training.val_knn.every to 1"
                )
        usual = {"views": 1, "mirrored": False, "composites": 0, "reconstruction_of": "image"}
        for key, value in usual.items():
            if getattr(said, key, value) != value and not has_new_views:
                raise ValueError(
                    f"objectives.{key} needs new views of each image in each epoch: set "
                    "self_supervised.enabled and refresh_each_epoch to true"
                )
        epochs, every = self.training.epochs, self.output.save_every_n_epochs
        if every and epochs // every > MOST_CHECKPOINTS:
            raise ValueError(
                f"output.save_every_n_epochs {every} makes {epochs // every:,} checkpoints of "
                f"{epochs:,} epochs, at most {MOST_CHECKPOINTS:,} can be kept; set it to "
                f"{-(-epochs // MOST_CHECKPOINTS)} or more, or to 0"
            )
        for key, value in (
            ("training.batch_size", self.training.batch_size),
            ("self_supervised.augmentations_per_sample", augmented.augmentations_per_sample),
        ):
            if value % said.views:
                raise ValueError(f"{key} {value} is no multiple of objectives.views {said.views}")
        return self


def training_config(experiment: Experiment) -> dict[str, Any]:
    """The values that decide what comes out of training, by "section.key".

    Paths, the device and how work is launched on it, and what is only used after training are not
    in it, nor is what belongs to something that is switched off.
    """
    objectives, augmented = experiment.objectives, experiment.self_supervised
    training = experiment.training
    config = {
        "experiment": {"seed": experiment.seed},
        "data": experiment.data.model_dump(
            include={"resize", "mode", "train_samples", "val_samples"}
        ),
        "model": experiment.model.model_dump(exclude=_CHECKS),
        "training": training.model_dump(exclude={"device", "cuda_graphs"}),
        "regularization": {"dropout": {"p": experiment.regularization.dropout_p}},
        "self_supervised": {"enabled": augmented.enabled},
        "objectives": objectives.model_dump(include={"views", "mirrored", "composites"}),
    }
    if not training.val_knn.every:
        config["training"]["val_knn"] = {"every": 0}
    if not training.early_stopping.patience:
        config["training"]["early_stopping"] = {"patience": 0}
    config["objectives"] |= dict.fromkeys(register.objective.names(), 0.0)
    for name, weight in experiment.objective_weights.items():
        config["objectives"] |= {name: weight, **experiment.objective_settings(name).model_dump()}
    if augmented.enabled:
        augmentations = augmented.augmentations.model_dump(
            include={"clamp_min", "clamp_max", "fill"}
        )
        augmentations |= {name: {"enabled": False} for name in register.augmentation.names()}
        augmentations |= {k: v.model_dump() for k, v in experiment.augmentation_settings.items()}
        config["self_supervised"] |= {
            "augmentations_per_sample": augmented.augmentations_per_sample,
            "refresh_each_epoch": augmented.refreshes,
            "augmentations": augmentations,
        }
    return {".".join(map(str, keys)): value for keys, value in by_path(config)}


def differences(given: Experiment, trained: Experiment) -> dict[str, tuple[Any, Any]]:
    """Keys that shape training and differ, as `section.key` -> (given, trained)."""
    mine, theirs = training_config(given), training_config(trained)
    # What only one of them has belongs to something that the other has not, which is told.
    return {k: (mine[k], theirs[k]) for k in sorted(mine) if k in theirs and mine[k] != theirs[k]}


def setting(key: str, value: Any) -> str:
    """What to type for a value, e.g. `--set 'model.hidden_dims=[8, 16]'`."""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"--set {shlex.quote(f'{key}={text}')}"


def with_sizes(experiment: Experiment, train: int, val: int, test: int) -> Experiment:
    """The experiment with the sizes of the splits that were made for it.

    Raises:
        UserError: it cannot be trained with that few images.
    """
    sizes = {"train_samples": train, "val_samples": val, "test_samples": test}
    return experiment.variant("", data=sizes)


def json_schema() -> dict[str, Any]:
    """JSON Schema of an experiment, for editors."""
    schema = experiment_type().model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def experiment_type() -> type[Experiment]:
    """The class of the experiments that the components make possible that are registered now.

    Raises:
        UserError: two objectives have a setting of the same name that is not the same.
    """
    registries = (register.model, register.objective, register.augmentation, register.source)
    return _experiment_type(tuple(registry.names() for registry in registries))


@cache
def _experiment_type(_names: tuple[tuple[str, ...], ...]) -> type[Experiment]:
    models = []
    for one in register.model.components():
        described = Field(description=f"{one.name}: {one.summary}")
        models.append(_made(one.settings, architecture=(Literal[(one.name,)], described)))
    strengths = {}
    for one in register.augmentation.components():
        strengths[one.name] = (one.settings, Field(one.settings(), description=one.summary))
    augmentations = _made(sections.AugmentationsSection, **strengths)
    source = (Literal[dataset_names()] | None, sections.DataSection.model_fields["source"])
    made: type[Experiment] = _made(
        Experiment,
        data=_made(sections.DataSection, source=source),
        model=(Annotated[reduce(or_, models), Field(discriminator="architecture")], ...),
        self_supervised=_made(sections.SelfSupervisedSection, augmentations=augmentations),
        objectives=_made(sections.ObjectivesSection, **_weights_and_settings()),
    )
    return made


def _weights_and_settings() -> dict[str, Any]:
    """The weight of each objective and, beside them, the settings of all."""
    fields: dict[str, Any] = {}
    for one in register.objective.components():
        weight = 1.0 if one.name == "reconstruction" else 0.0
        described = f"Weight of {one.name}: {one.summary}"
        fields[one.name] = (float, Field(weight, ge=0, le=1_000_000, description=described))
    taken = {*fields, *sections.ObjectivesSection.model_fields}
    for one in register.objective.components():
        for key, field in one.settings.model_fields.items():
            kind, before = fields.setdefault(key, (field.annotation, field))
            same = (kind, before.default) == (field.annotation, field.default)
            if key in taken or not same or before.metadata != field.metadata:
                raise UserError(
                    f"objective {one.name} has a setting {key}, which means something else among "
                    "the objectives already; rename it"
                )
    return fields


def _made(section: type[Any], **fields: Any) -> Any:
    """A section with fields of these types and defaults; a section itself is its own default."""
    for key, field in fields.items():
        fields[key] = field if isinstance(field, tuple) else (field, field())
    return create_model(
        section.__name__,
        __base__=section,
        __doc__=section.__doc__,
        __cls_kwargs__={"use_attribute_docstrings": False},  # it has no source to look for them in
        **fields,
    )
