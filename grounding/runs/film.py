"""A training as a film: the same points and images at each checkpoint that was kept."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grounding._errors import UserError
from grounding._progress import progress_bar
from grounding.data import to_bytes
from grounding.experiment import experiment_from_dict
from grounding.export.arrays import Array, browser_files
from grounding.export.points import Embedding, EmbeddingOptions, embed
from grounding.models.attached import AttachedSettings
from grounding.projection import laid_on
from grounding.runs.artifacts import LeftOut, Made, Output, made_from
from grounding.runs.building import build_model
from grounding.runs.exporting import embedding_of
from grounding.runs.run import Run
from grounding.runs.training import FINAL, PERIODIC
from grounding.training.checkpoint import model_of, read_checkpoint
from grounding.training.history import Epoch

MOST_FRAMES = 7  # places of a point that the viewer draws between
IMAGES, PIXELS = 100, 1_000_000  # whose reconstructions are kept, and of all frames so many pixels
MOST_EPOCHS = 400  # of the curve


def film_output(run: Run, options: EmbeddingOptions, path: Path) -> Output:
    """Points and reconstructions of test images at the checkpoints of a training, for the viewer.

    Args:
        run: that kept checkpoints while it was trained.
        options: which points, and how latents become points, as in the file of latent points.
        path: of the JSON.
    """
    kept = chosen(checkpoints_of(run))

    def make(head: Mapping[str, Any]) -> Made:
        if isinstance(run.experiment.model, AttachedSettings):
            raise LeftOut(f"{run.name} was not trained here, so there are no checkpoints of it")
        if len(kept) < 2:
            raise UserError(_without(run))
        embedding = embedding_of(run, "test", options)
        shown = _shown(run, embedding, frames=len(kept))
        target, places, pictures = embedding.points, list[Array](), list[Array]()
        with progress_bar("laying out each checkpoint") as bar:
            # From the last back to the first, each on the one after it.
            for number, key in enumerate(reversed(kept.values()), start=1):
                then = _at(run, key)
                z = then.latents_of("test", embedding.indices)
                if then is run:
                    target = embedding.points
                else:
                    # All begin at the same random places: what has not changed is hardly moved.
                    own = embed(embedding.indices, z, options, run.experiment.seed)
                    is_latent = own.projection == "latent"
                    target = own.points if is_latent else laid_on(own.points, target)
                places.insert(0, target)
                if run.has_trained_decoder:
                    drawn = then.decoded(z[shown.to(z.device)])
                    pictures.insert(0, to_bytes(drawn.flatten(1)).cpu().numpy())
                bar.set(number, len(kept))
        arrays: dict[str, Array] = {
            "film_points": np.stack(places),
            "film_indices": embedding.indices.numpy().astype(np.int32),
        }
        if pictures:
            arrays["film_rows"] = shown.numpy().astype(np.int32)
            arrays["film_images"] = np.stack(pictures)
        document = {
            **head,
            "split": "test",
            "num_points": len(embedding.indices),
            "image_shape": list(run.splits.test.images.shape[1:]),
            "projection": embedding.projection,
            "epochs": list(kept),
            "history": curve(run.checkpoint.history, kept),
        }
        files = browser_files(path, document, more=arrays)
        said = (
            f"{len(embedding.indices):,} points at epochs {', '.join(map(str, kept))}, "
            f"{sum(map(len, files.values())) / 1e6:.1f} MB"
        )
        return Made(files, said, {"split": "test"})

    manifest = run.manifest
    of = {
        str(epoch): manifest.artifacts[key].files[key].sha256
        for epoch, key in kept.items()
        if manifest is not None
    }
    settings = {**asdict(options), "test_samples": len(run.splits.test), "checkpoints": of}
    code = ("export.points", "export.arrays", "projection", "metrics", "runs.film")
    return Output("film", path, made_from(run, settings, *code), make)


def checkpoints_of(run: Run) -> dict[int, str]:
    """Keys of the checkpoints that the newest training of a run has kept, by epoch, ascending."""
    manifest = run.manifest
    if manifest is None:
        return {}
    entered = manifest.of_kind(FINAL, PERIODIC)
    finals = [one for one in entered.values() if one.kind == FINAL]
    of_it = [one.made_from.get("training") for one in finals]
    # The final one last: a periodic one of the same epoch is the same model.
    ordered = sorted(entered.items(), key=lambda item: item[1].kind == FINAL)
    found = {
        int(one.made_from["epoch"]): key
        for key, one in ordered
        if one.made_from.get("training") in of_it and isinstance(one.made_from.get("epoch"), int)
    }
    return dict(sorted(found.items()))


def chosen(kept: Mapping[int, str]) -> dict[int, str]:
    """At most `MOST_FRAMES` of them, first and last among them, evenly between."""
    epochs = list(kept)
    count = min(MOST_FRAMES, len(epochs))
    places = [round(i * (len(epochs) - 1) / max(1, count - 1)) for i in range(count)]
    return {epochs[place]: kept[epochs[place]] for place in places}


def curve(history: tuple[Epoch, ...], kept: Mapping[int, str]) -> list[dict[str, Any]]:
    """What the log says of each epoch, or of `MOST_EPOCHS` of them and those with a checkpoint."""
    step = -(-len(history) // MOST_EPOCHS)
    return [
        {
            "epoch": one.epoch,
            "train_loss": one.train_loss,
            "val_loss": one.val_loss,
            "val_knn": one.val_knn,
        }
        for one in history
        if one.epoch in kept or (one.epoch - 1) % step == 0
    ]


def _without(run: Run) -> str:
    """Why there is no film of a run, and what to type."""
    epochs, name = run.experiment.training.epochs, shlex.quote(run.name)
    if epochs < 2:
        return (
            f"{run.name} was trained for one epoch, and a film needs two checkpoints; train it for "
            f"longer: grounding train --config {name} --set training.epochs=6 "
            "--set output.save_every_n_epochs=1 --force"
        )
    every = max(1, epochs // MOST_FRAMES)
    return (
        f"{run.name} kept no checkpoints of its training, which a film is made of; set "
        f"output.save_every_n_epochs and train again: grounding train --config {name} "
        f"--set output.save_every_n_epochs={every} --force"
    )


def _at(run: Run, key: str) -> Run:
    """The run as it was at a checkpoint."""
    manifest = run.manifest
    assert manifest is not None
    manifest.check(key)
    digest = manifest.artifacts[key].files[key].sha256
    if digest == run.sha256:
        return run
    path = manifest.place(key)
    held = read_checkpoint(path)
    trained = experiment_from_dict(held.config, str(path))
    model = model_of(held, partial(build_model, trained), str(path)).to(run.device).eval()
    return replace(run, path=path, sha256=digest, checkpoint=held, model=model, _kept={}, _made={})


def _shown(run: Run, embedding: Embedding, frames: int) -> Tensor:
    """Rows of the points whose reconstructions are kept: of each class in turn, ascending."""
    count = len(embedding.indices)
    pixels = int(np.prod(run.splits.test.images.shape[1:]))
    most = min(count, max(10, min(IMAGES, PIXELS // max(1, frames * pixels))))
    labels = run.splits.test.labels
    if labels is None:
        return torch.arange(most)
    of_points = labels[embedding.indices]
    turn = torch.empty(count, dtype=torch.long)  # which of its class a point is
    for label in of_points.unique():
        mine = of_points == label
        turn[mine] = torch.arange(int(mine.sum()))
    return torch.argsort(turn, stable=True)[:most].sort().values
