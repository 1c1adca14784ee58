"""Reads what `torch.save` wrote, from people we do not know: no code runs, memory is bounded.

`torch.load(weights_only=True)` keeps a pickle from calling anything but a short list of functions.
Some of that list, and the zip archive around it, still let a file of some hundred bytes ask for
any amount of memory: compressed storages, `bytearray(10**12)`, tensors larger than their storage.
So the archive is looked through before torch sees it, and its values before anybody uses them.
"""

import pickletools
import stat
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

MAX_PICKLE_BYTES = 1 << 24
MAX_DEPTH = 32

_STORAGES = ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")
# All that plain tensors and values need.
_CALLABLE = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {name}Storage" for name in _STORAGES),
}
_PUTS, _GETS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), ("GET", "BINGET", "LONG_BINGET")
_MAY_RETURN = ("GLOBAL", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")


def read_archive(path: Path) -> Any:
    """The plain values and CPU tensors in an archive of `torch.save`.

    Plain are dictionaries, lists, tuples, numbers, strings and None. It takes no more memory than
    a small multiple of the file's size.

    Raises:
        ValueError: it is not such an archive; says why in a few words, without the path.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would let us wait for ever
        raise ValueError("not a regular file")
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and pickletools warn of what strangers wrote
        _check_pickle(_pickle_of(file))
        file.seek(0)
        try:
            values = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises all sorts on a file that it did not write
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(lines[0][:120]) from None
    _check_values(values)
    return values


def _pickle_of(file: IO[bytes]) -> bytes:
    """The pickle in an archive that takes no more room unpacked than it has on the disk."""
    if file.read(4) != b"PK\x03\x04":
        raise ValueError("not an archive of torch.save")
    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = [entry.filename.casefold() for entry in entries]
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(set(names)) < len(names) or len(pickles) != 1:
                raise ValueError("its archive does not have one data.pkl")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("its archive is compressed, which torch.save does not do")
            if sum(entry.file_size for entry in entries) > size:
                raise ValueError("its archive claims more bytes than the file has")
            if pickles[0].file_size > MAX_PICKLE_BYTES:
                raise ValueError(f"its data.pkl has more than {MAX_PICKLE_BYTES >> 20} MiB")
            return archive.read(pickles[0])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OverflowError):
        raise ValueError("its archive is damaged") from None


def _check_pickle(data: bytes) -> None:
    """Refuse a pickle that calls anything but what tensors need, or takes a value a second time.

    Forty lists, each of which holds the one before it twice, are 2^40 values to whom they are
    shown, and torch shows in an error what it could not call. Only names and texts may return.
    """
    before = ""
    returning: set[object] = set()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _PUTS:
            (returning.add if before in _MAY_RETURN else returning.discard)(argument)
        elif opcode.name in _GETS and argument not in returning:
            raise ValueError("one of its values repeats, which no file of ours does")
        before = opcode.name
        if opcode.name == "GLOBAL" and argument in _CALLABLE:
            continue
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            called = str(argument or opcode.name).replace(" ", ".")
            raise ValueError(f"it would call {called[:80]}, which no file of ours does")


def _check_values(values: Any) -> None:
    """Refuse other types, tensors larger than their storage, and containers that appear twice."""
    waiting, seen = [(values, 0)], set()
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list | tuple) and value:
            if depth == MAX_DEPTH or id(value) in seen:
                raise ValueError("its values are nested too deeply, or one of them repeats")
            seen.add(id(value))
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, list | tuple):
            waiting += [(inner, depth + 1) for inner in value]
        elif isinstance(value, Tensor):
            _check_tensor(value)
        elif not (value is None or isinstance(value, bool | int | float | str)):
            raise ValueError(f"it holds a {type(value).__name__}, which no file of ours does")


def _check_tensor(tensor: Tensor) -> None:
    if type(tensor) is not Tensor or tensor.layout is not torch.strided:
        raise ValueError("it holds a tensor of another kind")
    if tensor.device.type != "cpu" or tensor.requires_grad:
        raise ValueError("it holds a tensor that is not plain")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError("it holds a tensor that is larger than its storage")
