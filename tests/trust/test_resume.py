"""An interrupted training that is resumed ends as if nothing had happened, bit for bit."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from results import document_result, training_result

from grounding._progress import TrainingProgress
from grounding.cli.commands import main
from grounding.training.checkpoint import epoch_path, hash_path, load_checkpoint
from grounding.training.history import metrics_path

FINAL = Path("x_final.pt")
SMALL = [
    "data.train_samples=30",
    "data.val_samples=10",
    "data.test_samples=100",
    "training.epochs=4",
    "training.batch_size=12",
    "training.device=cpu",
    "output.save_every_n_epochs=1",
    "output.checkpoint_path=x_final.pt",
]
AUGMENTED = "self_supervised.augmentations_per_sample=2"
FIXED = ["self_supervised.refresh_each_epoch=false", AUGMENTED]
CACHED = ["self_supervised.precompute=true", "self_supervised.cache_path=set.pt", AUGMENTED]
UNREFRESHED = "self_supervised.refresh_each_epoch=null"
VIEWS = ["objectives.views=2", AUGMENTED]
VGG = ["model.architecture=vgg", "model.hidden_dims=[4,8]"]
VARIANTS = {
    "fully connected": ("0", []),
    "conv": ("1", []),
    "dropout": ("3", []),
    "refreshed": ("4", [AUGMENTED]),
    "fixed": ("4", FIXED),
    "precomputed": ("4", [*CACHED, UNREFRESHED]),
    "resnet, refreshed": ("5", [AUGMENTED]),
    "resnet, dropout, precomputed": (
        "5",
        [*CACHED, UNREFRESHED, "regularization.dropout.enabled=true"],
    ),
    "vgg, contrastive, one cycle": (
        "4",
        [
            *VIEWS,
            *VGG,
            "objectives.contrastive=1",
            "objectives.near=4",
            "objectives.close=2",
            "objectives.reconstruction_of=view",
            "objectives.mirrored=true",
            "objectives.composites=3",
            "training.optimizer=adamw",
            "training.schedule=one_cycle",
        ],
    ),
    "vicreg without a decoder": (
        "4",
        [*VIEWS, "objectives.vicreg=1", "objectives.reconstruction=0"],
    ),
    "variational": ("4", [AUGMENTED, "objectives.kl=0.001"]),
    "labels": ("4", [AUGMENTED, "objectives.labels=1", "objectives.reconstruction=0"]),
}


def arguments(config, *settings):
    return [
        "--config", config, *(p for setting in (*SMALL, *settings) for p in ("--set", setting))
    ]  # fmt: skip


def interrupt_after(monkeypatch, epoch):
    """Ctrl-C as soon as an epoch's line is shown."""
    show = TrainingProgress.on_epoch

    def show_and_interrupt(self, shown):
        show(self, shown)
        if shown.epoch == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "on_epoch", show_and_interrupt)


def interrupted(monkeypatch, capsys, epoch, *given):
    """Train and interrupt; returns the line about it."""
    capsys.readouterr()
    with monkeypatch.context() as patch:
        interrupt_after(patch, epoch)
        assert main("train", list(given)) == 130
    return capsys.readouterr().err


def resumed(capsys, *given):
    capsys.readouterr()
    assert main("train", ["--resume", *given]) == 0
    return capsys.readouterr()


def refused(capsys, *given):
    capsys.readouterr()
    assert main("train", ["--resume", *given]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    return line


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Change into a folder of the given name."""

    def change(name):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)

    return change


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_training_equals_an_uninterrupted_one(folders, monkeypatch, capsys, variant):
    config, settings = VARIANTS[variant]
    given = arguments(config, *settings)
    folders("whole")
    assert main("train", given) == 0
    whole = training_result(FINAL)
    folders("parts")
    line = interrupted(monkeypatch, capsys, 1, *given)
    assert "the same command with --resume continues after epoch 1" in line
    assert not FINAL.exists()
    torch.rand(100)  # the process that resumes has another past
    interrupted(monkeypatch, capsys, 3, "--resume", *given)
    shown = resumed(capsys, *given)
    assert "resuming from x_final_epoch003.pt, epoch 3 of 4" in shown.out
    assert shown.err == ""
    assert training_result(FINAL) == whole
    assert load_checkpoint(FINAL)[0].seconds == pytest.approx(
        sum(json.loads(line)["seconds"] for line in metrics_path(FINAL).read_text().splitlines())
    )


def test_analyses_of_a_resumed_training_equal_those_of_an_uninterrupted_one(
    folders, monkeypatch, capsys
):
    given = arguments("3", "analysis.k=3")
    folders("whole")
    assert main("train", given) == 0
    folders("parts")
    interrupted(monkeypatch, capsys, 2, *given)
    resumed(capsys, *given)
    for folder in ("whole", "parts"):
        folders(folder)
        assert main("analyze", given) == 0
        assert main("manifold", given) == 0
    documents = sorted(Path("artifacts").glob("*.json"))
    assert len(documents) == 2
    for path in documents:
        assert document_result(path) == document_result(Path("../whole") / path)


@pytest.mark.full
def test_outputs_of_a_resumed_chain_equal_those_of_an_uninterrupted_one(
    folders, monkeypatch, capsys
):
    given = arguments("3", "analysis.k=3")
    folders("whole")
    assert main("run", given) == 0
    folders("parts")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        assert main("run", given) == 130
    assert main("run", ["--resume", *given]) == 0
    assert "resuming from x_final_epoch002.pt" in capsys.readouterr().out
    parts, whole = Path("artifacts"), Path("../whole/artifacts")
    documents = sorted(path.name for path in whole.glob("*.json"))
    assert len(documents) == 4
    for name in documents:
        assert document_result(parts / name) == document_result(whole / name)


def test_more_epochs_than_before_continue_the_training(folders, capsys):
    folders("whole")
    assert main("train", arguments("3", "training.epochs=6")) == 0
    whole = training_result(FINAL)
    folders("more")
    seldom = "output.save_every_n_epochs=3"
    assert main("train", arguments("3", seldom)) == 0
    shown = resumed(capsys, *arguments("3", seldom, "training.epochs=6"))
    assert "resuming from x_final.pt, epoch 4 of 6" in shown.out
    more = training_result(FINAL)
    for result in (whole, more):
        del result["experiment"]  # it says how often to save
    assert more == whole


def test_a_finished_training_is_left_as_it_is(folders, capsys):
    folders("x")
    assert main("train", arguments("3")) == 0
    before = {path: path.read_bytes() for path in Path().iterdir()}
    Path(".x_final.pt.sha256.abcd1234.tmp").touch()  # left by one that was killed
    assert "x_final.pt is finished already: epoch 4 of 4" in resumed(capsys, *arguments("3")).out
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_without_a_checkpoint_it_starts_from_the_beginning(folders, capsys):
    folders("x")
    shown = resumed(capsys, *arguments("3", "training.epochs=1"))
    assert "no checkpoint of x_final.pt to resume from: training from the beginning" in shown.out
    assert load_checkpoint(FINAL)[0].epoch == 1


def test_a_death_between_the_last_epoch_and_the_final_checkpoint(folders, capsys):
    folders("x")
    assert main("train", arguments("3")) == 0
    whole = training_result(FINAL)
    FINAL.unlink()
    metrics_path(FINAL).unlink()
    assert "epoch 4 of 4" in resumed(capsys, *arguments("3")).out
    assert training_result(FINAL) == whole


@pytest.mark.parametrize("damage", ["flip", "truncate", "no hash", "other file"])
def test_the_checkpoint_before_a_damaged_one_is_taken(folders, monkeypatch, capsys, damage):
    folders("x")
    given = arguments("3")
    assert main("train", given) == 0
    whole = training_result(FINAL)
    third, second = epoch_path(FINAL, 3), epoch_path(FINAL, 2)
    data = bytearray(third.read_bytes())
    for path in (FINAL, hash_path(FINAL), epoch_path(FINAL, 4)):
        path.unlink()
    if damage == "flip":
        data[len(data) // 2] ^= 4
        third.write_bytes(data)
    elif damage == "truncate":
        third.write_bytes(data[:-1])
    elif damage == "no hash":
        hash_path(third).unlink()
    else:
        shutil.copy(second, third)
    shown = resumed(capsys, *given)
    assert shown.err.startswith("warning: x_final_epoch003.pt ")
    assert shown.err.count("\n") == 1
    assert f"taking {second}" in shown.err
    assert "resuming from x_final_epoch002.pt" in shown.out
    assert training_result(FINAL) == whole


@pytest.mark.parametrize(
    "setting",
    [
        "experiment.seed=1",
        "data.train_samples=29",
        "data.val_samples=9",
        "model.latent_dim=8",
        "model.activation=tanh",
        "training.batch_size=13",
        "training.learning_rate=0.01",
        "training.weight_decay=0.1",
        "regularization.dropout.p=0.4",
        "self_supervised.enabled=true",
    ],
)
def test_another_experiment_is_refused_by_name(folders, monkeypatch, capsys, setting):
    folders("x")
    interrupted(monkeypatch, capsys, 1, *arguments("3"))
    before = {path: path.read_bytes() for path in Path().iterdir()}
    line = refused(capsys, *arguments("3", setting))
    key = setting.split("=")[0].replace("dropout.p", "dropout_p").replace(".enabled", "")
    assert f"x_final_epoch001.pt was trained with {key}" in line
    assert "train without --resume" in line
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_more_epochs_of_one_cycle_are_refused_for_every_step_depends_on_them(folders, capsys):
    folders("whole")
    schedule = "training.schedule=one_cycle"
    assert main("train", arguments("3", schedule)) == 0
    line = refused(capsys, *arguments("3", schedule, "training.epochs=6"))
    assert "was trained with training.epochs=4, the config says 6" in line


def test_fewer_epochs_than_are_done_are_refused(folders, capsys):
    folders("x")
    assert main("train", arguments("3")) == 0
    line = refused(capsys, *arguments("3", "training.epochs=2"))
    assert "pass --set training.epochs=4" in line


def test_other_data_is_refused(folders, monkeypatch, capsys):
    import numpy as np

    from grounding.data.idx import write_idx

    folders("x")
    interrupted(monkeypatch, capsys, 1, *arguments("3"))
    for name, count in (("train", 200), ("t10k", 100)):
        images = np.zeros((count, 28, 28), np.uint8)
        write_idx(Path(f"own/{name}-images-idx3-ubyte"), images)
        write_idx(Path(f"own/{name}-labels-idx1-ubyte"), images[:, 0, 0])
    line = refused(capsys, *arguments("3", "data.data_dir=own"))
    assert "x_final_epoch001.pt was trained on other data" in line


def test_checkpoints_of_an_earlier_run_are_not_mixed_in(folders, monkeypatch, capsys):
    folders("x")
    given = arguments("3")
    interrupted(monkeypatch, capsys, 3, *given)
    first = load_checkpoint(epoch_path(FINAL, 3))[0].run
    interrupted(monkeypatch, capsys, 1, *given)
    shown = resumed(capsys, *given, "--set", "training.epochs=2")
    assert "x_final_epoch002.pt is of an earlier run and not used" in shown.err
    assert "x_final_epoch003.pt is of an earlier run and not used" in shown.err
    assert "resuming from x_final_epoch001.pt, epoch 1 of 2" in shown.out
    assert load_checkpoint(FINAL)[0].run > first


def test_a_training_anew_says_what_resume_would_do(folders, monkeypatch, capsys):
    folders("x")
    given = arguments("3")
    interrupted(monkeypatch, capsys, 2, *given)
    interrupted_line = (
        "x_final_epoch002.pt is of an unfinished run of this experiment, epoch 2 of 4"
    )
    assert main("train", given) == 0
    shown = capsys.readouterr().out
    assert interrupted_line in shown
    assert "--resume would continue it" in shown
    assert main("train", given) == 0  # that one was finished
    assert "--resume" not in capsys.readouterr().out


def test_another_thread_count_is_said_in_one_line(folders, monkeypatch, capsys):
    folders("x")
    interrupted(monkeypatch, capsys, 2, *arguments("3"))
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        line = resumed(capsys, *arguments("3")).err
    finally:
        torch.set_num_threads(threads)
    assert f"warning: resuming with threads {threads + 1} (was {threads}): the result may" in line
    assert line.count("\n") == 1


def test_an_interruption_before_the_first_checkpoint_says_so(folders, monkeypatch, capsys):
    folders("x")
    never = arguments("3", "output.save_every_n_epochs=0")
    line = interrupted(monkeypatch, capsys, 2, *never)
    assert line.startswith("interrupted after 2 of 4 epochs; before its first checkpoint")
    assert line.endswith("there is nothing of it to resume\n")


def test_a_checkpoint_that_does_not_fit_its_config_is_refused(folders, monkeypatch, capsys):
    import hashlib

    folders("x")
    interrupted(monkeypatch, capsys, 1, *arguments("3"))
    path = epoch_path(FINAL, 1)
    values = torch.load(path, weights_only=True)
    name = next(iter(values["optimizer"]))
    values["optimizer"][name]["exp_avg"] = torch.zeros(3, 5)
    torch.save(values, path)
    hash_path(path).write_text(hashlib.sha256(path.read_bytes()).hexdigest() + f"  {path.name}\n")
    line = refused(capsys, *arguments("3"))
    assert (
        f"does not fit its own config: optimiser state of {name}: exp_avg has another shape" in line
    )


def test_resume_and_force_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as stop:
        main("run", ["--config", "3", "--resume", "--force"])
    assert stop.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_ends_a_training_as_ctrl_c_does(folders, monkeypatch, capsys):
    import os
    import signal

    folders("x")
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        TrainingProgress, "on_epoch", lambda *_: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert main("train", arguments("3")) == 143
    line = capsys.readouterr().err
    assert line.endswith(
        "after 1 of 4 epochs; the same command with --resume continues after epoch 1\n"
    )
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(Path().glob(".*"))
