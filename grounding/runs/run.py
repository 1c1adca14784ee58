"""A trained run: its model, its images and what can be asked of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from grounding._errors import UserError
from grounding._images import BATCH
from grounding._paths import given_path
from grounding.data import ImageSet, Splits, to_unit
from grounding.data.stored import ImageTensor, joined, sample
from grounding.experiment import Experiment, differences, experiment_from_dict, setting
from grounding.models import Autoencoder
from grounding.models.attached import AttachedSettings
from grounding.runs.building import build_model, has_trained_decoder, load_splits
from grounding.runs.manifest import (
    ENDING,
    FOLDER,
    Manifest,
    manifest_path,
    manifests_in,
    read_manifest,
)
from grounding.training.checkpoint import Checkpoint, model_of, read_checkpoint
from grounding.training.device import resolve_device

if TYPE_CHECKING:
    from grounding.dynamics import Portrait
    from grounding.runs.notebook import Page, View

SHOWN = 3000  # references of the playground by default
FOLLOWED, GAUSSIAN_STARTS = 750, 250  # latents whose dynamics are measured by default

# Whether they were given from Python -> how to have the same data.
THE_SAME = {
    False: "set data.data_dir to the folder it was trained on",
    True: "give the arrays that it was trained on",
}

T = TypeVar("T")
Array = TypeVar("Array", Tensor, npt.NDArray[Any])


@dataclass(eq=False)
class Run:
    """A trained model together with the images it is judged on.

    Attributes:
        experiment: the config in force.
        path: the checkpoint's file.
        sha256: of that file.
        checkpoint: what it holds.
        model: in evaluation mode, on `device`.
        splits: the checkpoint's own train and validation images, and the test images.
        device: where the model computes.
        notes: lines that its user should read.
    """

    experiment: Experiment
    path: Path
    sha256: str
    checkpoint: Checkpoint
    model: Autoencoder
    splits: Splits
    device: torch.device
    notes: list[str] = field(default_factory=list)
    _kept: dict[str, Tensor] = field(default_factory=dict)
    _made: dict[object, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The experiment's name, with which all its files begin."""
        return self.experiment.name

    @property
    def manifest(self) -> Manifest | None:
        """What is entered of its files; None before the first."""
        return manifest_of(self.experiment)

    @property
    def has_trained_decoder(self) -> bool:
        """Whether an objective has trained the decoder."""
        return has_trained_decoder(self.experiment)

    @property
    def without_decoder(self) -> str:
        """Why nothing can be decoded; "" if it can."""
        if self.has_trained_decoder:
            return ""
        if isinstance(self.experiment.model, AttachedSettings):
            return (
                f"no decoder was attached to {self.name}; attach the encoder again with --decoder "
                "FILE --force, or grounding.attach(encoder, decoder, ..., force=True)"
            )
        return (
            "no objective has trained the decoder (objectives.reconstruction is 0), so what it "
            "draws means nothing"
        )

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.splits.image_shape))
        return (
            f"Run({self.name!r}: {self.experiment.model.architecture}, {len(self.splits.train)} "
            f"training images of {shape}, {self.model.latent_dim} latent dimensions)"
        )

    def _repr_html_(self) -> str:
        from grounding.runs.card import run_card

        return run_card(self)

    def encode(self, images: Array) -> Array:
        """Latents float32 (N, D) of images, as an array or a tensor like the images.

        Args:
            images: (N, C, H, W), or (N, H, W) of one channel; uint8, or floats in [0, 1].

        Raises:
            ValueError: another shape or type.
        """
        given = torch.as_tensor(images)
        batch = given[:, None] if given.ndim == 3 else given
        if batch.ndim != 4 or tuple(batch.shape[1:]) != self.splits.image_shape:
            raise ValueError(
                f"images have shape {tuple(given.shape)}, expected (N, "
                f"{', '.join(map(str, self.splits.image_shape))})"
            )
        if batch.dtype != torch.uint8 and not batch.is_floating_point():
            raise ValueError(f"images are {batch.dtype}, expected uint8 or floats in [0, 1]")
        latents: Array = _as(images, self._encoded(batch))
        return latents

    def decode(self, latents: Array) -> Array:
        """Images float32 (N, C, H, W) in [0, 1] of latents (N, D), as the latents come.

        Raises:
            ValueError: another shape.
            UserError: no objective has trained the decoder, or none was attached.
        """
        if self.without_decoder:
            raise UserError(self.without_decoder)
        given = torch.as_tensor(latents)
        if given.ndim != 2 or given.shape[1] != self.model.latent_dim:
            raise ValueError(
                f"latents have shape {tuple(given.shape)}, expected (N, {self.model.latent_dim})"
            )
        images: Array = _as(latents, self.decoded(given.float()))
        return images

    def latents(self, split: str = "test") -> npt.NDArray[np.float32]:
        """Latents float32 (N, D) of a split: "train", "val" or "test"."""
        return self.latents_of(split).cpu().numpy()

    def images(self, split: str = "test") -> npt.NDArray[np.uint8]:
        """Images uint8 (N, C, H, W) of a split, in the order of its latents."""
        return self.splits.named(split).images.numpy()

    def labels(self, split: str = "test") -> npt.NDArray[np.int64] | None:
        """Labels int64 (N,) of a split, as they are in the data set; None if it has none."""
        labels = self.splits.named(split).labels
        return None if labels is None else labels.numpy()

    def measure(self, *names: str, split: str = "test") -> dict[str, float]:
        """Values of registered metrics, by name; those that cannot be measured here are left out.

        Args:
            names: metrics, e.g. "knn_accuracy", "trustworthiness"; default: those of the manifold
                score.
            split: the images to measure.
        """
        from grounding.runs.measuring import measure_run

        return measure_run(self, names, split).values

    def dynamics(
        self,
        images: int = FOLLOWED,
        *,
        gaussian_starts: int = GAUSSIAN_STARTS,
        seed: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Portrait:
        """What happens to latents that are decoded and encoded again and again.

        Examples:
            >>> found = run.dynamics()
            >>> found.safe_horizon, len(found.attractors), float(found.radii_at_data.mean())

        Args:
            images: test images whose latents are followed, at most; evenly spread over all.
            gaussian_starts: latents drawn from the normal distribution with their mean and
                covariance, which are followed as well.
            seed: of what is drawn; default: the experiment's.
            progress: called with (steps done, steps in all).

        Raises:
            UserError: there is nothing to follow, see `without_dynamics`.
        """
        from grounding.dynamics import Portrait, portrait, scale_of
        from grounding.metrics import knn_predict, nearest
        from grounding.metrics.arrays import as_tensor

        if reason := self.without_dynamics:
            raise UserError(reason)
        seed = self.experiment.seed if seed is None else seed
        settings, splits = self.experiment.analysis, self.splits
        # Those that are kept cannot be differentiated.
        every, train_z = (as_tensor(self.latents_of(s)).clone() for s in ("test", "train"))
        chosen, labels = self.followed(images), splits.test.labels
        train_labels = splits.train.labels

        def classify(z: Tensor) -> Tensor:
            assert train_labels is not None
            k = min(settings.k, len(train_z))
            near = nearest(z, train_z, k, metric=settings.metric).indices
            return knn_predict(train_labels[near.cpu()])

        return self.once(
            (Portrait, images, gaussian_starts, seed),
            lambda: portrait(
                self.model.encode,
                lambda z: self.model.decode(z.to(self.device)),
                every[chosen],
                labels=None if labels is None else labels[chosen],
                classify=classify if splits.train.has_classes else None,
                training_images=sample(splits.train.images),
                fresh_images=joined(sample(splits.val.images), sample(splits.test.images)),
                scale=scale_of(every),
                gaussian_starts=gaussian_starts,
                seed=seed,
                progress=progress,
            ),
        )

    @property
    def without_dynamics(self) -> str:
        """Why latents cannot be followed; "" if they can."""
        if not self.has_trained_decoder:
            return self.without_decoder
        z = self.latents_of("test")
        return "" if bool((z != z[0]).any()) else "all test latents are the same"

    def followed(self, images: int = FOLLOWED) -> Tensor:
        """Positions (N,) in the test split of the images that `dynamics` follows.

        They are among those that the playground shows by default.
        """
        from grounding.export.points import choose_points

        shown = choose_points(len(self.splits.test), SHOWN, self.experiment.seed)
        count = min(images, len(shown))
        return shown[torch.arange(count) * len(shown) // max(1, count)]

    def embed(
        self, split: str = "test", *, max_points: int = 5000, l2_normalize: bool = True
    ) -> npt.NDArray[np.float32]:
        """A split's latents laid out in three dimensions by UMAP, float32 (N, 3).

        Args:
            split: the images.
            max_points: at most this many, drawn by the seed; 0 for all.
            l2_normalize: scale latents to unit length first, unless they have one or two numbers.
        """
        from grounding.export.points import EmbeddingOptions
        from grounding.runs.exporting import embedding_of

        options = EmbeddingOptions(max_points=max_points, l2_normalize=l2_normalize)
        return embedding_of(self, split, options).points

    def export(self, *kinds: str) -> list[Path]:
        """Make outputs of the run that are not up to date, and enter them in its manifest.

        Args:
            kinds: of "analysis", "manifold", "probes", "points", "encoder", "decoder", "assets",
                "dynamics", "latents", "film" and "weights"; default: all that `grounding run`
                makes.

        Returns:
            The main file of each.

        Raises:
            UserError: one cannot be made.
        """
        from grounding.runs.chain import make_outputs

        return make_outputs(self, kinds)

    def view(self, split: str = "test", *, max_points: int = 5000, height: int = 640) -> View:
        """The viewer in a notebook's cell, with latents of a split in three dimensions.

        Examples:
            >>> view = run.view()
            >>> view.selected  # rows of the split, once some are selected in the page

        Its points are made if they are not there, like `export("points")`.

        Args:
            split: the images.
            max_points: at most this many, drawn by the seed; 0 for all.
            height: of the cell, in pixels.

        Raises:
            UserError: anywidget is not installed, or the points cannot be made.
        """
        from grounding.runs.notebook import view_run

        return view_run(self, split, max_points, height)

    def playground(self, *, height: int = 760) -> Page:
        """The playground in a notebook's cell: encoder and decoder run in the browser.

        Its files are made if they are not there, like `export("assets", "encoder", "decoder")`. All
        points flow in it if the dynamics have been made: `export("dynamics")`.

        Args:
            height: of the cell, in pixels.

        Raises:
            UserError: anywidget is not installed, or a file cannot be made, for example because
                no objective has trained the decoder.
        """
        from grounding.runs.notebook import play_run

        return play_run(self, height)

    def once(self, what: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once and kept, for whoever asks for `what`."""
        if what not in self._made:
            self._made[what] = make()
        found: T = self._made[what]
        return found

    @torch.inference_mode()
    def latents_of(self, split: str, indices: Tensor | None = None) -> Tensor:
        """Latents of a split's images, float32 (N, D) on the run's device.

        Those of a whole split are kept. A latent is the same to the last bit whichever others are
        asked for with it.

        Args:
            split: the images' split.
            indices: int64 (N,), positions in it, N >= 1; default: all, in order.

        Raises:
            UserError: some are not finite numbers.
        """
        if split not in self._kept:
            images = self.splits.named(split).images
            if indices is not None:
                size = min(BATCH, len(images))
                return _finite(self._encoded(images[indices.to("cpu")], size))
            self._kept[split] = _finite(self._encoded(images))
        kept = self._kept[split]
        return kept if indices is None else kept[indices.to(self.device)]

    @torch.inference_mode()
    def decoded(self, latents: Tensor) -> Tensor:
        """Images float32 (N, C, H, W) in [0, 1] of latents (N, D), on the run's device."""
        parts = latents.to(self.device).split(BATCH)
        return torch.cat([self.model.decode(z) for z in parts])

    @torch.inference_mode()
    def reconstruction_errors(self, split: str, indices: Tensor) -> Tensor:
        """Mean squared error of D(E(x)) for some images of a split, float32 (N,) on the CPU."""
        errors = torch.empty(len(indices))
        for part, found in zip(indices.split(BATCH), errors.split(BATCH), strict=True):
            clean = to_unit(self.splits.named(split).images[part].to(self.device))
            images = self.model.decode(self.latents_of(split, part))
            found.copy_((images - clean).square().mean(dim=(1, 2, 3)))
        return errors

    @torch.inference_mode()
    def _encoded(self, images: ImageTensor, size: int | None = None) -> Tensor:
        """Latents of images in batches of just one size: sums round otherwise in another one."""
        size = size or min(BATCH, max(1, len(images)))
        # All that stays is allocated first: a small block behind each large one that is freed
        # would keep the system's allocator from using it again.
        latents = torch.empty(len(images), self.model.latent_dim, device=self.device)
        inputs = torch.zeros(size, *images.shape[1:], device=self.device)
        at = 0
        for batch in images.split(size):
            inputs[len(batch) :] = 0
            inputs[: len(batch)] = batch.to(self.device)
            if batch.dtype == torch.uint8:
                inputs[: len(batch)] /= 255
            latents[at : at + len(batch)] = self.model.encode(inputs)[: len(batch)]
            at += len(batch)
        return latents


def load_run(
    experiment: Experiment,
    checkpoint: Path | None = None,
    *,
    images: ImageSet | None = None,
    train_command: str = "",
) -> Run:
    """The run that a checkpoint holds.

    Args:
        experiment: the config in force.
        checkpoint: file to load; default: that of the experiment's best epoch if it keeps one, else
            the final one; its manifest has to know it.
        images: given from Python; None for those that the experiment names.
        train_command: what to type if the checkpoint is missing.

    Raises:
        UserError: no such checkpoint, a damaged one, or one that does not belong to the config or
            to the data.
    """
    path = checkpoint or experiment.model_path
    made_by = f": {train_command}" if train_command else ""
    if not path.exists():
        again = f"; make it with{made_by}" if train_command else ""
        raise UserError(f"checkpoint {path} does not exist{again}")
    held, digest, known = checked_checkpoint(path, experiment)
    notes = []
    if not known:
        if checkpoint is None:
            raise UserError(
                f"{path} is not entered in {manifest_path(experiment.name)}: its training was "
                f"interrupted, or another version wrote it; train it again{made_by}, or if you "
                f"trust it: --checkpoint {shlex.quote(str(path))}"
            )
        notes.append(f"{path} is in no manifest, so nothing tells whether it is as it was written")
    experiment, splits = load_splits(experiment, images)
    trained = experiment_from_dict(held.config, str(path))
    differing = differences(experiment, trained)
    if differing:
        key, (given, was) = next(iter(differing.items()))
        to_use = "pass " + " ".join(setting(key, was) for key, (_, was) in differing.items())
        if "model.architecture" in differing:  # whose other keys the config does not have
            to_use = "pass its own config"
        raise UserError(
            f"{path} was trained with {key}={was}, the config says {given}; {to_use}, or give what "
            "you want to train a name of its own: --set experiment.name=NAME"
        )
    if splits.fingerprint != held.data_fingerprint:
        raise UserError(
            f"{path} was trained on other data than that in {splits.source} "
            f"(SHA-256 {held.data_fingerprint[:12]}..., here {splits.fingerprint[:12]}...); "
            f"{THE_SAME[images is not None]}, or train again under another name"
        )
    device = resolve_device(experiment.training.device)
    model = model_of(held, partial(build_model, trained), str(path)).to(device).eval()
    return Run(experiment, path, digest, held, model, splits, device, notes)


def open_run(name: str | Path, images: ImageSet | None = None) -> Run:
    """The run of a name, a manifest, a checkpoint or a config.

    Args:
        name: the experiment's name, looked for in artifacts/; or the path of its `.run.json` or of
            a checkpoint; or a config or its number.
        images: given from Python; None for those that the run names.

    Raises:
        UserError: there is none, or it cannot be used.
    """
    from grounding.experiment import load_config

    path = given_path(name)
    if path.suffix == ".pt" and path.exists():
        experiment = experiment_from_dict(read_checkpoint(path).config, str(path))
        return load_run(experiment, path, images=images)
    if not path.name.endswith(ENDING):
        path = manifest_path(str(name))
    try:
        manifest = read_manifest(path)
    except FileNotFoundError:
        try:
            return load_run(load_config(name), images=images)
        except UserError as error:
            raise UserError(f"there is no run {name}: {error}") from None
    if manifest.of != "run":
        raise UserError(f"{manifest.name} is no run, but a study or an evaluation: it has no model")
    experiment = experiment_from_dict(dict(manifest.config), str(path))
    if used := manifest.used_checkpoint():
        return load_run(experiment, manifest.place(used[0]), images=images)
    raise UserError(f"{path} has no final checkpoint; its training was interrupted")


def manifest_of(experiment: Experiment) -> Manifest | None:
    """The manifest that has an experiment's name; None if there is none.

    Raises:
        UserError: it is damaged.
    """
    try:
        return read_manifest(manifest_path(experiment.name))
    except FileNotFoundError:
        return None


def checked_checkpoint(path: Path, experiment: Experiment) -> tuple[Checkpoint, str, bool]:
    """A checkpoint, the SHA-256 of its file, and whether a manifest knows it.

    Raises:
        UserError: it is not as its manifest says, or no checkpoint.
    """
    from grounding._files import hash_of

    found = manifest_of(experiment)
    beside, _ = manifests_in(path.parent) if path.parent != FOLDER else manifests_in(FOLDER)
    manifests = [found, *beside] if found else beside
    for manifest in manifests:
        if (key := manifest.key(path)) in manifest.artifacts:
            manifest.check(key)
    try:
        digest = hash_of(path)
    except OSError as error:
        raise UserError(f"cannot read checkpoint {path}: {error.strerror or error}") from None
    known = any(manifest.with_sha256(digest) for manifest in manifests)
    return read_checkpoint(path), digest, known


def _finite(latents: Tensor) -> Tensor:
    if not latents.isfinite().all():
        raise UserError(
            "some latents are not finite numbers; the checkpoint's weights are unusable: train "
            "again with a smaller training.learning_rate"
        )
    return latents


def _as(like: Any, tensor: Tensor) -> Any:
    """A tensor as what was given: a tensor on its device, or a NumPy array."""
    return tensor.to(like.device) if isinstance(like, Tensor) else tensor.cpu().numpy()
