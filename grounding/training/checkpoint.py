"""Checkpoints: plain tensors and values in a file of `torch.save`, checked before they are used."""

import io
import pickletools
import platform
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Annotated, get_type_hints

import torch
from pydantic import AfterValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from torch import Tensor

import grounding
from grounding._errors import UserError
from grounding._files import open_regular
from grounding.models.autoencoder import Autoencoder
from grounding.training.history import Epoch
from grounding.training.precision import has_native_bfloat16

FORMAT = 4
LAST_FORMAT = 3  # can still be used, but not be trained further
RUN = "[0-9]{6}-[0-9a-f]{8}"  # the name of a training
MAX_CONFIG = 1 << 18  # characters
MAX_PICKLE_BYTES = 1 << 24
MAX_PICKLE_STEPS = 2_000_000  # a history of 100,000 epochs takes half of them

# All that a pickle of plain tensors and values calls, and all that it does.
_CALLABLE = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_tensor_v2|"
    r"torch (Bool|Byte|Char|Double|Float|Half|Int|Long|Short)Storage"
)
_STEP = re.compile(
    r"PROTO|STOP|MARK|NONE|NEWTRUE|NEWFALSE|BININT[12]?|LONG1|BINFLOAT|BINUNICODE|TUPLE[123]?|"
    r"EMPTY_(TUPLE|LIST|DICT)|APPENDS?|SETITEMS?|GLOBAL|REDUCE|BINPERSID|(LONG_)?BIN(PUT|GET)"
)


def _plain(tensor: Tensor) -> Tensor:
    if tensor.requires_grad:
        raise ValueError("it has a gradient")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError("it is larger than what it lies in")
    return tensor


def _short(config: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(repr(config)) > MAX_CONFIG:
        raise ValueError("it is too long")
    return config


_Tensors = dict[str, Annotated[Tensor, AfterValidator(_plain)]]
_Count = Annotated[int, Field(ge=1)]
_AsList = Field(strict=False)  # a list in the file, a tuple here


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model at the end of one epoch, and all that is needed to use it or to train it further.

    Attributes:
        state_dict: weights by name, on the CPU.
        objectives: weights of layers that only training needs, by name, on the CPU.
        optimizer: Adam's tensors of each parameter by its name, on the CPU.
        config: the whole config, as plain values.
        epoch: epochs trained, from 1.
        train_loss: mean loss over the last epoch's inputs: the weighted sum of the objectives.
        val_loss: mean squared error over the validation images after it, or None.
        history: all epochs, in order.
        image_shape: (C, H, W).
        data_fingerprint: which data the splits were cut from.
        versions: of Python, torch and grounding.
        device: type of the device that trained it.
        machine: kind of processor, as far as it decides which arithmetic torch uses.
        threads: CPU threads that torch used.
        seconds: spent training, all epochs.
        run: which training it is from, e.g. "000001-0a1b2c3d"; sorts after those of earlier
            trainings to the same path.
        format: of the file that it was read from.
        best: weights after the best epoch, where they are kept (see `at_best`), on the CPU.
    """

    state_dict: _Tensors
    objectives: _Tensors
    optimizer: dict[str, _Tensors]
    config: Annotated[dict[str, JsonValue], AfterValidator(_short)]
    epoch: _Count
    train_loss: float
    val_loss: float | None
    history: Annotated[tuple[Epoch, ...], _AsList]
    image_shape: Annotated[tuple[_Count, _Count, _Count], _AsList]
    data_fingerprint: str
    versions: dict[str, str]
    device: str
    machine: str
    threads: _Count
    seconds: float
    run: Annotated[str, Field(pattern=f"^{RUN}$")]
    format: int = FORMAT
    best: _Tensors = field(default_factory=dict)


_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)
_FIELDS = {
    name: TypeAdapter(kind, config=_STRICT)
    for name, kind in get_type_hints(Checkpoint, include_extras=True).items()
}


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


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The first of some tensors that holds a NaN or an infinity, by its name; "" if none does."""
    whole = {name: tensor.isfinite().all() for name, tensor in tensors.items()}
    if not whole or torch.stack(list(whole.values())).all():  # asks a device once
        return ""
    return next(name for name, is_finite in whole.items() if not is_finite)


def at_best(held: Checkpoint, epoch: Epoch) -> Checkpoint:
    """The model after the best epoch of a training that has kept it; to be used, not continued."""
    return replace(
        held,
        state_dict=held.best,
        objectives={},
        optimizer={},
        epoch=epoch.epoch,
        train_loss=epoch.train_loss,
        val_loss=epoch.val_loss,
        best={},
    )


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """The file that `read_checkpoint` reads, and `torch.load(..., weights_only=True)` as well.

    Raises:
        UserError: a weight is not finite.
    """
    if name := not_finite(checkpoint.state_dict | checkpoint.objectives):
        raise UserError(
            f"{name} holds weights that are not finite after epoch {checkpoint.epoch}; the "
            "checkpoint was not written; try a smaller training.learning_rate"
        )
    values = {
        **vars(checkpoint),
        "format": FORMAT,
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "image_shape": list(checkpoint.image_shape),
    }
    buffer = io.BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. No code in it runs; whether it is intact is for its manifest to say.

    Raises:
        UserError: it is missing, of another kind, or its values are not those of a checkpoint.
    """
    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of what other people wrote
            _check_pickle(_pickle_of(file))
            file.seek(0)
            values = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} does not exist") from None
    except OSError as error:
        raise UserError(f"cannot read checkpoint {path}: {error.strerror or error}") from None
    except Exception as error:  # torch raises all sorts on a file that it did not write
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{path} is not a checkpoint: {reason[:120]}") from None
    found = values.get("format") if isinstance(values, dict) else type(values).__name__
    if type(found) is not int or found not in (LAST_FORMAT, FORMAT):
        shown = found if isinstance(found, str | int | None) else type(found).__name__
        raise UserError(
            f"{path} has checkpoint format {shown}, this version reads {LAST_FORMAT} and {FORMAT}; "
            "train it again"
        )
    values.setdefault("best", {})
    if found == LAST_FORMAT:
        values |= {"objectives": {}, "optimizer": {}}
    if missing := [name for name in _FIELDS if name not in values]:
        raise UserError(f"{path} lacks {', '.join(missing)}; train it again")
    held = {}
    for name, kind in _FIELDS.items():
        try:
            held[name] = kind.validate_python(values[name])
        except ValidationError:
            raise UserError(f"{path} has no usable {name}; train it again") from None
    return Checkpoint(**held)


def model_of(
    checkpoint: Checkpoint,
    build: Callable[[tuple[int, int, int]], Autoencoder],
    where: str = "the checkpoint",
) -> Autoencoder:
    """The model that a checkpoint holds, on the CPU.

    Args:
        checkpoint: its weights.
        build: makes the model that its config describes, of an image shape (C, H, W).
        where: the checkpoint's path, for messages.

    Raises:
        UserError: the weights are not those of such a model.
    """
    held = checkpoint.state_dict
    try:
        # A model of no memory shows whether the weights that are there are those of its config.
        with torch.device("meta"):
            expected = build(checkpoint.image_shape).state_dict()
        for name in sorted(expected.keys() ^ held.keys()):
            raise ValueError(f"{'no' if name in expected else 'unknown'} weights {name}")
        for name, weights in expected.items():
            if (weights.shape, weights.dtype) != (held[name].shape, held[name].dtype):
                raise ValueError(
                    f"{name} is {_kind(held[name])}, the config makes it {_kind(weights)}"
                )
        with torch.random.fork_rng(devices=[]):
            model = build(checkpoint.image_shape)
        model.load_state_dict(held)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{where} does not fit its own config: {reason}; train it again") from None
    return model


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _pickle_of(file: IO[bytes]) -> bytes:
    """The pickle in an archive that takes no more room unpacked than it has on the disk."""
    if file.read(4) != b"PK\x03\x04":
        raise ValueError("not an archive of torch.save")
    size = file.seek(0, 2)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        pickles = [one for one in entries if one.filename.casefold().endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > MAX_PICKLE_BYTES:
            raise ValueError(f"it has not one data.pkl of at most {MAX_PICKLE_BYTES >> 20} MiB")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its archive is compressed, which torch.save does not do")
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("its archive claims more bytes than the file has")
        return archive.read(pickles[0])


def _check_pickle(data: bytes) -> None:
    """Refuse a pickle that does anything but what tensors and plain values need.

    Forty lists, each of which holds the one before it twice, are 2^40 values to whom they are
    shown, and torch shows in an error what it could not call. So only names and texts may return,
    and all that returns may not be longer than a pickle.
    """
    lengths: dict[object, int] = {}
    returned, before, length = 0, "", 0
    for steps, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        name = opcode.name
        if steps > MAX_PICKLE_STEPS:
            raise ValueError("it holds too many values")
        if not _STEP.fullmatch(name) or (
            name == "GLOBAL" and not _CALLABLE.fullmatch(str(argument))
        ):
            raise ValueError("it holds more than plain values")
        if name.endswith("PUT"):
            lengths[argument] = length if before in ("GLOBAL", "BINUNICODE") else len(data) + 1
        elif name.endswith("GET"):
            returned += lengths.get(argument, 0)
            if returned > len(data):
                raise ValueError("one of its values repeats, which no file of ours does")
        before, length = name, len(argument) if isinstance(argument, str) else 0
