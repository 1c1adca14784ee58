"""What notebooks show of a run and of an evaluation, read as a browser reads it."""

import io
import json
import re
import shutil
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import image_set, inside, own_config
from PIL import Image

import grounding
from grounding.cli import main
from grounding.runs.manifest import sealed_json


class Card(HTMLParser):
    """The text of a card by table cell, and its pictures; fails on what could run or ask."""

    def __init__(self, html):
        super().__init__()
        self.text, self.cells, self.sources, self.open = "", [], [], []
        self.feed(html)
        self.close()
        assert not self.open
        assert all(source.startswith("data:image/") for source in self.sources)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)

    def handle_starttag(self, tag, attributes):
        assert tag in {"div", "img", "strong", "table", "tr", "td", "em"}
        assert {name for name, _ in attributes} <= {"style", "alt", "title", "src"}
        if tag == "img":
            self.sources.append(dict(attributes)["src"])
        else:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data

    @property
    def rows(self):
        return {title: value for title, value, _ in zip(*[iter(self.cells)] * 3, strict=True)}

    def picture(self, kind):
        (found,) = (one for one in self.sources if one.startswith(f"data:image/{kind};base64,"))
        return b64decode(found.partition(",")[2])


@pytest.fixture
def run(special, in_folder):
    shutil.copytree(special("plain").folder, in_folder, dirs_exist_ok=True)
    return grounding.load("plain")


def test_a_card_has_the_numbers_of_the_manifest_each_once(run):
    before = {path: path.read_bytes() for path in Path("artifacts").iterdir()}
    card = Card(run._repr_html_())
    assert {path: path.read_bytes() for path in Path("artifacts").iterdir()} == before
    assert "naive_conv, 4 latent dimensions, trained in" in card.text
    assert "144 training images of 1 x 12 x 12, images" in card.text
    results = {}
    for artifact in run.manifest.artifacts.values():
        results |= artifact.results
    knn, drift = results["knn_accuracy"]["value"], results["regrounding_drift"]
    assert card.rows["kNN accuracy"] == f"{knn:.4f}"
    assert card.rows[drift["title"]] == f"{drift['value']:.{drift['digits']}f}"
    assert [*card.rows].count("kNN accuracy") == len([t for t in card.cells if "kNN acc" in t]) == 1


def test_its_pictures_are_the_points_and_the_reconstructions(run):
    card = Card(run._repr_html_())
    drawing = card.picture("svg+xml").decode()
    assert drawing.count("h0") == len(run.images("test"))
    assert len(set(re.findall(r'stroke="(#\w+)"', drawing))) == 4
    pixels = np.asarray(Image.open(io.BytesIO(card.picture("png"))))
    assert pixels.shape == (24, 12 * 12)
    first = run.images("test")[0]
    assert np.array_equal(pixels[:12, :12], first[0])
    decoded = run.decode(run.encode(first[None]))[0, 0]
    assert np.abs(pixels[12:, :12] - 255 * decoded).max() <= 1


def test_colours_and_other_channels_are_drawn(special):
    colour = special("colour")
    with inside(colour.folder):
        card = Card(colour.run._repr_html_())
    assert Image.open(io.BytesIO(card.picture("png"))).mode == "RGB"


def test_text_of_others_is_text(in_folder):
    image_set(Path("<script>alert(1)</script>"), train=60, test=30)
    config = own_config("odd", data='"<script>alert(1)</script>"')
    run = grounding.train(config, quiet=True)
    card = Card(run._repr_html_())
    assert "<script>alert(1)<" in card.text
    assert card.rows == {}
    assert "nothing is measured yet: run.export()" in card.text


def test_damage_is_a_line_and_another_checkpoints_numbers_are_left_out(run, capsys):
    points = Path("artifacts/plain_test_latent_points.safetensors")
    points.write_bytes(points.read_bytes()[:-1] + b"x")
    card = Card(run._repr_html_())
    assert f"{points} is damaged" in card.text
    assert card.rows
    assert main("train", ["--config", "plain.yaml", "--force", "--set", "training.epochs=1"]) == 0
    assert Card(grounding.load("plain")._repr_html_()).rows == {}
    Path("artifacts/plain.run.json").write_text("{}")
    assert "plain.run.json" in Card(run._repr_html_()).text


def test_results_of_a_strange_shape_do_not_come_into_the_card(run):
    path = Path("artifacts/plain.run.json")
    values = json.loads(path.read_bytes())
    del values["sha256"]
    (results,) = (a["results"] for a in values["artifacts"].values() if a["kind"] == "manifold")
    odd = ({"digits": 10**6}, {"value": 10**4000}, {"value": [1]}, {"title": 3}, {"place": "x"})
    for number, changes in enumerate(odd):
        results[f"odd{number}"] = {**results["silhouette"], "title": f"odd{number}", **changes}
    path.write_bytes(sealed_json(values))
    rows = Card(run._repr_html_()).rows
    assert results["silhouette"]["title"] in rows
    assert not [title for title in rows if "odd" in title]


def test_an_evaluation_has_a_card_too(in_folder):
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(90, 3)), np.arange(90) % 3
    found = grounding.evaluate(z, labels, name="mine")
    card = Card(found._repr_html_())
    assert "90 rows of 3 numbers" in card.text
    assert "18 queries among 72 references, k = 5, euclidean" in card.text
    assert card.rows["kNN accuracy"] == f"{found.values['knn_accuracy']:.4f}"
    assert card.picture("svg+xml").count(b"h0") == 90
    without = grounding.evaluate(z)
    card = Card(without._repr_html_())
    assert card.sources == []
    assert "left out, " in card.text
