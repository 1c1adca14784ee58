import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grounding._errors import UserError
from grounding.export import site
from grounding.export.companion import write_with_companion
from grounding.export.site import MARKER, publish

NO_FILES = {"index.html", ".nojekyll", MARKER, "grounding/index.css"}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Pages as they are after a build."""
    folder = tmp_path / "package"
    (folder / "web" / "dist" / "deep").mkdir(parents=True)
    (folder / "web" / "src").mkdir()
    for name in (
        "latent_space_viewer.html",
        "interactive_latent_playground.html",
        "web/dist/viewer.js",
        "web/dist/playground.js",
        "web/dist/three.js",
        "web/dist/worker.js",
        "web/dist/deep/runtime.wasm",
        "web/src/private.js",
        "train.py",
    ):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """Two runs, a checkpoint and a foreign file."""
    folder = tmp_path / "artifacts"
    for name in ("a", "b"):
        points = {"experiment": name, "points": [[0.0, 1.0, 2.0]], "labels": [1]}
        images = np.zeros((1, 1, 2, 2), dtype=np.uint8)
        write_with_companion(folder / f"{name}_test_latent_points.json", points, images)
        for half in ("encoder", "decoder"):
            (folder / f"{name}_{half}.onnx").write_bytes(half.encode())
        score = {"experiment": name, "metrics": {}, "manifold_score": 50}
        (folder / f"{name}_manifold_metrics.json").write_text(json.dumps(score))
        analysis = {"experiment": name, "knn_accuracy": 0.5, "classes": []}
        (folder / f"{name}_analysis.json").write_text(json.dumps(analysis))
        (folder / f"{name}_analysis.txt").write_text("report")
    (folder / "a_final.pt").write_bytes(b"weights")
    (folder / "notes.json").write_text("{}")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run_files(name: str) -> set[str]:
    endings = (
        "test_latent_points.json",
        "test_latent_points.bin",
        "encoder.onnx",
        "decoder.onnx",
        "manifold_metrics.json",
        "analysis.json",
        "analysis.txt",
    )
    return {f"artifacts/{name}_{ending}" for ending in endings}


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def test_a_site_holds_pages_and_outputs_and_nothing_else(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    made = publish(tmp_path / "new" / "site", artifacts, pages=pages)
    found = contents(tmp_path / "new" / "site")
    built = {
        "grounding/latent_space_viewer.html",
        "grounding/interactive_latent_playground.html",
        "grounding/web/dist/viewer.js",
        "grounding/web/dist/playground.js",
        "grounding/web/dist/three.js",
        "grounding/web/dist/worker.js",
        "grounding/web/dist/deep/runtime.wasm",
    }
    assert set(found) == NO_FILES | built | run_files("a") | run_files("b")
    assert found["artifacts/a_encoder.onnx"] == b"encoder"
    assert made.runs == ["a", "b"]
    assert made.files == len(found) - 1
    assert made.size == sum(len(data) for name, data in found.items() if name != MARKER)


def test_every_link_of_the_index_leads_to_a_file_of_the_site(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    html = (folder / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]*)"', html)
    linked = [link.partition("?")[0] for link in links if not link.startswith("data:")]
    assert len(linked) == 1 + 2 * 3  # the style sheet; viewer, report and metrics of two runs
    for link in linked:
        assert (folder / link).is_file()
    data = re.findall(r"data=([^\"&]*)", html)
    assert len(data) == 2
    for parameter in data:
        assert (folder / "grounding" / parameter).is_file()


def test_only_chosen_runs_are_published(tmp_path: Path, artifacts: Path, pages: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, ["b"], pages=pages)
    assert {name for name in contents(folder) if name.startswith("artifacts")} == run_files("b")
    with pytest.raises(UserError, match="no run is called c; there are: a, b"):
        publish(folder, artifacts, ["b", "c"], pages=pages)


def test_publishing_again_replaces_the_whole_site(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    first = contents(folder)
    publish(folder, artifacts, pages=pages)
    assert contents(folder) == first
    publish(folder, artifacts, ["a"], pages=pages)
    assert not run_files("b") & set(contents(folder))
    assert left_over(tmp_path) == []


def test_the_site_can_be_read_by_a_web_server(tmp_path: Path, artifacts: Path, pages: Path) -> None:
    folder = tmp_path / "site"
    before = os.umask(0o022)
    try:
        publish(folder, artifacts, pages=pages)
    finally:
        os.umask(before)
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("marker", [None, "", "[]", '{"made_by": "me", "files": ["mine"]}'])
def test_a_folder_of_others_is_left_alone(
    tmp_path: Path, artifacts: Path, pages: Path, marker: str | None
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    if marker is not None:
        (folder / MARKER).write_text(marker)
    before = contents(folder)
    with pytest.raises(UserError, match="is not empty and was not made by grounding publish"):
        publish(folder, artifacts, pages=pages)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["CNAME", ".git/config", "artifacts/mine.json", "link"])
def test_a_site_with_files_of_others_is_left_alone(
    tmp_path: Path, artifacts: Path, pages: Path, name: str
) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    if name == "link":
        (folder / name).symlink_to(tmp_path)
    else:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("precious")
    before = contents(folder)
    with pytest.raises(UserError, match=f"did not write, such as {re.escape(name)}"):
        publish(folder, artifacts, pages=pages)
    assert contents(folder) == before


def test_an_empty_folder_and_a_link_to_one_will_do(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for _ in range(2):
        publish(tmp_path / "link", artifacts, pages=pages)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "index.html").is_file()


def test_bad_places_and_empty_folders_get_one_line(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    with pytest.raises(UserError, match="is a file; name a folder"):
        publish(artifacts / "notes.json", artifacts, pages=pages)
    with pytest.raises(UserError, match="cannot write"):
        publish(artifacts / "notes.json" / "site", artifacts, pages=pages)
    with pytest.raises(UserError, match=r"no runs in .*; make one with: grounding run"):
        publish(tmp_path / "site", tmp_path / "missing", pages=pages)
    (pages / "web" / "dist" / "viewer.js").unlink()
    with pytest.raises(UserError, match="The pages are not built: install Node"):
        publish(tmp_path / "site", artifacts, pages=pages)
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("exchange", [True, False])
def test_a_failure_at_the_last_moment_leaves_the_old_site(
    tmp_path: Path, artifacts: Path, pages: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    before = contents(folder)
    if not exchange:
        monkeypatch.setattr(site, "_exchange", lambda one, other: False)
        publish(folder, artifacts, ["a"], pages=pages)
        before = contents(folder)
        assert not run_files("b") & set(before)

    def failing(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site.shutil, "copyfile", failing)
    with pytest.raises(UserError, match="No space left on device"):
        publish(folder, artifacts, pages=pages)
    assert contents(folder) == before
    assert left_over(tmp_path) == []


def test_without_an_exchange_a_failing_rename_puts_the_old_site_back(
    tmp_path: Path, artifacts: Path, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    before = contents(folder)
    monkeypatch.setattr(site, "_exchange", lambda one, other: False)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "site" and self != folder:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt):
        publish(folder, artifacts, ["a"], pages=pages)
    assert contents(folder) == before


def test_killed_half_way_the_old_site_stays(tmp_path: Path, artifacts: Path, pages: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, artifacts, pages=pages)
    before = contents(folder)
    code = (
        "import os, shutil, signal, sys\n"
        "from pathlib import Path\n"
        "from grounding.export.site import publish\n"
        "copy, done = shutil.copyfile, []\n"
        "def slow(source, target):\n"
        "    done.append(copy(source, target))\n"
        "    if len(done) == 9:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "shutil.copyfile = slow\n"
        "folder, artifacts, pages = map(Path, sys.argv[1:])\n"
        "publish(folder, artifacts, ['a'], pages=pages)\n"
    )
    arguments = [sys.executable, "-c", code, str(folder), str(artifacts), str(pages)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert contents(folder) == before
    publish(folder, artifacts, ["a"], pages=pages)
    assert not run_files("b") & set(contents(folder))


def test_a_file_that_leads_out_of_the_artifacts_is_not_published(
    tmp_path: Path, artifacts: Path, pages: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (artifacts / "a_analysis.txt").unlink()
    (artifacts / "a_analysis.txt").symlink_to(tmp_path / "secret")
    publish(tmp_path / "site", artifacts, pages=pages)
    assert set(contents(tmp_path / "site")) >= run_files("b")
    assert "artifacts/a_analysis.txt" not in contents(tmp_path / "site")


def test_the_packaged_style_sheet_is_there() -> None:
    assert site.layout.style_file().is_file()
