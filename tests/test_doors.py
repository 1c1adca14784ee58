"""Every command of the specification, as its own process, on reduced experiments."""

import json
import re
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from conftest import REPOSITORY, overrides

from grounding.data.catalog import load

CONFIGS = {
    "0": ("train_naive_autoencoder.py", "0_naive_autoencoder", "naive_autoencoder"),
    "1": (
        "train_naive_covnet_autoencoder.py",
        "1_naive_covnet_autoencoder",
        "naive_covnet_autoencoder",
    ),
    "2": (
        "train_naive_covnet_autoencoder.py",
        "2_naive_covnet_autoencoder_low_samples",
        "naive_covnet_autoencoder_low_samples",
    ),
    "3": ("train_covnet.py", "3_regularized_covnet", "regularized_covnet"),
    "4": (
        "train_covnet.py",
        "4_self_supervised_covnet_aug100",
        "self_supervised_covnet_aug100",
    ),
    "5": (
        "train_covnet.py",
        "5_asymmetric_resnet8_autoencoder",
        "asymmetric_resnet8_autoencoder",
    ),
}
FIVE = ["--config", "grounding/configs/5_asymmetric_resnet8_autoencoder.yaml"]


def door(folder, script, *arguments, extra=()):
    """Run `python grounding/SCRIPT ...` in a folder that has the repository's `grounding`."""
    link = folder / "grounding"
    if not link.exists():
        link.symlink_to(REPOSITORY / "grounding")
    return subprocess.run(
        [sys.executable, f"grounding/{script}", *arguments, *overrides(*extra)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def ok(result):
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("number", CONFIGS)
def test_train_and_analyze(tmp_path, number):
    script, config, name = CONFIGS[number]
    extra = ["self_supervised.augmentations_per_sample=2"] if number in "45" else []
    arguments = ["--config", f"grounding/configs/{config}.yaml"]
    out = ok(door(tmp_path, script, *arguments, extra=extra))
    assert re.search(r"^epoch 1/2 +train loss 0\.\d+ +val loss", out, re.MULTILINE)
    checkpoint = tmp_path / f"artifacts/{config}_final.pt"
    held = torch.load(checkpoint, weights_only=True)
    assert {"state_dict", "config", "epoch", "train_loss", "val_loss"} <= held.keys()
    assert held["epoch"] == 2
    assert (tmp_path / f"artifacts/{config}_final_epoch001.pt").exists()

    ok(door(tmp_path, "analyze_autoencoder.py", *arguments, extra=extra))
    report = (tmp_path / f"artifacts/{config}_analysis.txt").read_text()
    assert name in report
    assert f"artifacts/{config}_final.pt" in report
    total = sum(weights.numel() for weights in held["state_dict"].values())
    assert re.search(rf"^total parameters +{total}$", report, re.MULTILINE)
    assert re.search(rf"^trainable parameters +{total}$", report, re.MULTILINE)
    accuracy = float(re.search(r"^kNN accuracy +([\d.]+)", report, re.MULTILINE)[1])
    assert 0.1 < accuracy < 1
    assert re.search(r"^class +precision +recall +f1 +support$", report, re.MULTILINE)
    assert len(re.findall(r"^\d( +\d\.\d{4}){3} +\d+$", report, re.MULTILINE)) == 10
    values = json.loads((tmp_path / f"artifacts/{config}_analysis.json").read_text())
    assert values["knn_accuracy"] == pytest.approx(accuracy, abs=5e-5)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Experiment 5, reduced and trained, in a folder like the repository's root."""
    folder = tmp_path_factory.mktemp("five")
    ok(door(folder, "train_covnet.py", *FIVE, extra=AUGMENTED))
    return folder


AUGMENTED = ["self_supervised.augmentations_per_sample=2"]


def made(folder, name):
    return json.loads((folder / "artifacts" / name).read_text(), parse_constant=pytest.fail)


PROVENANCE = {"seed", "checkpoint_sha256", "versions", "config", "seconds", "options"}


def test_manifold(five):
    ok(door(five, "analyze_manifold.py", *FIVE, "--split", "test", extra=AUGMENTED))
    values = made(five, "asymmetric_resnet8_autoencoder_manifold_metrics.json")
    keys = {
        "experiment",
        "checkpoint",
        "manifold_split",
        "k_neighbors",
        "trustworthiness_neighbors",
        "metrics",
        "manifold_score",
    }
    assert keys | PROVENANCE <= values.keys()
    metrics = {
        "knn_test_accuracy",
        "silhouette",
        "calinski_harabasz",
        "davies_bouldin",
        "trustworthiness",
        "neighbor_label_agreement",
        "fisher_ratio",
    }
    assert metrics <= values["metrics"].keys()
    assert (values["manifold_split"], values["trustworthiness_neighbors"]) == ("test", 5)
    m = values["metrics"]
    by_hand = (
        m["knn_test_accuracy"]
        + m["trustworthiness"]
        + m["neighbor_label_agreement"]
        + (m["silhouette"] + 1) / 2
        + 1 / (1 + m["davies_bouldin"])
        + m["fisher_ratio"] / (1 + m["fisher_ratio"])
    )
    assert values["manifold_score"] == pytest.approx(100 * by_hand / 6)


def test_latent_points(five):
    ok(
        door(
            five, "generate_latent_points.py", *FIVE, "--split", "test", "--max-points", "200",
            "--l2-normalize", "--umap-n-neighbors", "15", "--umap-min-dist", "0.1",
            extra=AUGMENTED,
        )
    )  # fmt: skip
    values = made(five, "asymmetric_resnet8_autoencoder_test_latent_points.json")
    assert values.keys() >= PROVENANCE
    assert values["experiment"] == "asymmetric_resnet8_autoencoder"
    assert values["checkpoint"] == "artifacts/5_asymmetric_resnet8_autoencoder_final.pt"
    assert (values["split"], values["num_points"], values["latent_dim"]) == ("test", 200, 32)
    assert values["projection"] == "umap_3d"
    assert (values["umap_n_neighbors"], values["umap_min_dist"]) == (15, 0.1)
    assert values["l2_normalized"] is True
    assert [len(point) for point in values["points"]] == [3] * 200
    assert len(values["labels"]) == 200
    assert set(values["labels"]) <= set(range(10))


def test_decoder_export(five):
    for half, names in (
        ("encoder", ("input", "latent")),
        ("decoder", ("latent", "reconstruction")),
    ):
        ok(door(five, f"export_{half}_onnx.py", *FIVE, extra=AUGMENTED))
        model = onnx.load(five / f"artifacts/asymmetric_resnet8_autoencoder_{half}.onnx")
        assert (model.graph.input[0].name, model.graph.output[0].name) == names


def test_interactive_assets(five):
    ok(
        door(
            five, "export_interactive_assets.py", *FIVE, "--split", "test", "--max-points", "150",
            "--l2-normalize", "--projection-k", "12", extra=AUGMENTED,
        )
    )  # fmt: skip
    values = made(five, "asymmetric_resnet8_autoencoder_test_interactive_assets.json")
    assert values.keys() >= PROVENANCE
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
    points, latents = torch.tensor(values["reference_points"]), values["reference_latents"]
    raw = torch.tensor(values["reference_latents_raw"])
    assert points.shape == (150, 3)
    assert raw.shape == (150, 32)
    assert torch.allclose(torch.tensor(latents).norm(dim=1), torch.ones(150), atol=1e-5)
    assert torch.allclose(torch.nn.functional.normalize(raw), torch.tensor(latents), atol=1e-5)
    assert len(values["reference_labels"]) == 150
    samples = torch.tensor(values["digit_samples"])
    assert samples.shape == (10, 784)
    assert (samples >= 0).all()
    assert (samples <= 1).all()
    assert torch.allclose(encoded_by_onnx(five, values["reference_indices"]), raw, atol=1e-4)


def encoded_by_onnx(folder, indices):
    """Latents that the exported encoder gives to test images."""
    ok(door(folder, "export_encoder_onnx.py", *FIVE, extra=AUGMENTED))
    encoder = folder / "artifacts/asymmetric_resnet8_autoencoder_encoder.onnx"
    images = load("mnist", None).test_images[indices].astype("float32") / 255
    (latents,) = onnxruntime.InferenceSession(encoder.read_bytes()).run(None, {"input": images})
    return torch.from_numpy(latents)


def test_python_m_and_the_grounding_command_are_the_same_doors(tmp_path):
    installed = str(Path(sys.executable).parent / "grounding")
    for command in ([sys.executable, "-m", "grounding"], [installed]):
        shown = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=tmp_path)
        assert shown.returncode == 0
        for name in ("run", "train", "analyze", "manifold", "points", "export"):
            assert re.search(rf"^    {name}\b", shown.stdout, re.MULTILINE)
    shown = subprocess.run(
        [sys.executable, "-m", "grounding.analyze_manifold", "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "--split" in shown.stdout


def test_ctrl_c_ends_cleanly_with_the_last_checkpoint_intact(tmp_path):
    import signal

    from grounding.training.checkpoint import load_checkpoint

    link = tmp_path / "grounding"
    link.symlink_to(REPOSITORY / "grounding")
    endless = overrides("training.epochs=10000")
    process = subprocess.Popen(
        [sys.executable, "grounding/train_covnet.py", "--config", "3", *endless],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch") and line.split()[1] == "3/10000":
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    said = r"interrupted after (\d+) of 10000 epochs; the same command with --resume continues"
    assert re.fullmatch(rf"{said} after epoch \1\n", errors)
    artifacts = tmp_path / "artifacts"
    assert not list(artifacts.glob("*.tmp"))
    assert not (artifacts / "3_regularized_covnet_final.pt").exists()
    newest = sorted(artifacts.glob("*.pt"))[-1]
    assert load_checkpoint(newest)[0].epoch >= 3
