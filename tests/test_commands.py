"""What is refused, in one line and with exit status 2; and what `run` skips."""

import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import overrides

from grounding.cli.commands import main


@pytest.fixture
def copy(trained, tmp_path, monkeypatch):
    """A trained experiment, copied so that a test may break it."""

    def copied(config):
        run = trained(config)
        shutil.copytree(run.folder, tmp_path, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)
        return run.arguments, tmp_path / run.checkpoint.relative_to(run.folder)

    return copied


def refused(capsys, command, *arguments):
    capsys.readouterr()
    assert main(command, list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1, shown.err
    return shown.err


ANALYSES = ("analyze", "manifold", "points", "export-encoder", "export-decoder", "export-assets")


@pytest.mark.parametrize("command", ANALYSES)
def test_a_missing_checkpoint_names_the_command_that_makes_it(in_folder, capsys, command):
    message = refused(capsys, command, "--config", "5", "--set", "training.epochs=3")
    assert "artifacts/5_asymmetric_resnet8_autoencoder_final.pt does not exist" in message
    made_by = "python grounding/train_covnet.py --config 5 --set training.epochs=3"
    assert message.endswith(f"make it with: {made_by}\n")


@pytest.mark.parametrize(
    ("config", "allowed", "right"),
    [
        ("0", ("naive_conv",), "grounding/train_naive_autoencoder.py"),
        ("5", ("vanilla_fc",), "grounding/train_covnet.py"),
        ("1", ("vanilla_fc",), "grounding/train_covnet.py"),
    ],
)
def test_the_wrong_trainer_names_the_right_one(in_folder, capsys, config, allowed, right):
    assert main("train", ["--config", config], architectures=allowed) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.endswith(f"use: python {right} --config {config}\n")
    assert list(in_folder.iterdir()) == []


def test_more_samples_than_there_are(in_folder, capsys):
    message = refused(capsys, "train", "--config", "0", "--set", "data.train_samples=60000")
    assert "= 65000, but the training set (packaged) has 60000 images" in message
    message = refused(capsys, "train", "--config", "0", "--set", "data.test_samples=10001")
    assert "--set data.test_samples=10000" in message


def test_unreadable_data(in_folder, capsys):
    folder = in_folder / "data"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08")
    message = refused(capsys, "train", "--config", "2")
    assert "t10k-images-idx3-ubyte" in message
    for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte").write_bytes(b"<html>")
    assert "train-images-idx3-ubyte" in refused(capsys, "train", "--config", "2")


def test_unwritable_outputs_are_found_before_the_work(in_folder, capsys):
    Path("file").touch()
    place = ["--set", "output.checkpoint_path=file/x.pt"]
    message = refused(capsys, "train", "--config", "2", *place)
    assert "cannot write file/x.pt" in message
    message = refused(capsys, "train", "--config", "2", "--output", str(in_folder))
    assert "it is a folder; name a file" in message


@pytest.mark.parametrize(
    ("command", "path_of"),
    [
        ("analyze", "x.txt"),
        ("manifold", "x.json"),
        ("points", "x.json"),
        ("export-encoder", "x.onnx"),
        ("export-assets", "x.json"),
    ],
)
def test_unwritable_analysis_outputs(copy, capsys, command, path_of):
    arguments, _ = copy("3")
    Path("file").touch()
    message = refused(capsys, command, *arguments, "--output", f"file/{path_of}")
    assert "cannot write file/x" in message


def test_a_damaged_checkpoint_is_refused(copy, capsys):
    arguments, checkpoint = copy("3")
    data = bytearray(checkpoint.read_bytes())
    data[len(data) // 2] ^= 1
    checkpoint.write_bytes(data)
    assert "is damaged" in refused(capsys, "analyze", *arguments)


def test_a_checkpoint_of_another_experiment_is_refused_by_name(copy, capsys):
    arguments, checkpoint = copy("3")
    other = ["--config", "0", *overrides(), "--checkpoint", str(checkpoint)]
    message = refused(capsys, "analyze", *other)
    assert "was trained with model.architecture=naive_conv, the config says vanilla_fc" in message
    message = refused(capsys, "analyze", *arguments, "--set", "experiment.seed=1")
    assert "was trained with experiment.seed=42, the config says 1" in message
    assert "pass --set experiment.seed=42" in message


def test_a_checkpoint_of_other_data_is_refused(copy, capsys, tmp_path):
    import numpy as np

    from grounding.data.idx import write_idx

    arguments, _ = copy("3")
    for name, count in (("train", 200), ("t10k", 300)):
        images = np.zeros((count, 28, 28), np.uint8)
        write_idx(tmp_path / f"own/{name}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"own/{name}-labels-idx1-ubyte.gz", images[:, 0, 0])
    message = refused(capsys, "analyze", *arguments, "--set", "data.data_dir=own")
    assert "was trained on other data than that in own" in message


def test_training_settings_that_differ_are_said_to_be_ignored(copy, capsys):
    arguments, _ = copy("3")
    assert main("analyze", [*arguments, "--set", "training.epochs=7"]) == 0
    warning = capsys.readouterr().err
    assert "was trained with training.epochs=2; 7 in the config is ignored" in warning
    values = json.loads(next(Path("artifacts").glob("*_analysis.json")).read_text())
    assert values["config"]["training"]["epochs"] == 2


def test_numbers_that_do_not_fit_the_data(copy, capsys):
    arguments, _ = copy("3")
    message = refused(capsys, "analyze", *arguments, "--set", "analysis.k=101")
    assert "analysis.k 101 neighbours, but only 100 training images" in message
    message = refused(capsys, "manifold", *arguments, "--set", "data.test_samples=10")
    assert "need more than 10" in message
    message = refused(capsys, "points", *arguments, "--max-points", "4")
    assert "must be at least 5" in message
    message = refused(
        capsys, "export-assets", *arguments, "--max-points", "9", "--projection-k", "12"
    )
    assert "--projection-k 12 is not in 1 to 9" in message


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required: --config"),
        (["--config", "5", "--max-points", "-1"], "-1 is less than 0"),
        (["--config", "5", "--umap-min-dist", "x"], "'x' is not a number"),
        (["--config", "5", "--umap-min-dist", "2"], "2 is not in 0 to 1"),
        (["--config", "5", "--split", "all"], "invalid choice: 'all'"),
        (["--config", "5", "--max-point", "x"], "--max-points"),
    ],
)
def test_a_wrong_command_line_is_one_line(capsys, arguments, problem):
    with pytest.raises(SystemExit) as stop:
        main("points", arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert problem in error


def test_a_config_error_is_one_line(in_folder, capsys):
    Path("x.yaml").write_text("experiment:\n  nam: x\n")
    assert "x.yaml:2:3: experiment.nam: unknown key" in refused(
        capsys, "train", "--config", "x.yaml"
    )


def test_output_and_checkpoint_are_honoured_everywhere(copy, capsys):
    arguments, checkpoint = copy("3")
    moved = Path("else where") / "ü.pt"
    moved.parent.mkdir()
    checkpoint.rename(moved)
    digest = checkpoint.with_name(checkpoint.name + ".sha256")
    digest.rename(moved.with_name(moved.name + ".sha256"))
    made = {
        "analyze": ["a.txt", "a.json"],
        "manifold": ["m.json"],
        "points": ["p.json"],
        "export-encoder": ["e.onnx"],
        "export-decoder": ["d.onnx"],
        "export-assets": ["i.json"],
    }
    for command, names in made.items():
        chosen = [*arguments, "--checkpoint", str(moved), "--output", f"out/{names[0]}"]
        assert main(command, chosen) == 0
        assert all((Path("out") / name).exists() for name in names)
    assert main("export", [*arguments, "--checkpoint", str(moved), "--output", "all"]) == 0
    assert {p.name for p in Path("all").iterdir()} == {
        "regularized_covnet_encoder.onnx",
        "regularized_covnet_decoder.onnx",
        "regularized_covnet_test_interactive_assets.json",
        "regularized_covnet_test_interactive_assets.bin",
    }
    out = capsys.readouterr().out
    assert "else where/ü.pt" in out


def numbers(path):
    """A JSON output without the time it took and the hashes that cover that."""
    values = json.loads(path.read_text())
    return {k: v for k, v in values.items() if k not in ("seconds", "sha256", "companion")}


def test_run_does_the_chain_then_skips_it_then_redoes_what_is_stale(copy, capsys):
    arguments, checkpoint = copy("3")
    assert main("run", arguments) == 0
    first = capsys.readouterr().out
    assert f"train: up to date, {Path('artifacts') / checkpoint.name}" in first
    for name in ("analyze", "manifold", "points", "encoder", "decoder", "assets"):
        assert f"\n{name}: " in first
    assert "manifold score" in first
    made = {p.name: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}
    content = {p: numbers(p) for p in Path("artifacts").glob("*.json")}
    assert len(content) == 4

    assert main("run", arguments) == 0
    second = capsys.readouterr().out
    assert second.count("up to date") == 7
    assert made == {p.name: p.stat().st_mtime_ns for p in Path("artifacts").iterdir()}
    assert first[first.index("\n\n") :] == second[second.index("\n\n") :]

    # A damaged output is made again; the others are not.
    points = next(Path("artifacts").glob("*_latent_points.json"))
    points.write_text(points.read_text()[:1000])
    encoder = next(Path("artifacts").glob("*_encoder.onnx"))
    encoder.write_bytes(b"")
    # So is one whose binary companion has gone.
    companion = next(Path("artifacts").glob("*_interactive_assets.bin"))
    companion.unlink()
    assert main("run", arguments) == 0
    third = capsys.readouterr().out
    assert third.count("up to date") == 4
    assert companion.exists()
    assert numbers(points) == content[points]

    # Other settings of the analysis concern the analyses alone.
    assert main("run", [*arguments, "--set", "analysis.k=3"]) == 0
    assert capsys.readouterr().out.count("up to date") == 5

    # Another training concerns everything.
    assert main("run", [*arguments, "--set", "training.epochs=1"]) == 0
    assert "up to date" not in capsys.readouterr().out


def test_weights_that_are_not_finite_are_refused_before_anything_is_written(copy, capsys):
    import torch

    from grounding._files import sha256_of

    arguments, checkpoint = copy("3")
    held = torch.load(checkpoint, weights_only=True)
    next(iter(held["state_dict"].values())).fill_(torch.nan)
    torch.save(held, checkpoint)
    Path(f"{checkpoint}.sha256").write_text(f"{sha256_of(checkpoint)}  {checkpoint.name}\n")
    before = sorted(Path("artifacts").iterdir())
    for command in ("analyze", "manifold", "points", "export-assets", "export-decoder"):
        assert "some latents are not finite" in refused(capsys, command, *arguments)
    assert before == sorted(Path("artifacts").iterdir())


def test_points_carry_numbers_that_can_be_measured_again(copy, capsys):
    from grounding.data.splits import to_unit
    from grounding.experiment.load import load_experiment
    from grounding.export.companion_file import read_companion
    from grounding.runs.run import load_run

    arguments, _ = copy("3")
    assert main("points", [*arguments, "--max-points", "40", "--output", "p.json"]) == 0
    points = json.loads(Path("p.json").read_text())
    assert points["image_shape"] == [1, 28, 28]
    run, _ = load_run(load_experiment("3", arguments[3::2]))
    for row in (0, 7, 39):
        image = to_unit(run.splits.test.images[points["indices"][row]])
        error = float((run.model(image[None]) - image).square().mean().detach())
        assert points["reconstruction_error"][row] == pytest.approx(error, rel=1e-4)
    companion = read_companion(Path("p.bin"))
    assert companion.arrays["thumbnails"].shape == (40, 784)
    assert (
        companion.arrays["thumbnails"][7]
        == run.splits.test.images[points["indices"][7]].flatten().numpy()
    ).all()


def test_serve_and_publish_say_what_is_missing(in_folder, capsys):
    Path("file").write_text("")
    assert "--artifacts file is not a folder" in refused(capsys, "serve", "--artifacts", "file")
    assert "--port 70000 is not in 0 to 65535" in refused(capsys, "serve", "--port", "70000")
    message = refused(capsys, "publish", "site")
    assert "no runs in artifacts" in message or "pages are not built" in message
    assert not Path("site").exists()


def test_the_same_seed_gives_the_same_json(trained, in_folder):
    """Two whole chains in two folders: every number but the seconds is the same."""
    run = trained("3")
    results = []
    for folder in ("a", "b"):
        Path(folder).mkdir()
        os.chdir(in_folder / folder)
        assert main("run", run.arguments) == 0
        results.append({p.name: p for p in Path("artifacts").resolve().iterdir()})
        os.chdir(in_folder)
    first, second = results
    assert first.keys() == second.keys()
    for name, path in first.items():
        if path.suffix == ".json":
            values, others = numbers(path), numbers(second[name])
            # The checkpoint's hash covers the seconds that training took.
            for document in (values, others):
                del document["checkpoint_sha256"]
            assert values == others
    import torch

    pair = [torch.load(r["3_regularized_covnet_final.pt"], weights_only=True) for r in results]
    for key, weights in pair[0]["state_dict"].items():
        assert torch.equal(weights, pair[1]["state_dict"][key])


def test_own_images_of_another_shape_go_through_the_whole_chain(in_folder, capsys):
    """Colour images of 12 x 20 in four classes, from IDX files of one's own."""
    import numpy as np

    from grounding.data.idx import write_idx

    rng = np.random.default_rng(0)
    for name, count in (("train", 120), ("t10k", 60)):
        labels = (np.arange(count) % 4).astype(np.uint8)
        images = rng.integers(0, 60, (count, 12, 20, 3), dtype=np.uint8)
        images[np.arange(count), :, labels * 5, :] = 250
        write_idx(in_folder / f"data/{name}-images-idx3-ubyte", images)
        write_idx(in_folder / f"data/{name}-labels-idx1-ubyte.gz", labels)
    Path("own.yaml").write_text(
        "experiment:\n  name: stripes\n"
        "data:\n  train_samples: 100\n  val_samples: 20\n  test_samples: 60\n"
        "model:\n  architecture: naive_conv\n  hidden_dims: [4, 8, 8]\n  latent_dim: 6\n"
        "training:\n  epochs: 2\n"
    )
    assert main("run", ["--config", "own.yaml"]) == 0
    assert "data: data, which is not the published mnist" in capsys.readouterr().out
    assets = json.loads(Path("artifacts/stripes_test_interactive_assets.json").read_text())
    assert assets["image_shape"] == [3, 12, 20]
    assert np.array(assets["digit_samples"]).shape == (4, 720)
