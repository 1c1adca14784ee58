"""Models that were trained elsewhere, as runs like any other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from grounding._files import check_writable
from grounding.data import Splits, to_unit
from grounding.experiment import Experiment
from grounding.experiment.document import document_of
from grounding.experiment.load import load_experiment
from grounding.experiment.suggested import data_section
from grounding.export.adapted import adapted
from grounding.runs.artifacts import enter
from grounding.runs.building import load_splits
from grounding.runs.manifest import Artifact, check_not_of_another, manifest_path, writing
from grounding.runs.run import Run, load_run
from grounding.runs.training import FINAL, PERIODIC, claimed_manifest
from grounding.training.checkpoint import Checkpoint, checkpoint_bytes, machine, versions
from grounding.training.resume import next_run

EXAMPLES = 257
HALVES = ("encoder", "decoder")

Model = nn.Module | str | Path


def attach(
    encoder: Model,
    decoder: Model | None = None,
    *,
    name: str = "attached",
    data: str | Path | Mapping[str, Any] | None = None,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    force: bool = False,
    overrides: Sequence[str] = (),
    command: str = "",
) -> Run:
    """A run of a model that was trained elsewhere: measured, laid out and shown like any other.

    Examples:
        >>> run = grounding.attach(encoder, decoder, name="mine", data="~/images")
        >>> run.measure("knn_accuracy")

    The model is kept in the run as a pair of ONNX models; nothing of its code is needed later.

    Args:
        encoder: a module or the path of an ONNX model, (B, C, H, W) -> (B, D), or to maps, which
            are flattened; of several outputs the first counts, as the mean of a variational one.
        decoder: likewise, (B, D) -> (B, C, H, W), or from such maps; None if there is none.
        name: of the run; all its files begin with it.
        data: the images to judge it on: a folder or the name of a data set, or the keys of a
            config's section `data`; default: MNIST.
        mean: the encoder gets (x - mean) / std of pixels x in [0, 1], and what the decoder draws is
            taken back by the same; one number, or one for each channel.
        std: see `mean`.
        force: whether to replace a run of this name that is another model's.
        overrides: further "section.key=value" of the run's config, e.g. "analysis.k=10".
        command: what its user typed, for messages.

    Raises:
        UserError: a half cannot be used, with the shapes that it wants and gets; the images cannot
            be read; or the name is taken.
    """
    given = {"experiment": {"name": name}, "data": _section(data)}
    # Which images there are has to be known before the model can be looked at.
    experiment, splits = load_splits(_experiment(given, overrides, latent_dim=1, encoder_bytes=1))
    images = to_unit(splits.test.images[:EXAMPLES])
    scale: dict[str, Any] = {
        "mean": np.atleast_1d(mean).tolist(),
        "std": np.atleast_1d(std).tolist(),
    }
    encoder_file, latent = adapted(encoder, "encoder", images, **scale)
    decoder_file = b""
    if decoder is not None:
        decoder_file, _ = adapted(decoder, "decoder", images, latent_shape=latent, **scale)
    values = {
        "latent_dim": math.prod(latent),
        "encoder_bytes": len(encoder_file),
        "decoder_bytes": len(decoder_file),
        "sha256": sha256(encoder_file + decoder_file).hexdigest(),
        "parameters": sum(map(_parameters, (encoder_file, decoder_file))),
    }
    given["data"] = experiment.data.model_dump(mode="json")
    experiment = _experiment(given, overrides, **values)
    files = dict(zip(HALVES, (encoder_file, decoder_file), strict=True))
    _enter(experiment, splits, files, force=force, command=command)
    return load_run(experiment)


def _section(data: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return dict(data)
    return data_section(str(data))


def _experiment(given: Mapping[str, Any], overrides: Sequence[str], **model: Any) -> Experiment:
    fixed = {
        "model": {"architecture": "attached", **model},
        "training": {"epochs": 1},
        "objectives": {},
    }
    return load_experiment(document_of({**given, **fixed}, Path("attach"), {}, overrides))


def _enter(
    experiment: Experiment, splits: Splits, files: Mapping[str, bytes], *, force: bool, command: str
) -> None:
    """Write the checkpoint that holds a model, unless it is there, and enter it."""
    path = experiment.checkpoint_path
    check_writable(path)
    check_not_of_another(experiment.name, path)
    weights = {
        f"{half}.onnx": torch.frombuffer(bytearray(data), dtype=torch.uint8)
        for half, data in files.items()
        if data
    }
    with writing(manifest_path(experiment.name), f"attaching of {experiment.name}"):
        manifest = claimed_manifest(experiment, splits, command, resume=False, force=force)
        key = manifest.key(path)
        if key in manifest.artifacts and manifest.is_intact(key) and not force:
            return
        held = Checkpoint(
            state_dict=weights,
            objectives={},
            optimizer={},
            config=experiment.as_dict(),
            epoch=1,
            train_loss=math.nan,
            val_loss=None,
            history=(),
            image_shape=splits.image_shape,
            data_fingerprint=splits.fingerprint,
            versions=versions(),
            device="cpu",
            machine=machine(),
            threads=torch.get_num_threads(),
            seconds=0.0,
            run=next_run(""),
        )
        made_from = {"training": held.run, "epoch": 1, "epochs": experiment.training.epochs}
        enter(
            manifest,
            {path: {path: checkpoint_bytes(held)}},
            Artifact(FINAL, {}, made_from),
            forget=[*manifest.of_kind(FINAL, PERIODIC, "metrics")],
        )


def _parameters(data: bytes) -> int:
    """How many numbers an ONNX model holds as weights."""
    import onnx

    if not data:
        return 0
    weights = onnx.load_from_string(data).graph.initializer
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    return sum(
        math.prod(one.dims)
        for one in weights
        if one.data_type in floats and not one.name.startswith("ours_")
    )
