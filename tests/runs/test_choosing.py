"""The kNN accuracy of the validation images, early stopping, the best checkpoint; and no luck."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from conftest import ctrl_c, image_set, inside, interrupt_after, own_config
from results import comparable, training_result
from torch import nn

import grounding
from grounding import _registry as register
from grounding._registry import Settings
from grounding.cli import main
from grounding.models import Autoencoder
from grounding.models.autoencoder import ModelSettings
from grounding.objectives import Objective
from grounding.runs.manifest import read_manifest
from grounding.runs.training import metrics_path
from grounding.serve.index import find_runs, problem
from grounding.training.checkpoint import read_checkpoint

FINAL, BEST = Path("artifacts/own_final.pt"), Path("artifacts/own_best.pt")
KNOWN = Path("artifacts/own.run.json")
# With such steps on so few images the validation loss is least after the second epoch.
LARGE = (
    "model.architecture=vanilla_fc",
    "model.hidden_dims=[32, 32]",
    "model.latent_dim=8",
    "data.train_samples=8",
    "training.learning_rate=0.05",
    "training.precision=float32",
)
CHOOSING = (
    *LARGE,
    "training.epochs=12",
    "training.keep_best=val_loss",
    "training.early_stopping.patience=2",
    "training.val_knn.every=2",
    "training.val_knn.k=1",
)
ONLY_LABELS = ("objectives.reconstruction=0", "objectives.labels=1")


def settings(*more):
    return [part for one in more for part in ("--set", one)]


@pytest.fixture
def own(in_folder):
    """The arguments of a config that saves each epoch, in a folder with its data."""
    image_set(Path("images"))
    return ["--config", own_config(more="output: {save_every_n_epochs: 1}\n")]


def metrics():
    lines = metrics_path(FINAL).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_best_epoch_is_kept_and_used_for_all_that_comes_next(own, capsys):
    chosen = [*own, *settings(*CHOOSING)]
    assert main("run", chosen) == 0
    shown = capsys.readouterr().out
    losses = [line["val_loss"] for line in metrics()]
    assert (losses.index(min(losses)) + 1, len(losses)) == (2, 4)
    assert "stopped after epoch 4 of 12: val_loss was no better 2 times than its best" in shown
    assert f"wrote {FINAL} and, for all that comes next, {BEST}: epoch 2 of 4 is the best" in shown
    assert [line["val_knn"] is None for line in metrics()] == [True, False, True, False]
    assert "val kNN " in shown
    # It is the model that a training of so many epochs ends with.
    with inside(Path("short")):
        image_set(Path("images"))
        own_config()
        assert main("train", [*own, *settings(*LARGE, "training.epochs=2")]) == 0
        expected = read_checkpoint(FINAL).state_dict
    held, last = read_checkpoint(BEST), read_checkpoint(FINAL)
    assert comparable(held.state_dict) == comparable(expected) == comparable(last.best)
    assert (held.epoch, held.val_loss, last.epoch) == (2, min(losses), 4)
    manifest = read_manifest(KNOWN)
    assert manifest.artifacts[BEST.name].kind == "best checkpoint"
    used = manifest.artifacts[BEST.name].files[BEST.name].sha256
    made = [a for a in manifest.artifacts.values() if "checkpoint" in a.made_from]
    assert len(made) == 8
    assert {artifact.made_from["checkpoint"] for artifact in made} == {used}
    with torch.inference_mode():
        run = grounding.load("own")
        assert run.path == BEST
        assert comparable(run.model.state_dict()) == comparable(expected)
    assert main("verify", ["artifacts"]) == 0
    (found,), _ = find_runs(Path("artifacts"))
    assert not any(problem(found, key, Path("artifacts")) for key in found.artifacts)
    capsys.readouterr()
    assert main("run", chosen) == 0
    assert f"train: up to date, {BEST}" in capsys.readouterr().out
    for place, epoch in ((BEST, 2), (FINAL, 4)):
        given = ["--checkpoint", str(place), "--output", "a.txt"]
        assert main("analyze", [*chosen, *given]) == 0
        assert json.loads(Path("a.json").read_text())["checkpoint"] == str(place)
        assert read_checkpoint(place).epoch == epoch
    # The best one is damaged: it is noticed, and comes again from the last epoch's checkpoint.
    BEST.write_bytes(BEST.read_bytes()[:-1])
    assert main("train", [*chosen, "--resume"]) == 0
    assert f"{BEST} is damaged" in capsys.readouterr().out
    assert comparable(read_checkpoint(BEST).state_dict) == comparable(expected)


def test_the_best_checkpoint_replaces_no_file_of_another_run(own, refused):
    taken = settings("experiment.name=other", f"output.checkpoint_path={BEST}")
    assert main("train", [*own, *taken]) == 0
    before = BEST.read_bytes()
    line = refused("train", *own, *settings(*CHOOSING))
    assert f"{BEST} belongs to other, as its checkpoint; name another file" in line
    assert "--set output.checkpoint_path=" in line
    assert BEST.read_bytes() == before


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_resumed_choice_is_that_of_an_uninterrupted_training(own, monkeypatch, epoch):
    chosen = [*own, *settings(*CHOOSING)]
    with inside(Path("whole")):
        image_set(Path("images"))
        own_config(more="output: {save_every_n_epochs: 1}\n")
        assert main("train", chosen) == 0
        whole = training_result(FINAL), comparable(vars(read_checkpoint(BEST)))
    with monkeypatch.context() as patch:
        interrupt_after(patch, epoch, ctrl_c)
        assert main("train", chosen) == 130
    assert main("train", [*chosen, "--resume"]) == 0
    assert (training_result(FINAL), comparable(vars(read_checkpoint(BEST)))) == whole
    # It has stopped by itself: more epochs, in one go or later, end at the same one.
    more = [*chosen, *settings("training.epochs=14")]
    assert main("train", [*more, "--resume"]) == 0
    longer = training_result(FINAL)
    with inside(Path("longer")):
        image_set(Path("images"))
        own_config(more="output: {save_every_n_epochs: 1}\n")
        assert main("train", more) == 0
        assert training_result(FINAL) == longer


def test_a_forced_training_that_is_killed_leaves_the_best_one_alone(own, monkeypatch):
    chosen = [*own, *settings(*CHOOSING)]
    assert main("train", chosen) == 0
    kept = {path: path.read_bytes() for path in (FINAL, BEST, metrics_path(FINAL))}
    for more in ([], settings("training.batch_size=16")):  # the same, and another in its place
        with monkeypatch.context() as patch:
            interrupt_after(patch, 2, ctrl_c)
            assert main("train", [*chosen, *more, "--force"]) == 130
        assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["training.keep_best=accuracy"], "training.keep_best: .*'val_loss' or 'val_knn'"),
        (["training.keep_best=val_knn"], "keep_best val_knn needs .* set training.val_knn.every"),
        (
            [
                "training.early_stopping.metric=val_knn",
                "training.early_stopping.patience=3",
                "training.val_knn.every=3",
            ],
            "training.early_stopping.metric val_knn needs .* to training.epochs 2 at most",
        ),
        (
            ["training.keep_best=val_loss", *ONLY_LABELS],
            "keep_best val_loss needs a decoder that is trained, .* set it to val_knn",
        ),
        (
            ["training.val_knn.every=1", "training.val_knn.k=145"],
            "val_knn.k 145 neighbours, but only 144 .* try --set training.val_knn.k=144",
        ),
    ],
)
def test_what_cannot_be_chosen_by_is_refused_in_a_line(own, refused, given, words):
    assert re.search(words, refused("train", *own, *settings(*given)))
    assert not KNOWN.exists()


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "it needs labels of the training and validation images"),
        ([7], "the training images are of one class only"),
    ],
)
def test_without_classes_knn_accuracy_is_left_out_unless_it_chooses(
    in_folder, refused, capsys, labels, reason
):
    image_set(Path("images"), labels=labels)
    given = ["--config", own_config(), *settings("training.val_knn.every=1")]
    for key, more in (
        ("keep_best", []),
        ("early_stopping.metric", ["training.early_stopping.patience=2"]),
    ):
        named = f"experiment.name=by_{key}"
        chosen = [*given, *settings(f"training.{key}=val_knn", named, *more)]
        line = refused("train", *chosen)
        assert f"training.{key} is val_knn, but {reason}; try --set training." in line
        assert main("train", [*chosen, "--set", line.split("--set ")[1].strip()]) == 0
    assert main("train", given) == 0
    assert f"val kNN: left out, {reason}" in capsys.readouterr().out
    assert [line["val_knn"] for line in metrics()] == [None, None]


def test_what_chooses_belongs_to_the_run_and_what_is_off_does_not(own, refused):
    assert main("train", own) == 0
    for idle in ("training.val_knn.k=1", "training.early_stopping.metric=val_knn"):
        assert main("train", [*own, *settings(idle)]) == 0
    line = refused("train", *own, *settings("training.early_stopping.patience=9"))
    assert "taken by a run with training.early_stopping.patience=0 (here 9)" in line


@pytest.fixture
def components(monkeypatch):
    """Registries that forget what a test has registered."""
    for registry in (register.model, register.objective):
        registry.names()
        monkeypatch.setattr(registry, "_components", dict(registry._components))


def options_in(line):
    """What a message says to type."""
    words = shlex.split(line[line.index("--set") :])
    return [word for word in words if word == "--set" or "=" in word]


@pytest.mark.parametrize("after", [1, 2])
def test_a_training_that_breaks_says_what_to_type_and_that_works(
    own, components, refused, capsys, after
):
    """A layer that is not finite in bfloat16, after an epoch that has been saved or not."""
    steps = []

    class Fragile(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            steps.append(self.training)
            breaks = torch.is_autocast_enabled("cpu") and sum(steps) > 5 * (after - 1)
            return out * (torch.inf if breaks else 1)

    @register.model("fragile", settings=ModelSettings)
    def fragile(image_shape, settings, *, dropout=0.0):
        """One layer each way."""
        encoder = nn.Sequential(nn.Flatten(), Fragile(144, settings.latent_dim))
        decoder = nn.Linear(settings.latent_dim, 144), nn.Sigmoid(), nn.Unflatten(1, image_shape)
        return Autoencoder(
            encoder,
            nn.Sequential(*decoder),
            image_shape=image_shape,
            latent_dim=settings.latent_dim,
        )

    Path("own.yaml").write_text(
        Path("own.yaml").read_text().replace("naive_conv, hidden_dims: [4, 4]", "fragile")
    )
    line = refused("train", *own, *settings("training.precision=bfloat16"))
    assert f"of epoch {after} is nan" in line
    assert ("experiment.name=own_2" in line) is (after == 2)  # the name is taken by what was saved
    assert main("train", [*own, *options_in(line)]) == 0
    capsys.readouterr()


def test_an_objective_that_is_told_the_number_of_epochs_says_so(own, components, refused):
    class FadingSettings(Settings):
        depends_on_epochs: bool = False
        """Whether it fades."""

    @register.objective("fading", settings=FadingSettings)
    class Fading(Objective):
        """Small latents, the less the later it is."""

        def begin_epoch(self, model, loader, epoch):
            epochs = self.context.epochs
            self.share = 1.0 if epochs is None else 1 - (epoch - 1) / epochs

        def forward(self, step):
            return self.share * step.latents.square().mean()

    longer = settings("training.epochs=4")
    steady = [*own, *settings("objectives.fading=1", "experiment.name=steady")]
    assert main("train", steady) == 0
    assert main("train", [*steady, *longer, "--resume"]) == 0
    with inside(Path("whole")):
        image_set(Path("images"))
        own_config()
        assert main("train", [*steady, *longer]) == 0
    results = [training_result(at / "artifacts/steady_final.pt") for at in (Path(), Path("whole"))]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["state_dict"] == results[1]["state_dict"]
    fading = [*own, *settings("objectives.fading=1", "objectives.depends_on_epochs=true")]
    assert main("train", fading) == 0
    line = refused("train", *fading, *longer, "--resume")
    assert "trained with training.epochs=2, on which objectives.fading depends" in line


def test_another_instruction_set_is_said_when_a_training_goes_on(own, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1, ctrl_c)
        assert main("train", own) == 130
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert main("train", [*own, "--resume"]) == 0
    line = next(x for x in capsys.readouterr().err.splitlines() if "resuming with" in x)
    assert re.search(r"machine \S+ AVX2 \(was \S+ .*\): the result may differ", line)
