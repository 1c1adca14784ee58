"""Each training is one curve, also one that was interrupted."""

import pytest
from conftest import ctrl_c, image_set, interrupt_after, own_config
from small_trainings import trained

from grounding.cli import main
from grounding.training.tensorboard import tensorboard_log

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def curves(folder):
    """By the folder of each run: by name, the epochs and their values."""
    found = {}
    for place in sorted({path.parent for path in folder.rglob("events.*")}):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        found[place.relative_to(folder).as_posix()] = {
            tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }
    return found


def test_what_an_epoch_came_to_is_logged(tmp_path):
    with tensorboard_log(tmp_path) as log:
        history = trained("conv", on_epoch=log).history
    (curve,) = curves(tmp_path).values()
    assert curve.keys() == {"loss/training", "loss/validation", "images per second"}
    for step, value in curve["loss/validation"]:
        assert value == pytest.approx(history[step - 1].val_loss)


def test_trainings_of_one_name_are_curves_of_their_own_and_a_resumed_one_is_one(
    in_folder, monkeypatch
):
    image_set(in_folder / "images")
    more = "output: {save_every_n_epochs: 2}\n"
    given = ["--config", own_config(more=more), "--tensorboard", "logs"]
    given += ["--set", "training.epochs=4", "--set", "training.val_knn.every=1"]
    assert main("train", given) == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3, ctrl_c)
        assert main("train", [*given, "--set", "experiment.name=other"]) == 130
    assert main("train", [*given, "--set", "experiment.name=other", "--resume"]) == 0
    assert main("train", [*given, "--force"]) == 0
    found = curves(in_folder / "logs")
    assert [place.split("/")[0] for place in found] == ["other", "own", "own"]
    for curve in found.values():
        assert "kNN accuracy/validation" in curve
        for values in curve.values():
            assert [step for step, _ in values] == [1, 2, 3, 4]
