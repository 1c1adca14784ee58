"""A name stands for one config and one data set; what is up to date; whose numbers they are."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from conftest import believe, ctrl_c, image_set, inside, interrupt_after, own_config

from grounding.cli import main
from grounding.runs import artifacts
from grounding.runs.manifest import read_manifest, write_manifest

KINDS = ("train", "analysis", "manifold", "points", "encoder", "decoder", "assets")
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, config and a finished run of it, called own."""
    folder = tmp_path_factory.mktemp("whole")
    with inside(folder):
        image_set(Path("images"))
        assert main("run", ["--config", own_config(more="output: {save_every_n_epochs: 1}\n")]) == 0
    return folder


@pytest.fixture
def own(whole: Path, in_folder: Path) -> list[str]:
    """A copy of it as the current folder; the arguments of its run."""
    shutil.copytree(whole, in_folder, dirs_exist_ok=True)
    return ["--config", "own.yaml"]


def files() -> dict[Path, str]:
    """Hashes of the files of runs; each measurement adds to the ledger, which is of all."""
    found = (p for p in Path().rglob("artifacts/*") if p.is_file() and p.name != "ledger.jsonl")
    return {p: sha256(p.read_bytes()).hexdigest() for p in found}


def made(capsys: pytest.CaptureFixture[str], *arguments: str, command: str = "run") -> set[str]:
    """Which steps a command has done, of those that were not up to date."""
    capsys.readouterr()
    assert main(command, list(arguments)) == 0
    lines = capsys.readouterr().out.splitlines()
    return {k for k in KINDS for x in lines if x.startswith(f"{k}: ") and "up to date" not in x}


def test_the_same_again_does_nothing(own, capsys):
    before = files()
    assert made(capsys, *own) == set()
    assert files() == before
    # What does not change the training, or names the same in other words, is the same run.
    for setting in ("training.device=cpu", "data.num_workers=2", "output.save_every_n_epochs=2"):
        assert "train" not in made(capsys, *own, "--set", setting)
    assert made(capsys, *own, "--set", "analysis.k=3") == {"analysis", "manifold", "points"}


def test_another_name_touches_no_file_of_the_first_run(own, capsys):
    before = files()
    assert made(capsys, *own, "--set", "experiment.name=other", "--set", "training.epochs=1") == {
        *KINDS
    }
    after = files()
    assert {path: after[path] for path in before} == before
    assert {p.name.partition("_")[0].partition(".")[0] for p in after.keys() - before.keys()} == {
        "other"
    }


def test_another_name_with_the_paths_of_the_first_run_is_refused(own, refused, capsys):
    pinned = ["--set", "output.checkpoint_path=artifacts/x.pt"]
    pinned += ["--set", "output.analysis_path=artifacts/x.txt"]
    assert main("run", [*own, *pinned, "--set", "experiment.name=first"]) == 0
    before = files()
    line = refused("run", *own, *pinned, "--set", "experiment.name=second")
    assert "artifacts/x.pt belongs to first, as its checkpoint" in line
    assert line.endswith("name another file, e.g. --set output.checkpoint_path=FILE\n")
    own_checkpoint = ["--set", "experiment.name=third", *pinned[2:]]
    assert main("run", [*own, *own_checkpoint]) == 2
    assert "analysis: artifacts/x.json belongs to first" in capsys.readouterr().err
    after = files()
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize(
    ("setting", "was", "here"),
    [
        ("training.learning_rate", 0.01, 0.5),
        ("training.epochs", 2, 3),
        ("experiment.seed", 42, 1),
        ("data.train_samples", 144, 100),
        ("model.latent_dim", 4, 2),
        ("objectives.kl", 0.0, 0.1),
    ],
)
@pytest.mark.parametrize("command", ["run", "train"])
def test_another_config_under_a_taken_name_is_refused(own, refused, command, setting, was, here):
    before, given = files(), [*own, "--set", f"{setting}={here}"]
    if setting != "training.epochs":  # which can be gone on with
        assert f"is taken by a run with {setting}={was}" in refused(command, "--resume", *given)
    line = refused(command, *given)
    assert f"the name own is taken by a run with {setting}={was} (here {here}); train" in line
    typed = f"grounding {command} --config own.yaml --set {setting}={here}"
    assert f": {typed} --set experiment.name=own_2, or replace that run: {typed} --force\n" in line
    assert files() == before


def test_both_ways_out_of_it_work(own, capsys):
    other = [*own, "--set", "training.epochs=1"]
    before = files()
    assert main("train", [*other, "--set", "experiment.name=own_2"]) == 0
    assert {path: files()[path] for path in before} == before
    assert main("train", [*own, "--set", "training.epochs=3"]) == 2
    assert "experiment.name=own_3" in capsys.readouterr().err
    assert made(capsys, *other, "--force") == {*KINDS}
    assert made(capsys, *other) == set()
    assert read_manifest(Path("artifacts/own.run.json")).config["training"]["epochs"] == 1
    assert main("verify", ["own"]) == 0


def test_other_data_under_a_taken_name_are_refused(own, refused, capsys):
    before = files()
    image_set(Path("images"), train=160, test=81)
    line = refused("run", *own)
    assert "taken by a run with other data: images as it was then (here images)" in line
    assert files() == before
    line = refused("analyze", *own)
    assert "artifacts/own_final.pt was trained on other data than that in images" in line
    assert made(capsys, *own, "--force") == {*KINDS}


def test_data_that_have_gone_cost_nothing(own, refused):
    before = files()
    Path("images").rename("moved")
    for command in ("run", "train", "analyze", "points"):
        assert "images does not exist" in refused(command, *own)
    assert "images does not exist" in refused("run", *own, "--force")
    assert files() == before


@pytest.mark.parametrize("command", ["analyze", "manifold", "points", "export-encoder", "probe"])
@pytest.mark.parametrize(
    ("setting", "was"),
    [("training.epochs=7", 2), ("objectives.labels=1", 0.0), ("experiment.seed=1", 42)],
)
def test_what_a_model_was_not_trained_with_is_in_no_output(own, refused, command, setting, was):
    before, (key, value) = files(), setting.split("=")
    line = refused(command, *own, "--set", setting)
    assert f"artifacts/own_final.pt was trained with {key}={was}, the config says {value}" in line
    assert f"--set {key}={was}" in line
    assert "--set experiment.name=" in line
    assert files() == before


def test_defaults_of_one_command_are_those_of_the_chain(own):
    before = files()
    for command in ("points", "analyze", "manifold", "export"):
        assert main(command, own) == 0
    after = files()
    del before[Path("artifacts/own.run.json")], after[Path("artifacts/own.run.json")]  # seconds
    assert after == before


def test_a_checkpoint_in_no_manifest_needs_its_path_and_gets_a_line(own, refused, capsys):
    final = Path("artifacts/own_final.pt")
    values = torch.load(final, weights_only=True)
    values["seconds"] = 1.5
    torch.save(values, "copy.pt")
    assert main("analyze", [*own, "--checkpoint", "copy.pt", "--output", "a.txt"]) == 0
    shown = capsys.readouterr().err
    assert "warning: copy.pt is in no manifest, so nothing tells whether" in shown
    document = json.loads(Path("a.json").read_text())
    assert document["checkpoint"] == "copy.pt"
    # A copy of one that is known is known by its content.
    shutil.copy(final, "same.pt")
    assert main("analyze", [*own, "--checkpoint", "same.pt", "--output", "b.txt"]) == 0
    assert "no manifest" not in capsys.readouterr().err


def test_a_final_checkpoint_that_was_not_entered_is_not_believed(own, refused, capsys):
    """As a kill between the renaming and the entry leaves it."""
    final, known = Path("artifacts/own_final.pt"), Path("artifacts/own.run.json")
    entered, whole = known.read_bytes(), final.read_bytes()
    assert main("train", [*own, "--force"]) == 0
    other = final.read_bytes()
    assert other != whole
    known.write_bytes(entered)
    for command in ("analyze", "points"):
        assert f"{final} is damaged: its bytes are not those" in refused(command, *own)
    known.unlink()
    line = refused("analyze", *own)
    assert f"{final} is not entered in {known}: its training was interrupted" in line
    assert f"--checkpoint {final}" in line
    assert "train" in made(capsys, *own)
    assert main("verify", ["own"]) == 0


def earlier(final: Path) -> None:
    """A checkpoint as an earlier version wrote it, with the names that its config had."""
    values = torch.load(final, weights_only=True)
    dropped = ("optimizer", "objectives")
    values = {key: value for key, value in values.items() if key not in dropped} | {"format": 3}
    values["config"]["regularization"] = {"dropout": {"enabled": False, "p": 0.2}}
    torch.save(values, final)


def test_a_checkpoint_of_an_earlier_version_can_be_used_but_not_continued(own, refused, capsys):
    final, known = Path("artifacts/own_final.pt"), Path("artifacts/own.run.json")
    latents = []
    for place in (final, Path("earlier.pt")):
        given = [*own, "--checkpoint", str(place), "--output", "p.json"]
        assert main("points", given) == 0
        latents.append(json.loads(Path("p.json").read_text())["points"])
        shutil.copy(final, "earlier.pt")
        earlier(Path("earlier.pt"))
    assert latents[0] == latents[1]
    assert "earlier.pt is in no manifest" in capsys.readouterr().err
    # In the place of the final one, with the manifest that its version did not write.
    shutil.copy("earlier.pt", final)
    known.unlink()
    assert f"--checkpoint {final}" in refused("analyze", *own)
    periodic = Path("artifacts/own_final_epoch001.pt")
    # And as if it had ended after its first epoch.
    assert main("train", [*own, "--force"]) == 0
    earlier(periodic)
    believe(known, periodic)
    final.unlink()
    found = read_manifest(known)
    write_manifest(replace(found, artifacts={periodic.name: found.artifacts[periodic.name]}))
    line = refused("train", *own, "--resume")
    assert "was written by an earlier version; it can be used, but not be continued" in line
    assert line.endswith("train without --resume\n")


def test_changed_code_makes_again_what_it_makes_and_nothing_else(own, capsys, monkeypatch):
    real, changed = artifacts.code_hash, set()
    monkeypatch.setattr(
        artifacts,
        "code_hash",
        lambda *names: real(*names) + "".join(sorted(changed.intersection(names))),
    )
    for part, again in (
        ("export.onnx", {"encoder", "decoder"}),
        ("projection", {"points", "assets"}),
        ("metrics", {"analysis", "manifold", "points", "assets"}),
        ("serve", set()),
        ("models", {*KINDS} - {"train"}),
    ):
        changed.add(part)
        assert made(capsys, *own) == again
        assert made(capsys, *own) == set()
    changed.remove("export.onnx")
    assert made(capsys, *own) == {"encoder", "decoder"}


def test_the_code_hash_follows_the_sources(tmp_path, monkeypatch):
    import grounding

    (tmp_path / "a").mkdir()
    for name in ("a/x.py", "a/y.py", "b.py"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(grounding, "__file__", str(tmp_path / "__init__.py"))
    real = artifacts.code_hash.__wrapped__
    before = real("a", "b")
    assert before == real("b", "a") != real("a")
    for name, text in (("b.py", "z"), ("a/y.py", "z"), ("a/z.py", "")):
        (tmp_path / name).write_text(text)
        assert real("a", "b") != before
        before = real("a", "b")


def test_a_forced_training_that_is_killed_leaves_the_finished_run_intact(own, capsys, monkeypatch):
    before = files()
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1, ctrl_c)
        assert main("train", [*own, "--force"]) == 130
    changed = {path.name for path, digest in files().items() if before.get(path) != digest}
    assert changed == {"own.run.json", "own_final_epoch001.pt"}
    assert main("verify", ["own"]) == 0
    assert made(capsys, *own) == set()
    assert main("train", [*own, "--resume"]) == 0  # what is finished is not gone on with
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("own_encoder.onnx", {"encoder"}),
        ("own_analysis.txt", {"analysis"}),
        ("own_test_latent_points.safetensors", {"points"}),
        ("own_test_interactive_assets.json", {"assets"}),
        ("own_final.pt", {"train"}),
    ],
)
def test_what_is_damaged_or_missing_is_made_again_and_said(own, capsys, name, again):
    place = Path("artifacts", name)
    before = place.read_bytes()
    damages = (before[:-1] + bytes([before[-1] ^ 4]), before[:100], b"", None)
    for damage in damages[::3] if name == "own_final.pt" else damages:  # all else follows
        place.unlink()
        if damage is not None:
            place.write_bytes(damage)
        capsys.readouterr()
        assert main("run", own) == 0
        shown = capsys.readouterr().out
        assert f"{place} is {'missing' if damage is None else 'damaged'}" in shown
        done = {kind for kind in KINDS if f"\n{kind}: done" in shown or f"\n{kind}: 8" in shown}
        assert again - {"train", "encoder"} <= done
        assert ("training again" in shown) is (name == "own_final.pt")
        if name != "own_final.pt":  # that one holds the seconds its training took
            assert place.read_bytes() == before
        assert main("verify", ["own"]) == 0


def test_a_damaged_manifest_is_never_believed(own, refused):
    place = Path("artifacts/own.run.json")
    place.write_bytes(place.read_bytes().replace(b'"epochs": 2', b'"epochs": 3'))
    before = files()
    for command in ("run", "train", "analyze"):
        line = refused(command, *own)
        assert f"{place} is damaged" in line
        assert "delete it and train again" in line
    assert files() == before


@pytest.mark.parametrize(
    ("command", "output", "taken"),
    [
        ("points", "own_final.pt", "own_final.pt belongs to own, as its checkpoint"),
        ("points", "own_analysis.json", "own_analysis.json belongs to own, as its analysis"),
        ("points", "own_weights.json", "own_weights.safetensors belongs to own, as its weights"),
        ("analyze", "own_manifold_metrics.txt", "own_manifold_metrics.json belongs to own, as its"),
        ("export-encoder", "own_final_epoch001.pt", "belongs to own, as its periodic checkpoint"),
    ],
)
def test_no_output_replaces_another_of_the_same_run(own, refused, command, output, taken):
    assert main("export-weights", own) == 0
    before = files()
    assert taken in refused(command, *own, "--output", f"artifacts/{output}")
    assert files() == before
    assert main("verify", ["own"]) == 0


def test_what_a_refusal_says_to_pass_works(own, refused):
    given = [*own, "--set", "model.hidden_dims=[4, 8]", "--set", "training.epochs=7"]
    line = refused("analyze", *given)
    assert "trained with model.hidden_dims=[4, 4], the config says [4, 8]" in line
    told = line.split("; pass ")[1].split(", or give")[0]
    assert told == "--set 'model.hidden_dims=[4, 4]' --set training.epochs=2"
    assert main("analyze", [*given, *shlex.split(told)]) == 0
