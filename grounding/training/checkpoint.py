"""Checkpoints: plain tensors, numbers and strings, whole or not there, checked before use."""

import io
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import grounding
from grounding._errors import UserError
from grounding._files import replacing, sha256_of, write_text
from grounding.experiment.load import experiment_from_dict
from grounding.experiment.schema import Experiment
from grounding.training.archive import read_archive
from grounding.training.history import Epoch
from grounding.training.precision import has_native_bfloat16

FORMAT = 3
RUN = re.compile(r"[0-9]{6}-[0-9a-f]{8}")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model at the end of one epoch, and all that is needed to use it or to train it further.

    Attributes:
        state_dict: weights by name, on the CPU.
        objective: weights of layers that only training needs, by name, on the CPU.
        optimizer: Adam's tensors of each parameter by its name, on the CPU.
        experiment: the whole config.
        epoch: epochs trained, from 1.
        train_loss: mean loss over the last epoch's inputs: the weighted sum of the objectives.
        val_loss: mean squared error over the validation images after it.
        history: all epochs, in order.
        image_shape: (C, H, W).
        data_fingerprint: which data the splits were cut from.
        versions: of Python, torch and grounding.
        device: type of the device that trained it.
        machine: kind of processor, as far as it decides which arithmetic torch uses.
        threads: CPU threads that torch used.
        seconds: spent training, all epochs.
        run: which training it is from, as in `RUN`; sorts after those of earlier trainings to the
            same path.
    """

    state_dict: dict[str, Tensor]
    objective: dict[str, Tensor]
    optimizer: dict[str, dict[str, Tensor]]
    experiment: Experiment
    epoch: int
    train_loss: float
    val_loss: float
    history: tuple[Epoch, ...]
    image_shape: tuple[int, int, int]
    data_fingerprint: str
    versions: dict[str, str]
    device: str
    machine: str
    threads: int
    seconds: float
    run: str


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    return {
        "grounding": grounding.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def machine() -> str:
    """Kind of processor, e.g. "x86_64 AVX512 bfloat16": another kind may round differently."""
    kind = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return f"{kind} bfloat16" if has_native_bfloat16() else kind


def hash_path(path: Path) -> Path:
    """The file with a checkpoint's SHA-256."""
    return path.with_name(path.name + ".sha256")


def epoch_path(path: Path, epoch: int) -> Path:
    """The periodic checkpoint of an epoch: `x_final.pt` -> `x_final_epoch005.pt`."""
    return path.with_name(f"{path.stem}_epoch{epoch:03d}{path.suffix}")


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> str:
    """Write a checkpoint and, beside it, its SHA-256 in the format of `sha256sum`.

    Returns:
        The SHA-256 of the file.

    Raises:
        UserError: the place cannot be written to.
    """
    values = {
        **vars(checkpoint),
        "format": FORMAT,
        "experiment": checkpoint.experiment.name,
        "config": checkpoint.experiment.as_dict(),
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "image_shape": list(checkpoint.image_shape),
    }
    # Saved to a file, the archive would hold that file's (temporary) name.
    buffer = io.BytesIO()
    torch.save(values, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
        digest = sha256_of(temporary)
        # While one file is renamed and the other is not, both hashes are good: a kill between
        # the two leaves a pair that still loads.
        _write_hashes(path, [digest, *_good_hashes(path)])
    _write_hashes(path, [digest])
    return digest


def load_checkpoint(path: Path) -> tuple[Checkpoint, str]:
    """Read a checkpoint after checking its SHA-256.

    Returns:
        The checkpoint and its SHA-256.

    Raises:
        UserError: it is missing, damaged, of another kind, or its SHA-256 is missing.
    """
    digest = _checked_hash(path)
    try:
        values = read_archive(path)
    except (OSError, ValueError) as error:  # the hash is right, so it was never a checkpoint
        raise UserError(f"{path} is not a checkpoint: {error}") from None
    found = values.get("format") if isinstance(values, dict) else type(values).__name__
    if type(found) is not int or found != FORMAT:
        shown = found if isinstance(found, str | int | None) else type(found).__name__
        raise UserError(
            f"{path} has checkpoint format {shown}, this version reads {FORMAT}; train it again"
        )
    missing = [k for k in (*Checkpoint.__annotations__, "config") if k not in values]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; train it again")
    wrong = [k for k, is_right in _RIGHT.items() if not is_right(values[k])]
    if wrong:
        raise UserError(f"{path} has no usable {', '.join(wrong)}; train it again")
    fields = {name: values[name] for name in Checkpoint.__annotations__}
    fields["experiment"] = experiment_from_dict(values["config"], str(path))
    fields["image_shape"] = tuple(values["image_shape"])
    fields["history"] = tuple(Epoch(**epoch) for epoch in values["history"])
    return Checkpoint(**fields), digest


def differences(given: Experiment, trained: Experiment) -> dict[str, tuple[Any, Any]]:
    """Keys that shape training and differ, as `section.key` -> (given, trained)."""
    mine, theirs = _flat(training_config(given)), _flat(training_config(trained))
    return {
        key: (mine.get(key), theirs.get(key))
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key) != theirs.get(key)
    }


def training_config(experiment: Experiment) -> dict[str, Any]:
    """The part of the config that decides what comes out of training.

    Paths, the device and what is only used after training are not in it; a section that is
    switched off counts as its defaults.
    """
    config = experiment.as_dict()
    config["experiment"] = {"seed": config["experiment"]["seed"]}
    config["data"] = {k: config["data"][k] for k in ("dataset", "train_samples", "val_samples")}
    config["model"] |= experiment.model.build_arguments()
    del config["training"]["device"], config["output"], config["analysis"]
    config["regularization"] = {"dropout_p": experiment.regularization.dropout_p}
    augmented = config.pop("self_supervised")
    if experiment.self_supervised.enabled:
        # Where a fixed set is kept does not change what is in it.
        for key in ("precompute", "cache_path"):
            del augmented[key]
        augmented["refresh_each_epoch"] = experiment.self_supervised.refreshes
        config["self_supervised"] = augmented
    return config


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
        flat |= inner
    return flat


def _write_hashes(path: Path, digests: list[str]) -> None:
    write_text(hash_path(path), "".join(f"{digest}  {path.name}\n" for digest in digests))


def _good_hashes(path: Path) -> list[str]:
    """The hash that lets the file at a path be loaded, if it is there and intact."""
    try:
        return [_checked_hash(path)]
    except UserError:
        return []


def _checked_hash(path: Path) -> str:
    try:
        digest = sha256_of(path)
        lines = hash_path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        if not path.exists():
            raise UserError(f"checkpoint {path} does not exist") from None
        raise UserError(
            f"{path} cannot be checked: {error.filename} is missing; if you trust the checkpoint: "
            f"(cd {path.parent} && sha256sum {path.name} > {path.name}.sha256)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read checkpoint {path}: {error}") from None
    if digest not in [line.split(" ")[0] for line in lines]:
        raise UserError(
            f"{path} is damaged: its SHA-256 is {digest[:12]}..., not the one in "
            f"{hash_path(path).name}; train it again or copy both files again"
        )
    return digest


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_dict(value: Any, is_right: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(_is_text(k) and is_right(value[k]) for k in value)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _is_epoch(value: Any) -> bool:
    return _is_dict(value, _is_number) and value.keys() == Epoch.__annotations__.keys()


# What a file made by someone else could hold instead.
_RIGHT: dict[str, Callable[[Any], bool]] = {
    "state_dict": lambda v: _is_dict(v, _is_tensor),
    "objective": lambda v: _is_dict(v, _is_tensor),
    "optimizer": lambda v: _is_dict(v, lambda inner: _is_dict(inner, _is_tensor)),
    "config": lambda v: isinstance(v, dict),
    "epoch": _is_count,
    "train_loss": _is_number,
    "val_loss": _is_number,
    "history": lambda v: isinstance(v, list) and all(map(_is_epoch, v)),
    "image_shape": lambda v: isinstance(v, list) and len(v) == 3 and all(map(_is_count, v)),
    "data_fingerprint": _is_text,
    "versions": lambda v: _is_dict(v, _is_text),
    "device": _is_text,
    "machine": _is_text,
    "threads": _is_count,
    "seconds": _is_number,
    "run": lambda v: _is_text(v) and RUN.fullmatch(v) is not None,
}
