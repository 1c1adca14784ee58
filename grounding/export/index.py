"""The index page: every run with its scores, its picture and links to both pages."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes
from xml.etree.ElementTree import Element, SubElement, tostring

import grounding
from grounding.export.layout import ARTIFACTS, NOT_BUILT, PLAYGROUND, POLICY, STYLE, VIEWER
from grounding.export.output_file import Output
from grounding.export.outputs import RunOutputs, number, without_seeds
from grounding.export.picture import scatter

SCORES = {
    "knn_test_accuracy": "kNN accuracy",
    "trustworthiness": "trustworthiness",
    "continuity": "continuity",
    "neighbor_label_agreement": "neighbour label agreement",
    "silhouette": "silhouette",
    "davies_bouldin": "Davies-Bouldin",
    "fisher_ratio": "Fisher ratio",
}
PROBES = {
    "linear_probe_accuracy": "linear probe",
    "test_reconstruction_error": "reconstruction error",
    "regrounding_drift": "regrounding drift",
}
OVER_SEEDS = {
    "knn_accuracy": "kNN accuracy",
    "linear_probe_accuracy": "linear probe",
    "manifold_score": "manifold score",
}


def index_page(runs: Sequence[RunOutputs], skipped: Sequence[str], *, pages_built: bool) -> bytes:
    """The index as HTML, UTF-8. All its links are relative to where it lies.

    Args:
        runs: in the order in which they are shown; what sums up seeds stands for those of them
            that have no page of their own.
        skipped: files of the artifacts folder that are no outputs, with the reason.
        pages_built: whether the links lead to pages that work.
    """
    runs = without_seeds(runs)
    page = Element("html", {"lang": "en"})
    head = SubElement(page, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _add(head, "title", "Latent spaces")
    SubElement(head, "link", {"rel": "icon", "href": "data:,"})
    SubElement(head, "link", {"rel": "stylesheet", "href": STYLE})
    body = SubElement(page, "body")
    header = SubElement(body, "header")
    _add(header, "h1", "Latent spaces")
    _add(header, "p", _count(len(runs), "run") + ", best manifold score first")
    main = SubElement(body, "main")
    if not pages_built:
        _add(main, "p", NOT_BUILT, role="alert")
    if not runs:
        nothing = _add(main, "p", "There are no runs in the artifacts folder yet. Make one with: ")
        _add(nothing, "code", "grounding run --config 4")
    for run in runs:
        main.append(_card(run))
    footer = SubElement(body, "footer")
    if skipped:
        _add(footer, "p", f"Skipped {_count(len(skipped), 'file')}: {', '.join(skipped)}")
    _add(footer, "p", f"grounding {grounding.__version__}")
    text = "<!doctype html>\n" + tostring(page, encoding="unicode", method="html") + "\n"
    return text.encode("utf-8", "replace")


def viewer_link(points: Output) -> str:
    """The viewer's address for a points file, relative to the index."""
    return f"{VIEWER}?data={_parameter(points.path)}"


def playground_link(run: RunOutputs, assets: Output) -> str | None:
    """The playground's address for an assets file; None while a model is missing."""
    if run.encoder is None or run.decoder is None:
        return None
    models = f"encoder={_parameter(run.encoder)}&decoder={_parameter(run.decoder)}"
    return f"{PLAYGROUND}?assets={_parameter(assets.path)}&{models}"


def _card(run: RunOutputs) -> Element:
    card = Element("article")
    _add(card, "h2", run.experiment)
    facts = _facts(run)
    if facts:
        _add(card, "p", ", ".join(facts), **{"class": "facts"})
    sets = run.outputs["points"] or run.outputs["assets"]
    if sets and sets[0].cloud:
        card.append(_picture(run, sets[0]))
    card.append(_scores(run))
    if run.strangers:
        names = " and ".join(path.name for path in run.strangers)
        reference = next(iter(run.checkpoints)).name
        commands = " and ".join(dict.fromkeys(map(run.command_for, run.strangers)))
        _add(
            card,
            "p",
            f"Made from another checkpoint than {reference}: {names}. Make them again with "
            f"{commands}.",
            **{"class": "note"},
        )
    _add_links(card, run)
    return card


def _picture(run: RunOutputs, output: Output) -> Element:
    assert output.cloud is not None
    cloud = output.cloud
    shown, classes = len(cloud.points), len(set(cloud.labels.tolist()))
    figure = Element("figure")
    what = f"Latent points of {run.experiment} in {_count(classes, 'class', 'classes')}"
    figure.append(scatter(cloud.points, cloud.labels, what))
    drawn = f"{shown:,} of " if shown < cloud.count else ""
    of_split = f" of the {output.split} split" if output.split else ""
    _add(figure, "figcaption", f"{drawn}{_count(cloud.count, 'point')}{of_split}")
    return figure


def _scores(run: RunOutputs) -> Element:
    """Names and values of what was measured."""
    metrics = _table(
        run.outputs["manifold"][0].values["metrics"] if run.outputs["manifold"] else {}
    )
    rows = [("manifold score", f"{run.score:.1f} of 100")] if run.score is not None else []
    if "knn_test_accuracy" not in metrics and run.outputs["analysis"]:
        metrics = {"knn_test_accuracy": run.outputs["analysis"][0].values["knn_accuracy"]}
    for key, title in SCORES.items():
        if key in metrics:
            value = number(metrics[key])
            rows.append((title, "undefined" if value is None else f"{value:.4f}"))
    rows += _probes(run) + _over_seeds(run)
    scores = Element("dl")
    for title, text in rows or [("scores", "not measured yet")]:
        row = SubElement(scores, "div")
        _add(row, "dt", title)
        _add(row, "dd", text)
    return scores


def _probes(run: RunOutputs) -> list[tuple[str, str]]:
    probes = _table(run.outputs["probes"][0].values["probes"]) if run.outputs["probes"] else {}
    values = {title: number(probes.get(key)) for key, title in PROBES.items()}
    return [(title, f"{value:.4f}") for title, value in values.items() if value is not None]


def _over_seeds(run: RunOutputs) -> list[tuple[str, str]]:
    """Mean and standard deviation over several seeds of what is summed up."""
    rows = []
    for output in run.outputs["seeds"][:1]:
        seeds = output.values["seeds"]
        count = _count(len(seeds) if isinstance(seeds, list) else 0, "seed")
        for key, title in OVER_SEEDS.items():
            found = _table(_table(output.values["summary"]).get(key))
            digits = 1 if key == "manifold_score" else 4
            mean, deviation = number(found.get("mean")), number(found.get("standard_deviation"))
            if mean is not None:
                spread = "" if deviation is None else f" ± {deviation:.{digits}f}"
                rows.append((f"{title}, {count}", f"{mean:.{digits}f}{spread}"))
    return rows


def _facts(run: RunOutputs) -> list[str]:
    """How the run was trained, in a few words each."""
    every = [output for outputs in run.outputs.values() for output in outputs]
    config: dict[str, Any] = next(
        (o.values["config"] for o in every if _is_config(o.values.get("config"))), {}
    )
    facts = []
    architecture = config.get("model", {}).get("architecture")
    if isinstance(architecture, str):
        facts.append(architecture)
    for value, one in (
        (config.get("data", {}).get("train_samples"), "training image"),
        (config.get("training", {}).get("epochs"), "epoch"),
        *((o.values.get("total_parameters"), "parameter") for o in run.outputs["analysis"][:1]),
    ):
        if (count := number(value)) is not None:
            facts.append(_count(round(count), one))
    return facts


def _add_links(card: Element, run: RunOutputs) -> None:
    links = SubElement(card, "ul", {"class": "links"})
    addresses = [(f"Viewer: {_contents(o)}", viewer_link(o)) for o in run.outputs["points"]]
    addresses += [
        (f"Playground: {_contents(o)}", address)
        for o in run.outputs["assets"]
        if (address := playground_link(run, o))
    ]
    addresses += [("Report", _address(o.report or o.path)) for o in run.outputs["analysis"][:1]]
    addresses += [("Metrics", _address(o.path)) for o in run.outputs["manifold"][:1]]
    addresses += [("Probes", _address(o.path)) for o in run.outputs["probes"][:1]]
    addresses += [("Seeds", _address(o.path)) for o in run.outputs["seeds"][:1]]
    for title, address in addresses:
        _add(SubElement(links, "li"), "a", title, href=address)
    if [kind for kind, outputs in run.outputs.items() if outputs] == ["seeds"]:
        return  # seeds are measured without pages
    if not run.outputs["points"]:
        _add(links, "li", "No viewer: latent points are missing (grounding points --config ...)")
    if not run.outputs["assets"] or run.encoder is None or run.decoder is None:
        _add(
            links,
            "li",
            "No playground: it needs encoder, decoder and interactive assets "
            "(grounding export --config ...)",
        )


def _contents(output: Output) -> str:
    count = _count(output.cloud.count, "point") if output.cloud else ""
    return ", ".join(part for part in (output.split, count) if part)


def _address(path: Path) -> str:
    """A file's address, relative to the index."""
    return f"{ARTIFACTS}/{quote_from_bytes(os.fsencode(path.name))}"


def _parameter(path: Path) -> str:
    """A file's address, relative to the pages, as the value of a query parameter."""
    return quote(f"../{_address(path)}")


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_config(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(section, dict) for section in value.values())


def _count(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    element.text = text
    return element
