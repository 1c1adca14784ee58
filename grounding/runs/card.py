"""What a notebook shows of a run, and of an evaluation: HTML that stands alone and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment

from grounding._errors import UserError
from grounding.data import to_bytes, to_unit
from grounding.export.arrays import arrays_path, read_arrays
from grounding.export.picture import data_url, pictured, rows_png, scatter_svg
from grounding.runs.evaluation import Evaluation
from grounding.runs.manifest import Manifest, manifest_path, read_manifest, shown_results
from grounding.runs.run import Run

PICTURED_IMAGES = 12

# Colours are left to the notebook, which may be dark.
_CARD = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<div style="display: flex; flex-wrap: wrap; gap: 8px 24px; line-height: 1.4">
<div style="flex: 0 0 auto">
{% for picture in pictures %}
<img alt="{{ picture.alt }}" title="{{ picture.alt }}" src="{{ picture.source }}" \
style="display: block; width: 288px; margin: 4px 0; image-rendering: {{ picture.rendering }}">
{% endfor %}
</div>
<div style="flex: 1 1 20rem">
<strong>{{ name }}</strong>
{% for line in lines %}
<div style="opacity: 0.75">{{ line }}</div>
{% endfor %}
<table style="margin: 8px 0">
{% set cell = "padding: 1px 12px 1px 0; text-align: left; vertical-align: top" %}
{% for title, value, says in rows %}
<tr>
<td style="{{ cell }}; white-space: nowrap">{{ title }}</td>
<td style="{{ cell }}; text-align: right; font-variant-numeric: tabular-nums">{{ value }}</td>
<td style="{{ cell }}; opacity: 0.75">{{ says }}</td>
</tr>
{% endfor %}
</table>
{% for note in notes %}
<div><em>{{ note }}</em></div>
{% endfor %}
</div>
</div>
""")


class _Picture(NamedTuple):
    """An image of the card: what it shows, its data URL, and how it is enlarged."""

    alt: str
    source: str
    rendering: str


def run_card(run: Run) -> str:
    """A run's model, data, numbers and pictures as HTML. Nothing is measured or written for it."""
    shape = " x ".join(map(str, run.splits.image_shape))
    seconds = run.checkpoint.seconds  # none where it was trained elsewhere
    trained = f", trained in {seconds:,.0f} s" if seconds else ""
    lines = [
        f"{run.experiment.model.architecture}, {run.model.latent_dim} latent dimensions{trained}",
        f"{len(run.splits.train):,} training images of {shape}, {run.splits.source} "
        f"(SHA-256 {run.splits.fingerprint[:12]})",
    ]
    notes: list[str] = []
    pictures: list[_Picture] = []
    results: dict[str, Any] = {}
    try:
        manifest = run.manifest
        of_run = {} if manifest is None else _made_from(manifest, run.sha256)
        for artifact in of_run.values():
            results |= artifact.results
        for key, artifact in of_run.items():
            if manifest and artifact.kind == "points" and not pictures:
                pictures.append(_scatter(manifest, key))
    except UserError as error:
        notes.append(str(error))
    if run.has_trained_decoder:
        pictures.append(_reconstructions(run))
    rows = _rows(results)
    if not rows:
        notes.append("nothing is measured yet: run.export()")
    return _card(run.name, lines, rows, pictures, notes)


def evaluation_card(evaluation: Evaluation) -> str:
    """What was measured of embeddings as HTML."""
    of = evaluation.protocol
    lines = [
        f"{of['rows']:,} rows of {of['dimensions']} numbers",
        f"{of['queries']:,} queries among {of['references']:,} references, k = {of['k']}, "
        f"{of['metric']}",
    ]
    notes: list[str] = []
    pictures: list[_Picture] = []
    if evaluation.files:
        try:
            manifest = read_manifest(manifest_path(evaluation.name))
            pictures.append(_scatter(manifest, manifest.key(evaluation.files[1])))
        except (UserError, OSError) as error:
            notes.append(str(error))
    rows = _rows(evaluation.results)
    return _card(evaluation.name or "Evaluation", lines, rows, pictures, notes)


def _card(
    name: str,
    lines: Sequence[str],
    rows: Sequence[tuple[str, str, str]],
    pictures: Sequence[_Picture],
    notes: Sequence[str],
) -> str:
    return _CARD.render(name=name, lines=lines, rows=rows, pictures=pictures, notes=notes)


def _made_from(manifest: Manifest, checkpoint: str) -> dict[str, Any]:
    """The artifacts that were made from a checkpoint, by key."""
    found = manifest.artifacts.items()
    return {key: one for key, one in found if one.made_from.get("checkpoint") == checkpoint}


def _rows(results: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Title, value and meaning of each metric, in the order of reports, each number once."""
    rows = []
    for one in sorted(shown_results(results).values(), key=lambda one: float(one["place"])):
        if not one["title"] or one["alias_of"] in results:
            continue
        form = f",.{one['digits']}f"
        value = "undefined" if one["value"] is None else f"{one['value']:{form}}"
        margin = "" if one.get("margin") is None else f" ± {one['margin']:{form}}"
        says = one["unit"] or one["meaning"]
        if one.get("left_out"):
            says = f"left out, {one['left_out']}"
        rows.append((one["title"], value + margin, says))
    return rows


def points_svg(manifest: Manifest, key: str) -> tuple[bytes, int, dict[str, Any]]:
    """A drawing of a file of latent points, how many it shows, and what the file says of them.

    Raises:
        UserError: it is not as it was written.
    """
    manifest.check(key)
    about, arrays = read_arrays(arrays_path(manifest.place(key)), ("points", "labels"))
    points, some = arrays["points"], pictured(len(arrays["points"]))
    return scatter_svg(points[some], arrays["labels"][some]), len(points[some]), about


def _scatter(manifest: Manifest, key: str) -> _Picture:
    """A picture of a file of latent points.

    Raises:
        UserError: it is not as it was written.
    """
    drawn, _, _ = points_svg(manifest, key)
    alt = f"latent points of {manifest.name}, seen from the side on which they spread most"
    return _Picture(alt, data_url("svg", drawn), "auto")


def _reconstructions(run: Run) -> _Picture:
    images = run.splits.test.images[:PICTURED_IMAGES]
    drawn = run.decode(run.encode(to_unit(images)))
    rows = images.numpy(), to_bytes(drawn).numpy()
    alt = f"test images, and below them what {run.name} makes of them"
    return _Picture(alt, data_url("png", rows_png(*rows)), "pixelated")
