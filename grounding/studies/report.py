"""The report of a run: one HTML file with its config, curves, numbers beside controls, pictures."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from grounding._errors import UserError
from grounding._files import open_regular, parsed_json
from grounding._paths import given_path
from grounding.data import to_bytes
from grounding.data.stored import sample
from grounding.export.figures import Files, confusion_figure, curves_figure
from grounding.export.picture import rows_png
from grounding.export.portrait import gallery_figure, retention_figure, spectrum_figure
from grounding.export.report import profile_rows
from grounding.export.report_page import Picture, Section, Table, report_page
from grounding.metrics import NotMeasurable, knn_predict, nearest
from grounding.metrics.arrays import as_tensor
from grounding.projection.components import principal_components
from grounding.runs.artifacts import Made, Output, made_from, made_once
from grounding.runs.card import points_svg
from grounding.runs.chain import bring_up_to_date, make_each, outputs_of
from grounding.runs.measuring import space_of
from grounding.runs.run import Run
from grounding.studies.controls import CONTROLS

PARTS = ("points", "profile", "dynamics")
EXAMPLES = 10  # images in a row
ASKED = 6  # test images of each kind whose neighbours are shown
AXES, REACH, PLACES = 6, 2.0, 9  # principal axes, standard deviations each way, images of each
MAX_CONTENT = 64 << 20  # bytes of the numbers and of each figure of the dynamics
WIDTH = 720  # of rows of images, in pixels of the page

WITHOUT_LABELS = "There are no labels, or the training images are of one class only."
LAID_OUT = {
    "umap_3d": ", laid out in three dimensions by UMAP",
    "pca_3d": ", along their principal axes",
    "latent": "",
}  # by the projection of a file of points


def report_output(run: Run, path: Path) -> Output:
    """The report of a run, as one HTML file without a network.

    Points, profile and dynamics are made first where they are not up to date.

    Args:
        run: the trained run.
        path: of the HTML.
    """
    known = outputs_of(run)
    made, missing = make_each((known[kind]() for kind in PARTS), partial(bring_up_to_date, run))
    places = {output.kind: output.path for output in made}

    def make(head: Mapping[str, Any]) -> Made:
        sections = [*_sections(run, places, missing, head)]
        page = report_page(run.name, _lines(run), sections)
        return Made({path: page}, f"{len(sections)} sections, {len(page) / 1e6:.1f} MB")

    manifest = run.manifest
    files = {} if manifest is None else manifest.artifacts
    parts = {
        kind: [entry.sha256 for entry in files[manifest.key(place)].files.values()]
        for kind, place in places.items()
        if manifest is not None
    }
    code = ("metrics", "dynamics", "projection", "export", "runs", "studies")
    return Output("report", path, made_from(run, {}, *code, parts=parts), make)


def report(run: Run, output: Path | str | None = None) -> Path:
    """Write the report of a run, one HTML file that needs no network; see `grounding report`.

    Args:
        run: from `grounding.load` or `grounding.train`.
        output: where; default: `artifacts/<name>_report.html`.

    Returns:
        The file.

    Raises:
        UserError: it cannot be written.
    """
    path = run.experiment.artifact("report.html") if output is None else given_path(output)
    return made_once(run, report_output(run, path))


def figures(run: Run) -> dict[str, Files]:
    """Figures of a run by name, each with its bytes as "svg" and as "png".

    Examples:
        >>> Path("confusion.png").write_bytes(grounding.figures(run)["confusion"]["png"])

    "curves" of the training; of images with labels, "confusion"; of a run with a trained decoder,
    "retention", "spectrum" and "attractors", for which latents are followed: some seconds.
    """
    found = _figures(run)
    if not run.without_dynamics:
        portrait = run.dynamics()
        found |= {"retention": retention_figure(portrait), "spectrum": spectrum_figure(portrait)}
        if len(portrait.attractors):
            images, names = sample(run.splits.train.images), run.splits.class_names
            found["attractors"] = gallery_figure(portrait, images, names)
    return found


def _figures(run: Run) -> dict[str, Files]:
    """Those that no other output has."""
    found = {}
    if run.checkpoint.history:
        history = run.checkpoint.history
        curves: dict[str, list[float | None]] = {
            "training loss": [epoch.train_loss for epoch in history],
            "validation loss": [epoch.val_loss for epoch in history],
            "validation kNN": [epoch.val_knn for epoch in history],
        }
        measured = {k: v for k, v in curves.items() if any(one is not None for one in v)}
        found["curves"] = curves_figure(measured)
    named = _named(run)
    if named is not None:
        classes = run.splits.classes
        place = {label: number for number, label in enumerate(classes)}
        counts = np.zeros((len(classes), len(classes)), np.int64)
        for true, taken in zip(named[0].tolist(), named[1].tolist(), strict=True):
            counts[place[true], place[taken]] += 1
        found["confusion"] = confusion_figure(counts, [_class_name(run, one) for one in classes])
    return found


def _sections(
    run: Run, places: Mapping[str, Path], missing: Sequence[str], head: Mapping[str, Any]
) -> Iterator[Section]:
    """The sections of the report, in order."""
    drawn = _figures(run)
    yield _profile(run, places, missing)
    if "curves" in drawn:
        text = ["Mean over the images of each epoch, as the training has measured them."]
        yield Section("Training", text, pictures=[_svg(drawn["curves"], "curves of the training")])
    if run.has_trained_decoder:
        yield _reconstructions(run)
    else:
        yield Section("Reconstructions", [f"There are none: {run.without_decoder}."])
    if "confusion" in drawn:
        k, metric = run.experiment.analysis.k, run.experiment.analysis.metric
        text = [
            f"Test images by their class and by the majority of their {k} nearest training "
            f"latents ({metric}); shades are shares of a row."
        ]
        picture = _svg(drawn["confusion"], "confusion matrix of the test images")
        yield Section("Confusion", text, pictures=[picture])
    else:
        yield Section("Confusion", [WITHOUT_LABELS])
    yield _neighbors(run)
    if run.has_trained_decoder:
        yield _traversals(run)
    if "dynamics" in places:
        yield _dynamics(run, places["dynamics"])
    if "points" in places:
        yield _map(run, places["points"])
    yield _repeat(run, head)


def _lines(run: Run) -> list[str]:
    seconds = run.checkpoint.seconds
    shape = " x ".join(map(str, run.splits.image_shape))
    return [
        f"{run.experiment.model.architecture}, {run.model.latent_dim} latent dimensions"
        + (f", trained in {seconds:,.0f} s" if seconds else ""),
        f"{len(run.splits.train):,} training images and {len(run.splits.test):,} test images of "
        f"{shape}, {run.splits.source}",
    ]


def _profile(run: Run, places: Mapping[str, Path], missing: Sequence[str]) -> Section:
    """The profile, with the same measures of spaces in which nothing was trained."""
    text = [f"Not there: {line}." for line in missing]
    if "profile" not in places:
        return Section("Profile", [*text, "The profile could not be measured."])
    manifest = run.manifest
    assert manifest is not None
    results = manifest.artifacts[manifest.key(places["profile"])].results
    controls = {}
    for control in CONTROLS:
        if control.is_space:
            with suppress(NotMeasurable):
                values = control.measure(run.experiment, run.splits, False)
                controls[control.name(run.experiment)] = values
    rows = []
    told = profile_rows(results, len(run.splits.test))
    for (name, one), (axis, title, value, says) in zip(results.items(), told, strict=True):
        beside = (values.get(name) for values in controls.values())
        cells = ("" if v is None else f"{v:.{one['digits']}f}" for v in beside)
        rows.append((axis, title, value, *cells, says))
    text.append(
        "Seven axes, measured on the test images; beside them the same measures of spaces in "
        "which nothing was trained, where they have one. grounding compare has more controls."
    )
    names = ("axis", "measure", "this run", *controls, "")
    table = Table(names, rows, range(2, 3 + len(controls)))
    return Section("Profile", text, [table])


def _reconstructions(run: Run) -> Section:
    """Test images from the best to the worst reconstruction, above what the decoder makes."""
    errors = run.reconstruction_errors("test", torch.arange(len(run.splits.test)))
    order = errors.argsort()
    count = min(EXAMPLES, len(order))
    chosen = order[torch.linspace(0, len(order) - 1, count).round().long()]
    images = run.splits.test.images[chosen]
    drawn = run.decoded(run.latents_of("test", chosen)).cpu()
    text = [
        "Test images from the best to the worst, evenly by rank; above as they are, below D(E(x)). "
        "Mean squared errors: " + ", ".join(f"{float(errors[n]):.4f}" for n in chosen) + "."
    ]
    picture = _png("test images above their reconstructions", images, to_bytes(drawn))
    return Section("Reconstructions", text, pictures=[picture])


def _neighbors(run: Run) -> Section:
    """Test images beside their nearest training images in the latent space."""
    count = len(run.splits.test)
    k = min(EXAMPLES - 2, len(run.splits.train))
    metric = run.experiment.analysis.metric
    named = _named(run)
    groups = {"": torch.arange(count)}
    if named is not None:
        right = torch.as_tensor(named[0] == named[1])
        groups = {"Told right": right.nonzero()[:, 0], "Told wrong": (~right).nonzero()[:, 0]}
    pictures = []
    for title, members in groups.items():
        if not len(members):
            continue
        some = min(ASKED, len(members))
        chosen = members[torch.arange(some) * len(members) // some]
        z = as_tensor(run.latents_of("test", chosen))
        found = nearest(z, as_tensor(run.latents_of("train")), k, metric=metric).indices.cpu()
        rows = []
        for one, indices in zip(chosen.tolist(), found, strict=True):
            asked = run.splits.test.images[one : one + 1]
            between = torch.zeros_like(asked)
            rows.append(torch.cat([asked, between, run.splits.train.images[indices]]))
        alt = f"{title or 'test images'}: each test image with its nearest training images"
        said = f"{title}, {len(members):,} of {count:,} test images" if title else ""
        pictures.append(_png(alt, *rows, caption=said))
    text = [f"On the left a test image, then the {k} training images nearest to it ({metric})."]
    return Section("Nearest neighbours", text, pictures=pictures)


def _traversals(run: Run) -> Section:
    """What the decoder draws along the principal axes of the test latents."""
    z = run.latents("test").astype(np.float64)
    fitted = principal_components(z, AXES)
    reach = np.linspace(-REACH, REACH, PLACES)
    rows = [
        run.decode((fitted.mean_ + reach[:, None] * spread * axis).astype(np.float32))
        for axis, spread in zip(
            fitted.components_, np.sqrt(fitted.explained_variance_), strict=True
        )
    ]
    shares = ", ".join(f"{100 * share:.0f} %" for share in fitted.explained_variance_ratio_)
    text = [
        f"Images decoded along the {len(rows)} principal axes of the test latents, a row each, "
        f"from {-REACH:.0f} to {REACH:.0f} standard deviations around the mean in the middle. "
        f"Of the variance they have {shares}."
    ]
    picture = _png(
        "decoded images along principal axes", *(to_bytes(torch.tensor(r)) for r in rows)
    )
    return Section("Latent traversals", text, pictures=[picture])


def _dynamics(run: Run, path: Path) -> Section:
    """What repeating f = E∘D does, by the figures of `grounding dynamics`."""
    manifest = run.manifest
    assert manifest is not None
    manifest.check(manifest.key(path))
    try:
        text = _flow(parsed_json(_content(path)))
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise UserError(
            f"{path} is none that this version has made: {error}; make it again with: grounding "
            f"dynamics --config {shlex.quote(run.name)}"
        ) from None
    pictures = []
    for name, alt in (
        ("attractors", "attractors, decoded, beside the nearest training images"),
        ("retention", "speed and accuracy by the number of steps"),
        ("spectrum", "eigenvalues of the Jacobian in the complex plane"),
    ):
        place = path.with_name(f"{path.stem}_{name}.svg")
        if manifest.key(place) in manifest.artifacts[manifest.key(path)].files:
            pictures.append(Picture("svg", _content(place), alt))
    return Section("Attractors and flow", text, pictures=pictures)


def _flow(values: Any) -> list[str]:
    text = [
        "A latent is decoded and encoded again, and again: f = E∘D. "
        f"{values['images']:,} test latents were followed for {values['steps']} steps; they end "
        f"in {values['attractors']} attractors."
    ]
    if values["knn_accuracy"]:
        told = zip(values["times"], values["knn_accuracy"], strict=True)
        some = [(t, a) for t, a in told if t in (0, 1, 5, 20, 100)]
        shares = ", ".join(f"{100 * a:.0f} % after {t}" for t, a in some)
        text.append(f"Of the images are told right: {shares} steps.")
    return text


def _content(path: Path) -> bytes:
    with open_regular(path, MAX_CONTENT) as file:
        return file.read()


def _map(run: Run, path: Path) -> Section:
    manifest = run.manifest
    assert manifest is not None
    drawn, shown, about = points_svg(manifest, manifest.key(path))
    alt = "latent points, seen from the side on which they spread most"
    picture = Picture("svg", drawn, alt)
    how = (", scaled to length 1" if about["l2_normalized"] else "") + LAID_OUT[about["projection"]]
    text = [
        f"{shown:,} of {about['num_points']:,} test latents{how}, seen from the side on which they "
        "spread most" + ("; colours are classes." if about.get("has_labels", True) else ".")
    ]
    return Section("Map", text, pictures=[picture])


def _repeat(run: Run, head: Mapping[str, Any]) -> Section:
    config = yaml.safe_dump(run.experiment.as_dict(), sort_keys=False, allow_unicode=True)
    facts = [
        *((name, str(version)) for name, version in head["versions"].items()),
        ("seed", str(head["seed"])),
        ("data", f"{run.splits.source}, SHA-256 {run.splits.fingerprint}"),
        ("checkpoint", f"{run.path}, SHA-256 {run.sha256}"),
        ("trained on", f"{run.checkpoint.device}, {run.checkpoint.threads} threads"),
    ]
    name = f"{run.name}.yaml"
    text = [
        f"Save this config as {name}. A config and a seed decide the numbers, on one machine at "
        "one number of threads to the last bit."
    ]
    command = f"grounding run --config {shlex.quote(name)}\ngrounding report --config {name}"
    return Section("How to repeat it", text, [Table(("", ""), facts)], code=[command, config])


def _named(run: Run) -> tuple[Tensor, Tensor] | None:
    """Labels of the test images, and what their neighbours say; None without classes."""
    labels, of_training = run.splits.test.labels, run.splits.train.labels
    if labels is None or of_training is None or not run.splits.train.has_classes:
        return None

    def predicted() -> Tensor:
        return knn_predict(space_of(run).get("neighbor_labels")).cpu()

    return labels, run.once("predicted classes", predicted)


def _class_name(run: Run, label: int) -> str:
    return run.splits.class_names.get(label, str(label))


def _svg(files: Files, alt: str) -> Picture:
    return Picture("svg", files["svg"], alt)


def _png(alt: str, *rows: Any, caption: str = "") -> Picture:
    pixels: Sequence[npt.NDArray[np.uint8]] = [np.asarray(row) for row in rows]
    return Picture("png", rows_png(*pixels), alt, caption, WIDTH)
