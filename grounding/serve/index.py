"""The index page: the runs of an artifacts folder as their manifests tell them.

Every run has a card with its scores, a picture of its latent points and links to both pages; each
file is compared with its manifest before it is linked.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from jinja2 import ChainableUndefined, Environment, FileSystemLoader

import grounding
from grounding._errors import UserError
from grounding._files import hash_of
from grounding.export.arrays import arrays_path, read_arrays
from grounding.export.picture import HEIGHT, WIDTH, pictured, scatter
from grounding.runs.manifest import Artifact, Manifest, manifests_in, shown_results
from grounding.serve import layout
from grounding.serve.layout import file_inside, place_inside

# What the names of the arrays from which its picture is drawn begin with.
POINT_SETS = {"points": "", "assets": "reference_"}
# Parts of a run that no page or reader opens: neither linked nor published.
OF_TRAINING = (
    *("checkpoint", "periodic checkpoint", "best checkpoint", "metrics", "weights", "sweep plan"),
)
# Commands that make what `grounding run` does not make again; a study's own config is not kept.
_COMMANDS = {
    "probes": "probe --config {name}",
    "report": "report --config {name}",
    "latents": "latents --config {name}",
    "film": "film --config {name}",
    "seeds": "run --config ... --seeds ...",
    "comparison": "compare ...",
    "sweep": "sweep {sweep}",
    "evaluation": "evaluate LATENTS --name {name}",
}


class _Points(NamedTuple):
    """The picture of a point set, see `scatter`, and how many points of how many it shows."""

    paths: list[tuple[str, str]]
    shown: int
    total: int


def find_runs(folder: Path) -> tuple[list[Manifest], list[str]]:
    """The runs of a folder, best kNN accuracy first, and a line for each unreadable manifest."""
    runs, problems = manifests_in(folder)
    return sorted(runs, key=lambda run: (-_knn_accuracy(run), run.name)), problems


def without_seeds(runs: Sequence[Manifest]) -> list[Manifest]:
    """The runs less those of single seeds that others sum up and that have no page of their own."""
    summed_up: set[str] = set()
    for run in runs:
        for artifact in run.of_kind("seeds", "sweep").values():
            names = artifact.made_from.get("runs")
            summed_up.update(map(str, names) if isinstance(names, list) else ())
    return [run for run in runs if run.path.name not in summed_up or run.of_kind(*POINT_SETS)]


def is_outside(artifact: Artifact, folder: Path) -> bool:
    """Whether a file of it lies where no page may read: not in the artifacts folder, or hidden."""
    return not all(place_inside(folder, key) for key in artifact.files)


def damage(artifact: Artifact, folder: Path) -> str:
    """Which of its files is not as it was written, or not in the folder; "" if all are."""
    for key, entry in artifact.files.items():
        path = file_inside(folder, key)
        if path is None:
            return f"{key} is missing"
        try:
            state = path.stat()
            if _hash(path, state.st_mtime_ns, state.st_size, state.st_ino) != entry.sha256:
                return f"{key} is damaged"
        except OSError as error:
            return f"{key} cannot be read ({error.strerror or error})"
    return ""


def problem(run: Manifest, key: str, folder: Path) -> str:
    """What is wrong with an artifact of a run, and what makes it again; "" if nothing is."""
    wrong = damage(run.artifacts[key], folder)
    origin = run.artifacts[key].made_from.get("checkpoint")
    used = run.used_checkpoint()
    if origin and used and origin != used[1].sha256:
        wrong = wrong or f"{key} was made from another checkpoint than {used[0]}"
    kind = run.of if run.of == "evaluation" else run.artifacts[key].kind
    command = _COMMANDS.get(kind, "run --config {name}").format(
        name=shlex.quote(run.name), sweep=shlex.quote(run.name.removesuffix("_sweep"))
    )
    return wrong and f"{wrong}; make it again with: grounding {command}"


def index_page(
    runs: Sequence[Manifest], folder: Path, not_shown: Sequence[str] = (), trouble: str = ""
) -> bytes:
    """The index as HTML, UTF-8. All its links are relative to where it lies.

    Args:
        runs: in the order in which they are shown.
        folder: the artifacts folder, in which they lie.
        not_shown: a line for each manifest that cannot be read.
        trouble: why the pages do not work; "" if they do.
    """
    page = _environment().get_template("index.html.j2")
    cards = [_card(run, folder) for run in runs]
    # Numbers of different data sets say nothing about each other.
    groups: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        groups.setdefault(_data(card["run"]), []).append(card)
    measures = dict.fromkeys(title for card in cards for title in card["values"])
    html = page.render(
        groups=groups, count=len(cards), measures=measures, not_shown=not_shown, trouble=trouble
    )
    return html.encode("utf-8", "replace")


def _data(run: Manifest) -> str:
    """What the data set of a run is called; "" where the manifest does not say."""
    source = run.data.get("source") if isinstance(run.data, Mapping) else None
    return source if isinstance(source, str) else ""


def _card(run: Manifest, folder: Path) -> dict[str, Any]:
    """What the index says of a run."""
    notes: list[str] = []
    points: dict[str, _Points] = {}
    kinds: dict[str, list[str]] = {}  # main files of what can be linked
    for key, artifact in run.artifacts.items():
        if is_outside(artifact, folder):
            if artifact.kind not in OF_TRAINING:
                notes.append(f"{key} is not in the artifacts folder: no page can read it")
            continue
        if wrong := problem(run, key, folder):
            notes.append(wrong)
        if damage(artifact, folder):
            continue
        arrays = arrays_path(Path(key)).as_posix()
        if artifact.kind in POINT_SETS and arrays in artifact.files:
            sha256, prefix = artifact.files[arrays].sha256, POINT_SETS[artifact.kind]
            try:
                points[key] = _points(folder / arrays, sha256, prefix)
            except UserError as error:
                notes.append(str(error))
        same = kinds.setdefault(artifact.kind, [])
        same.insert(0 if artifact.results.get("split") == "test" else len(same), key)
    try:
        scores, values = _scores(run)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        scores, values = {}, {}
        notes.append(f"{run.path.name} has results that are none of this version: {error}")
    return {
        "run": run,
        "scores": scores,
        "values": values,
        "notes": notes,
        "points": points,
        "kinds": kinds,
    }


def _scores(run: Manifest) -> tuple[dict[str, str], dict[str, tuple[float, str]]]:
    """Results that the index shows, by title in the order of their places, as text and as numbers.

    Each number comes with what is better, "higher" or "lower"; one without either is not compared.
    """
    found, of = [], ""
    for artifact in run.artifacts.values():
        table = "index"
        if artifact.kind == "seeds":
            table, of = "seeds", f", {_count(len(artifact.made_from['seeds']), 'seed')}"
        can_be_shown = shown_results(artifact.results)
        for name, one in artifact.results.items():
            if isinstance(one, dict) and table in one.get("tables", ()):
                found.append(can_be_shown[name])
    texts, values = {}, {}
    for one in sorted(found, key=lambda one: one["place"]):
        text, form = "undefined", f".{one['digits']}f"
        if one["value"] is not None:
            spread = "" if one.get("margin") is None else f" ± {one['margin']:{form}}"
            text = f"{one['value']:{form}}{spread} {one['unit']}".rstrip()
        texts[one["title"] + of] = text
        if one["value"] is not None and one.get("better") in ("higher", "lower"):
            values[one["title"] + of] = (float(one["value"]), one["better"])
    return texts, values


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(layout.TEMPLATES),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"address": _address, "count": _count, "shell": shlex.quote}
    environment.globals |= {
        "layout": layout,
        "not_linked": (*OF_TRAINING, *POINT_SETS, "encoder", "decoder"),
        "view_box": f"0 0 {WIDTH} {HEIGHT}",
        "version": grounding.__version__,
    }
    return environment


def _count(number: object, one: str) -> str:
    """A number with its word; "" for what is no number."""
    if not isinstance(number, int | float):
        return ""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def _address(key: str) -> str:
    """A file's address, relative to the index."""
    return f"{layout.ARTIFACTS}/{quote(os.fsencode(key))}"


def _knn_accuracy(run: Manifest) -> float:
    for artifact in run.of_kind("analysis").values():
        found = artifact.results.get("knn_accuracy")
        value = found.get("value") if isinstance(found, dict) else None
        if isinstance(value, int | float):
            return value
    return 0.0


@lru_cache(maxsize=1 << 14)
def _hash(path: Path, *_state: int) -> str:
    """SHA-256 of a file, which is read again only if its state has changed."""
    return hash_of(path)


@lru_cache(maxsize=1 << 10)
def _points(path: Path, _sha256: str, prefix: str) -> _Points:
    points_key, labels_key = f"{prefix}points", f"{prefix}labels"
    _, arrays = read_arrays(path, (points_key, labels_key))
    points = arrays.get(points_key, np.empty((0, 3), np.float32))
    labels = arrays.get(labels_key, np.zeros(points.shape[:1], np.int32))  # images may have none
    typed = points.dtype == np.float32 and labels.dtype == np.int32
    if not typed or not points.size or points.shape != (*labels.shape, 3):
        raise UserError(f"{path} holds no points in three dimensions; export it again")
    some = pictured(len(points))
    return _Points(scatter(points[some], labels[some]), len(points[some]), len(points))
