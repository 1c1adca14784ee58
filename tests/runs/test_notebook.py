"""The pages as widgets: what a page may ask for, and the selection as a value."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import comm
import numpy as np
import pytest
from conftest import inside

import grounding
from grounding import UserError
from grounding.runs.manifest import read_manifest, write_manifest

pytest.importorskip("anywidget")


class Channel(comm.base_comm.BaseComm):
    """A channel that keeps what the widget sends."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **_):
        json.dumps(data)  # it has to go through as JSON
        self.sent.append((data, [bytes(part) for part in buffers or []]))


@pytest.fixture(autouse=True)
def channels(monkeypatch, tmp_path):
    """Widgets without a front end, and pages that need no Node to be built."""
    monkeypatch.setattr(comm, "create_comm", Channel)
    monkeypatch.setattr("grounding.export.pages.BUILT", tmp_path / "built")
    (tmp_path / "built").mkdir()
    for name in ("notebook_viewer.html", "notebook_playground.html", "notebook.js"):
        (tmp_path / "built" / name).write_text(f"the text of {name}")
    (tmp_path / "built" / "ort-wasm-simd-threaded.wasm.gz").write_bytes(bytes(range(256)) * 9000)


@pytest.fixture
def run(special, in_folder):
    shutil.copytree(special("plain").folder, in_folder, dirs_exist_ok=True)
    return grounding.load("plain")


def said(page, question):
    """What a widget answers to a message of its front end."""
    page.comm.sent.clear()
    data = {"method": "custom", "content": question}
    page.comm.handle_msg({"content": {"data": data}, "buffers": []})
    return [(sent["content"], *parts) for sent, parts in page.comm.sent]


def read(page, file):
    """A file as a page reads it, part by part; or the line with which it is refused."""
    got = b""
    while True:
        ((reply, *parts),) = said(page, {"id": "7", "file": file, "offset": len(got)})
        assert reply["id"] == "7"
        if "error" in reply:
            assert not parts
            return reply["error"]
        got += parts[0]
        if len(got) >= reply["total"]:
            assert len(got) == reply["total"]
            return got


def update(page, **values):
    """What a front end says of its traits."""
    data = {"method": "update", "state": values, "buffer_paths": []}
    page.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_a_page_gets_its_files_and_nothing_else(run, tmp_path):
    page = run.playground()
    files = [f"plain_test_interactive_assets.{kind}" for kind in ("json", "safetensors")]
    files += ["plain_encoder.onnx", "plain_decoder.onnx"]
    files += ["plain_dynamics.json", "plain_dynamics.safetensors"]
    for file in files:
        assert read(page, file) == Path("artifacts", file).read_bytes()
    runtime = read(page, "ort-wasm-simd-threaded.wasm.gz")  # of more than one part
    assert runtime == bytes(range(256)) * 9000
    assert read(page, page._page) == b"the text of notebook_playground.html"
    asked = f"assets={files[0]}&encoder=plain_encoder.onnx&decoder=plain_decoder.onnx"
    assert page._search == f"?{asked}&dynamics=plain_dynamics.json"
    Path("artifacts/secret.json").write_text("{}")
    others = ["plain_final.pt", "plain_test_latent_points.json", "secret.json", "plain.run.json"]
    for other in (*others, f"../artifacts/{files[0]}", str(Path("artifacts", files[0]).resolve())):
        assert read(page, other).startswith(f"this page has no file {other}; it has: ")
    for nonsense in ("file", {"id": "7"}, {"id": "7", "file": 3, "offset": 0}, None):
        assert said(page, nonsense) == []


def test_a_playground_does_not_wait_for_dynamics_that_nobody_has_made(run):
    manifest = read_manifest(Path("artifacts/plain.run.json"))
    del manifest.artifacts["plain_dynamics.json"]
    write_manifest(manifest)
    page = run.playground()
    assert "dynamics" not in page._search
    assert read(page, "plain_dynamics.json").startswith("this page has no file")


def test_what_is_missing_is_made_and_what_is_there_is_kept(run):
    path = Path("artifacts/plain_test_latent_points.json")
    before = path.stat().st_mtime_ns
    run.view()
    assert path.stat().st_mtime_ns == before
    path.unlink()
    assert read(run.view(), path.name) == path.read_bytes()
    assert run.view("train", max_points=20).rows.shape == (20,)
    manifest = run.manifest
    assert manifest.is_intact("plain_train_latent_points.json")


def test_damaged_and_forgotten_files_are_refused(run, in_folder, tmp_path, monkeypatch):
    view = run.view()
    with inside(tmp_path / "elsewhere"):  # where the cell is run later does not matter
        assert isinstance(read(view, "plain_test_latent_points.json"), bytes)
    path = Path("artifacts/plain_test_latent_points.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "plain_test_latent_points.safetensors is damaged" in read(view, path.name)
    manifest = read_manifest(Path("artifacts/plain.run.json"))
    del manifest.artifacts["plain_test_latent_points.json"]
    write_manifest(manifest)
    assert "has no file plain_test_latent_points.json any more" in read(
        view, "plain_test_latent_points.json"
    )
    manifest.path.unlink()
    assert "No such file" in read(view, "plain_test_latent_points.json")


def test_the_selection_goes_both_ways_in_rows_of_the_split(run):
    view = run.view(max_points=30)
    assert len(view.rows) == 30 < len(run.images("test"))
    assert view.selected.tolist() == []
    seen = []
    view.observe(lambda change: seen.append(change.new.tolist()), "selected")

    update(view, selected=[2, 0])  # a page counts the points that it draws
    assert seen == [view.rows[[0, 2]].tolist()] == [view.selected.tolist()]
    assert np.array_equal(view.selected_images(), run.images("test")[view.selected])

    view.comm.sent.clear()
    view.selected = view.rows[[29, 4, 4]].tolist()
    assert view.comm.sent[0][0]["state"] == {"selected": [4, 29]}
    assert seen[-1] == view.selected.tolist() == view.rows[[4, 29]].tolist()
    with pytest.raises(ValueError, match="read-only"):
        view.selected[0] = 3

    view.selected = []
    assert view.comm.sent[-1][0]["state"] == {"selected": []}
    assert view.selected_images().shape == (0, 1, 12, 12)
    missing = np.setdiff1d(np.arange(80), view.rows)
    told = rf"50 .* not drawn, {missing[0]} is the first; .*max_points=0\) draws all of"
    with pytest.raises(UserError, match=told):
        view.selected = np.arange(80)
    with pytest.raises(UserError, match="of type bool; expected whole numbers"):
        view.selected = np.ones(30, bool)
    assert view.selected.tolist() == []


def test_an_evaluation_has_the_viewer_too(in_folder):
    rng = np.random.default_rng(0)
    z, images = rng.normal(size=(60, 3)), rng.integers(0, 255, (60, 4, 6), dtype=np.uint8)
    view = grounding.evaluate(z, images=images, name="mine").view(height=500)
    assert view.height == 500
    assert read(view, "mine_latent_points.json").startswith(b'{"arrays"')
    view.selected = [5, 59]
    assert np.array_equal(view.selected_images()[:, 0], images[[5, 59]])
    with pytest.raises(UserError, match="nothing was written"):
        grounding.evaluate(z).view()
    without = grounding.evaluate(z, name="without").view()
    with pytest.raises(UserError, match=r"so no images; .* images="):
        without.selected_images()


def test_a_run_without_a_trained_decoder_has_no_playground(special):
    encoder_only = special("encoder_only")
    with inside(encoder_only.folder):
        assert encoder_only.run.view().rows.size
        with pytest.raises(UserError, match="no objective has trained the decoder"):
            encoder_only.run.playground()


def test_what_is_missing_is_named(run, monkeypatch, tmp_path):
    (tmp_path / "built" / "notebook.js").unlink()
    with pytest.raises(UserError, match="pages are not built: install Node 20"):
        run.view()
    monkeypatch.delitem(sys.modules, "grounding.runs.notebook")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(UserError, match=r'pip install "grounding\[notebook\]"'):
        run.view()


def test_nothing_of_it_is_imported_before_a_page_is_asked_for():
    code = "import sys, grounding.runs.run, grounding.runs.evaluation; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"ipywidgets", "anywidget", "IPython", "traitlets"}.isdisjoint(done.stdout.split())
