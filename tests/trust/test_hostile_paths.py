"""What others made cannot make us read, write or delete elsewhere, wait, or show what it likes."""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import image_set, own_config
from folders import built_pages, new_run, put, whole_run

import grounding
from grounding._errors import UserError
from grounding.cli import main
from grounding.data import Augmentations
from grounding.data.cache import augmented_set
from grounding.experiment import experiment_from_dict
from grounding.experiment.load import load_experiment
from grounding.export.arrays import read_arrays
from grounding.runs.ledger import enter_look, ledger_path
from grounding.runs.manifest import (
    Artifact,
    FileEntry,
    Manifest,
    manifests_in,
    read_manifest,
    write_manifest,
)
from grounding.serve.index import index_page
from grounding.serve.site import LIST, check_site, publish
from grounding.training import Epoch, read_checkpoint
from grounding.training.history import append_metrics

SECRET = "not for the world"
STEERING = "\x1b[2J\nok       all.pt: fine\u202e"
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
    # In paths of a config that works, and in the table of what is up to date.
    image_set(Path("images"))
    paths = {key: f"{key}{STEERING}" for key in ("checkpoint_path", "manifold_analysis_path")}
    config = own_config(more=f"output: {json.dumps(paths)}\n")
    for _ in range(2):
        assert main("run", ["--config", config]) == 0
        shown = "".join(capsys.readouterr())
        assert r"checkpoint_path\x1b[2J\nok       all.pt: fine\u202e" in shown
        assert all(line.isprintable() and line[:3] != "ok " for line in shown.splitlines())
        found = read_manifest(Path("artifacts/own.run.json"))
        changed = dict(found.artifacts)
        for key, one in found.of_kind("manifold", "profile").items():
            said = {"title": STEERING, "axis": "[/a]", "unit": "[px]"}
            results = {name: {**value, **said} for name, value in one.results.items()}
            changed[key] = replace(one, results=results)
        write_manifest(replace(found, artifacts=changed))
    assert "[px]" in shown


def pipe_like(kind: str, path: Path) -> None:
    """Put what is no regular file in the place of one."""
    path.unlink()
    if kind == "socket":
        with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "loop": path.name}[kind])


@pytest.fixture
def impatient() -> Iterator[None]:
    """End a test that waits for a pipe."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "loop"])
def test_what_is_no_file_is_one_line_to_every_reader(
    tmp_path: Path, impatient: None, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    run, images = whole_run(tmp_path / "artifacts"), image_set(tmp_path / "images")
    artifacts, site, config = run.path.parent, tmp_path / "site", tmp_path / "x.yaml"
    pages = built_pages(tmp_path / "pages")
    publish(site, artifacts, pages=pages)
    config.write_text("experiment: {name: a}")

    def kept() -> torch.Tensor:
        few = torch.zeros((2, 1, 4, 4), dtype=torch.uint8)
        return augmented_set(few, Augmentations({}), each=2, seed=1, path=tmp_path / "set")

    kept()
    readers: dict[Path, Callable[[], object]] = {
        config: lambda: load_experiment(config),
        images / "t10k-images-idx3-ubyte": lambda: grounding.datasets.load(images),
        next(tmp_path.glob("set-*")): kept,
        artifacts / "a_final.pt": lambda: read_checkpoint(artifacts / "a_final.pt"),
        artifacts / "a_encoder.onnx": lambda: run.check("a_encoder.onnx"),
        artifacts / "a_points.safetensors": lambda: read_arrays(artifacts / "a_points.safetensors"),
        run.path: lambda: read_manifest(run.path),
        site / LIST: lambda: list(check_site(site)),
    }
    for path, read in readers.items():
        pipe_like(kind, path)
        try:
            read()
        except UserError as error:
            assert path.name in str(error)
            assert str(error).isprintable()
        else:
            assert (kind, path.is_file()) == ("loop", True)  # nothing was there; it was made anew
        runs, problems = manifests_in(artifacts)
        page = index_page(runs, artifacts, problems).decode()
        assert path.suffix != ".onnx" or f"=../artifacts/{path.name}" not in page
        with contextlib.suppress(UserError):
            publish(site, artifacts, pages=pages)
    assert main("verify", [str(artifacts)]) == 2
    assert f"damaged          {run.path}: " in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "link"])
def test_what_is_no_file_is_not_written_to(tmp_path: Path, impatient: None, kind: str) -> None:
    (tmp_path / "mine").write_text("mine")
    for place, write in {
        ledger_path(tmp_path): lambda path: enter_look(FakeRun(), "analysis", {}, path.parent),
        tmp_path / "x_metrics.jsonl": lambda path: append_metrics(path, Epoch(1, 0.5, None, 1, 1)),
    }.items():
        write(place)
        assert place.read_bytes().endswith(b"}\n")
        if kind == "link":
            place.unlink()
            place.symlink_to(tmp_path / "mine")
        else:
            pipe_like(kind, place)
        with pytest.raises(UserError, match=rf"cannot write {place}: (not a regular|Is a dir)"):
            write(place)
    assert (tmp_path / "mine").read_text() == "mine"


class FakeRun:
    """As much of a run as the ledger tells."""

    name, sha256 = "a", "0"
    experiment = grounding.load_config("2")
    splits = SimpleNamespace(fingerprint="0", source="images")


@pytest.fixture
def run(tmp_path: Path) -> Manifest:
    """A run of points, with secrets around its folder."""
    for name in ("outside.json", "x_encoder.onnx"):
        (tmp_path / name).write_text(SECRET)
    return put(new_run(tmp_path / "artifacts", "good", {}), "points", {"good.json": b"{}"})


OUTSIDE = ("../outside.json", "/etc/hostname", "sub/../../outside.json", "link.json", "up/x.pt")
ODD = ("a\0b", "\ud800", "x" * 5000, "loop.json", "", ".", "..", "a/../good.json", "C:\\x")


@pytest.mark.parametrize("named", [*OUTSIDE, *ODD])
def test_a_manifest_cannot_name_files_outside_of_its_folder(
    run: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    named: str,
) -> None:
    artifacts, site = run.path.parent, tmp_path / "site"
    monkeypatch.chdir(artifacts)
    for name, to in (("link.json", tmp_path / "outside.json"), ("up", "/"), ("loop.json",) * 2):
        (artifacts / name).symlink_to(to)
    entry = FileEntry(sha256(SECRET.encode()).hexdigest(), len(SECRET))
    for kind in ("points", "encoder", "analysis", "checkpoint"):
        forged = replace(run, artifacts={**run.artifacts, named: Artifact(kind, {named: entry})})
        write_manifest(forged)
        page = index_page([forged], artifacts).decode()
        assert SECRET not in page
        assert page.count("artifacts/") == 2  # the viewer's link, and the box of two runs
        assert named not in OUTSIDE or kind == "checkpoint" or "not in the artifacts folder" in page
        with contextlib.suppress(UserError):
            publish(site, artifacts, pages=built_pages(tmp_path / "pages"))
            assert len(list((site / "artifacts").iterdir())) == 2
        published = [path for path in site.rglob("*") if path.is_file()]
        assert not any(SECRET.encode() in path.read_bytes() for path in published)
        status, shown = main("verify", [str(artifacts)]), capsys.readouterr().out
        assert all(line.isprintable() for line in shown.splitlines())
        assert status == 2 or named == "a/../good.json"
        assert ("\nnot looked at " in shown) or named not in OUTSIDE


def test_only_is_a_name_not_a_path(run: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run is called \.\./outside; there are: good"):
        publish(
            tmp_path / "site", run.path.parent, ["../outside"], pages=built_pages(tmp_path / "p")
        )


def test_a_forged_list_reaches_nothing_outside_of_the_site(run: Manifest, tmp_path: Path) -> None:
    site, kept, pages = tmp_path / "site", tmp_path / "kept", built_pages(tmp_path / "pages")
    publish(site, run.path.parent, pages=pages)
    kept.mkdir()
    others = (kept / "a.txt", kept / ".a.txt.abcd1234.tmp", tmp_path / ".site.abcd1234.tmp")
    for path in others:
        path.write_text(SECRET)
    (site / "link").symlink_to(kept)
    (site / "file.txt").symlink_to(kept / "a.txt")
    known = read_manifest(site / LIST)
    (key, one) = next(iter(known.artifacts.items()))
    for digest in (sha256(SECRET.encode()).hexdigest(), ""):
        names = ("link", "file.txt", "../kept/a.txt", str(kept / "a.txt"), "link/a.txt", "", ".")
        forged = replace(one, files={**one.files, **dict.fromkeys(names, FileEntry(digest, 17))})
        write_manifest(replace(known, artifacts={key: forged}))
        for force in (False, True):
            with contextlib.suppress(UserError):
                publish(site, run.path.parent, pages=pages, force=force)
            assert {path: path.read_text() for path in others} == dict.fromkeys(others, SECRET)


@pytest.mark.parametrize("force", [False, True])
def test_a_site_whose_folders_are_links_is_not_written_to(
    run: Manifest, tmp_path: Path, force: bool
) -> None:
    site, mine = tmp_path / "site", tmp_path / "mine"
    mine.mkdir()
    site.mkdir()
    (site / "grounding").symlink_to(mine)
    files = dict.fromkeys(("index.html", "grounding"), FileEntry("", 0))
    site_list = {"index.html": Artifact("site", files)}
    write_manifest(Manifest(site / LIST, "site", artifacts=site_list))
    with pytest.raises(UserError, match=r"lies behind a link|was changed"):
        publish(site, run.path.parent, pages=built_pages(tmp_path / "pages"), force=force)
    assert list(mine.iterdir()) == []


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
