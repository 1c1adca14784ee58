import dataclasses
import subprocess

import pytest
import torch

from grounding._errors import UserError
from grounding.experiment.load import load_experiment
from grounding.training.checkpoint import (
    Checkpoint,
    differences,
    epoch_path,
    hash_path,
    load_checkpoint,
    save_checkpoint,
    training_config,
)
from grounding.training.history import Epoch

HELD = Checkpoint(
    state_dict={"w": torch.arange(6.0).view(2, 3)},
    objective={"projection.0.weight": torch.ones(2, 2)},
    optimizer={"w": {"step": torch.tensor(9.0), "exp_avg": torch.ones(2, 3)}},
    experiment=load_experiment("4"),
    epoch=3,
    train_loss=0.25,
    val_loss=0.5,
    history=(Epoch(1, 0.75, 1.0, 1.5, 9.0),),
    image_shape=(1, 28, 28),
    data_fingerprint="abc",
    versions={"grounding": "0"},
    device="cpu",
    machine="x86_64 AVX2",
    threads=2,
    seconds=1.5,
    run="000001-00000000",
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x_final.pt"
    save_checkpoint(HELD, path)
    return path


def test_what_is_saved_is_loaded(path):
    loaded, digest = load_checkpoint(path)
    assert torch.equal(loaded.state_dict["w"], HELD.state_dict["w"])
    assert torch.equal(loaded.objective["projection.0.weight"], torch.ones(2, 2))
    assert torch.equal(loaded.optimizer["w"]["exp_avg"], HELD.optimizer["w"]["exp_avg"])
    assert loaded.experiment == HELD.experiment
    for field in dataclasses.fields(Checkpoint):
        if field.name not in ("state_dict", "objective", "optimizer"):
            assert getattr(loaded, field.name) == getattr(HELD, field.name)
    assert digest in hash_path(path).read_text()


def test_torch_alone_can_read_it(path):
    values = torch.load(path, weights_only=True)
    assert {"state_dict", "config", "epoch", "train_loss", "val_loss"} <= values.keys()
    assert values["config"]["experiment"]["name"] == "self_supervised_covnet_aug100"


def test_the_hash_file_is_what_sha256sum_reads(path):
    subprocess.run(
        ["sha256sum", "--check", "--strict", hash_path(path).name], cwd=path.parent, check=True
    )


def refused(path):
    with pytest.raises(UserError) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_any_damage_is_noticed(path):
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        assert "is damaged" in refused(path)
    path.write_bytes(whole[:-1])
    assert "is damaged" in refused(path)


def rehash(path):
    import hashlib

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    hash_path(path).write_text(f"{digest}  {path.name}\n")


def test_wrong_files_are_refused_even_with_a_right_hash(path):
    path.write_bytes(b"<html>not found</html>")
    rehash(path)
    assert "is not a checkpoint" in refused(path)
    torch.save({"state_dict": {}}, path)
    rehash(path)
    assert "format None" in refused(path)
    torch.save([1, 2], path)
    rehash(path)
    assert "format list" in refused(path)
    torch.save({"format": 1, "epoch": 3}, path)
    rehash(path)
    assert "checkpoint format 1, this version reads 3; train it again" in refused(path)
    torch.save({"format": 3, "epoch": 3}, path)
    rehash(path)
    assert "lacks state_dict" in refused(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state_dict", {"w": "no tensor"}),
        ("optimizer", {"w": torch.ones(1)}),
        ("epoch", 0),
        ("epoch", True),
        ("history", [{"epoch": 1}]),
        ("image_shape", [28, 28]),
        ("versions", None),
        ("run", "000001"),
        ("config", []),
    ],
)
def test_values_of_a_wrong_kind_are_refused_even_with_a_right_hash(path, key, value):
    torch.save(torch.load(path, weights_only=True) | {key: value}, path)
    rehash(path)
    assert f"has no usable {key}; train it again" in refused(path)


class Payload:
    def __reduce__(self):
        return (print, ("the payload ran",))


def test_a_pickle_payload_does_not_run(path, capsys):
    torch.save({"format": 3, "x": Payload()}, path)
    rehash(path)
    assert "is not a checkpoint" in refused(path)
    assert "payload ran" not in capsys.readouterr().out


def test_a_missing_file_or_hash_is_said(path):
    assert "does not exist" in refused(path.with_name("none.pt"))
    hash_path(path).unlink()
    assert "sha256sum x_final.pt > x_final.pt.sha256" in refused(path)


def test_a_kill_between_checkpoint_and_hash_leaves_a_pair_that_loads(path, monkeypatch):
    """The second hash file is never written: as if the process died before it."""
    from grounding.training import checkpoint as module

    written = []
    write = module.write_text

    def die_the_second_time(target, text):
        written.append(text)
        if len(written) == 2:
            raise KeyboardInterrupt
        write(target, text)

    monkeypatch.setattr(module, "write_text", die_the_second_time)
    newer = dataclasses.replace(HELD, epoch=4)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(newer, path)
    assert load_checkpoint(path)[0].epoch == 4

    # And the other way round: the hash file is new, the checkpoint still the old one.
    both = hash_path(path).read_text()
    monkeypatch.undo()
    save_checkpoint(HELD, path)
    old = path.read_bytes()
    save_checkpoint(newer, path)
    path.write_bytes(old)
    hash_path(path).write_text(both)
    assert load_checkpoint(path)[0].epoch == 3


def test_a_damaged_checkpoint_does_not_become_good_while_it_is_replaced(path, monkeypatch):
    from grounding.training import checkpoint as module

    damaged = bytearray(path.read_bytes())
    damaged[500] ^= 1
    path.write_bytes(damaged)
    write = module.write_text

    def die_after_writing(target, text):
        write(target, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_text", die_after_writing)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(HELD, path)
    assert path.read_bytes() == damaged
    assert "is damaged" in refused(path)


def test_names_of_periodic_checkpoints(path):
    assert epoch_path(path, 5).name == "x_final_epoch005.pt"


def experiment(*settings, config="4"):
    return load_experiment(config, settings)


@pytest.mark.parametrize(
    "setting",
    [
        "training.epochs=3",
        "experiment.seed=1",
        "data.train_samples=99",
        "model.latent_dim=8",
        "self_supervised.augmentation.max_shift=1",
        "self_supervised.refresh_each_epoch=false",
        "regularization.dropout.enabled=true",
    ],
)
def test_what_changes_training_is_told_apart(setting):
    changed = experiment(setting)
    assert training_config(changed) != training_config(experiment())
    key = setting.split("=")[0].replace("dropout.enabled", "dropout_p")
    assert list(differences(changed, experiment())) == [key]


@pytest.mark.parametrize(
    "setting",
    [
        "experiment.name=other",
        "training.device=cpu",
        "data.test_samples=10",
        "data.num_workers=4",
        "data.data_dir=elsewhere",
        "analysis.k=3",
        "output.checkpoint_path=x.pt",
        "regularization.dropout.p=0.4",
        "model.hidden_dims=[8,16]",
    ],
)
def test_what_does_not_change_training_does_not(setting):
    assert training_config(experiment(setting)) == training_config(experiment())


def test_a_section_that_is_off_counts_as_its_defaults():
    off = experiment("self_supervised.augmentation.max_shift=1", config="2")
    assert training_config(off) == training_config(experiment(config="2"))
