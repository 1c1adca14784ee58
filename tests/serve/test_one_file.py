import base64
import gzip
import json
import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from folders import put, whole_run

from grounding._errors import UserError
from grounding.serve.one_file import RUNTIME, one_file

PAGE = """<!doctype html><html lang="en"><head><title>x</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-OWN'">
</head><body><script type="module">page()</script></body></html>"""
SCRIPT = "give()"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """What is built for the pages, as far as one file needs it."""
    built = tmp_path / "pages" / "web" / "dist"
    built.mkdir(parents=True)
    for page in ("viewer", "playground"):
        (built / f"notebook_{page}.html").write_text(PAGE)
    (built / "notebook_one_file.js").write_text(f"{SCRIPT}\n")
    (built / RUNTIME).write_bytes(gzip.compress(b"\0asm"))
    return tmp_path / "pages"


def blocks(text: str) -> dict[str, bytes]:
    """The files that a page holds."""
    found = re.findall(r'data-file="([^"]+)"( data-packed)?>([^<]*)</script>', text)
    raw = {name: (packed, base64.b64decode(data)) for name, packed, data in found}
    return {name: gzip.decompress(data) if packed else data for name, (packed, data) in raw.items()}


def test_a_page_holds_what_it_needs_and_runs_nothing_else(tmp_path: Path, pages: Path) -> None:
    whole_run(tmp_path / "runs")
    path = tmp_path / "deep" / "a b.html"
    (line,) = one_file(path, tmp_path / "runs", "a", pages=pages)
    text = path.read_text()
    assert f"the playground of a: one file, {len(text) / 1e6:.1f} MB" in line
    files = blocks(text)
    arrays = (tmp_path / "runs" / "a_assets.safetensors").read_bytes()
    assert files["a_assets.safetensors"] == arrays
    assert files["a_encoder.onnx"] == b"encoder"
    assert gzip.decompress(files[RUNTIME]) == b"\0asm"
    assert json.loads(files["a_assets.json"])["arrays"]["file"] == "a_assets.safetensors"
    (search,) = re.findall(r'data-search="([^"]*)"', text)
    assert parse_qs(search.replace("&amp;", "&")) == {
        "assets": ["a_assets.json"],
        "encoder": ["a_encoder.onnx"],
        "decoder": ["a_decoder.onnx"],
    }
    digest = base64.b64encode(sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' 'sha256-OWN'" in text
    assert text.index("Content-Security-Policy") < text.index(f"<script>{SCRIPT}</script>")
    assert text.index(f"<script>{SCRIPT}</script>") < text.index("page()")
    viewer = tmp_path / "v.html"
    one_file(viewer, tmp_path / "runs", "a", "viewer", pages=pages)
    names = {"a_points.json", "a_points.safetensors", "a_points_thumbnails.safetensors"}
    assert set(blocks(viewer.read_text())) == names


def test_what_cannot_be_published_is_said_and_nothing_is_lost(tmp_path: Path, pages: Path) -> None:
    run = whole_run(tmp_path / "runs")
    path = tmp_path / "x.html"
    path.write_text("mine")

    def refused(match: str, name: str = "a", page: str = "auto", force: bool = False) -> None:
        with pytest.raises(UserError, match=match):
            one_file(path, tmp_path / "runs", name, page, force=force, pages=pages)
        assert path.read_text() == "mine"

    refused(r"x\.html is there; .* --force")
    refused("no run is called b; there are: a", "b")
    (run.path.parent / "a_assets.safetensors").write_bytes(b"?")
    refused("nothing was published: a: a_assets.safetensors is damaged", force=True)
    (pages / "web" / "dist" / "notebook_viewer.html").unlink()
    refused("The pages are not built", page="viewer", force=True)


@pytest.mark.parametrize("start", ["[1]", '{"a": 1}', '{"arrays": ', '{"arrays": ' + "[" * 99_999])
def test_of_a_json_file_no_more_than_its_beginning_is_parsed(
    tmp_path: Path, pages: Path, start: str
) -> None:
    """120 MB of a stranger's JSON would take gigabytes."""
    run = whole_run(tmp_path / "runs")
    parts = {
        name: (tmp_path / "runs" / name).read_bytes()
        for name in run.artifacts["a_assets.json"].files
    }
    put(run, "assets", {**parts, "a_assets.json": start.encode() + b"[" * 99_999})
    with pytest.raises(
        UserError, match=r"^a_assets\.json does not begin with the names of its arra"
    ):
        one_file(tmp_path / "x.html", tmp_path / "runs", "a", pages=pages)
    put(run, "assets", {**parts, "a_assets.json": b'{"arrays": {"file": "a"}, ' + b"[" * 99_999})
    one_file(tmp_path / "x.html", tmp_path / "runs", "a", pages=pages)
