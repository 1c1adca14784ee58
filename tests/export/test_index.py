import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import pytest

from grounding.export.index import index_page
from grounding.export.outputs import find_runs

EVIL = """<script>alert(1)</script>"><img src=x onerror='alert(2)'>&amp;"""
POINTS = {"split": "test", "points": [[0, 0, 0], [1, 2, 3]], "labels": [0, 13]}
ASSETS = {"split": "val", "reference_points": [[0, 0, 0]], "reference_labels": [0]}


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [attributes["href"] or "" for tag, attributes in self.tags if tag == "a"]


def page_of(folder: Path, *, pages_built: bool = True) -> Page:
    return Page(index_page(*find_runs(folder), pages_built=pages_built))


def put(folder: Path, name: str, experiment: str, **values: Any) -> None:
    text = json.dumps({"experiment": experiment, **values})
    (folder / name).write_text(text, encoding="utf-8")


def put_models(folder: Path, experiment: str) -> None:
    for half in ("encoder", "decoder"):
        (folder / f"{experiment}_{half}.onnx").write_bytes(b"")


def resolved(link: str, parameter: str) -> str:
    """What a page at a link makes of a parameter, on a server under a path of its own."""
    base = urljoin("http://host/some/where/", link)
    return unquote(urlsplit(urljoin(base, parse_qs(urlsplit(base).query)[parameter][0])).path)


def test_links_lead_to_the_pages_with_their_files(tmp_path: Path) -> None:
    put(tmp_path, "p.json", "a", **POINTS)
    put(tmp_path, "q.json", "a", **ASSETS)
    put_models(tmp_path, "a")
    viewer, playground = page_of(tmp_path).links()
    assert viewer.startswith("grounding/latent_space_viewer.html?")
    assert resolved(viewer, "data") == "/some/where/artifacts/p.json"
    assert playground.startswith("grounding/interactive_latent_playground.html?")
    assert resolved(playground, "assets") == "/some/where/artifacts/q.json"
    assert resolved(playground, "encoder") == "/some/where/artifacts/a_encoder.onnx"
    assert resolved(playground, "decoder") == "/some/where/artifacts/a_decoder.onnx"


@pytest.mark.parametrize("name", ["a b&c=d#e?f+g%41.json", "é\u202e.json", "'\"<>.json", "..json"])
def test_links_survive_any_file_name(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "a", **POINTS)
    if name.startswith("."):
        assert page_of(tmp_path).links() == []
        return
    (viewer,) = page_of(tmp_path).links()
    assert resolved(viewer, "data") == f"/some/where/artifacts/{name}"


def test_file_names_that_are_no_text_are_shown_somehow(tmp_path: Path) -> None:
    (tmp_path / "\udcff.json").write_text("{}")
    assert "Skipped 1 file" in page_of(tmp_path).text


def test_text_of_others_makes_no_elements(tmp_path: Path) -> None:
    name = EVIL.replace("/", "")
    put(
        tmp_path,
        "p.json",
        EVIL,
        **POINTS | {"split": EVIL},
        config={"model": {"architecture": EVIL}},
    )
    put(tmp_path, "m.json", EVIL, manifold_score=EVIL, metrics={"silhouette": EVIL, EVIL: 1})
    put(tmp_path, f"{name}.json", "")
    page = page_of(tmp_path)
    assert page.text.count(EVIL) == 4  # heading, architecture, caption, link
    assert f"{name}.json (no experiment)" in page.text
    assert not {tag for tag, _ in page.tags} & {"script", "style", "img", "iframe", "base"}
    names = {attribute for _, attributes in page.tags for attribute in attributes}
    assert not {n for n in names if n.startswith("on") or n == "style"}


def test_scores_and_facts_are_shown(tmp_path: Path) -> None:
    put(
        tmp_path,
        "m.json",
        "a",
        manifold_score=67.25,
        metrics={"knn_test_accuracy": 0.97264, "silhouette": None, "fisher_ratio": float("inf")},
        config={
            "model": {"architecture": "naive_conv"},
            "data": {"train_samples": 55000},
            "training": {"epochs": 1},
        },
    )
    text = page_of(tmp_path).text
    assert "naive_conv, 55,000 training images, 1 epoch" in text
    assert "67.2 of 100" in text
    assert "kNN accuracy0.9726" in text
    assert "silhouetteundefined" in text
    assert "Fisher ratioundefined" in text


@pytest.mark.parametrize(
    "config", [3, [], {"model": 3}, {"model": {}}, {"data": {"train_samples": "x"}}]
)
def test_a_foreign_config_only_leaves_facts_out(tmp_path: Path, config: Any) -> None:
    put(tmp_path, "m.json", "a", manifold_score=1, metrics=[], config=config)
    assert "1.0 of 100" in page_of(tmp_path).text


def test_knn_accuracy_comes_from_the_analysis_if_need_be(tmp_path: Path) -> None:
    put(tmp_path, "x.json", "a", knn_accuracy=0.5, classes=[], total_parameters=1234)
    page = page_of(tmp_path)
    assert "kNN accuracy0.5000" in page.text
    assert "1,234 parameters" in page.text
    assert page.links() == ["artifacts/x.json"]


def test_what_is_missing_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    put(tmp_path, "q.json", "a", **ASSETS)
    page = page_of(tmp_path)
    assert page.links() == []
    assert "grounding export --config" in page.text
    assert "grounding points --config" in page.text
    assert "1 point of the val split" in page.text


def test_an_empty_folder_says_what_to_type(tmp_path: Path) -> None:
    assert "grounding run --config 4" in page_of(tmp_path).text


def test_pages_that_are_not_built_are_announced(tmp_path: Path) -> None:
    assert "install Node 20" in page_of(tmp_path, pages_built=False).text
    assert "Node" not in page_of(tmp_path).text


def test_the_picture_is_drawn_class_by_class_and_described(tmp_path: Path) -> None:
    put(tmp_path, "p.json", "a", **POINTS)
    page = page_of(tmp_path)
    paths = [a for tag, a in page.tags if tag == "path"]
    assert [a["class"] for a in paths] == ["c0", "c3"]  # labels 0 and 13
    assert all(re.fullmatch(r"M\d+ \d+h0", a["d"] or "") for a in paths)
    (svg,) = [a for tag, a in page.tags if tag == "svg"]
    assert svg["role"] == "img"
    assert svg["aria-label"] == "Latent points of a in 2 classes"


def test_everything_comes_from_the_page_s_own_server(tmp_path: Path) -> None:
    put(tmp_path, "p.json", "a", **POINTS)
    page = page_of(tmp_path)
    for _, attributes in page.tags:
        for name in ("href", "src"):
            link = attributes.get(name) or ""
            assert urlsplit(link).netloc == ""
            assert not link.startswith("/")


def test_seeds_are_one_card_with_mean_and_deviation(tmp_path: Path) -> None:
    spread = {"mean": 0.95, "standard_deviation": 0.004}
    summary = {
        "knn_accuracy": spread,
        "manifold_score": {"mean": 71.26},
        "linear_probe_accuracy": 3,
    }
    put(tmp_path, "a_seeds.json", "a", seeds=[0, 1], summary=summary)
    for seed in (0, 1):
        put(tmp_path, f"{seed}.json", f"a_seed{seed}", knn_accuracy=0.5, classes=[])
    page = page_of(tmp_path)
    assert "1 run," in page.text
    assert "kNN accuracy, 2 seeds0.9500 ± 0.0040" in page.text
    assert "manifold score, 2 seeds71.3" in page.text
    assert "linear probe" not in page.text
    assert "a_seed0" not in page.text
    assert "No viewer" not in page.text
    assert page.links() == ["artifacts/a_seeds.json"]


def test_probes_are_among_the_scores(tmp_path: Path) -> None:
    probes = {"linear_probe_accuracy": 0.875, "regrounding_drift": None}
    put(tmp_path, "a.json", "a", probe_settings={}, probes=probes)
    page = page_of(tmp_path)
    assert "linear probe0.8750" in page.text
    assert "drift" not in page.text
    assert "artifacts/a.json" in page.links()
