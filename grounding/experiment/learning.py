"""How an experiment learns: steps, dropout, augmentation and what a step makes smaller."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from grounding.experiment.section import FilePath, Probability, Section, Weight, Width


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
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the layers in a training step; weights, optimiser, losses and everything after
    training are float32 either way. auto: bfloat16 on a CPU that multiplies it in hardware (half as
    many bits, a step takes about two thirds of the time), float32 elsewhere."""


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
    projection_dims: list[Width] = Field(default=[128, 64], max_length=8)
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
    mirrored: bool = False
    """The mirror image of each training image takes part as an image of its own: in the same step,
    in as many views, besides the batch_size inputs."""
    composites: Annotated[int, Field(ge=0, le=65_536)] = 0
    """Images that each step puts together from quarters of two images of its batch, each an image
    of its own, in as many views, besides the batch_size inputs."""

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
        for key in ("mirrored", "composites"):
            if getattr(self, key) and self.labels:
                raise ValueError(f"{key} makes images without a label; drop it, or labels")
        return self
