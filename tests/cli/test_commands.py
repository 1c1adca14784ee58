"""What the commands refuse, in one line and with exit status 2; and what they do."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import onnx
import pytest
import torch
from conftest import image_set, overrides, own_config
from results import document_result

import grounding
from grounding.cli import main

ANALYSES = (
    *("analyze", "manifold", "probe", "points", "export-encoder", "export-decoder"),
    *("export-assets", "export-weights", "export"),
)


@pytest.mark.parametrize("command", ANALYSES)
def test_a_missing_checkpoint_names_the_command_that_makes_it(in_folder, refused, command):
    line = refused(command, "--config", "5", "--set", "training.epochs=3")
    assert "artifacts/asymmetric_resnet8_autoencoder_final.pt does not exist" in line
    assert line.endswith("make it with: grounding train --config 5 --set training.epochs=3\n")
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("config", "only", "but_not"),
    [("0", ("naive_conv",), ()), ("5", ("vanilla_fc",), ()), ("0", (), ("vanilla_fc",))],
)
def test_the_wrong_script_names_the_right_command(in_folder, capsys, config, only, but_not):
    assert main("train", ["--config", config], architectures=only, but_not=but_not) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert " and ".join(only) + " and ".join(but_not) in error
    assert error.endswith(f"; use: grounding train --config {config}\n")
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.train_samples=60000"], "60000"),
        (["data.test_samples=10001"], "10000"),
        (["data.data_dir=no_such_folder"], "no_such_folder"),
        (["model.latent_dim=0"], "model.latent_dim"),
        (["training.epocs=3"], "epochs"),
        (["output.checkpoint_path=file/x.pt"], "cannot write file/x.pt"),
        (["output.checkpoint_path=."], "it is a folder; name a file"),
        (["self_supervised.enabled=true", "self_supervised.augmentations.rotation=1"], "rotation"),
    ],
)
def test_a_value_that_cannot_be_is_named_before_anything_is_done(
    in_folder, refused, settings, words
):
    Path("file").touch()
    given = [part for setting in settings for part in ("--set", setting)]
    assert words in refused("train", "--config", "2", *given)
    assert [path.name for path in in_folder.iterdir()] == ["file"]


def test_unreadable_data_and_pictures_are_refused_by_name(in_folder, refused):
    image_set(Path("own"))
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        whole = Path("own", name).read_bytes()
        Path("own", name).write_bytes(b"<html>")
        assert f"own/{name}" in refused("train", "--config", own_config(data="own"))
        Path("own", name).write_bytes(whole)
    Path("pictures/cat").mkdir(parents=True)
    Path("pictures/cat/1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "pictures" in refused("train", "--config", own_config(data="pictures"))
    assert not Path("artifacts").exists()


def test_home_is_found_in_every_path(in_folder, monkeypatch, capsys, refused):
    monkeypatch.setenv("HOME", str(in_folder / "home"))
    image_set(in_folder / "home" / "own")
    config = own_config(data="~/own", more="output: {checkpoint_path: ~/x.pt}\n")
    assert main("train", ["--config", config, "--tensorboard", "~/tb"]) == 0
    assert list((in_folder / "home/tb/own").rglob("events.*"))
    assert f"data: {in_folder / 'home/own'}, 1 x 12 x 12: 144 to train" in capsys.readouterr().out
    assert (in_folder / "home" / "x.pt").exists()
    assert main("analyze", ["--config", config, "--output", "~/a.txt"]) == 0
    assert (in_folder / "home" / "a.json").exists()
    Path(config).rename("home/own.yaml")
    capsys.readouterr()
    for command, *given in (
        ("analyze", "--config", "~/own.yaml", "--checkpoint", "~/x.pt"),
        ("verify", "~/x.pt"),
        ("verify", "--artifacts", "~/../artifacts", "own"),
        ("compare", "~/own.yaml", "--seeds", "0", "--no-controls", "--output", "~/c"),
    ):
        assert main(command, given) == 0, capsys.readouterr().err
    assert (in_folder / "home/c.json").exists()
    # In Python, too.
    run = grounding.train("~/own.yaml", quiet=True, force=True, tensorboard="~/tb2")
    assert list((in_folder / "home/tb2/own").rglob("events.*"))
    assert grounding.load("~/x.pt").sha256 == grounding.load("~/own.yaml").sha256 == run.sha256
    assert grounding.load("~/../artifacts/own.run.json").sha256 == run.sha256
    assert not Path("~").exists()
    for given in (
        ["--config", "~no-such-user/x.yaml"],
        ["--config", "2", "--output", "~no-such-user/x.pt"],
    ):
        assert "not a path here: Could not determine home directory: ~no-such-user/x" in refused(
            "train", *given
        )


def test_what_is_missing_and_why_is_said_last(in_folder, capsys):
    """A step that cannot be done stops no other, in `run`, in `export` and in Python."""
    image_set(Path("images"))
    given, shown = ["--config", own_config()], io.StringIO()
    for name in ("own_manifold_metrics.json", "own_encoder.onnx"):
        Path("artifacts", name).mkdir(parents=True)
    with redirect_stdout(shown), redirect_stderr(shown):
        assert main("run", given) == 2
    *lines, manifold, encoder = shown.getvalue().splitlines()
    assert manifold.startswith("error: manifold: cannot write artifacts/own_manifold_metrics.json")
    assert encoder.startswith("error: encoder: cannot write artifacts/own_encoder.onnx")
    assert {"manifold: failed", "encoder: failed", "look at it: grounding serve --open"} < {*lines}
    there = [f"artifacts/own_{x}" for x in ("decoder.onnx", "test_interactive_assets.json")]
    for path in (*there, "artifacts/own_test_latent_points.json"):
        assert any(path in line for line in lines)
        assert Path(path).exists()
    for path in there:
        Path(path).unlink()
    assert main("export", given) == 2
    assert capsys.readouterr().err.startswith("error: encoder: cannot write")
    assert all(Path(path).exists() for path in there)
    Path(there[1]).unlink()
    with pytest.raises(grounding.UserError, match=r"metrics.json: it is a folder.*encoder.onnx"):
        grounding.load("own").export()
    assert Path(there[1]).exists()


@pytest.mark.parametrize("command", ["analyze", "manifold", "points", "export-encoder"])
def test_unwritable_outputs_are_found_before_the_work(copied, refused, command):
    arguments, _ = copied("3")
    Path("file").touch()
    line = refused(command, *arguments, "--output", "file/x")
    assert "cannot write file/x" in line


def test_a_checkpoint_of_another_experiment_is_refused_by_name(copied, refused):
    _, checkpoint = copied("3")
    other = ["--config", "0", *overrides(), "--checkpoint", str(checkpoint)]
    line = refused("analyze", *other)
    assert "was trained with model.architecture=naive_conv, the config says vanilla_fc" in line


@pytest.mark.parametrize(
    ("command", "arguments", "problem"),
    [
        ("points", [], "--config"),
        ("points", ["--config", "5", "--max-points", "-1"], "-1 is not in the range x>=0"),
        ("points", ["--config", "5", "--umap-min-dist", "x"], "'x' is not a valid float"),
        ("points", ["--config", "5", "--umap-min-dist", "2"], "2.0 is not in the range 0<=x<=1"),
        ("points", ["--config", "5", "--split", "all"], "'all' is not one of"),
        ("points", ["--config", "5", "--max-point", "3"], "--max-points"),
        ("manifold", ["--config", "5", "--anchors", "99"], "99 is not in the range x>=100"),
        ("run", ["--config", "5", "--resume", "--force"], "exclude each other"),
        ("run", ["--config", "5", "--seeds", "2-1"], "2-1 goes down; write 1-2"),
        ("train", ["--config", "99"], "config 99 does not exist"),
        ("train", ["--config", "2", "--import", "no_module"], "--import no_module: ModuleNotFound"),
        ("serve", ["--artifacts", "file"], "file is not a folder"),
        ("serve", ["--port", "70000"], "70000 is not in the range 0<=x<=65535"),
        (None, ["explode"], "No such command 'explode'"),
        (None, ["--explode"], "--explode"),
    ],
)
def test_a_wrong_command_line_is_one_line(in_folder, refused, command, arguments, problem):
    Path("file").touch()
    assert problem in refused(command, *arguments)


def test_help_and_version_need_nothing(capsys):
    assert main(None, ["--version"]) == 0
    assert re.fullmatch(r"grounding \d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert main(None, ["--help"]) == 0
    assert "grounding run --config 7" in capsys.readouterr().out
    for command in (*ANALYSES, "run", "train", "compare", "serve", "publish", "verify"):
        assert main(command, ["--help"]) == 0
        assert "Options:" in capsys.readouterr().out


def test_a_config_error_is_one_line_with_its_place(in_folder, refused):
    Path("x.yaml").write_text("experiment:\n  nam: x\n")
    assert "x.yaml:2:3: experiment.nam: unknown key" in refused("train", "--config", "x.yaml")


def test_output_and_checkpoint_are_honoured_everywhere(special, in_folder):
    shutil.copytree(special("plain").folder, in_folder, dirs_exist_ok=True)
    moved = Path("else where") / "ü.pt"
    moved.parent.mkdir()
    Path("artifacts/plain_final.pt").rename(moved)
    given = ["--config", "plain.yaml", "--checkpoint", str(moved)]
    names = {
        "analyze": ["a.txt", "a.json"],
        "manifold": ["m.json"],
        "probe": ["pr.json"],
        "points": ["p.json", "p.safetensors", "p_thumbnails.safetensors"],
        "export-encoder": ["e.onnx"],
        "export-decoder": ["d.onnx"],
        "export-assets": ["i.json", "i.safetensors", "i_thumbnails.safetensors"],
        "export-weights": ["w.safetensors"],
    }
    for command, files in names.items():
        assert main(command, [*given, "--output", f"out/{files[0]}"]) == 0
        assert all(Path("out", name).exists() for name in files)
    assert main("export", [*given, "--output", "all"]) == 0
    assert {p.name for p in Path("all").iterdir()} == {
        *("plain_encoder.onnx", "plain_decoder.onnx", "plain_test_interactive_assets.json"),
        "plain_test_interactive_assets.safetensors",
        "plain_test_interactive_assets_thumbnails.safetensors",
    }
    assert {p.name for p in Path("out").iterdir()} == {n for files in names.values() for n in files}
    assert json.loads(Path("out/a.json").read_text())["checkpoint"] == str(moved)


def test_the_same_seed_gives_the_same_outputs(special, in_folder):
    made = special("plain")
    image_set(Path("images"))
    assert main("run", ["--config", own_config("plain")]) == 0
    for path in Path("artifacts").iterdir():
        first = made.folder / path
        if path.suffix == ".json" and not path.name.endswith(".run.json"):
            assert document_result(path) == document_result(first)
        elif path.suffix == ".pt":
            pair = [torch.load(p, weights_only=True)["state_dict"] for p in (path, first)]
            assert all(torch.equal(pair[0][key], pair[1][key]) for key in pair[1])
        elif path.suffix == ".txt":
            assert path.read_bytes() == first.read_bytes()
        elif path.suffix == ".onnx":
            assert onnx.load(path).graph == onnx.load(first).graph


def test_two_trainings_logged_to_tensorboard_are_two_curves(in_folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    image_set(Path("images"))
    for options in ([], ["--force"]):
        given = ["--config", own_config(), "--tensorboard", "tb", *options]
        assert main("train", given) == 0
    folders = {path.parent for path in Path("tb").rglob("events.*")}
    assert len({folder.relative_to("tb/own").parts[0] for folder in folders}) == 2
    for folder in folders:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            steps = [event.step for event in events.Scalars(tag)]
            assert len(steps) == len(set(steps))


OWN = '''
from grounding import register
@register.metric("first_coordinate")
def first_coordinate(z):
    """Mean of the first latent number."""
    return float(z[:, 0].mean())
'''


def test_schema_and_components_name_what_is_registered(in_folder, capsys):
    assert main("schema", []) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"experiment", "model", "objectives"} <= schema["properties"].keys()
    assert main("components", []) == 0
    listed = capsys.readouterr().out
    for name in ("naive_conv", "contrastive", "rotation", "trustworthiness", "mnist"):
        assert re.search(rf"^  {name} ", listed, re.MULTILINE)


def test_a_module_of_ones_own_is_imported_on_demand_only(in_folder, capsys):
    """In a process of its own: what is registered stays registered."""
    Path("mine.py").write_text(OWN)
    command = [sys.executable, "-m", "grounding", "components", "--import", "mine"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    own = r"^  first_coordinate .*Mean of the first latent number.*\[mine\]$"
    assert re.search(own, done.stdout, re.MULTILINE)
    assert main("components", []) == 0
    assert "first_coordinate" not in capsys.readouterr().out


def test_a_reader_that_leaves_ends_a_command_quietly(special):
    made = special("plain")
    script = '"$0" -m grounding run --config plain.yaml | head -1; echo ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        cwd=made.folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.stderr == ""
    first, status = done.stdout.splitlines()
    assert first.startswith("data: images, 1 x 12 x 12")
    assert status in ("0", "141")


@pytest.mark.parametrize("command", ["run --config plain.yaml --force", "run --config none.yaml"])
def test_a_reader_of_everything_that_has_left_is_no_error_of_ours(special, command):
    """Its pipe is closed before the command begins: output and errors have nowhere to go."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "grounding", *command.split()],
        cwd=special("plain").folder,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    assert done.returncode == 141
