"""An interrupted training that is resumed ends as if nothing had happened, bit for bit."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import believe, ctrl_c, image_set, inside, interrupt_after
from results import document_result, training_result

from grounding.cli import main
from grounding.runs.manifest import read_manifest, write_manifest
from grounding.runs.training import epoch_path
from grounding.training.checkpoint import read_checkpoint

FINAL = Path("artifacts/regularized_covnet_final.pt")
KNOWN = Path("artifacts/regularized_covnet.run.json")
IMAGES = Path()
SMALL = [
    "data.train_samples=30",
    "data.val_samples=10",
    "data.test_samples=100",
    "training.epochs=4",
    "training.batch_size=12",
    "training.device=cpu",
    "output.save_every_n_epochs=1",
]
AUGMENTED = "self_supervised.augmentations_per_sample=2"
VIEWS = [AUGMENTED, "objectives.views=2"]
CACHED = [
    *("self_supervised.refresh_each_epoch=false", "self_supervised.precompute=true"),
    *("self_supervised.cache_path=set.pt", AUGMENTED),
]
CONTRASTIVE = [*VIEWS, "objectives.contrastive=1", "objectives.near=4", "objectives.close=2"]
# Of each kind of training alone: tests/training/test_going_on.py.
VARIANTS = {
    "dropout": ("3", []),
    "kept set, resnet": ("5", CACHED),
    "contrastive, vgg, one cycle": (
        "4",
        [
            *CONTRASTIVE,
            *("model.architecture=vgg", "model.hidden_dims=[4, 8]"),
            *("objectives.reconstruction_of=view", "objectives.mirrored=true"),
            *("objectives.composites=3", "training.optimizer=adamw"),
            "training.schedule=one_cycle",
        ],
    ),
    "kl and labels": ("4", [AUGMENTED, "objectives.kl=0.001", "objectives.labels=1"]),
}


@pytest.fixture(autouse=True, scope="module")
def images(tmp_path_factory):
    """Small images, which take little time."""
    global IMAGES
    IMAGES = image_set(tmp_path_factory.mktemp("images"), train=60, test=100)


def arguments(config, *settings):
    named = (f"data.data_dir={IMAGES}", "experiment.name=regularized_covnet")
    every = (*SMALL, *named, *settings)
    return ["--config", config, *(p for setting in every for p in ("--set", setting))]


def interrupted(monkeypatch, capsys, epoch, *given):
    """Train and interrupt; returns the line about it."""
    capsys.readouterr()
    with monkeypatch.context() as patch:
        interrupt_after(patch, epoch, ctrl_c)
        assert main("train", list(given)) == 130
    return capsys.readouterr().err


def resumed(capsys, *given):
    capsys.readouterr()
    assert main("train", ["--resume", *given]) == 0
    return capsys.readouterr()


def contents():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_training_equals_an_uninterrupted_one(in_folder, monkeypatch, capsys, variant):
    config, settings = VARIANTS[variant]
    given = arguments(config, *settings)
    with inside(in_folder / "whole"):
        assert main("train", given) == 0
        whole = training_result(FINAL)
    line = interrupted(monkeypatch, capsys, 1, *given)
    assert "interrupted after 1 of 4 epochs; the same command with --resume continues" in line
    assert not FINAL.exists()
    torch.rand(100)  # the process that resumes has another past
    interrupted(monkeypatch, capsys, 3, "--resume", *given)
    shown = resumed(capsys, *given)
    assert f"resuming from {epoch_path(FINAL, 3)}, epoch 3 of 4" in shown.out
    assert "warning: resuming" not in shown.err
    assert training_result(FINAL) == whole
    seconds = sum(epoch.seconds for epoch in read_checkpoint(FINAL).history)
    assert read_checkpoint(FINAL).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("config", "settings", "refused_for"),
    [
        ("3", ["output.save_every_n_epochs=3"], None),
        ("4", VARIANTS["kl and labels"][1], None),
        ("4", [*CONTRASTIVE, "objectives.near_from=0"], None),
        ("4", CONTRASTIVE, "objectives.contrastive"),
        ("3", ["training.schedule=one_cycle"], "schedule one_cycle"),
    ],
)
def test_more_epochs_are_one_long_training_or_refused(
    in_folder, refused, capsys, config, settings, refused_for
):
    given, more = arguments(config, *settings), arguments(config, *settings, "training.epochs=6")
    assert main("train", given) == 0
    before = contents()
    if refused_for:
        line = refused("train", "--resume", *more)
        assert f"trained with training.epochs=4, on which {refused_for} depends" in line
        assert "the config says 6" in line
        assert "--set training.epochs=4, or train without --resume" in line
        assert contents() == before
        return
    assert ", epoch 4 of 6\n" in resumed(capsys, *more).out
    longer = training_result(FINAL)
    assert read_manifest(KNOWN).config["training"]["epochs"] == 6
    assert main("verify", ["artifacts"]) == 0
    with inside(in_folder / "whole"):
        assert main("train", more) == 0
        assert training_result(FINAL) == longer


def test_outputs_of_a_resumed_chain_equal_those_of_an_uninterrupted_one(
    in_folder, monkeypatch, capsys
):
    given = arguments("3", "analysis.k=3")
    with inside(in_folder / "whole"):
        assert main("run", given) == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2, ctrl_c)
        assert main("run", given) == 130
    assert main("run", ["--resume", *given]) == 0
    assert "resuming from" in capsys.readouterr().out
    names = sorted(path.name for path in Path("whole/artifacts").glob("*.json"))
    assert len(names) == 7
    for name in names:
        if not name.endswith(".run.json"):
            whole = document_result("whole" / FINAL.parent / name)
            assert document_result(FINAL.parent / name) == whole


def test_a_finished_training_is_left_as_it_is(in_folder, capsys):
    assert main("train", arguments("3")) == 0
    before = contents()
    assert f"up to date, {FINAL}" in resumed(capsys, *arguments("3")).out
    assert contents() == before
    with inside(in_folder / "none"):
        shown = resumed(capsys, *arguments("3", "training.epochs=1"))
        assert "to resume from: training from the beginning" in shown.out
        assert read_checkpoint(FINAL).epoch == 1


def forget(*paths):
    """Leave a run without some of its files, as it was before they were entered."""
    found = read_manifest(KNOWN)
    kept = {k: one for k, one in found.artifacts.items() if found.place(k) not in paths}
    write_manifest(replace(found, artifacts=kept))
    for path in paths:
        path.unlink()


def test_a_death_between_the_last_epoch_and_the_final_checkpoint(in_folder, capsys):
    assert main("train", arguments("3")) == 0
    whole = training_result(FINAL)
    forget(FINAL)
    assert "epoch 4 of 4" in resumed(capsys, *arguments("3")).out
    assert training_result(FINAL) == whole


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "other file"])
def test_the_checkpoint_before_a_damaged_one_is_taken(in_folder, capsys, damage):
    given = arguments("3")
    assert main("train", given) == 0
    whole, third = training_result(FINAL), epoch_path(FINAL, 3)
    forget(FINAL, epoch_path(FINAL, 4))
    data = bytearray(third.read_bytes())
    data[len(data) // 2] ^= 4
    if damage == "flip":
        third.write_bytes(data)
    elif damage == "truncate":
        third.write_bytes(data[:-1])
    elif damage == "missing":
        third.unlink()
    else:
        shutil.copy(epoch_path(FINAL, 2), third)
    shown = resumed(capsys, *given)
    (warning,) = (line for line in shown.err.splitlines() if "collapsed" not in line)
    assert warning.startswith(f"warning: {third} is ")
    assert warning.endswith(f"taking {epoch_path(FINAL, 2)}")
    assert training_result(FINAL) == whole


def test_fewer_epochs_and_other_data_are_refused(in_folder, monkeypatch, capsys, refused):
    assert main("train", arguments("3")) == 0
    line = refused("train", "--resume", *arguments("3", "training.epochs=2"))
    assert "it has 4 epochs, the config says training.epochs=2" in line
    image_set(Path("own"), train=61, test=100)
    line = refused("train", "--resume", *arguments("3", "data.data_dir=own"))
    assert "is taken by a run with other data" in line


def test_checkpoints_of_an_earlier_training_are_never_mixed_in(in_folder, monkeypatch, capsys):
    given = arguments("3")
    interrupted(monkeypatch, capsys, 3, *given)
    first = read_checkpoint(epoch_path(FINAL, 3)).run
    interrupted(monkeypatch, capsys, 1, *given)
    assert epoch_path(FINAL, 3).exists()
    assert list(read_manifest(KNOWN).of_kind("periodic checkpoint")) == [epoch_path(FINAL, 1).name]
    shown = resumed(capsys, *given, "--set", "training.epochs=2")
    assert f"resuming from {epoch_path(FINAL, 1)}, epoch 1 of 2" in shown.out
    assert read_checkpoint(FINAL).run > first
    assert main("verify", ["regularized_covnet"]) == 0
    assert main("verify", ["artifacts"]) == 2  # the file that is left is said
    assert f"not entered      {epoch_path(FINAL, 3)}" in capsys.readouterr().out


def test_a_training_anew_says_what_resume_would_do(in_folder, monkeypatch, capsys):
    given = arguments("3")
    interrupted(monkeypatch, capsys, 2, *given)
    assert main("train", given) == 0
    shown = capsys.readouterr().out
    assert f"{epoch_path(FINAL, 2)} is of an unfinished training, epoch 2 of 4; --resume" in shown
    never = arguments("3", "output.save_every_n_epochs=0", "experiment.name=x")
    line = interrupted(monkeypatch, capsys, 2, *never)
    assert line.startswith("interrupted after 2 of 4 epochs; before its first checkpoint")


def test_another_way_to_compute_is_said_in_one_line_whatever_a_checkpoint_says(
    in_folder, monkeypatch, capsys
):
    interrupted(monkeypatch, capsys, 1, *arguments("3"))
    path = epoch_path(FINAL, 1)
    values = torch.load(path, weights_only=True)
    more = {"threads": values["threads"] + 1, "machine": "\x1b[2J\nok       all.pt: fine"}
    torch.save(values | more, path)
    believe(KNOWN, path)
    line = next(x for x in resumed(capsys, *arguments("3")).err.split("\n") if "resuming" in x)
    assert line.startswith("warning: resuming with machine ")
    assert r"(was \x1b[2J\nok       all.pt: fine), threads " in line
    assert line.endswith("may differ from that of an uninterrupted training")


def test_sigterm_ends_a_training_as_ctrl_c_does(in_folder, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    interrupt_after(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert main("train", arguments("3")) == 143
    line = capsys.readouterr().err
    assert "after 1 of 4 epochs; the same command with --resume continues after epoch 1\n" in line
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(Path().rglob(".*"))
