"""Files that others made cannot make us read, write or delete outside of their folder."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from whole_run import make_pages

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.experiment import experiment_from_dict
from grounding.experiment.load import load_experiment
from grounding.runs.manifest import Artifact, FileEntry, Manifest, read_manifest, write_manifest
from grounding.serve.site import LIST, publish

SECRET = "not for the world"
NOT_NAMES = [
    *("../x", "/x", "a/b", "a\\b", "..", ".x", "-x", "", " ", "a b", "x\n", "a\0b", "a" * 101),
    *("é", "a\u202e", "a\ud800", "%2e%2e", "<b>", "~", "$HOME", "a:b", "a*"),
]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_an_experiment_s_name_is_a_plain_file_name(name: str) -> None:
    values = grounding.load_config("2").as_dict()
    values["experiment"]["name"] = name
    with pytest.raises(UserError, match=r"experiment\.name"):
        experiment_from_dict(values, "a checkpoint")
    with pytest.raises(UserError, match=r"--set experiment\.name"):
        load_experiment("2", [f"experiment.name={json.dumps(name)}"])


@pytest.mark.parametrize("name", ["a", "4", "a.b", "A_b-c.1", "a" * 100])
def test_plain_names_are_taken(name: str) -> None:
    experiment = grounding.load_config("2", experiment={"name": name})
    assert experiment.artifact("final.pt") == Path("artifacts") / f"{name}_final.pt"


@pytest.mark.parametrize("path", ["a\0b", "a\ud800"])
def test_a_path_that_no_file_can_have_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(UserError, match=r"--set output\.checkpoint_path"):
        load_experiment("2", [f"output.checkpoint_path={json.dumps(path)}"])


def test_what_a_file_says_cannot_steer_the_terminal(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.yaml").write_bytes(b'"\\e[2J\\nerror: all is well\\u202e": 1\n')
    assert main("train", ["--config", "x.yaml"]) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert shown[:-1].isprintable()
    assert r"\x1b[2J\nerror: all is well\u202e" in shown
    Path("x.yaml").write_text(f"{'k' * 50_000}: 1\n")
    assert main("train", ["--config", "x.yaml"]) == 2
    assert len(capsys.readouterr().err) < 3000


@pytest.fixture
def run(tmp_path: Path) -> Manifest:
    """A run of points, with secrets around its folder."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    for name in ("outside.json", "x_encoder.onnx"):
        (tmp_path / name).write_text(SECRET)
    (folder / "good.json").write_text("{}")
    entry = FileEntry(sha256(b"{}").hexdigest(), 2)
    made = Artifact("points", {"good.json": entry})
    run = Manifest(folder / "good.run.json", "good", artifacts={"good.json": made})
    write_manifest(run)
    return run


@pytest.mark.parametrize(
    "named", ["../outside.json", "/etc/hostname", "sub/../../outside.json", "link.json", "up/x.pt"]
)
def test_a_manifest_cannot_name_files_outside_of_its_folder(
    run: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    named: str,
) -> None:
    artifacts, site = run.path.parent, tmp_path / "site"
    monkeypatch.chdir(artifacts)
    (artifacts / "link.json").symlink_to(tmp_path / "outside.json")
    (artifacts / "up").symlink_to("/")
    entry = FileEntry(sha256(SECRET.encode()).hexdigest(), len(SECRET))
    for kind in ("points", "encoder", "analysis"):
        forged = Artifact(kind, {named: entry})
        write_manifest(replace(run, artifacts={**run.artifacts, named: forged}))
        publish(site, artifacts, pages=make_pages(tmp_path / "pages"))
        published = [path for path in site.rglob("*") if path.is_file()]
        assert not any(SECRET.encode() in path.read_bytes() for path in published)
        assert {p.name for p in (site / "artifacts").iterdir()} == {"good.json", "good.run.json"}
        assert main("verify", [str(artifacts)]) == 2
        assert "\nnot looked at " in capsys.readouterr().out


def test_only_is_a_name_not_a_path(run: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run is called \.\./outside; there are: good"):
        publish(
            tmp_path / "site", run.path.parent, ["../outside"], pages=make_pages(tmp_path / "p")
        )


def test_a_forged_list_deletes_nothing_outside_of_the_site(run: Manifest, tmp_path: Path) -> None:
    site, kept, pages = tmp_path / "site", tmp_path / "kept", make_pages(tmp_path / "pages")
    publish(site, run.path.parent, pages=pages)
    kept.mkdir()
    (kept / "a.txt").write_text(SECRET)
    (site / "link").symlink_to(kept)
    (site / "file.txt").symlink_to(kept / "a.txt")
    known = read_manifest(site / LIST)
    (key, one) = next(iter(known.artifacts.items()))
    names = ("link", "file.txt", "../kept/a.txt", str(kept / "a.txt"), "link/a.txt")
    entry = FileEntry(sha256(SECRET.encode()).hexdigest(), len(SECRET))
    forged = replace(one, files={**one.files, **dict.fromkeys(names, entry)})
    write_manifest(replace(known, artifacts={key: forged}))
    for force in (False, True):
        with contextlib.suppress(UserError):
            publish(site, run.path.parent, pages=pages, force=force)
        assert (kept / "a.txt").read_text() == SECRET


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = (path.lstat() for path in folder.rglob("*"))
    names = (str(path) for path in folder.rglob("*"))
    return {name: (s.st_mtime_ns, s.st_size) for name, s in zip(names, found, strict=True)}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_paths_inside_a_checkpoint_are_never_used(
    trained: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("3")
    here, outside = tmp_path / "here", tmp_path / "outside"
    here.mkdir()
    outside.mkdir()
    (outside / "train-images-idx3-ubyte").write_text(SECRET)  # would be refused if it were read
    held = torch.load(run.checkpoint, weights_only=True)
    values = held["config"]
    for key in ("checkpoint_path", "analysis_path", "manifold_analysis_path"):
        values["output"][key] = str(outside / key)
    values["data"]["data_dir"] = str(outside)
    values["self_supervised"]["cache_path"] = str(outside / "cache.pt")
    values["experiment"]["name"] = "other"
    torch.save(held, here / "forged.pt")
    monkeypatch.chdir(here)
    before = snapshot(outside)
    for command in ("analyze", "manifold"):
        assert main(command, [*run.arguments, "--checkpoint", "forged.pt"]) == 0
    assert snapshot(outside) == before
    assert names_in(here) == ["artifacts", "forged.pt"]
    assert not [name for name in names_in(here / "artifacts") if name.startswith("other")]
