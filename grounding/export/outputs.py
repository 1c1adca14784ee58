"""What an artifacts folder holds: the outputs of runs, found by their content."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grounding._checksums import DamagedError, without_checksum
from grounding._errors import UserError
from grounding.export.layout import file_inside
from grounding.export.onnx_file import checked_metadata, made_from_checkpoint
from grounding.export.output_file import KINDS, Kind, OfSeveralError, Output, read_output


@dataclass(eq=False)
class RunOutputs:
    """The outputs of one experiment, those of the test split first.

    Attributes:
        experiment: its name.
        outputs: its JSON outputs by kind.
        encoder: the encoder's ONNX file.
        decoder: the decoder's ONNX file.
        checkpoints: SHA-256 of the checkpoint that a file was made from, where it says so.
    """

    experiment: str
    outputs: dict[Kind, list[Output]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    encoder: Path | None = None
    decoder: Path | None = None
    checkpoints: dict[Path, str] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The manifold score, 0 to 100."""
        found = self.outputs["manifold"]
        return number(found[0].values["manifold_score"]) if found else None

    @property
    def has_pages(self) -> bool:
        """Whether there is something to show in the viewer or the playground."""
        return bool(self.outputs["points"] or self.outputs["assets"])

    @property
    def strangers(self) -> list[Path]:
        """Files that were made from another checkpoint than the first of `checkpoints`."""
        reference = next(iter(self.checkpoints.values()), "")
        return [path for path, digest in self.checkpoints.items() if digest != reference]

    def command_for(self, path: Path) -> str:
        """What makes one of its files again."""
        probes = any(path == output.path for output in self.outputs["probes"])
        return "grounding probe" if probes else "grounding run"

    def files(self) -> list[Path]:
        """All files of the run that a page or a reader can use."""
        found = [path for path in (self.encoder, self.decoder) if path]
        for output in (output for outputs in self.outputs.values() for output in outputs):
            found += [output.path]
            found += [output.companion] if output.companion else []
            found += [output.report] if output.report else []
        return found


@dataclass(frozen=True)
class Folder:
    """What was found in an artifacts folder.

    Attributes:
        runs: best score first, then by name.
        skipped: "name (reason)" for each JSON file that is no output of a run.
        damaged: one line for each file that is not as it was written, is no JSON at all, or lies
            beside a JSON file that it was not made for; such files are in no run.
    """

    runs: list[RunOutputs]
    skipped: list[str]
    damaged: list[str]


def find_runs(artifacts: Path) -> tuple[list[RunOutputs], list[str]]:
    """The runs of `read_folder`, and what it left out."""
    folder = read_folder(artifacts)
    return folder.runs, [*folder.damaged, *folder.skipped]


def read_folder(artifacts: Path) -> Folder:
    """The runs whose outputs lie in a folder; every file is checked against its SHA-256.

    Args:
        artifacts: the folder; its subfolders are not searched. It need not exist.
    """
    runs: dict[str, RunOutputs] = {}
    skipped: list[str] = []
    damaged: list[str] = []
    for name in _names(artifacts):
        if not name.endswith(".json") or name.startswith("."):
            continue
        path = file_inside(artifacts, [name])
        try:
            if path is None:
                raise ValueError("not a file inside the folder")
            experiment, kind, output = read_output(artifacts / name, damaged)
        except UserError as error:
            damaged.append(str(error))
            continue
        except OfSeveralError:
            continue
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            # What is called JSON and is none may be an output that was cut off.
            cut_off = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
            (damaged if cut_off else skipped).append(f"{name} ({_reason(error)})")
            continue
        runs.setdefault(experiment, RunOutputs(experiment)).outputs[kind].append(output)
    for run in runs.values():
        for outputs in run.outputs.values():
            outputs.sort(key=lambda output: (output.split != "test", output.path.name))
        _find_models(artifacts, run, damaged)
    ordered = sorted(runs.values(), key=lambda run: (-(run.score or 0), run.experiment))
    return Folder(ordered, skipped, damaged)


def without_seeds(runs: Sequence[RunOutputs]) -> list[RunOutputs]:
    """The runs less those of single seeds that others sum up and that have no page of their own."""
    summed_up = {
        f"{run.experiment}_seed{seed}"
        for run in runs
        for output in run.outputs["seeds"]
        for seed in _list(output.values["seeds"])
    }
    return [run for run in runs if run.experiment not in summed_up or run.has_pages]


def number(value: object) -> float | None:
    """A finite number as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def _find_models(folder: Path, run: RunOutputs, damaged: list[str]) -> None:
    """Add the encoder and the decoder to a run, and what each of its files was made from."""
    for kind in ("assets", "points", "manifold", "analysis", "probes"):
        for output in run.outputs[kind]:
            if isinstance(digest := output.values.get("checkpoint_sha256"), str):
                run.checkpoints[output.path] = digest
    ours = bool(run.checkpoints)
    for half in ("encoder", "decoder"):
        path = folder / f"{run.experiment}_{half}.onnx"
        if not file_inside(folder, [path.name]):
            continue
        metadata = None
        try:
            metadata = checked_metadata(path)
            if metadata is None and ours:
                raise without_checksum(path)
        except UserError as error:
            if ours or isinstance(error, DamagedError):
                damaged.append(str(error))
                continue
            # Another program's file: the page will say what is wrong with it.
        setattr(run, half, path)
        if metadata:
            run.checkpoints[path] = made_from_checkpoint(metadata)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _names(folder: Path) -> Iterable[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON"
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deeply or too large"
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
