"""What an experiment may say: one frozen model per section of the YAML file.

Unknown keys are refused, numbers are not guessed from strings, and every value has its unit and
meaning in its description, which is also what an editor shows (`grounding/configs/schema.json`).
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from grounding.experiment.learning import (
    ObjectivesSection,
    RegularizationSection,
    SelfSupervisedSection,
    TrainingSection,
)
from grounding.experiment.section import Count, FilePath, Section, Width

DEFAULT_WIDTHS = {"vanilla_fc": [256, 128], "vgg": [16, 32, 64]}


class ExperimentSection(Section):
    """Name and seed of the experiment."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    """Name of the experiment; default output files start with it (letters, digits, `_`, `.`,
    `-`)."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42
    """Everything random is drawn from this number: split, weights, order, augmentation, UMAP."""


class DataSection(Section):
    """Which images, and how many of them for what."""

    dataset: Literal["mnist"] = "mnist"
    """Name of the data set. MNIST is part of the package."""
    data_dir: FilePath = Path("data")
    """Folder with IDX files (plain or .gz, flat or in MNIST/raw). Files found there are used
    instead of the packaged ones; relative to the current directory."""
    train_samples: Count = 55_000
    """Images to train on: the first of a seeded permutation of the training set."""
    val_samples: Count = 5_000
    """Images for the validation loss: the next ones of the same permutation."""
    test_samples: Count = 10_000
    """Images of the test set: the first ones, in the order of the file."""
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Accepted and without effect: the images are one tensor in memory and are augmented as whole
    batches, so there is nothing for worker processes to do."""


class ModelSection(Section):
    """The architecture and its numbers."""

    architecture: Literal["vanilla_fc", "naive_conv", "asymmetric_resnet", "vgg"]
    """vanilla_fc: linear layers. naive_conv: stride-2 convolutions. asymmetric_resnet: a residual
    encoder with the decoder of naive_conv. vgg: an encoder of 3 x 3 convolutions with batch
    normalisation and max pooling, with the same decoder."""
    input_dim: Count | None = None
    """Only for vanilla_fc: values of one image, channels x height x width, as a check."""
    hidden_dims: Annotated[list[Width], Field(min_length=1, max_length=16)] | None = None
    """Layer widths (vanilla_fc, default 256, 128) or channels (default 8, 16; vgg 16, 32, 64) from
    the image towards the latent; asymmetric_resnet has exactly two."""
    latent_dim: Annotated[int, Field(ge=1, le=4096)] = 32
    """Numbers in one latent vector."""
    activation: Literal["relu", "gelu", "tanh"] = "relu"
    """Nonlinearity after every hidden layer."""
    encoder_depth: Annotated[int, Field(ge=8, le=200)] | None = None
    """Only for asymmetric_resnet: layers of the encoder, 6n + 2 (8, 14, 20, ...); default 8."""
    base_channels: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] | None = None
    """Only for asymmetric_resnet: channels of the first stage, a multiple of 8; default 16."""

    @model_validator(mode="after")
    def _numbers_fit_the_architecture(self) -> Self:
        resnet = self.architecture == "asymmetric_resnet"
        for key, owner in (
            ("input_dim", "vanilla_fc"),
            ("encoder_depth", "asymmetric_resnet"),
            ("base_channels", "asymmetric_resnet"),
        ):
            if getattr(self, key) is not None and self.architecture != owner:
                raise ValueError(
                    f"{key} is only for {owner}, not for {self.architecture}; leave it out"
                )
        if self.encoder_depth is not None and (self.encoder_depth - 2) % 6:
            raise ValueError(
                f"encoder_depth {self.encoder_depth} is not 6n + 2; allowed: 8, 14, 20, 26, ..."
            )
        if resnet and self.hidden_dims is not None and len(self.hidden_dims) != 2:
            raise ValueError("hidden_dims of asymmetric_resnet must be two channel counts")
        return self

    def build_arguments(self) -> dict[str, Any]:
        """Keyword arguments for `models.build.build_autoencoder`, defaults filled in."""
        arguments: dict[str, Any] = {
            "architecture": self.architecture,
            "hidden_dims": self.hidden_dims or DEFAULT_WIDTHS.get(self.architecture, [8, 16]),
            "latent_dim": self.latent_dim,
            "activation_name": self.activation,
        }
        for key in ("input_dim", "encoder_depth", "base_channels"):
            if getattr(self, key) is not None:
                arguments[key] = getattr(self, key)
        return arguments


class OutputSection(Section):
    """Where results go; paths are relative to the current directory."""

    checkpoint_path: FilePath | None = None
    """The final checkpoint; default artifacts/<experiment.name>_final.pt."""
    analysis_path: FilePath | None = None
    """Report of the kNN analysis; default artifacts/<experiment.name>_analysis.txt."""
    manifold_analysis_path: FilePath | None = None
    """Manifold metrics; default artifacts/<experiment.name>_manifold_metrics.json."""
    save_every_n_epochs: Annotated[int, Field(ge=0, le=100_000)] = 5
    """A checkpoint ..._epochXXX.pt every so many epochs; 0 for none."""


class AnalysisSection(Section):
    """The kNN classifier that judges the latent space."""

    k: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Neighbours that vote, and neighbours of the manifold metrics."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between latents."""


class Experiment(Section):
    """One experiment: everything that one YAML file says."""

    experiment: ExperimentSection
    """Name and seed."""
    data: DataSection = DataSection()
    """Images and splits."""
    model: ModelSection
    """Architecture."""
    training: TrainingSection = TrainingSection()
    """Optimisation."""
    regularization: RegularizationSection = RegularizationSection()
    """Regularisation."""
    self_supervised: SelfSupervisedSection = SelfSupervisedSection()
    """Augmented training."""
    objectives: ObjectivesSection = ObjectivesSection()
    """What a step makes smaller."""
    output: OutputSection = OutputSection()
    """Output files."""
    analysis: AnalysisSection = AnalysisSection()
    """kNN settings."""

    @model_validator(mode="after")
    def _views_are_augmented(self) -> Self:
        objectives, augmented = self.objectives, self.self_supervised
        if objectives.reconstruction_of == "view" and not augmented.shows_new_views:
            raise ValueError(
                "objectives.reconstruction_of view needs views: set "
                "self_supervised.enabled and refresh_each_epoch to true"
            )
        for key in ("mirrored", "composites"):
            if getattr(objectives, key) and not augmented.shows_new_views:
                raise ValueError(
                    f"objectives.{key} needs new views in each epoch: set "
                    "self_supervised.enabled and refresh_each_epoch to true"
                )
        if objectives.views == 1:
            return self
        if objectives.near >= self.data.train_samples:
            raise ValueError(
                f"objectives.near {objectives.near} needs more than that many images; "
                f"data.train_samples is {self.data.train_samples}"
            )
        if not augmented.shows_new_views:
            raise ValueError(
                f"objectives.views {objectives.views} needs views to differ: set "
                "self_supervised.enabled and refresh_each_epoch to true"
            )
        for key, value in (
            ("training.batch_size", self.training.batch_size),
            ("self_supervised.augmentations_per_sample", augmented.augmentations_per_sample),
        ):
            if value % objectives.views:
                raise ValueError(f"{key} {value} is not a multiple of objectives.views")
        return self

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

    def as_dict(self) -> dict[str, Any]:
        """The experiment as plain strings, numbers, lists and dictionaries."""
        return self.model_dump(mode="json")


def json_schema() -> dict[str, Any]:
    """JSON Schema of an experiment, for editors."""
    schema = Experiment.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
