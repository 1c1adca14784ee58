"""Files that others made cannot make us read, write or delete outside of their folder."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grounding._errors import UserError
from grounding.cli.commands import main
from grounding.experiment.load import experiment_from_dict, load_experiment
from grounding.export.companion import write_with_companion
from grounding.export.layout import SCRIPTS
from grounding.export.outputs import find_runs
from grounding.export.site import MARKER, publish
from grounding.serve.content import Content
from grounding.training.checkpoint import load_checkpoint, save_checkpoint

SECRET = "not for the world"
NOT_NAMES = [
    *("../x", "/x", "a/b", "a\\b", "..", ".x", "-x", "", " ", "a b", "x\n", "a\0b", "a" * 101),
    *("é", "a\u202e", "a\ud800", "%2e%2e", "<b>", "~", "$HOME", "a:b", "a*"),
]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_an_experiment_s_name_is_a_plain_file_name(name: str) -> None:
    values = load_experiment("2").as_dict()
    values["experiment"]["name"] = name
    with pytest.raises(UserError, match=r"experiment\.name"):
        experiment_from_dict(values, "a checkpoint")
    with pytest.raises(UserError, match=r"--set experiment\.name"):
        load_experiment("2", [f"experiment.name={json.dumps(name)}"])


@pytest.mark.parametrize("name", ["a", "4", "a.b", "A_b-c.1", "a" * 100])
def test_plain_names_are_taken(name: str) -> None:
    experiment = load_experiment("2", [f"experiment.name='{name}'"])
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
def artifacts(tmp_path: Path) -> Path:
    """A folder with one good run and what it names around it."""
    folder = tmp_path / "artifacts"
    write_points(folder / "good.json", "good")
    write_points(tmp_path / "outside.json", "outside")
    (tmp_path / "x_encoder.onnx").write_text(SECRET)
    (tmp_path / "outside.txt").write_text(SECRET)
    return folder


def write_points(path: Path, experiment: str) -> None:
    document = {"experiment": experiment, "points": [[0.0, 1, 2]] * 3, "labels": [0, 1, 2]}
    write_with_companion(path, document, np.zeros((3, 1, 2, 2), np.uint8))


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Pages that may be published."""
    folder = tmp_path / "pages"
    (folder / "web" / "dist").mkdir(parents=True)
    for name in ("latent_space_viewer.html", "interactive_latent_playground.html"):
        (folder / name).touch()
    for name in SCRIPTS:
        (folder / "web" / "dist" / name).touch()
    return folder


def published(artifacts: Path, pages: Path) -> set[str]:
    """Files below artifacts/ of a site that is made of a folder."""
    site = artifacts.parent / "site"
    publish(site, artifacts, pages=pages)
    contents = [path.read_bytes() for path in site.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in contents)
    return {path.name for path in (site / "artifacts").iterdir()}


@pytest.mark.parametrize(
    "named", ["../outside.bin", "/etc/passwd", "sub/../../outside.bin", "link.bin", "..", ".bin"]
)
def test_a_companion_lies_beside_its_file(artifacts: Path, named: str) -> None:
    (artifacts / "link.bin").symlink_to(artifacts.parent / "outside.bin")
    values = json.loads((artifacts / "good.json").read_text())
    values["companion"]["file"] = named
    (artifacts / "good.json").write_text(json.dumps(values))
    files = [file.resolve() for run in find_runs(artifacts)[0] for file in run.files()]
    assert all(file.parent == artifacts.resolve() for file in files)


@pytest.mark.parametrize("name", ["../x", "x/../../x", "..", "/tmp/x"])
def test_a_run_s_models_lie_beside_its_files(artifacts: Path, pages: Path, name: str) -> None:
    write_points(artifacts / "bad.json", name)
    for run in find_runs(artifacts)[0]:
        assert run.encoder is None
    assert published(artifacts, pages) <= {"good.json", "good.bin", "bad.json", "bad.bin"}


def test_links_that_lead_out_are_neither_published_nor_served(artifacts: Path, pages: Path) -> None:
    outside = artifacts.parent
    (artifacts / "good_encoder.onnx").symlink_to(outside / "x_encoder.onnx")
    (artifacts / "good_analysis.txt").symlink_to(outside / "outside.txt")
    (artifacts / "linked.json").symlink_to(outside / "outside.json")
    (artifacts / "up").symlink_to(outside)
    assert published(artifacts, pages) == {"good.json", "good.bin"}
    content = Content(artifacts)
    for parts in (["linked.json"], ["good_encoder.onnx"], ["up", "outside.txt"]):
        assert content.find(["artifacts", *parts]) is None


def test_only_is_a_name_not_a_path(artifacts: Path, pages: Path) -> None:
    with pytest.raises(UserError, match=r"no run is called \.\./outside; there are: good"):
        publish(artifacts.parent / "site", artifacts, ["../outside"], pages)


def test_a_forged_marker_deletes_nothing_outside_of_the_site(artifacts: Path, pages: Path) -> None:
    published(artifacts, pages)
    site, outside = artifacts.parent / "site", artifacts.parent / "kept"
    outside.mkdir()
    (outside / "a.txt").write_text(SECRET)
    (site / "link").symlink_to(outside)
    (site / "file.txt").symlink_to(outside / "a.txt")
    marker = json.loads((site / MARKER).read_text())
    names = ["link", "file.txt", "../kept/a.txt", str(outside / "a.txt"), "link/a.txt"]
    if isinstance(marker["files"], dict):
        marker["files"] |= dict.fromkeys(names, "0" * 64)
    else:
        marker["files"] += names
    (site / MARKER).write_text(json.dumps(marker))
    try:
        publish(site, artifacts, pages=pages)
    except UserError:
        assert (site / "link").is_symlink()
    else:
        assert not (site / "link").exists()
    assert (outside / "a.txt").read_text() == SECRET


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
    held, _ = load_checkpoint(run.checkpoint)
    values = held.experiment.as_dict()
    for key in ("checkpoint_path", "analysis_path", "manifold_analysis_path"):
        values["output"][key] = str(outside / key)
    values["data"]["data_dir"] = str(outside)
    values["self_supervised"]["cache_path"] = str(outside / "cache.pt")
    values["experiment"]["name"] = "other"
    forged = dataclasses.replace(held, experiment=experiment_from_dict(values, "x"))
    save_checkpoint(forged, here / "forged.pt")
    monkeypatch.chdir(here)
    before = snapshot(outside)
    for command in ("analyze", "manifold"):
        assert main(command, [*run.arguments, "--checkpoint", "forged.pt"]) == 0
    assert snapshot(outside) == before
    assert names_in(here) == ["artifacts", "forged.pt", "forged.pt.sha256"]
    assert not [name for name in names_in(here / "artifacts") if name.startswith("other")]
