"""`grounding probe`: what it measures, writes and skips."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import overrides

from grounding.cli.commands import main
from grounding.data.splits import to_unit
from grounding.experiment.load import load_experiment
from grounding.runs.probes import augmented_views, has_bank, label_probes, probes_step
from grounding.runs.run import load_run

PROBES = {
    "knn_1_accuracy",
    "linear_probe_accuracy",
    "augmented_bank_accuracy",
    "test_reconstruction_error",
    "regrounding_drift",
}


@pytest.fixture
def copied(trained, tmp_path, monkeypatch):
    """A trained experiment in a folder of its own: its arguments and the loaded run."""

    def copy(config):
        run = trained(config)
        shutil.copytree(run.folder, tmp_path, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)
        loaded, _ = load_run(load_experiment(config, run.arguments[3::2]))
        return run.arguments, loaded

    return copy


def test_the_probes_of_a_run(copied, capsys):
    arguments, run = copied("4")
    assert main("probe", arguments) == 0
    shown = capsys.readouterr().out
    assert "linear_probe_accuracy" in shown
    path = Path("artifacts/self_supervised_covnet_aug100_probes.json")
    assert f", {path}\n" in shown
    values = json.loads(path.read_text())
    probes = values["probes"]
    assert set(probes) == PROBES
    assert values["checkpoint_sha256"] == run.sha256
    assert values["probe_settings"]["augmented_bank"] == {"views": 30, "k": 15}

    # By other means: distances in full, the error of every pixel.
    z, references = run.latents("test").double(), run.latents("train").double()
    nearest = torch.cdist(z, references).argmin(1)
    right = run.splits.train.labels[nearest] == run.splits.test.labels
    assert probes["knn_1_accuracy"] == pytest.approx(right.double().mean().item())
    x = to_unit(run.splits.test.images)
    with torch.inference_mode():
        error = (run.model(x) - x).square().mean().item()
    assert probes["test_reconstruction_error"] == pytest.approx(error, rel=1e-5)
    assert probes["regrounding_drift"] > 0

    assert main("verify", [str(path)]) == 0
    assert "probes of self_supervised_covnet_aug100" in capsys.readouterr().out
    first = {**values, "seconds": 0, "sha256": 0}
    assert main("probe", arguments) == 0
    assert first == {**json.loads(path.read_text()), "seconds": 0, "sha256": 0}


def test_a_step_knows_whether_its_probes_are_up_to_date(copied, tmp_path):
    _, run = copied("2")
    path = tmp_path / "p.json"
    step = probes_step(run, path)
    assert step.reason_to_make() == ""
    step.do()
    assert step.reason_to_make() is None
    assert json.loads(path.read_text())["probes"]["augmented_bank_accuracy"] is None
    path.write_bytes(path.read_bytes().replace(b"knn_1", b"knn_2"))
    assert "is damaged" in step.reason_to_make()


def test_the_bank_holds_views_of_each_image_as_it_is_augmented(copied):
    _, run = copied("4")
    views = augmented_views(run.experiment, run.splits)
    assert views.shape == (3000, 1, 28, 28)
    assert torch.equal(views, augmented_views(run.experiment, run.splits))
    # Each is still most like the image that it is a view of, far more often than by chance.
    clean = to_unit(run.splits.train.images).flatten(1)
    found = torch.cdist(views.flatten(1), clean).argmin(1)
    assert (found == torch.arange(3000) % 100).double().mean() > 0.2
    off = run.experiment.model_dump() | {"self_supervised": {"enabled": False}}
    assert not has_bank(type(run.experiment).model_validate(off), run.splits)


def test_the_bank_is_only_for_few_images(in_folder):
    from grounding.data.splits import load_splits

    for count, expected in ((1000, True), (1001, False)):
        settings = overrides(f"data.train_samples={count}")[1::2]
        experiment = load_experiment("4", settings)
        splits = load_splits(experiment.data, 0)
        assert has_bank(experiment, splits) is expected


def test_labels_of_the_bank_go_view_by_view(copied):
    """Two images, far apart; the views of the second lie where the test images are."""
    _, run = copied("4")
    splits = run.splits
    n, q = len(splits.train), len(splits.test)
    train = torch.arange(n)[:, None].float() * 100
    chosen = 7
    test = torch.full((q, 1), 100.0 * chosen)
    bank = train.repeat(30, 1) + 0.01 * torch.arange(30).repeat_interleave(n)[:, None]
    found = label_probes(run.experiment, splits, train, test, bank)
    share = (splits.test.labels == splits.train.labels[chosen]).double().mean().item()
    assert found["augmented_bank_accuracy"] == found["knn_1_accuracy"] == pytest.approx(share)
