"""The report of a run: one file that stands alone, and says what the run itself says."""

import io
import re
from base64 import b64decode
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from conftest import inside
from folders import new_run, put
from PIL import Image
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier

import grounding
from grounding.cli import main
from grounding.serve.index import find_runs, index_page
from grounding.studies.report import _dynamics


class Page(HTMLParser):
    """Headings, text of cells and code, pictures and addresses of a report."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.cells, self.code, self.images, self.addresses = [], [], [], [], []
        self.tags, self._in = set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.add(tag)
        self._in = tag
        self.addresses += [values[key] for key in ("src", "href") if key in values]
        if tag == "img":
            self.images.append(values)
        for name, kept in (("h2", self.headings), ("td", self.cells), ("pre", self.code)):
            if tag == name:
                kept.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        for name, kept in (("h2", self.headings), ("td", self.cells), ("pre", self.code)):
            if self._in == name:
                kept[-1] += data


def report(special, name):
    """The run, its report as a page, and the HTML itself."""
    made = special(name)
    with inside(made.folder):
        assert main("report", ["--config", name]) == 0
    text = (made.folder / f"artifacts/{name}_report.html").read_text(encoding="utf-8")
    return made, Page(text), text


@pytest.fixture(scope="module")
def letters(special):
    return report(special, "letters")


def test_it_stands_alone_and_every_picture_is_one(letters):
    _, page, text = letters
    assert "script" not in page.tags
    assert all(re.match(r"data:|#\d+$", address) for address in page.addresses)
    assert "default-src 'none'" in text
    assert len(page.images) >= 8
    for image in page.images:
        assert image["alt"]
        kind, data = image["src"].split(";base64,")
        if kind == "data:image/png":
            assert Image.open(io.BytesIO(b64decode(data))).size[0] >= 28
        else:
            assert ElementTree.fromstring(b64decode(data)).tag.endswith("svg")


def test_its_numbers_are_those_of_the_profile_beside_controls(letters):
    made, page, _ = letters
    profile = made.made("profile.json")["profile"]
    row = page.cells.index("kNN, k = 1")
    assert page.cells[row + 1] == f"{profile['knn_1_accuracy']['value']:.4f}"
    run = made.run
    train, test = (run.images(s).reshape(len(run.images(s)), -1) / 255.0 for s in ("train", "test"))
    pixels = KNeighborsClassifier(1).fit(train, run.labels("train"))
    assert f"{pixels.score(test, run.labels('test')):.4f}" in page.cells[row + 2 : row + 10]


def test_its_config_trains_the_same_model_again(letters, tmp_path):
    made, page, _ = letters
    command, config = page.code
    assert command.splitlines()[0] == "grounding run --config letters.yaml"
    (tmp_path / "letters.yaml").write_text(config, encoding="utf-8")
    with inside(tmp_path):
        assert grounding.load_config("letters.yaml").as_dict() == made.run.experiment.as_dict()


def test_confusion_is_that_of_another_library(letters):
    made, *_ = letters
    run = made.run
    with inside(made.folder):
        drawn = grounding.figures(run)
    assert set(drawn) >= {"curves", "confusion", "retention", "spectrum"}
    found = grounding.metrics.nearest(run.latents(), run.latents("train"), 5).indices
    taken = grounding.metrics.knn_predict(run.labels("train")[found])
    expected = confusion_matrix(run.labels("test"), taken)
    svg = ElementTree.fromstring(drawn["confusion"]["svg"])
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    cells = texts[2 * (26 + 1) :]  # after the classes and the name of each axis
    assert [int(one) for one in cells] == expected[expected > 0].tolist()


def test_what_cannot_be_shown_is_said(special):
    _, page, text = report(special, "encoder_only")
    assert "no objective has trained the decoder" in text
    assert "Latent traversals" not in page.headings
    assert "Attractors and flow" not in page.headings
    _, page, text = report(special, "unlabelled")
    assert "There are no labels" in text
    assert "colours are classes" not in text
    assert {"Profile", "Reconstructions", "Latent traversals", "Map"} <= set(page.headings)
    _, page, text = report(special, "one_class")
    assert "the training images are of one class only" in text
    assert {"Profile", "Reconstructions", "Nearest neighbours", "Map"} <= set(page.headings)
    _, page, text = report(special, "line")
    assert "80 of 80 test latents, seen from the side" in text  # UMAP had no part in it
    _, page, _ = report(special, "colour")
    assert any("image/png" in image["src"] for image in page.images)


def test_it_is_made_once_verified_and_linked(letters, capsys):
    made, *_ = letters
    with inside(made.folder):
        before = (made.folder / "artifacts/letters_report.html").stat().st_mtime_ns
        assert grounding.report(made.run).name == "letters_report.html"
        assert (made.folder / "artifacts/letters_report.html").stat().st_mtime_ns == before
        own = grounding.report(made.run, "own.html")
        assert own.read_bytes() == (made.folder / "artifacts/letters_report.html").read_bytes()
        capsys.readouterr()
        assert main("verify", ["artifacts/letters_report.html"]) == 0
        assert "ok" in capsys.readouterr().out
        runs, _ = find_runs(made.folder / "artifacts")
        page = index_page(runs, made.folder / "artifacts").decode()
    assert re.search('letters_report.html">Report<', page)


@pytest.mark.parametrize("content", [b"{}", b"[1]", b"[" * 99_999, b'{"images": "x", "steps": 1}'])
def test_dynamics_of_another_form_are_one_line_with_what_makes_them_again(tmp_path, content):
    path = tmp_path / "a_dynamics.json"
    run = put(new_run(tmp_path, "a"), "dynamics", {path.name: content})
    with pytest.raises(grounding.UserError, match=r"grounding dynamics --config a$"):
        _dynamics(SimpleNamespace(manifest=run, name="a"), path)
