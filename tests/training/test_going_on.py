"""An interrupted training that goes on ends as if nothing had happened, bit for bit."""

import dataclasses

import pytest
import torch
from small_trainings import CPU, KINDS, kept, new_model, trained

from grounding import data, objectives
from grounding._errors import UserError
from grounding.training import checkpoint_bytes, read_checkpoint
from grounding.training.resume import changes, epochs_problem, next_run


def stored(training, folder):
    """The checkpoint after it has been a file."""
    path = folder / "x.pt"
    path.write_bytes(checkpoint_bytes(kept(training)))
    return read_checkpoint(path)


def bits(held):
    return {
        **held.state_dict,
        **held.objectives,
        **{(name, key): t for name, state in held.optimizer.items() for key, t in state.items()},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_goes_on_equals_an_uninterrupted_one(kind, tmp_path):
    parts = []

    def keep_the_first(training):
        if len(training.history) == 1:
            parts.append(stored(training, tmp_path))

    whole = kept(trained(kind, epochs=3, save=keep_the_first))
    torch.rand(100)  # the process that goes on has another past
    other_start = trained(kind, epochs=1, seed=9).model  # weights do not matter, all is restored
    resumed = kept(trained(kind, epochs=3, model=other_start, start=parts[0]))
    assert bits(whole).keys() == bits(resumed).keys()
    assert all(torch.equal(tensor, bits(resumed)[key]) for key, tensor in bits(whole).items())
    losses = [
        [(epoch.epoch, epoch.train_loss, epoch.val_loss) for epoch in held.history]
        for held in (whole, resumed)
    ]
    assert losses[0] == losses[1]


def test_nearest_images_by_deformation_are_found_again(tmp_path):
    """They are looked for before the second epoch; that is where the training goes on."""
    few = data.cut(data.load(), train=12, val=8, test=8, seed=42)
    settings = {"near": 4, "close": 2, "near_from": 0.5, "temperature": 0.1}
    parts = []

    def training(deformation, **arguments):
        model = new_model("contrastive")
        weighted = objectives.build(
            {"contrastive": 1.0}, model=model, epochs=2, deformation=deformation, **settings
        )
        return kept(trained("contrastive", model=model, weighted=weighted, images=few, **arguments))

    whole = training(True, save=lambda training: parts.append(stored(training, tmp_path)))
    resumed = training(True, start=parts[0])
    assert all(torch.equal(tensor, bits(resumed)[key]) for key, tensor in bits(whole).items())
    other = training(False, start=parts[0])
    assert not all(torch.equal(tensor, bits(other)[key]) for key, tensor in bits(whole).items())


def test_a_finished_training_is_given_back(tmp_path):
    held = stored(trained("conv"), tmp_path)
    again = kept(trained("conv", start=held))
    assert again.history == held.history
    assert all(torch.equal(tensor, bits(again)[key]) for key, tensor in bits(held).items())


def test_what_does_not_fit_is_refused_in_one_line(tmp_path):
    held = stored(trained("conv", epochs=1), tmp_path)
    name = next(iter(held.optimizer))
    wrong_state = {**held.optimizer, name: {**held.optimizer[name], "exp_avg": torch.zeros(3, 5)}}
    cases = {
        "objectives": ({"more": torch.ones(1)}, "Unexpected key"),
        "state_dict": ({}, "Missing key"),
        "optimizer": ({k: {} for k in held.optimizer}, f"no optimiser state of {name}"),
        "format": (3, "written by an earlier version; it can be used, but not be continued"),
    }
    for field, (value, words) in cases.items():
        with pytest.raises(UserError, match=rf"^the checkpoint [^\n]*{words}[^\n]*$"):
            trained("conv", epochs=2, start=dataclasses.replace(held, **{field: value}))
    with pytest.raises(UserError, match=f"of {name}: exp_avg is missing or misshapen"):
        trained("conv", epochs=2, start=dataclasses.replace(held, optimizer=wrong_state))


def test_more_epochs_only_if_no_step_depends_on_how_many_there_are(tmp_path):
    held = stored(trained("conv"), tmp_path)

    def problem(now, schedule="constant", *depending):
        return epochs_problem(held, 2, now, schedule=schedule, depending=depending)

    assert problem(2) == problem(2, "one_cycle", "contrastive") == problem(5) == ""
    assert "on which schedule one_cycle depends" in problem(5, "one_cycle")
    assert "on which objectives.contrastive depends" in problem(5, "constant", "contrastive")
    assert "it has 2 epochs, the config says training.epochs=1; pass --set" in problem(1)


def test_another_way_to_compute_is_said_in_one_line(tmp_path):
    held = stored(trained("conv"), tmp_path)
    assert changes(held, CPU) == []
    threads = held.threads + 1
    (line,) = changes(dataclasses.replace(held, threads=threads), CPU)
    assert f"resuming with threads {held.threads} (was {threads}): the result may differ" in line
    (line,) = changes(dataclasses.replace(held, machine="x86_64 AVX2"), CPU)
    assert f"resuming with machine {held.machine} (was x86_64 AVX2): the result may" in line


def test_names_of_trainings_sort_by_age():
    first = next_run()
    second = next_run(first)
    assert first.startswith("000001-")
    assert second.startswith("000002-")
    assert next_run() != first
