import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from folders import built_pages, new_run, put, whole_run

from grounding._errors import UserError
from grounding._files import locked
from grounding.runs.manifest import DamagedError, read_manifest
from grounding.serve import layout, site
from grounding.serve.layout import BUILT, PLAYGROUND, SCRIPTS, STYLE, VIEWER
from grounding.serve.site import LIST, LOCK, check_site, is_site

SCRIPT = "web/dist/viewer.js"
OURS = {"index.html", ".nojekyll", LIST, STYLE, layout.SCRIPT, VIEWER, PLAYGROUND}
OURS |= {f"{BUILT}/{name}" for name in (*SCRIPTS, "deep/runtime.wasm")}


class Places(NamedTuple):
    """Where a site is made, and of what."""

    folder: Path
    artifacts: Path
    pages: Path

    def publish(self, *only: str, force: bool = False) -> list[str]:
        return site.publish(self.folder, self.artifacts, only, force=force, pages=self.pages)

    def refuse(self, match: str, *only: str, force: bool = False) -> None:
        """Publishing says why not, and changes nothing."""
        before = contents(self.folder)
        with pytest.raises(UserError, match=match):
            self.publish(*only, force=force)
        assert contents(self.folder) == before


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Two runs, a file of others beside them, and built pages."""
    for name in ("a", "b"):
        whole_run(tmp_path / "artifacts", name)
    (tmp_path / "artifacts" / "notes.json").write_text("{}")
    pages = built_pages(tmp_path / "package")
    return Places(tmp_path / "new" / "site", tmp_path / "artifacts", pages)


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of all files, less the lock, which some file systems keep."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run_files(name: str) -> set[str]:
    endings = (".json", ".safetensors", "_thumbnails.safetensors")
    points = (f"{kind}{ending}" for kind in ("points", "assets") for ending in endings)
    others = ("encoder.onnx", "decoder.onnx", "metrics.json", "analysis.json", "analysis.txt")
    files = (f"{name}_{ending}" for ending in (*points, *others))
    return {f"artifacts/{file}" for file in (f"{name}.run.json", *files)}


def test_a_site_holds_pages_and_outputs_and_nothing_else(places: Places) -> None:
    said = places.publish()
    found = contents(places.folder)
    assert set(found) == OURS | run_files("a") | run_files("b")
    assert said[0] == "left out, no page needs: a_final.pt, b_final.pt"
    assert said[1].startswith(f"published a, b: {len(found) - 1} files, 0.0 MB, ")
    run = read_manifest(places.folder / "artifacts" / "a.run.json")
    assert run.config == read_manifest(places.artifacts / "a.run.json").config
    named = {f"artifacts/{key}" for one in run.artifacts.values() for key in one.files}
    assert named == run_files("a") - {"artifacts/a.run.json"}
    html = found["index.html"].decode()
    linked = {link.partition("?")[0] for link in re.findall(r'href="(?!data:)([^"]*)"', html)}
    linked |= {f"artifacts/{name}" for name in re.findall(r"=../artifacts/([^\"&]*)", html)}
    assert linked < set(found)
    assert len(linked) == 3 + 2 * 6  # style and pages; of each run all but three arrays and JSON


def test_runs_are_chosen_by_name_and_single_seeds_only_so(places: Places) -> None:
    places.publish("b")
    assert set(contents(places.folder)) == OURS | run_files("b")
    places.refuse("no run is called c; there are: a, b", "b", "c")
    of = {"seeds": [0], "runs": ["b_seed0.run.json"]}
    put(new_run(places.artifacts, "b_seeds", {}), "seeds", {"b_seeds.json": b"{}"}, **of)
    put(new_run(places.artifacts, "b_seed0"), "analysis", {"b_seed0_analysis.json": b"{}"})
    assert "published a, b, b_seeds:" in places.publish()[-1]
    assert "published b_seed0:" in places.publish("b_seed0")[-1]


def test_publishing_again_writes_what_has_changed_and_removes_what_is_no_longer_needed(
    places: Places, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").mkdir()  # which may be a mount point, so it has to stay
    inode = (tmp_path / "real").stat().st_ino
    places = places._replace(folder=tmp_path / "link")
    places.publish()
    first = contents(places.folder)
    old = {path: path.stat().st_ino for path in places.folder.rglob("*") if path.name != LIST}
    places.publish()
    assert contents(places.folder) == first
    assert {path: path.stat().st_ino for path in old} == old
    (places.pages / "web/dist/deep/runtime.wasm").unlink()
    (places.pages / SCRIPT).write_text("newer")
    places.publish("a")
    found = contents(tmp_path / "real")
    assert set(found) == (OURS | run_files("a")) - {f"{BUILT}/deep/runtime.wasm"}
    assert found[f"grounding/{SCRIPT}"] == b"newer"
    assert (tmp_path / "real").stat().st_ino == inode


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("name", ["CNAME", ".git/config", "artifacts/b_encoder.onnx", "link"])
def test_files_of_others_are_refused_by_name(
    places: Places, name: str, first: bool, force: bool
) -> None:
    if not first:
        places.publish("a")
    place = places.folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(places.artifacts) if name == "link" else place.write_text("precious")
    places.refuse(f"did not write: {re.escape(name)}; move it away", force=force)


def test_a_file_that_was_changed_since_is_replaced_only_by_force(places: Places) -> None:
    places.publish()
    before = contents(places.folder)
    places.artifacts.with_name("mine").write_text("mine")
    (places.folder / "index.html").unlink()
    (places.folder / "index.html").symlink_to(places.artifacts.with_name("mine"))
    places.refuse(r"index\.html was changed after it was published")
    places.publish(force=True)
    assert contents(places.folder) == before
    assert places.artifacts.with_name("mine").read_text() == "mine"


def test_bad_places_and_empty_folders_get_one_line(places: Places) -> None:
    places._replace(folder=places.artifacts / "notes.json").refuse("cannot write")
    nothing = places._replace(artifacts=places.artifacts / "missing")
    nothing.refuse(r"no runs in .*; make one with: grounding run")
    (places.pages / SCRIPT).unlink()
    places.refuse("The pages are not built: install Node")
    assert not places.folder.exists()


def test_what_is_damaged_or_stale_stops_publishing(places: Places) -> None:
    (places.artifacts / "a_final.pt").unlink()  # a lost checkpoint does not keep its outputs back
    places.publish()
    run = read_manifest(places.artifacts / "a.run.json")
    put(run, "probes", {"a_probes.json": b"{}"}, checkpoint="00")
    places.refuse("nothing was published: a: a_probes.json was made from another checkpoint than")
    (places.artifacts / "a_encoder.onnx").write_bytes(b"decoder")
    places.refuse("nothing was published: a: a_encoder.onnx is damaged; make it again with: groun")
    run.path.write_bytes(b"{}")
    places.refuse("nothing was published: .*a.run.json is damaged: .* or move the file away")
    places.publish("b")
    assert not run_files("a") & set(contents(places.folder))


def test_files_outside_of_the_artifacts_are_left_out_aloud(places: Places) -> None:
    run = read_manifest(places.artifacts / "a.run.json")
    run = put(run, "probes", {"../reports/a\n.json": b"{}"})
    (places.artifacts / "link.json").symlink_to("../reports/a\n.json")
    put(run, "analysis", {"link.json": b"{}"})
    said = f"left out, not in {places.artifacts}: ../reports/a\\n.json, link.json"
    assert places.publish()[1] == said
    assert set(contents(places.folder)) == OURS | run_files("a") | run_files("b")


def test_what_changes_while_it_is_copied_is_noticed(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.index, "problem", lambda *_: "")
    (places.artifacts / "a_encoder.onnx").write_bytes(b"later")
    with pytest.raises(UserError, match=r"a_encoder\.onnx changed while it was published"):
        places.publish()


def test_what_was_interrupted_is_seen_and_repaired(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.publish("b")
    index = (places.folder / "index.html").read_bytes()
    put, done = site._put, iter([True] * 5)

    def killed(*arguments: Any) -> None:
        if not next(done, False):
            raise KeyboardInterrupt
        put(*arguments)

    (places.pages / SCRIPT).write_text("newer")
    with monkeypatch.context() as patched:
        patched.setattr(site, "_put", killed)
        with pytest.raises(KeyboardInterrupt):
            places.publish()
    assert dict(check_site(places.folder))[LIST] == "says that publishing was interrupted"
    assert (places.folder / "index.html").read_bytes() == index
    (places.folder / ".index.html.abcd1234.tmp").touch()
    (places.folder / "index.html").write_text("mine")  # which no kill has left
    with pytest.raises(UserError, match=r"index\.html was changed after it was published"):
        places.publish()
    (places.folder / "index.html").write_bytes(index)
    places.publish("a")
    assert set(contents(places.folder)) == OURS | run_files("a")
    assert {problem for _, problem in check_site(places.folder)} == {None}
    with locked(places.folder / LOCK, "publishing"):
        places.refuse("another process is writing")


def test_a_site_is_checked_file_by_file(places: Places) -> None:
    places.publish()
    folder = places.folder
    assert dict(check_site(folder)) == dict.fromkeys(contents(folder))
    assert is_site(folder)
    assert not is_site(places.artifacts)
    (folder / "index.html").write_text("edited")
    (folder / ".nojekyll").unlink()
    (folder / "mine").touch()
    wrong = {".nojekyll": "is missing", "index.html": "is not as it was published", "mine": ""}
    assert {name: problem for name, problem in check_site(folder) if problem is not None} == wrong
    (folder / LIST).write_bytes((folder / LIST).read_bytes().replace(b"index", b"other"))
    with pytest.raises(DamagedError, match="is damaged"):
        list(check_site(folder))
    places.refuse("is damaged, or of another version; delete the folder if", force=True)
    with pytest.raises(UserError, match="was not made by grounding publish"):
        list(check_site(places.artifacts))
