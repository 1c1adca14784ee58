"""Every script and option of the specification, on a reduced experiment."""

import json
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch
from conftest import REPOSITORY, image_set, inside, overrides, own_config

from grounding.training.checkpoint import read_checkpoint

FIVE = "grounding/configs/5_asymmetric_resnet8_autoencoder.yaml"
AUGMENTED = ["self_supervised.augmentations_per_sample=2"]
TRAINERS = {
    "0_naive_autoencoder": "train_naive_autoencoder.py",
    "1_naive_covnet_autoencoder": "train_naive_covnet_autoencoder.py",
    "2_naive_covnet_autoencoder_low_samples": "train_naive_covnet_autoencoder.py",
    "3_regularized_covnet": "train_covnet.py",
    "4_self_supervised_covnet_aug100": "train_covnet.py",
    "5_asymmetric_resnet8_autoencoder": "train_covnet.py",
}
HEAD = {
    *("experiment", "checkpoint", "checkpoint_sha256", "seed"),
    *("made_from", "versions", "data", "config"),
}


def script(name, *arguments, extra=()):
    """Run `python grounding/NAME ...` in this process and the current folder; its exit status."""
    if not Path("grounding").exists():
        Path("grounding").symlink_to(REPOSITORY / "grounding")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"grounding/{name}", *arguments, *overrides(*extra)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(f"grounding/{name}", run_name="__main__")
    return end.value.code


@pytest.mark.parametrize("config", TRAINERS)
def test_train_and_analyze(in_folder, capsys, config):
    extra = AUGMENTED if config[0] in "45" else []
    name = config[2:]
    arguments = ["--config", f"grounding/configs/{config}.yaml"]
    assert script(TRAINERS[config], *arguments, extra=extra) == 0
    out = capsys.readouterr().out
    assert re.search(r"^epoch 1/2 +train loss 0\.\d+ +val loss", out, re.MULTILINE)
    assert out.startswith("data: MNIST (packaged), 1 x 28 x 28: 100 to train on")
    checkpoint = Path(f"artifacts/{name}_final.pt")
    held = torch.load(checkpoint, weights_only=True)
    assert {"state_dict", "config", "epoch", "train_loss", "val_loss"} <= held.keys()
    assert held["epoch"] == 2
    assert Path(f"artifacts/{name}_final_epoch001.pt").exists()

    assert script("analyze_autoencoder.py", *arguments, extra=extra) == 0
    report = Path(f"artifacts/{name}_analysis.txt").read_text()
    assert name in report
    assert str(checkpoint) in report
    total = sum(weights.numel() for weights in held["state_dict"].values())
    assert re.search(rf"^total parameters +{total}$", report, re.MULTILINE)
    assert re.search(rf"^trainable parameters +{total}$", report, re.MULTILINE)
    accuracy = float(re.search(r"^kNN accuracy +([\d.]+)", report, re.MULTILINE)[1])
    assert 0.1 < accuracy < 1
    assert re.search(r"^class +precision +recall +f1 +support$", report, re.MULTILINE)
    assert len(re.findall(r"^\d( +\d\.\d{4}){3} +\d+$", report, re.MULTILINE)) == 10
    values = json.loads(Path(f"artifacts/{name}_analysis.json").read_text())
    assert values["knn_accuracy"] == pytest.approx(accuracy, abs=5e-5)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Experiment 5, reduced and trained; runs a script on it and gives what that has written."""
    folder = tmp_path_factory.mktemp("five")
    with inside(folder):
        assert script("train_covnet.py", "--config", FIVE, extra=AUGMENTED) == 0

    def made(name, *options, written):
        with inside(folder):
            assert script(name, "--config", FIVE, *options, extra=AUGMENTED) == 0
        path = folder / f"artifacts/asymmetric_resnet8_autoencoder_{written}"
        if path.suffix == ".json":
            return json.loads(path.read_text(), parse_constant=pytest.fail)
        return onnx.load(path)

    return made


def test_manifold(five):
    values = five("analyze_manifold.py", "--split", "test", written="manifold_metrics.json")
    keys = {"manifold_split", "k_neighbors", "trustworthiness_neighbors", "metrics"}
    assert values.keys() >= HEAD | keys | {"manifold_score"}
    assert {
        *("knn_test_accuracy", "silhouette", "calinski_harabasz", "davies_bouldin"),
        *("trustworthiness", "neighbor_label_agreement", "fisher_ratio"),
    } <= values["metrics"].keys()
    assert (values["manifold_split"], values["trustworthiness_neighbors"]) == ("test", 5)


def test_latent_points(five):
    options = ["--split", "test", "--max-points", "200", "--l2-normalize"]
    options += ["--umap-n-neighbors", "15", "--umap-min-dist", "0.1"]
    values = five("generate_latent_points.py", *options, written="test_latent_points.json")
    assert values.keys() >= HEAD
    assert values["experiment"] == "asymmetric_resnet8_autoencoder"
    assert values["checkpoint"] == "artifacts/asymmetric_resnet8_autoencoder_final.pt"
    assert (values["split"], values["num_points"], values["latent_dim"]) == ("test", 200, 32)
    assert values["projection"] == "umap_3d"
    assert (values["umap_n_neighbors"], values["umap_min_dist"]) == (15, 0.1)
    assert values["l2_normalized"] is True
    assert [len(point) for point in values["points"]] == [3] * 200
    assert len(values["labels"]) == 200
    assert set(values["labels"]) <= set(range(10))


@pytest.mark.parametrize(
    ("half", "names"),
    [("encoder", ("input", "latent")), ("decoder", ("latent", "reconstruction"))],
)
def test_onnx(five, half, names):
    model = five(f"export_{half}_onnx.py", written=f"{half}.onnx")
    assert (model.graph.input[0].name, model.graph.output[0].name) == names


def test_interactive_assets(five):
    options = ["--split", "test", "--max-points", "150", "--l2-normalize", "--projection-k", "12"]
    written = "test_interactive_assets.json"
    values = five("export_interactive_assets.py", *options, written=written)
    assert values.keys() >= HEAD
    types = {
        "experiment": str,
        "checkpoint": str,
        "split": str,
        "projection": str,
        "num_points": int,
        "latent_dim": int,
        "projection_k": int,
        "umap_n_neighbors": int,
        "umap_min_dist": float,
        "l2_normalized": bool,
    }
    for key, kind in types.items():
        assert type(values[key]) is kind, key
    assert values["projection_method"] == "knn_barycentric"
    assert (values["num_points"], values["projection_k"]) == (150, 12)
    raw, latents = (torch.tensor(values[f"reference_latents{x}"]) for x in ("_raw", ""))
    assert torch.tensor(values["reference_points"]).shape == (150, 3)
    assert raw.shape == (150, 32)
    assert torch.allclose(torch.nn.functional.normalize(raw), latents, atol=1e-5)
    assert len(values["reference_labels"]) == 150
    samples = torch.tensor(values["digit_samples"])
    assert samples.shape == (10, 784)
    assert 0 <= samples.min() <= samples.max() <= 1


def started(*command, folder):
    if not (folder / "grounding").exists():
        (folder / "grounding").symlink_to(REPOSITORY / "grounding")
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "command",
    [
        *(["grounding/analyze_manifold.py"], ["-m", "grounding.analyze_manifold"]),
        *(["-m", "grounding"], [str(Path(sys.executable).with_name("grounding"))]),
    ],
)
def test_each_way_to_start_it_finds_its_command(tmp_path, command):
    """As processes of their own: the first puts the package's folder on the import path."""
    out, error = started(*command, "--help", folder=tmp_path).communicate(timeout=60)
    assert error == ""
    if "manifold" in command[-1]:
        assert "--split" in out
        return
    for name in ("run", "train", "analyze", "manifold", "points", "export", "verify"):
        assert re.search(rf"^  {name} ", out, re.MULTILINE)


def test_ctrl_c_ends_cleanly_with_the_last_checkpoint_intact(tmp_path):
    with inside(tmp_path):
        image_set(Path("images"))
        own_config(more="output: {save_every_n_epochs: 1}\n")
    process = started(
        *("grounding/train_covnet.py", "--config", "own.yaml"),
        *("--set", "training.epochs=9000"),
        folder=tmp_path,
    )
    for line in process.stdout:
        if line.startswith("epoch") and line.split()[1] == "3/9000":
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    said = r"interrupted after (\d+) of 9000 epochs; the same command with --resume continues"
    assert re.search(rf"{said} after epoch \1\n$", errors)
    artifacts = tmp_path / "artifacts"
    assert not list(artifacts.glob(".*"))
    assert not (artifacts / "own_final.pt").exists()
    newest = sorted(artifacts.glob("*.pt"))[-1]
    assert read_checkpoint(newest).epoch >= 3
