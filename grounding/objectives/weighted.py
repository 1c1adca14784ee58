"""The weighted sum that an experiment makes smaller, and what only training needs for it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from grounding._streams import stream_seed
from grounding.data.augmented import Batch, TrainingInputs
from grounding.data.splits import Splits
from grounding.experiment.schema import Experiment
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.kinship import Kinship, find_kinship
from grounding.objectives.losses import (
    classification_loss,
    contrastive_loss,
    kl_divergence,
    reconstruction_error,
    vicreg_loss,
)


class Objective(nn.Module):
    """The weighted sum of an experiment's objectives.

    Its parameters, if it has any, are of layers that are thrown away after training: the
    projection in front of the contrastive losses (Chen et al., 2020), the log variance of a
    variational encoder and the classifier of the control with labels.

    Args:
        experiment: its `objectives` and seed.
        model: the autoencoder to train; its encoder ends in a linear layer to the latent.
        splits: whose training labels `objectives.labels` looks at.
        precision: arithmetic of the model's layers, bfloat16 or float32; the losses and the layers
            of the objective itself are float32 either way.
    """

    train_labels: Tensor

    def __init__(
        self,
        experiment: Experiment,
        model: Autoencoder,
        splits: Splits,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.precision = precision
        self.weights = experiment.objectives
        # Epochs before nearest images are looked at.
        self.alone = round(self.weights.near_from * experiment.training.epochs)
        self.kinship: Kinship | None = None
        self.seeded: torch.Generator | None = None
        if self.weights.labels:
            self.register_buffer("train_labels", splits.train.labels, persistent=False)
        # As for the model: torch's initialisers draw from the global state.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(experiment.seed, "init objective"))
            if self.weights.contrastive or self.weights.vicreg:
                self.projection = _projection(model.latent_dim, self.weights.projection_dims)
            if self.weights.kl:
                self.log_variance = nn.Linear(_features(model), model.latent_dim)
            if self.weights.labels:
                self.classifier = nn.Linear(model.latent_dim, splits.num_classes)

    def begin_epoch(self, model: Autoencoder, inputs: TrainingInputs, epoch: int) -> None:
        """Prepare what an epoch, counted from 1, needs; the model is left in either mode.

        It depends on the model, the images and the epoch alone, so that resuming is exact.
        """
        if self.weights.kl:
            self.seeded = inputs.generator("latent sample", epoch)
        if self.weights.near and epoch > self.alone:
            near, close = self.weights.near, self.weights.close
            self.kinship = find_kinship(model, inputs, near, close, epoch)

    def forward(self, model: Autoencoder, batch: Batch) -> Tensor:
        """The loss of one batch, a scalar."""
        weights = self.weights
        terms = []
        if weights.kl:
            with self._layers(batch.inputs):
                features = model.encoder[:-1](batch.inputs)  # type: ignore[index]
                latents = model.encoder[-1](features).float()  # type: ignore[index]
            log_variance = self.log_variance(features.float())
            terms.append(weights.kl * kl_divergence(latents, log_variance))
            noise = torch.empty_like(latents).normal_(generator=self.seeded)
            sample = latents + (log_variance / 2).exp() * noise
        else:
            with self._layers(batch.inputs):
                sample = latents = model.encode(batch.inputs).float()
        if weights.reconstruction:
            with self._layers(sample):
                images = model.decode(sample).float()
            error = reconstruction_error(images, batch.targets)
            terms.append(error if weights.reconstruction == 1 else weights.reconstruction * error)
        if weights.contrastive or weights.vicreg:
            projections = self.projection(latents)
        if weights.contrastive:
            kin, near = (
                self.kinship.of(batch.identities) if self.kinship is not None else (None, None)
            )
            loss = contrastive_loss(
                projections,
                batch.identities,
                weights.temperature,
                kin=kin,
                kin_weight=weights.close_weight,
                near=near,
            )
            terms.append(weights.contrastive * loss)
        if weights.vicreg:
            a, b = projections.chunk(weights.views)[:2]
            terms.append(weights.vicreg * vicreg_loss(a, b))
        if weights.labels:
            labels = self.train_labels[batch.identities]
            loss = classification_loss(self.classifier(latents), labels)
            terms.append(weights.labels * loss)
        return torch.stack(terms).sum() if len(terms) > 1 else terms[0]

    def _layers(self, x: Tensor) -> torch.autocast:
        """Where the model's layers compute: in bfloat16, or as they are."""
        lower = self.precision != torch.float32
        return torch.autocast(x.device.type, self.precision if lower else None, enabled=lower)


def _projection(latent_dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with batch normalisation and ReLU between them; (B, D) -> (B, widths[-1])."""
    layers: list[nn.Module] = []
    before = latent_dim
    for width in widths:
        if layers:
            layers += [nn.BatchNorm1d(before), nn.ReLU()]
        layers.append(nn.Linear(before, width))
        before = width
    return nn.Sequential(*layers)


def _features(model: Autoencoder) -> int:
    """Values that the encoder's last layer makes the latent of."""
    last = model.encoder[-1]  # type: ignore[index]
    assert isinstance(last, nn.Linear)
    return last.in_features
