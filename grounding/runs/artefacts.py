"""One file by itself: what it is, and whether it is as it was written."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal

from grounding._checksums import JSON_TRAILER, MismatchError, read_json
from grounding._errors import UserError
from grounding._files import sha256_of
from grounding.data.augmented import CACHE_FORMAT, CACHE_TRAILER
from grounding.data.catalog import PUBLISHED_CHECKSUMS, check_packaged, is_packaged
from grounding.data.idx import read_idx_file
from grounding.experiment.schema import Experiment
from grounding.export.companion import companion_of, named_companion
from grounding.export.companion_file import read_companion
from grounding.export.onnx_file import checked_metadata, made_from_checkpoint
from grounding.export.output_file import COMPARISON, KINDS, check_report
from grounding.runs.run import model_of
from grounding.training.checkpoint import Checkpoint, epoch_path, hash_path, load_checkpoint
from grounding.training.history import metrics_path

Status = Literal["ok", "damaged", "does not belong", "not checkable"]
FOREIGN = "it has no checksum, so another program wrote it; compare it with where it came from"


class UncheckableError(UserError):
    """Nothing says what the file should be."""


@dataclass(frozen=True, eq=False)
class Artefact:
    """What was found out about one file.

    Attributes:
        path: its place.
        status: the verdict.
        detail: what it is; or what is wrong and what to do.
        experiment: the name of its experiment; "" if not known.
        made_from: SHA-256 of the checkpoint that it was made from or is; "" if not known.
        trained: of a checkpoint, the experiment that it holds.
        is_final: whether it is a final checkpoint.
    """

    path: Path
    status: Status
    detail: str
    experiment: str = ""
    made_from: str = ""
    trained: Experiment | None = None
    is_final: bool = False


def inspect(path: Path) -> Artefact:
    """Check one file; never raises for what is wrong with it."""
    try:
        if not path.is_file():
            raise UserError(f"{path} is missing or no regular file; make it again")
        if not path.stat().st_size:
            raise UserError(f"{path} is empty; make it again or copy it again")
        return _reader(path)(path)
    except UncheckableError as error:
        status: Status = "not checkable"
        detail = str(error)
    except MismatchError as error:
        status, detail = "does not belong", str(error)
    except UserError as error:
        status, detail = "damaged", str(error)
    except OSError as error:
        status, detail = "damaged", f"it cannot be read: {error.strerror or error}"
    except (ValueError, KeyError, TypeError, RecursionError):
        status, detail = "damaged", "it is not what its name says; make it again"
    return Artefact(path, status, detail.removeprefix(f"{path} ").removeprefix(f"{path}: "))


def is_known(path: Path) -> bool:
    """Whether a file may be one of ours, going by its name and its first bytes."""
    known = (".pt", ".json", ".bin", ".onnx", ".jsonl", ".sha256")
    return path.suffix in known or is_cache(path) or hash_path(path).exists()


def is_cache(path: Path) -> bool:
    """Whether a file looks like an augmented set."""
    with path.open("rb") as file:
        start = file.read(len(CACHE_FORMAT))
        return start == CACHE_FORMAT.encode() or CACHE_TRAILER.holds_in(file) is not None


def _reader(path: Path) -> Callable[[Path], Artefact]:
    readers = {
        ".sha256": _hash_file,
        ".onnx": _onnx,
        ".jsonl": _metrics,
        ".json": _json,
        ".txt": _report,
        ".csv": _report,
        ".svg": _report,
    }
    if path.suffix in readers:
        return readers[path.suffix]
    if is_cache(path):
        return _cache
    if path.suffix == ".bin":
        return _json if JSON_TRAILER.holds(path) is not None else _companion
    if path.suffix == ".gz" or re.search(r"[-.]idx\d-ubyte", path.name):
        return _data
    if path.suffix == ".pt" or hash_path(path).exists():
        return _checkpoint
    raise UncheckableError(f"{path} is none of the files that grounding writes")


def _checkpoint(path: Path) -> Artefact:
    hashes = hash_path(path)
    if not hashes.exists():
        raise UncheckableError(
            f"{hashes.name} is missing; if you trust the checkpoint: "
            f"(cd {path.parent} && sha256sum {path.name} > {hashes.name})"
        )
    digest = sha256_of(path)
    # Exactly what `save_checkpoint` and `sha256sum` write; two lines after a kill between renames.
    lines = hashes.read_bytes().split(b"\n")
    named = [line.decode("utf-8", "surrogateescape").partition("  ") for line in lines[:-1]]
    if digest not in [found for found, _, _ in named]:
        raise UserError(
            f"{path} or {hashes.name} is damaged: its SHA-256 is {digest[:12]}...; train it again "
            "or copy both files again"
        )
    if lines[-1] or any(
        gap != "  " or name != path.name or not re.fullmatch("[0-9a-f]{64}", found)
        for found, gap, name in named
    ):
        raise UserError(
            f"{hashes.name} is damaged or names another file; if you renamed the checkpoint: "
            f"(cd {path.parent} && sha256sum {path.name} > {hashes.name})"
        )
    try:
        held, _ = load_checkpoint(path)
        model_of(held, path)
    except UserError as error:  # the hash is right: whoever wrote it wrote it so
        raise UncheckableError(str(error)) from None
    experiment = held.experiment
    is_final = not path.stem.endswith(epoch_path(Path("x.pt"), held.epoch).stem[1:])
    what = "checkpoint" if is_final else "periodic checkpoint"
    detail = f"{what} of {experiment.name} after epoch {held.epoch}"
    return Artefact(path, "ok", detail, experiment.name, digest, experiment, is_final)


def _hash_file(path: Path) -> Artefact:
    checkpoint = path.with_suffix("")
    if not checkpoint.exists():
        raise UserError(f"{path} lies here without {checkpoint.name}; copy both files again")
    found = inspect(checkpoint)
    return Artefact(path, found.status, found.detail, found.experiment, found.made_from)


def _metrics(path: Path) -> Artefact:
    held = _checkpoint_of_metrics(path)
    epochs = [asdict(e) if is_dataclass(e) else e for e in held.history]
    expected = "".join(json.dumps(epoch) + "\n" for epoch in epochs).encode()
    found = path.read_bytes()
    count = len(epochs)
    if not found.startswith(expected):
        raise UserError(
            f"{path} is damaged: it is not what the checkpoint remembers of its {count} epochs; "
            "train it again or copy both files again"
        )
    if found != expected:
        if held.epoch == held.experiment.training.epochs:
            raise UserError(f"{path} is damaged: bytes follow its {count} epochs")
        raise UncheckableError(
            f"{path} goes on after epoch {held.epoch}, the last that a checkpoint remembers; "
            "let the training end, or continue it"
        )
    return Artefact(
        path, "ok", f"metrics of {held.experiment.name} up to epoch {count}", held.experiment.name
    )


def _checkpoint_of_metrics(path: Path) -> Checkpoint:
    """The newest whole checkpoint that metrics belong to."""
    stem = path.name.removesuffix(metrics_path(Path("x.pt")).name[1:])
    beside = [p for p in path.parent.glob("*") if hash_path(p).exists()]
    final = [p for p in beside if p.stem == stem]
    periodic = sorted(p for p in beside if re.fullmatch(rf"{re.escape(stem)}_epoch\d+", p.stem))
    for candidate in (*final, *reversed(periodic)):
        try:
            return load_checkpoint(candidate)[0]
        except UserError:
            continue
    raise UncheckableError(f"{path} has no whole checkpoint beside it; copy that, too")


def _json(path: Path) -> Artefact:
    values, covered = read_json(path)
    if not covered:
        raise UncheckableError(f"{path}: {FOREIGN}")
    beside = named_companion(path)
    if beside and not beside.is_file():
        companion_of(path)
    for key in ("report", "figure"):
        named = values.get(key)
        if isinstance(named, dict) and not path.with_name(str(named.get("file"))).is_file():
            check_report(path, values, key)
    if all(key in values for key in COMPARISON):
        return Artefact(path, "ok", "comparison of experiments")
    kind = next((k for k, keys in KINDS.items() if all(key in values for key in keys)), "JSON")
    experiment = _text(values, "experiment")
    return Artefact(
        path, "ok", f"{kind} of {experiment}", experiment, _text(values, "checkpoint_sha256")
    )


def _companion(path: Path) -> Artefact:
    held = read_companion(path)
    stem = path.stem.removesuffix("_arrays")
    owners = [path.with_suffix(".json"), path.with_name(f"{stem}.bin")]
    if not any(p.is_file() and p != path and companion_of(p) == path for p in owners):
        raise MismatchError(f"{path} is named by no JSON file beside it; make both again")
    experiment = _text(held.meta, "experiment")
    made_from = _text(held.meta, "checkpoint_sha256")
    return Artefact(path, "ok", f"companion of {owners[0].name}", experiment, made_from)


def _onnx(path: Path) -> Artefact:
    metadata = checked_metadata(path)
    if metadata is None:
        raise UncheckableError(f"{path}: {FOREIGN}")
    experiment, half = metadata.get("experiment", ""), metadata.get("half", "model")
    made_from = made_from_checkpoint(metadata)
    return Artefact(path, "ok", f"{half} of {experiment}", experiment, made_from)


def _report(path: Path) -> Artefact:
    for owner in (path.with_suffix(".json"), path.with_name(f"{path.stem}_values.json")):
        if owner.is_file():
            values, _ = read_json(owner)
            if path in (check_report(owner, values, key) for key in ("report", "figure")):
                experiment = _text(values, "experiment")
                whose = experiment or owner.name
                return Artefact(path, "ok", f"report of {whose}", experiment)
    raise UncheckableError(f"{path} is named by no JSON file beside it; make it again")


def _cache(path: Path) -> Artefact:
    if CACHE_TRAILER.holds(path) is not True:
        raise UserError(f"{path} is damaged: its SHA-256 is another; delete it, it is drawn again")
    with path.open("rb") as file:
        file.readline(200)
        key, _, shape = file.readline(200).decode("ascii").strip().partition(" ")
    if not path.stem.endswith(f"-{key[:12]}"):
        raise MismatchError(f"{path} was made for the name ...-{key[:12]}; delete it")
    return Artefact(path, "ok", f"augmented set, {shape}")


def _data(path: Path) -> Artefact:
    if is_packaged(path):
        check_packaged(path)
        return Artefact(path, "ok", "packaged data")
    digest = read_idx_file(path).sha256
    for name, checksums in PUBLISHED_CHECKSUMS.items():
        if digest in checksums.values():
            return Artefact(path, "ok", f"published {name}")
    raise UncheckableError(
        f"{path} is whole, but no published data; a run that was trained on it knows its hash: "
        "verify the run"
    )


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
