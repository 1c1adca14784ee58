"""What an experiment can say whatever is registered; `schema` adds the components."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from grounding._paths import given_path
from grounding._registry import Settings
from grounding.data.augmentations import Fill
from grounding.models.autoencoder import Count, ModelSettings
from grounding.training.history import Measure

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
LONGEST_NAME = 100


def _for_both_sides(value: Any) -> Any:
    return [value, value] if type(value) is int else value


Side = Annotated[int, Field(ge=1, le=4096)]
Size = Annotated[
    list[Side], Field(min_length=2, max_length=2), BeforeValidator(_for_both_sides, int | list[int])
]


def _path_as_text(path: Path) -> Path:
    """A path that a config, a checkpoint or a manifest can hold."""
    str(path).encode()
    return given_path(path)


FilePath = Annotated[Path, Field(strict=False), AfterValidator(_path_as_text)]


class ExperimentSection(Settings):
    """Name and seed of the experiment."""

    name: Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]
    """What default output files start with: letters, digits, `_`, `.` and `-`."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 42
    """Everything random is drawn from this number: split, weights, order, augmentation, UMAP."""


class DataSection(Settings):
    """Which images, and how many of them for what."""

    source: str | None = None
    """What kind of data it is, or which data set; by default told by what lies in data_dir, and
    without that MNIST, which is part of the package. `dataset` in earlier files."""
    data_dir: FilePath | None = None
    """Folder or file of the data, relative to the current directory. With source mnist, as in files
    of the original system, a folder `data` that is missing or empty means the packaged MNIST."""
    resize: Size | None = None
    """Height and width to which each image is scaled, or one number for both; by default images
    are as they are."""
    mode: Literal["grey", "rgb", "rgba"] | None = None
    """Make images grey (1 channel), rgb (3) or rgba (4); by default they are as they are."""
    train_samples: Count | None = None
    """Images to train on: the first of a seeded permutation of the training set; by default all
    but those for anything else."""
    val_samples: Count | None = None
    """Images for the validation loss: the next ones of the same permutation, by default a tenth,
    at most 5,000; or, where the data have some for it, the first of these, by default all."""
    test_samples: Count | None = None
    """Images of the test set: the first ones, by default all. Where there is no test set, the first
    ones of the permutation of all images, by default a fifth, at most 10,000."""
    num_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Accepted and without effect: images are augmented in memory, as whole batches."""

    @property
    def falls_back(self) -> bool:
        """Whether a `data_dir` that is missing or empty means the packaged MNIST."""
        return self.data_dir == Path("data") and self.source == "mnist"


class ModelSection(ModelSettings):
    """The architecture and its numbers: a registered model's settings beside its name."""

    architecture: str
    """Name of a registered model."""


class ValKnnSection(Settings):
    """The kNN accuracy of the validation images among the latents of the training images.

    Labels are looked at to show it; it decides nothing unless keep_best or early_stopping say so.
    """

    every: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Measured after every so many epochs; 0 for never."""
    k: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Neighbours that vote."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between latents."""


class EarlyStoppingSection(Settings):
    """Ends a training before its last epoch."""

    metric: Measure = "val_loss"
    """What is watched: the validation loss, or the kNN accuracy of the validation images."""
    patience: Annotated[int, Field(ge=0, le=100_000)] = 0
    """So many measurements in a row no better than the best before them end it; 0 for never."""


class TrainingSection(Settings):
    """How the model is trained: the optimiser and its steps, and what is measured meanwhile."""

    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Images in one step."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 15
    """Passes over the training images, each `augmentations_per_sample` times; with early_stopping,
    at most so many."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.001
    """Step size; with one_cycle the largest."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """L2 penalty of adam; decoupled decay of adamw."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam, or adamw, whose weight decay is not part of the gradient."""
    schedule: Literal["constant", "one_cycle"] = "constant"
    """one_cycle: the step size rises over the first quarter of all steps and falls to almost 0
    over the rest, both along a cosine."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where to compute; auto takes CUDA before MPS before CPU."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the layers in a training step; all else is float32. auto: bfloat16 on a CPU
    that multiplies it in hardware (a step takes about two thirds of the time), else float32."""
    cuda_graphs: bool = False
    """On CUDA, launch all work of a step at once, as a captured graph. Numbers are meant to be the
    same but for rounding. Not yet tried on a GPU; elsewhere it has no effect."""
    val_knn: ValKnnSection = ValKnnSection()
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    keep_best: Measure | None = None
    """val_loss or val_knn: the model of the best epoch by that is kept in <name>_best.pt, and used
    for all that comes after training. Default: none is, and the model of the last epoch is used."""

    def chosen_by(self) -> dict[str, Measure]:
        """What an epoch is chosen by, by the key that says so."""
        stopping = self.early_stopping
        said = {"training.early_stopping.metric": stopping.metric} if stopping.patience else {}
        return {**said, **({"training.keep_best": self.keep_best} if self.keep_best else {})}


class DropoutSection(Settings):
    """Dropout after each hidden activation: channels in conv models, units in vanilla_fc."""

    enabled: bool = False
    """Whether to drop anything."""
    p: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Probability of dropping, in [0, 1)."""


class RegularizationSection(Settings):
    """Regularisation of the model."""

    dropout: DropoutSection = DropoutSection()

    @property
    def dropout_p(self) -> float:
        """The probability in force: 0 when dropout is off."""
        return self.dropout.p if self.dropout.enabled else 0.0


class AugmentationsSection(Settings):
    """How training images are augmented; what is given takes part unless `enabled` is false."""

    clamp_min: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Augmented pixels are at least this."""
    clamp_max: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Augmented pixels are at most this."""
    fill: Fill = 0.0
    """What comes in from outside where images are shifted, rotated, scaled, sheared or bent: a
    value from 0 (black) to 1, or `edge` for the pixel at the edge that is nearest."""

    @model_validator(mode="before")
    @classmethod
    def _given_is_enabled(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {key: value for key, value in values.items() if isinstance(value, dict)}
        return values | {key: {"enabled": True, **value} for key, value in given.items()}

    @model_validator(mode="after")
    def _clamp_leaves_something(self) -> Self:
        if self.clamp_min >= self.clamp_max:
            raise ValueError(f"clamp_min {self.clamp_min} is not below clamp_max {self.clamp_max}")
        return self


class SelfSupervisedSection(Settings):
    """Training on augmented images; `objectives.reconstruction_of` says what the decoder draws."""

    enabled: bool = False
    """Whether to augment. If not, the other keys of this section have no effect."""
    augmentations_per_sample: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Augmented inputs of each training image in one epoch."""
    refresh_each_epoch: bool | None = None
    """true: new augmentations each epoch. false: one set, drawn once. Default: not precompute."""
    precompute: bool = False
    """Keep the one set in a file at cache_path and take it from there next time."""
    cache_path: FilePath | None = None
    """File of the precomputed set; its name gets a key of data, seed and augmentation values."""
    augmentations: AugmentationsSection = AugmentationsSection()

    @model_validator(mode="after")
    def _one_set_or_many(self) -> Self:
        if self.enabled and self.precompute:
            if self.refresh_each_epoch:
                raise ValueError("precompute keeps one set; set it or refresh_each_epoch to false")
            if self.cache_path is None:
                raise ValueError("precompute needs a cache_path, e.g. artifacts/augmented.pt")
        return self

    @property
    def refreshes(self) -> bool:
        """Whether each epoch draws new augmentations."""
        return not self.precompute if self.refresh_each_epoch is None else self.refresh_each_epoch


class ObjectivesSection(Settings):
    """What a training step makes smaller: a weighted sum. Only reconstruction by default."""

    views: Annotated[int, Field(ge=1, le=64)] = 1
    """Augmented views of each image in one step; must divide training.batch_size. contrastive and
    vicreg need at least 2."""
    mirrored: bool = False
    """The mirror image of each training image takes part as an image of its own: in the same step,
    in as many views, besides the batch_size inputs."""
    composites: Annotated[int, Field(ge=0, le=65_536)] = 0
    """Images that each step puts together from quarters of two images of its batch, each an image
    of its own, in as many views, besides the batch_size inputs."""


class OutputSection(Settings):
    """Where results go; paths are relative to the current directory."""

    checkpoint_path: FilePath | None = None
    """The final checkpoint; default artifacts/<experiment.name>_final.pt."""
    analysis_path: FilePath | None = None
    """Report of the kNN analysis; default artifacts/<experiment.name>_analysis.txt."""
    manifold_analysis_path: FilePath | None = None
    """Manifold metrics; default artifacts/<experiment.name>_manifold_metrics.json."""
    save_every_n_epochs: Annotated[int, Field(ge=0, le=100_000)] = 5
    """A checkpoint ..._epochXXX.pt every so many epochs; 0 for none."""


class AnalysisSection(Settings):
    """The kNN classifier that judges the latent space."""

    k: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Neighbours that vote, and neighbours of the manifold metrics."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance between latents."""
