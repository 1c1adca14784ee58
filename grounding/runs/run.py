"""A trained run: from a checkpoint to its model, its splits and their latents."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from grounding._errors import UserError
from grounding.data.splits import SplitName, Splits, load_splits, to_unit
from grounding.experiment.schema import Experiment
from grounding.models.autoencoder import Autoencoder
from grounding.models.build import build_autoencoder
from grounding.training.checkpoint import (
    Checkpoint,
    differences,
    load_checkpoint,
    versions,
)
from grounding.training.device import resolve_device
from grounding.training.loop import EVALUATION_BATCH


@dataclass(eq=False)
class Run:
    """A trained model together with the images it is judged on.

    Attributes:
        experiment: the config in force: outputs and analysis as asked for now, training as it
            was done.
        path: the checkpoint's file.
        sha256: of that file.
        checkpoint: what it holds.
        model: in evaluation mode, on `device`.
        splits: the checkpoint's own train and validation images, and the test images.
        device: where the model computes.
    """

    experiment: Experiment
    path: Path
    sha256: str
    checkpoint: Checkpoint
    model: Autoencoder
    splits: Splits
    device: torch.device
    _latents: dict[SplitName, Tensor] = field(default_factory=dict)

    @torch.inference_mode()
    def latents(self, split: SplitName, indices: Tensor | None = None) -> Tensor:
        """Latents of a split's images, float32 (N, D) on the run's device.

        Those of a whole split are kept. A latent is the same to the last bit whichever others are
        asked for with it.

        Args:
            split: the images' split.
            indices: int64 (N,), positions in it, N >= 1; default: all, in order.
        """
        if split in self._latents:
            kept = self._latents[split]
            return kept if indices is None else kept[indices.to(self.device)]
        images = self.splits.named(split).images
        size = min(EVALUATION_BATCH, len(images))
        if indices is not None:
            return self._encode(images[indices.to("cpu")], size)
        self._latents[split] = self._encode(images, size)
        return self._latents[split]

    def _encode(self, images: Tensor, size: int) -> Tensor:
        """Latents of images in batches of just this size: sums round otherwise in another one."""
        latents = []
        for batch in images.split(size):
            whole = batch.new_zeros(size, *batch.shape[1:])
            whole[: len(batch)] = batch
            latents.append(self.model.encode(to_unit(whole.to(self.device)))[: len(batch)])
        return torch.cat(latents)

    @torch.inference_mode()
    def reconstruction_errors(self, split: SplitName, indices: Tensor, latents: Tensor) -> Tensor:
        """Mean squared error of D(E(x)) for some images of a split, float32 (N,) on the CPU.

        Args:
            split: the images' split.
            indices: int64 (N,), positions in it.
            latents: float32 (N, D), theirs.
        """
        latents = latents.to(self.device)
        images = self.splits.named(split).images[indices.to("cpu")]
        errors = [
            F.mse_loss(self.model.decode(z), to_unit(batch.to(self.device)), reduction="none").mean(
                dim=(1, 2, 3)
            )
            for z, batch in zip(
                latents.split(EVALUATION_BATCH), images.split(EVALUATION_BATCH), strict=True
            )
        ]
        return torch.cat(errors).cpu()


def load_run(
    experiment: Experiment, checkpoint: Path | None = None, *, train_command: str = ""
) -> tuple[Run, list[str]]:
    """Rebuild the run that a checkpoint holds.

    Args:
        experiment: the config in force.
        checkpoint: file to load; default: the experiment's final checkpoint.
        train_command: what to type if the checkpoint is missing.

    Returns:
        The run, and one line for each setting of the config that the checkpoint was not trained
        with and that is therefore ignored.

    Raises:
        UserError: no such checkpoint, a damaged one, or one that does not belong to the config or
            to the data.
    """
    path = checkpoint or experiment.checkpoint_path
    if not path.exists():
        made_by = f"; make it with: {train_command}" if train_command else ""
        raise UserError(f"checkpoint {path} does not exist{made_by}")
    held, digest = load_checkpoint(path)
    ignored = _check_belongs(experiment, held, path, train_command)
    splits = load_splits(experiment.data, experiment.seed)
    if splits.fingerprint != held.data_fingerprint:
        raise UserError(
            f"{path} was trained on other data than that in {splits.source} "
            f"(SHA-256 {held.data_fingerprint[:12]}..., here {splits.fingerprint[:12]}...); "
            "set data.data_dir to the folder it was trained on, or train again"
        )
    device = resolve_device(experiment.training.device)
    model = model_of(held, path).to(device)
    return Run(_in_force(experiment, held), path, digest, held, model, splits, device), ignored


def trained_run(experiment: Experiment) -> tuple[Run | None, str]:
    """The run at the experiment's checkpoint, if that is just what training it now would make.

    Returns:
        The run, or None; and why a checkpoint that is there cannot be used, "" if it was only
        trained otherwise.
    """
    try:
        run, ignored = load_run(experiment)
    except UserError as error:
        return None, str(error) if experiment.checkpoint_path.exists() else ""
    current = (
        not ignored
        and run.checkpoint.epoch == experiment.training.epochs
        and run.checkpoint.versions["grounding"] == versions()["grounding"]
    )
    return run if current else None, ""


def model_of(checkpoint: Checkpoint, path: Path) -> Autoencoder:
    """The model that a checkpoint holds, on the CPU, in evaluation mode.

    Args:
        checkpoint: what was read.
        path: where from, for the error.

    Raises:
        UserError: its weights are not those of the model that its config describes.
    """
    experiment = checkpoint.experiment
    try:
        model = build_autoencoder(
            **experiment.model.build_arguments(),
            image_shape=checkpoint.image_shape,
            dropout=experiment.regularization.dropout_p,
        )
        model.load_state_dict(checkpoint.state_dict)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} does not fit its own config: {reason}; train it again") from None
    return model.eval()


def _in_force(experiment: Experiment, held: Checkpoint) -> Experiment:
    """The given config with the training settings that the checkpoint was really trained with."""
    trained = held.experiment
    training = trained.training.model_copy(update={"device": experiment.training.device})
    return experiment.model_copy(
        update={
            "training": training,
            "regularization": trained.regularization,
            "self_supervised": trained.self_supervised,
        }
    )


def _check_belongs(
    experiment: Experiment, held: Checkpoint, path: Path, train_command: str
) -> list[str]:
    """Refuse another model or other splits; return lines for differences that do no harm."""
    differing = differences(experiment, held.experiment)
    for key, (given, trained) in differing.items():
        if key.startswith(("model.", "data.", "experiment.")):
            again = f"train again with: {train_command}, or " if train_command else ""
            raise UserError(
                f"{path} was trained with {key}={trained}, the config says {given}; "
                f"{again}pass --set {key}={trained}"
            )
    return [
        f"{path} was trained with {key}={trained}; {given} in the config is ignored"
        for key, (given, trained) in differing.items()
    ]
