import os
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import pytest
from folders import new_run, put, put_points, score, whole_run

from grounding.export.picture import PICTURED_POINTS
from grounding.runs.manifest import sealed_json
from grounding.serve import index, layout
from grounding.serve.index import find_runs, index_page, without_seeds

EVIL = """<script>alert(1)</script>"><img src=x onerror='alert(2)'>&amp;"""
POINTS = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]


class Page(HTMLParser):
    """Tags with their attributes, text and links of the index of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        runs, problems = find_runs(folder)
        self.feed(index_page(without_seeds(runs), folder, problems).decode())
        links = [attributes for tag, attributes in self.tags if tag == "a"]
        self.links = [link["href"] for link in links if "class" not in link]
        self.pictures = [link["href"] for link in links if link.get("class") == "opens"]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_whole_run_has_all_links_and_says_what_was_measured(tmp_path: Path) -> None:
    whole_run(tmp_path)
    page = Page(tmp_path)
    playground, viewer, report, metrics = page.links
    assert page.pictures == [playground]
    assert viewer == f"{layout.VIEWER}?data=../artifacts/a_points.json"
    models = "&encoder=../artifacts/a_encoder.onnx&decoder=../artifacts/a_decoder.onnx"
    assert playground == f"{layout.PLAYGROUND}?assets=../artifacts/a_assets.json{models}"
    assert (report, metrics) == ("artifacts/a_analysis.txt", "artifacts/a_metrics.json")
    # In the order of their places, each title once, and only what is meant for the index.
    scores = re.findall(r"\n((?:RankMe|silhouette|kNN accuracy|hidden).*)", page.text)
    assert scores == ["kNN accuracy0.9726", "silhouetteundefined", "RankMe18.2 of 32"]
    assert "naive_conv, 55,000 training images, 1 epoch, 1,234 parameters" in page.text
    for said in ("Viewer: test, 2 points\n", "Playground: val, 1 point\n", "of the test split"):
        assert said in page.text
    assert "make it again" not in page.text
    assert "Latent points of a in 2 classes" in [a.get("aria-label") for _, a in page.tags]
    # Everything comes from the page's own server, under whatever path that lies.
    for link in (a[key] for _, a in page.tags for key in ("href", "src") if key in a):
        assert not link.startswith("/")
        assert urlsplit(link).netloc == ""


def test_two_ticked_runs_are_compared_by_a_form_that_the_policy_lets_send(tmp_path: Path) -> None:
    run = put_points(new_run(tmp_path, "a b"), "points", "a b.json", "test", points=POINTS)
    put_points(run, "points", "val.json", "val", points=POINTS)
    assert "form" not in [tag for tag, _ in Page(tmp_path).tags]  # of one run there is no pair
    put_points(new_run(tmp_path, "c"), "points", "c.json", "test", points=POINTS)
    tags = Page(tmp_path).tags
    (form,) = [attributes for tag, attributes in tags if tag == "form"]
    boxes = [attributes for _, attributes in tags if attributes.get("type") == "checkbox"]
    assert form["action"] == layout.VIEWER
    # From where the viewer lies, and one of each run: that of the test split.
    assert [(box["form"], box["name"], box["value"]) for box in boxes] == [
        (form["id"], "data", "../artifacts/a%20b.json"),
        (form["id"], "data", "../artifacts/c.json"),
    ]
    assert [box["aria-label"] for box in boxes] == ["Compare a b", "Compare c"]
    assert "form-action 'self'" in layout.POLICY


def test_all_pages_have_one_policy(tmp_path: Path) -> None:
    assert layout.POLICY in [attributes.get("content") for _, attributes in Page(tmp_path).tags]
    for page in (layout.VIEWER, layout.PLAYGROUND):
        html = (layout.PAGES / Path(page).name).read_text(encoding="utf-8")
        assert f'content="{layout.POLICY}"' in html.partition("<script")[0]


def test_a_large_cloud_is_thinned_evenly_and_needs_no_labels(tmp_path: Path) -> None:
    points = [[i, 0, 0] for i in range(2 * PICTURED_POINTS + 1)]
    put_points(new_run(tmp_path, "a"), "points", "p.json", points=points)
    page = Page(tmp_path)
    (path,) = [attributes for tag, attributes in page.tags if tag == "path"]
    assert (path["class"], path["d"].count("M")) == ("c0", 1001)
    assert "1,001 of 3,001 points" in page.text


def test_best_score_first_then_by_name_and_the_test_split_first(tmp_path: Path) -> None:
    for name, value in (("low", 10.0), ("high", 90.5), ("z", None), ("y", "?"), ("same", 10)):
        results = {"knn_accuracy": {"value": value}}
        put(new_run(tmp_path, name), "analysis", {f"{name}.json": b"{}"}, results)
    assert [run.name for run in find_runs(tmp_path)[0]] == ["high", "low", "same", "y", "z"]
    run = new_run(tmp_path / "splits", "a")
    for split in ("train", "val", "test"):
        run = put_points(run, "points", f"{split}.json", split, points=POINTS)
    splits = [link.rpartition("/")[2] for link in Page(tmp_path / "splits").links]
    assert splits == ["test.json", "train.json", "val.json"]


def test_runs_of_one_data_set_stand_together_with_what_they_can_be_sorted_by(
    tmp_path: Path,
) -> None:
    for name, source in (("a", "MNIST"), ("b", "Fashion"), ("c", "MNIST")):
        run = replace(new_run(tmp_path, name), data={"source": source})
        knn, loss = score(0.5, "kNN", better="higher"), score(2, "loss", better="lower")
        results = {"knn": knn, "loss": loss, "none": score(None, "x", better="lower")}
        put(run, "analysis", {f"{name}.json": b"{}"}, results)
    page = Page(tmp_path)
    assert [a["aria-label"] for tag, a in page.tags if tag == "section"] == ["MNIST", "Fashion"]
    keys = ("data-title", "data-value", "data-better")
    rows = {tuple(a[key] for key in keys) for _, a in page.tags if "data-value" in a}
    assert rows == {("kNN", "0.5", "higher"), ("loss", "2.0", "lower")}
    assert [tag for tag, _ in page.tags].count("option") == 3
    single = Page(whole_run(tmp_path / "single").path.parent)
    assert "select" not in {tag for tag, _ in single.tags}


@pytest.mark.parametrize("name", ["a b&c=d#e?f+g%41", "é\u202e", "'\"<>", "s/x", "\udcff"])
def test_links_survive_any_file_name(tmp_path: Path, name: str) -> None:
    put_points(new_run(tmp_path, "a"), "points", f"{name}.json", points=POINTS)
    (viewer,) = Page(tmp_path).links
    ((data,),) = parse_qs(urlsplit(urljoin("http://host/some/where/", viewer)).query).values()
    found = unquote(urlsplit(urljoin(f"http://host/{layout.VIEWER}", data)).path)
    assert found == f"/artifacts/{os.fsencode(name).decode(errors='replace')}.json"


def test_text_of_others_makes_no_elements(tmp_path: Path) -> None:
    run = replace(new_run(tmp_path, "a", {"model": {"architecture": EVIL}}), name=EVIL)
    run = put_points(run, "points", "p.json", EVIL, points=POINTS)
    put(run, EVIL, {"x.json": b"{}"}, {EVIL: score(0.5, EVIL), "b": {"value": EVIL}})
    (tmp_path / f"{EVIL.replace('/', '')}.run.json").write_text("{}")
    page = Page(tmp_path)
    assert page.text.count(EVIL) == 6  # heading, architecture, caption, score, two links
    assert f"grounding export --config {shlex.quote(EVIL)} (which" in page.text  # to be typed
    assert "Not shown: " in page.text
    assert not {tag for tag, _ in page.tags} & {"style", "img", "iframe", "base"}
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "module", "src": layout.SCRIPT}]
    names = {attribute for _, attributes in page.tags for attribute in attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}


@pytest.mark.parametrize("config", [{"model": 3}, {"data": {"train_samples": "x"}, "training": []}])
def test_odd_configs_and_results_do_no_harm(tmp_path: Path, config: Any) -> None:
    results = {"a": [], "b": 3, "c": score(1, "RankMe", digits=1), "d": {"tables": "x"}}
    run = put(new_run(tmp_path, "a", config), "manifold", {"m.json": b"{}"}, results)
    assert "RankMe1.0" in Page(tmp_path).text
    for odd in (score("text", "t"), score([1], "t"), score(10**400, "t"), score(1, "t", digits=-7)):
        put(run, "analysis", {"x.json": b"{}"}, {"odd": odd})
        assert "a.run.json has results that are none of this version" in Page(tmp_path).text
    put(run, "seeds", {"s.json": b"{}"}, seeds=3, runs=3)
    assert len(Page(tmp_path).links) == 2


def test_what_is_missing_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    assert layout.NOT_BUILT.encode() in index_page([], tmp_path, trouble=layout.NOT_BUILT)
    for folder in (tmp_path, tmp_path / "missing"):
        assert "grounding run --config 7" in Page(folder).text
    put_points(new_run(tmp_path, "a"), "assets", "q.json", "val", reference_points=POINTS)
    page = Page(tmp_path)
    assert page.links == []
    for said in ("grounding export --config", "grounding points --config", "2 points of the val"):
        assert said in page.text


@pytest.mark.parametrize(
    ("file", "command"),
    [("a_analysis.txt", "run"), ("a_points.safetensors", "run"), ("a_probes.json", "probe")],
)
def test_what_is_damaged_or_stale_is_said(tmp_path: Path, file: str, command: str) -> None:
    put(whole_run(tmp_path), "probes", {"a_probes.json": b"{}"}, checkpoint="00")
    said = "a_probes.json was made from another checkpoint than a_final.pt; make it again with:"
    assert said in Page(tmp_path).text
    assert len(Page(tmp_path).links) == 5
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-1] + b"?")
    for wrong in ("damaged", "missing"):
        page = Page(tmp_path)
        assert f"{file} is {wrong}; make it again with: grounding {command} --config a" in page.text
        assert len(page.links) == 4
        (tmp_path / file).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("points", "labels"), [([], []), (POINTS, [1]), ([[1.0, 2.0]], [0]), ([1.0], [0]), (1.0, 1)]
)
def test_points_that_are_none_are_said(tmp_path: Path, points: Any, labels: Any) -> None:
    run = put_points(new_run(tmp_path, "a"), "points", "p.json", points=points, labels=labels)
    assert "p.safetensors holds no points in three dimensions; exp" in Page(tmp_path).text
    put(run, "points", {"p.json": b"{}", "p.safetensors": b"nothing"})
    assert "p.safetensors is not an arrays file" in Page(tmp_path).text


def test_unreadable_manifests_are_listed_at_the_foot(tmp_path: Path) -> None:
    new_run(tmp_path, "good")
    damaged = new_run(tmp_path, "damaged").path
    damaged.write_bytes(damaged.read_bytes().replace(b"naive", b"nasty"))
    (tmp_path / "none.run.json").write_bytes(sealed_json({"format": 1, "artifacts": {"x": 3}}))
    (tmp_path / "folder.run.json").mkdir()
    (tmp_path / "link.run.json").symlink_to("nothing")
    (tmp_path / ".hidden.run.json").write_text("{}")
    os.mkfifo(tmp_path / "\udcff.run.json")
    page = Page(tmp_path)
    assert "1 run," in page.text
    assert page.text.count("Not shown: ") == 5
    assert "damaged.run.json is damaged" in page.text


def test_studies_are_linked_and_seeds_are_one_card(tmp_path: Path) -> None:
    results = {"a": score(0.95, "kNN accuracy", margin=0.004), "b": score(71.26, "score", 1)}
    files = {"a_seeds.json": b"{}", "a_seeds.csv": b""}
    of = {"seeds": [0, 1], "runs": ["a_seed0.run.json", "a_seed1.run.json"]}
    put(new_run(tmp_path, "a_seeds", {}), "seeds", files, results, **of)
    put(new_run(tmp_path, "comparison", {}), "comparison", {"comparison.json": b"{}"})
    for seed in (0, 1, 2):
        put(new_run(tmp_path, f"a_seed{seed}"), "analysis", {f"{seed}.json": b"{}"})
    page = Page(tmp_path)
    assert "3 runs," in page.text  # seed 2 is not among those summed up
    assert "kNN accuracy, 2 seeds0.9500 ± 0.0040\nscore, 2 seeds71.3\n" in page.text
    assert page.links == [f"artifacts/{name}.json" for name in ("2", "a_seeds", "comparison")]
    assert page.text.count("No viewer") == 1
    whole_run(tmp_path, "a_seed1")  # which has something to look at
    assert "4 runs," in Page(tmp_path).text


def test_nothing_is_hashed_or_drawn_again_that_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = whole_run(tmp_path)
    read: list[str] = []
    hash_of, read_arrays = index.hash_of, index.read_arrays
    monkeypatch.setattr(index, "hash_of", lambda p: read.append(p.name) or hash_of(p))
    monkeypatch.setattr(index, "read_arrays", lambda p, n: read.append(p.name) or read_arrays(p, n))
    first = index_page([run], tmp_path)
    assert len(read) == 14  # twelve files, and the arrays of two of them
    assert index_page([run], tmp_path) == first
    assert len(read) == 14
    os.utime(tmp_path / "a_encoder.onnx", (1, 1))
    index_page([run], tmp_path)
    assert read[14:] == ["a_encoder.onnx"]
