"""What an experiment may say: one frozen model per section of the YAML file.

Unknown keys are refused, numbers are not guessed from strings, and every value has its unit and
meaning in its description, which is also what an editor shows (`grounding/configs/schema.json`).
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1_000_000)]


DEFAULT_WIDTHS = {"vanilla_fc": [256, 128], "vgg": [16, 32, 64]}
PATHS_ARE_USED = "paths are used"


def _can_be_named(path: Path, info: ValidationInfo) -> Path:
    """Refuse what no file of this system can be called, unless the path is only remembered."""
    if info.context != PATHS_ARE_USED:
        return path
    try:
        named = os.fsencode(path) + str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"not a path here, where names are {sys.getfilesystemencoding()}; "
            "in another locale (LC_ALL=C.UTF-8) it may be one"
        ) from None
    if b"\0" in named:
        raise ValueError("not a path: it holds a null character")
    return path


FilePath = Annotated[Path, Field(strict=False), AfterValidator(_can_be_named)]


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no conversions."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


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


class TrainingSection(Section):
    """How the model is trained: the optimiser and its steps."""

    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Images in one step."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 15
    """Passes over the training images, each `augmentations_per_sample` times."""
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


class DropoutSection(Section):
    """Dropout after each hidden activation: channels in conv models, units in vanilla_fc."""

    enabled: bool = False
    """Whether to drop anything."""
    p: Probability = 0.2
    """Probability of dropping, in [0, 1)."""


class RegularizationSection(Section):
    """Regularisation of the model."""

    dropout: DropoutSection = DropoutSection()
    """Dropout."""

    @property
    def dropout_p(self) -> float:
        """The probability in force: 0 when dropout is off."""
        return self.dropout.p if self.dropout.enabled else 0.0


class AugmentationSection(Section):
    """How a training image is augmented; 0 switches each one off.

    In this order: max_shift; in one resampling subpixel_shift, elastic, scale, shear and
    max_rotation; thickness, intensity, noise_std, mask_probability, cutout.
    """

    max_shift: Annotated[int, Field(ge=0, le=1024)] = 2
    """Shift by up to this many whole pixels each way."""
    max_rotation: Annotated[float, Field(ge=0, le=180)] = 12.0
    """Rotation by up to this many degrees each way, bilinear, zeros outside."""
    intensity: Annotated[float, Field(ge=0, le=1)] = 0.15
    """The image is multiplied by a factor between 1 - intensity and 1 + intensity."""
    noise_std: Annotated[float, Field(ge=0, le=10)] = 0.08
    """Standard deviation of the Gaussian noise added to each pixel, in units of [0, 1]."""
    mask_probability: Annotated[float, Field(ge=0, le=0.99)] = 0.08
    """Probability of setting a pixel to 0, in steps of 2^-16."""
    subpixel_shift: Annotated[float, Field(ge=0, le=1024)] = 0.0
    """Shift by up to this many pixels each way, not only whole ones, on top of max_shift."""
    scale: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Scaled about the centre by a factor between 1 - scale and 1 + scale."""
    shear: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Slanted: x moves by up to this much for each pixel of y, each way."""
    elastic: Annotated[float, Field(ge=0, le=14)] = 0.0
    """Elastic deformation: standard deviation, in pixels, of the displacements of a 4 x 4 grid of
    points, with a smooth field between them."""
    thickness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """A third of the images is dilated and a third eroded (3 x 3 pixels), with a weight of up to
    this."""
    cutout: Annotated[int, Field(ge=0, le=1024)] = 0
    """Side, in pixels, of a square at a random place that is set to 0."""


class SelfSupervisedSection(Section):
    """Training on augmented images; `objectives.reconstruction_of` says what the decoder draws."""

    enabled: bool = False
    """Whether to augment. If not, the other keys of this section have no effect."""
    augmentations_per_sample: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Augmented inputs of each training image in one epoch."""
    refresh_each_epoch: bool | None = None
    """true: new augmentations each epoch. false: one set, drawn once and kept in memory. Default:
    true, and false with precompute."""
    precompute: bool = False
    """Keep the one set in a file at cache_path and take it from there next time."""
    cache_path: FilePath | None = None
    """File of the precomputed set; its name gets a key of data, seed and augmentation values, so
    that different sets never mix."""
    augmentation: AugmentationSection = AugmentationSection()
    """Strength of each augmentation."""

    @model_validator(mode="after")
    def _one_set_or_many(self) -> Self:
        if self.enabled and self.precompute:
            if self.refresh_each_epoch:
                raise ValueError(
                    "precompute keeps one set and refresh_each_epoch draws a new one each epoch; "
                    "set one of them to false"
                )
            if self.cache_path is None:
                raise ValueError("precompute needs a cache_path, e.g. artifacts/augmented.pt")
        return self

    @property
    def refreshes(self) -> bool:
        """Whether each epoch draws new augmentations."""
        return not self.precompute if self.refresh_each_epoch is None else self.refresh_each_epoch

    @property
    def shows_new_views(self) -> bool:
        """Whether a training reads other augmented images in each epoch."""
        return self.enabled and self.refreshes


class ObjectivesSection(Section):
    """What a training step makes smaller: a weighted sum. Only reconstruction by default."""

    reconstruction: Weight = 1.0
    """Weight of the mean squared error between D(E(input)) and what reconstruction_of names."""
    reconstruction_of: Literal["image", "view"] = "image"
    """What the decoder draws: the clean image, or the augmented one before intensity, noise,
    masking and cut-out. The views of few images show the decoder far more shapes than the images,
    and the latent has to say which."""
    contrastive: Weight = 0.0
    """Weight of instance discrimination: views of one image are drawn together in the projection
    of their latents, those of different images pushed apart (NT-Xent; with more than two views
    the supervised contrastive loss with the image's identity as its class). No labels."""
    vicreg: Weight = 0.0
    """Weight of VICReg (invariance 25, variance 25, covariance 1) on the first two views'
    projections. No labels."""
    kl: Weight = 0.0
    """Weight of the Kullback-Leibler divergence, in nats an image, of the latent's distribution
    from the standard normal one. Above 0 the autoencoder is variational: the decoder sees a
    sample, E(x) is the mean."""
    labels: Weight = 0.0
    """Weight of the cross entropy of a linear classifier on the latents. The only objective that
    looks at labels: a control for the others."""
    views: Annotated[int, Field(ge=1, le=64)] = 1
    """Augmented views of each image in one step; must divide training.batch_size. contrastive and
    vicreg need at least 2."""
    temperature: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Of the contrastive softmax over cosine similarities."""
    projection_dims: Annotated[list[Width], Field(max_length=8)] = [128, 64]
    """Layer widths of the projection between the latents and contrastive or vicreg; it is used in
    training only. [] for none."""
    near: Annotated[int, Field(ge=0, le=1000)] = 0
    """Of this many images that are nearest to an image in the latent space itself, the views are
    not pushed away from it by contrastive; 0 for none."""
    close: Annotated[int, Field(ge=0, le=1000)] = 0
    """Images that are among each other's this many nearest are drawn together by contrastive as
    well; at most `near`. 0 for none."""
    close_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How much such a view counts beside one of the same image."""
    near_from: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the epochs after which near and close begin; nearest images are looked for anew
    before each epoch."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if not any((self.reconstruction, self.contrastive, self.vicreg, self.kl, self.labels)):
            raise ValueError("all weights are 0; give at least one, e.g. reconstruction: 1.0")
        for key in ("contrastive", "vicreg"):
            if getattr(self, key) and self.views < 2:
                raise ValueError(f"{key} compares views of an image; set views to 2 or more")
        if self.close > self.near:
            raise ValueError(f"close {self.close} is more than near {self.near}")
        if self.near and not self.contrastive:
            raise ValueError("near has an effect on contrastive only, whose weight is 0")
        return self


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
