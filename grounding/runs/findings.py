"""Which files a path means, whether they belong together, and how that is told."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from grounding._errors import UserError
from grounding.data.augmented import cache_path
from grounding.data.catalog import load
from grounding.experiment.load import load_experiment
from grounding.experiment.schema import Experiment
from grounding.export.companion import named_companion
from grounding.export.site import MARKER, check_site
from grounding.runs.artefacts import Artefact, inspect, is_cache, is_known
from grounding.runs.probes import probes_path
from grounding.runs.steps import analysis_json_path
from grounding.training.checkpoint import differences, hash_path, load_checkpoint
from grounding.training.history import metrics_path

REPORTS = (".txt", ".csv", ".svg")  # what a JSON file of the same name holds, for readers
_AGAIN = "make it again with grounding run, or copy files of one run only"


def verify(
    paths: Sequence[str],
    artifacts: Path,
    say: Callable[[str], None],
    overrides: Sequence[str] = (),
) -> str:
    """Check every file that the paths mean and say one line of each.

    Args:
        paths: files, folders, or runs (see `artefacts`).
        artifacts: where to look for a run by its name.
        say: takes the lines.
        overrides: `section.key=value` strings that replace values of configs among the paths.

    Returns:
        A line that sums up.

    Raises:
        UserError: a path means nothing, or a file is damaged, does not belong to the others or
            cannot be checked; the message counts them.
    """
    counts: dict[str, int] = {}
    seen: set[Path] = set()
    for path in paths:
        for artefact in artefacts(path, artifacts, overrides):
            place = artefact.path.absolute()
            if place not in seen:
                seen.add(place)
                counts[artefact.status] = counts.get(artefact.status, 0) + 1
                say(f"{artefact.status:<15}  {artefact.path}: {artefact.detail}")
    files = f"{len(seen)} file" + ("s" if len(seen) != 1 else "")
    wrong = [f"{count} {status}" for status, count in sorted(counts.items()) if status != "ok"]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)} of {files}; each line above says what to do about its file"
        )
    return f"{files}, all ok"


def artefacts(target: str, artifacts: Path, overrides: Sequence[str] = ()) -> Iterator[Artefact]:
    """The files that one argument means, each checked by itself and against the others.

    Args:
        target: a file; a published folder; a folder of artifacts; a checkpoint or a config, which
            stand for their run; or the name of an experiment.
        artifacts: where to look for the experiment's name.
        overrides: `section.key=value` strings that replace values of the config.

    Raises:
        UserError: it means nothing, or is no config and there are overrides.
    """
    path = Path(target)
    is_config = path.suffix in (".yaml", ".yml")
    if overrides and path.exists() and not is_config:
        raise UserError(f"--set changes a config and {target} is none; name the run by its config")
    if path.is_dir():
        found = _site(path) if (path / MARKER).exists() else _judged(_known_files(path))
    elif path.exists() and not is_config:
        found = _file(path)
    else:
        found = _named(target, artifacts, overrides)
    nothing = True
    for artefact in found:
        nothing = False
        yield artefact
    if nothing:
        raise UserError(f"{target} holds nothing that grounding wrote; name a run, file or folder")


def _site(folder: Path) -> Iterator[Artefact]:
    try:
        for name, problem in check_site(folder):
            path = folder / name
            if problem is None:
                yield Artefact(path, "ok", "published")
            elif problem:
                yield Artefact(path, "damaged", f"{problem}; publish again")
            else:
                yield Artefact(path, "not checkable", "publish did not write it; move it away")
    except UserError as error:
        yield Artefact(folder / MARKER, "damaged", str(error))


def _file(path: Path) -> Iterator[Artefact]:
    """A file with what lies beside it for it; a checkpoint with its run."""
    artefact = inspect(path)
    if artefact.trained and artefact.is_final:
        yield from _run(artefact.trained, path)
        return
    beside: list[Path] = []
    if path.suffix == ".json":
        companion = named_companion(path)
        reports = [path.with_suffix(ending) for ending in REPORTS]
        named = [report for report in reports if analysis_json_path(report) == path]
        beside = [*([companion] if companion else []), *named]
    yield from _judged([path, *(p for p in beside if p.is_file())])


def _named(target: str, artifacts: Path, overrides: Sequence[str]) -> Iterator[Artefact]:
    """A run by its config, or by the experiment's name."""
    try:
        experiment = load_experiment(target, overrides)
    except UserError:
        if overrides or Path(target).suffix or not artifacts.is_dir():
            raise
        folder = _judged(_known_files(artifacts))
        of_name = [a for a in folder if target in (a.experiment, *_starts(a.path.name))]
        if not of_name:
            raise
        yield from of_name
        return
    checkpoint = experiment.checkpoint_path
    if not checkpoint.exists():
        raise UserError(
            f"checkpoint {checkpoint} of {target} does not exist; make it with: "
            f"grounding run --config {shlex.quote(target)}"
            + "".join(f" --set {shlex.quote(override)}" for override in overrides)
        )
    yield from _run(experiment, checkpoint)


def _starts(name: str) -> list[str]:
    """What a file name can begin with, up to each underscore."""
    return [name[:place] for place, character in enumerate(name) if character == "_"]


def _run(experiment: Experiment, checkpoint: Path) -> Iterator[Artefact]:
    """Everything that is there of a run: checkpoints, metrics, outputs, cache and data."""
    periodic = checkpoint.parent.glob("*" + checkpoint.suffix)
    paths = [
        checkpoint,
        *sorted(p for p in periodic if p.stem.startswith(f"{checkpoint.stem}_epoch")),
        metrics_path(checkpoint),
    ]
    if experiment.checkpoint_path.absolute() == checkpoint.absolute():
        splits = ("test", "val", "train")
        paths += [experiment.artifact(f"{s}_interactive_assets.json") for s in splits]
        paths += [experiment.artifact(f"{s}_latent_points.json") for s in splits]
        paths += [experiment.manifold_analysis_path, analysis_json_path(experiment.analysis_path)]
        paths += [probes_path(experiment)]
        companions = [named_companion(p) for p in paths if p.suffix == ".json" and p.is_file()]
        paths += [path for path in companions if path]
        paths += [experiment.analysis_path]
        paths += [experiment.artifact(f"{half}.onnx") for half in ("encoder", "decoder")]
    yield from _judged((p for p in paths if p.is_file() or p == checkpoint), experiment)
    yield from _data(experiment, checkpoint)


def _data(experiment: Experiment, checkpoint: Path) -> Iterator[Artefact]:
    """The data that a run was trained on, and its augmented set."""
    try:
        held, _ = load_checkpoint(checkpoint)
    except UserError:
        return  # its own line has said so
    cache = cache_path(experiment, held.data_fingerprint, held.device)
    if cache and cache.is_file():
        yield inspect(cache)
    try:
        images = load(experiment.data.dataset, experiment.data.data_dir)
    except UserError as error:
        yield Artefact(Path(experiment.data.data_dir or "packaged"), "damaged", str(error))
        return
    path = Path(images.source)
    if images.fingerprint == held.data_fingerprint:
        yield Artefact(path, "ok", f"data that {experiment.name} was trained on")
    else:
        wrong = f"{checkpoint} was trained on other data; set data.data_dir to it"
        yield Artefact(path, "does not belong", wrong)


def _known_files(folder: Path) -> list[Path]:
    """The files of a folder that may be ours, those that others are compared with first."""
    here = {p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")}
    known = {p for p in here if is_known(p) and not (p.suffix == ".sha256" and _bare(p) in here)}
    reports = {p for p in here if p.suffix in REPORTS and analysis_json_path(p) in here}
    kinds = ("_interactive_assets.json", "_latent_points.json", ".json", ".bin", *REPORTS, ".onnx")

    def order(path: Path) -> tuple[int, str]:
        place = next((i for i, end in enumerate(kinds) if path.name.endswith(end)), -1)
        return place, path.name

    return sorted(known | reports, key=order)


def _bare(hashes: Path) -> Path:
    return hashes.with_suffix("")


def _judged(paths: Iterable[Path], experiment: Experiment | None = None) -> Iterator[Artefact]:
    """Check files, and say of those that were made from another checkpoint than the others.

    Args:
        paths: checkpoints before what is made from them.
        experiment: the config that the final checkpoint has to belong to, if there is one.
    """
    finals: dict[str, Artefact] = {}
    references: dict[str, Artefact] = {}
    checkpoints: dict[str, str] = {}

    def order(path: Path) -> int:
        return 2 if not hash_path(path).exists() else 1 if "_epoch" in path.stem else 0

    for path in sorted(paths, key=order):
        found = inspect(path)
        name = found.experiment
        if found.status != "ok" or not name or is_cache(path):
            yield found
            continue
        if found.trained:
            checkpoints.setdefault(found.made_from, path.name)
            wanted = experiment if found.is_final else getattr(finals.get(name), "trained", None)
            if found.is_final:
                finals.setdefault(name, found)
            yield _of_experiment(found, wanted)
            continue
        if found.made_from:
            reference = finals.get(name) or references.setdefault(name, found)
            if reference.made_from != found.made_from:
                maker = checkpoints.get(found.made_from, "another checkpoint")
                wrong = f"it was made from {maker}, not from {_whose(reference)}; {_AGAIN}"
                found = replace(found, status="does not belong", detail=wrong)
        yield found


def _whose(reference: Artefact) -> str:
    return ("" if reference.trained else "that of ") + reference.path.name


def _of_experiment(found: Artefact, wanted: Experiment | None) -> Artefact:
    """A checkpoint, judged by the experiment that it should be of."""
    if wanted is None or found.trained is None:
        return found
    parts = ("model.", "data.", "experiment.")
    for key, (expected, trained) in differences(wanted, found.trained).items():
        if key.startswith(parts):
            wrong = (
                f"it was trained with {key}={trained}, not {expected}; train again, or verify the "
                "checkpoint by its own path"
            )
            return replace(found, status="does not belong", detail=wrong)
    return found
