"""`grounding verify`: what it says of whole, damaged, swapped and foreign files."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from whole_run import NAME, arguments, everything, inside, quiet

from grounding._errors import UserError
from grounding._files import sha256_of, write_json
from grounding.cli.commands import main
from grounding.experiment.load import load_experiment
from grounding.export.onnx_file import ONNX_TRAILER
from grounding.export.outputs import read_folder
from grounding.export.site import publish
from grounding.training.checkpoint import (
    differences,
    hash_path,
    load_checkpoint,
    save_checkpoint,
)

Said = tuple[int, list[str], str]


@pytest.fixture
def made(tmp_path_factory, tmp_path, monkeypatch) -> dict[str, Path]:
    """A copy of everything, with its folder as the current one."""
    whole = everything(tmp_path_factory.getbasetemp())
    root = whole["checkpoint"].parents[1]
    for name in ("artifacts", "site", "pages"):
        shutil.copytree(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return {k: p.relative_to(root) for k, p in whole.items() if "packaged" not in k}


@pytest.fixture
def verify(capsys) -> Callable[..., Said]:
    def verified(*words: object) -> Said:
        capsys.readouterr()
        status = main("verify", [str(word) for word in words])
        shown = capsys.readouterr()
        return status, shown.out.splitlines(), shown.err

    return verified


def wrong(said: Said) -> list[str]:
    status, lines, error = said
    assert status == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return [line for line in lines if not line.startswith("ok ")]


def test_whole_files_are_ok_however_they_are_named(made, verify):
    checkpoint = made["checkpoint"]
    for words, count in (
        (["artifacts"], 14),
        ([checkpoint], 14),
        ([NAME], 13),
        (["site"], 16),
        ([made["report"]], 1),
        ([made["analysis"]], 2),
        ([made["interactive assets"]], 2),
        ([made["encoder"], made["encoder"]], 1),
        ([made["checkpoint hash"]], 1),
    ):
        status, lines, error = verify(*words)
        assert (status, error) == (0, ""), words
        assert all(line.startswith("ok ") for line in lines[:-1])
        assert len(lines) - 1 == count or words[0] == "site", (words, lines)
        plural = "" if len(lines) == 2 else "s"
        assert lines[-1] == f"{len(lines) - 1} file{plural}, all ok"


def test_a_config_means_its_run(made, verify):
    (line,) = wrong(verify("3"))
    assert line.startswith("does not belong")
    assert "it was trained with" in line
    settings = load_checkpoint(made["checkpoint"])[0].experiment.as_dict()
    Path("own.yaml").write_text(json.dumps(settings))
    assert verify("own.yaml")[0] == 0
    assert any("data that regularized_covnet was trained on" in x for x in verify("own.yaml")[1])
    other = ["--set", f"output.checkpoint_path={made['checkpoint'].parent / 'x.pt'}"]
    assert (
        "make it with: grounding run --config own.yaml --set out" in verify("own.yaml", *other)[2]
    )
    made["checkpoint"].unlink()
    assert "make it with: grounding run --config own.yaml\n" in verify("own.yaml")[2]


def test_overrides_change_the_config_of_a_run(made, verify):
    trained = load_checkpoint(made["checkpoint"])[0].experiment
    changes = differences(load_experiment("3"), trained)
    words = [word for key, (_, value) in changes.items() for word in ("--set", f"{key}={value}")]
    assert changes
    status, lines, error = verify("3", *words)
    assert (status, error) == (0, ""), lines
    assert any(str(made["checkpoint"]) in line for line in lines)
    for path in (made["checkpoint"], "artifacts"):
        assert f"{path} is none; name the run by its config" in verify(path, *words)[2]
    assert "unknown key" in verify("3", "--set", "training.epocs=1")[2]


def test_nothing_there_is_said(made, verify):
    assert "does not exist" in verify("no_such_run")[2]
    Path("empty").mkdir()
    assert "holds nothing that grounding wrote" in verify("empty")[2]


@pytest.mark.parametrize("length", ["nothing", "a part", "all but one byte"])
def test_cut_off_files_are_noticed(made, verify, length):
    draw = random.Random(length)
    for kind, path in made.items():
        whole = path.read_bytes()
        keep = {"nothing": 0, "a part": draw.randrange(1, len(whole) - 1)}
        path.write_bytes(whole[: keep.get(length, len(whole) - 1)])
        lines = wrong(verify("site" if "published" in kind else path))
        assert any(path.stem in line for line in lines), kind
        assert not any(line.startswith("does not belong") for line in lines)
        path.write_bytes(whole)


def with_hash(path: Path) -> None:
    hash_path(path).write_text(f"{sha256_of(path)}  {path.name}\n")


class Payload:
    def __reduce__(self):
        return (print, ("the payload ran",))


def test_checkpoints_of_other_kinds_are_refused_though_their_hash_is_right(made, verify):
    path = made["checkpoint"]
    whole = torch.load(path, weights_only=True)
    first = next(iter(whole["state_dict"]))
    misfit = {**whole["state_dict"], first: torch.zeros(3, 3)}
    for values, reason in (
        ({"format": 1, "x": Payload()}, "is not a checkpoint"),
        ({**whole, "format": 1}, "has checkpoint format 1, this version reads"),
        ({**whole, "format": 99}, "has checkpoint format 99, this version reads"),
        ({**whole, "state_dict": misfit}, "does not fit its own config"),
        ({**whole, "image_shape": [1, 9, 9]}, "does not fit its own config"),
    ):
        torch.save(values, path)
        with_hash(path)
        said = verify(path)
        assert "the payload ran" not in "".join(said[1])
        assert any(reason in line for line in wrong(said)), reason


def test_a_renamed_checkpoint_says_how_to_name_it_again(made, verify):
    path = made["checkpoint"]
    moved = path.rename(path.with_name("mine.pt"))
    hashes = hash_path(path).rename(hash_path(moved))
    (line,) = wrong(verify(moved))
    assert "sha256sum mine.pt > mine.pt.sha256" in line
    with_hash(moved)
    assert verify(moved)[0] == 0
    hashes.unlink()
    (line,) = wrong(verify(moved))
    assert line.startswith("not checkable")
    assert "mine.pt.sha256 is missing" in line


def retrain(path: Path) -> None:
    """Another checkpoint under the same name, as another training would leave it."""
    held, _ = load_checkpoint(path)
    weights = {name: values + 0.01 for name, values in held.state_dict.items()}
    save_checkpoint(replace(held, state_dict=weights), path)


def test_outputs_of_another_checkpoint_do_not_belong(made, verify):
    retrain(made["checkpoint"])
    lines = wrong(verify("artifacts"))
    named = {line.split(": ")[0].split()[-1] for line in lines}
    kinds = ("analysis", "manifold metrics", "latent points", "companion of latent points")
    kinds += ("interactive assets", "companion of interactive assets", "encoder", "decoder")
    assert named == {str(made[kind]) for kind in kinds}
    assert all(line.startswith("does not belong") for line in lines)
    reason = (
        "made from 3_regularized_covnet_final_epoch002.pt, not from 3_regularized_covnet_final.pt"
    )
    assert all(reason in line for line in lines)


def of_another_checkpoint(path: Path) -> None:
    """The same model, whole, but made from another checkpoint."""
    model = onnx.load(path)
    facts = {entry.key: entry.value for entry in model.metadata_props if entry.key != "sha256"}
    made_from = json.loads(facts["made_from"]) | {"checkpoint_sha256": "0" * 64}
    del model.metadata_props[:]
    for key, value in (facts | {"made_from": json.dumps(made_from)}).items():
        model.metadata_props.add(key=key, value=value)
    body = model.SerializeToString(deterministic=True)
    path.write_bytes(body + ONNX_TRAILER.of(body))


def test_an_encoder_of_another_checkpoint_is_named_everywhere(made, verify):
    of_another_checkpoint(made["encoder"])
    (line,) = wrong(verify("artifacts"))
    assert line.startswith("does not belong")
    assert str(made["encoder"]) in line
    assert "made from another checkpoint, not from 3_regularized_covnet_final.pt" in line
    (run,) = read_folder(Path("artifacts")).runs
    assert run.strangers == [made["encoder"]]
    with pytest.raises(UserError, match=r"nothing was published: .*_encoder.onnx was made from an"):
        publish(Path("site"), Path("artifacts"), pages=Path("pages"))
    assert verify("site")[0] == 0
    # Without the checkpoint the outputs are compared with each other.
    for path in Path("artifacts").glob("*.pt*"):
        path.unlink()
    assert str(made["encoder"]) in "".join(wrong(verify("artifacts")))


def test_a_companion_of_another_file_does_not_belong(made, verify):
    shutil.copy(made["companion of interactive assets"], made["companion of latent points"])
    lines = wrong(verify("artifacts"))
    (line,) = (x for x in lines if str(made["companion of latent points"]) in x.split(": ")[0])
    assert line.startswith("does not belong")
    assert "was made for another JSON file" in line
    assert any("was made for another" in x for x in read_folder(Path("artifacts")).damaged)


def test_a_set_that_was_drawn_for_another_experiment_does_not_belong(made, verify):
    path = made["augmented set"]
    other = path.rename(path.with_name("augmented-0123456789ab.pt"))
    (line,) = wrong(verify(other))
    assert line.startswith("does not belong")


def test_metrics_of_a_training_that_has_not_ended(made, verify):
    for kind in ("checkpoint", "checkpoint hash"):
        made[kind].unlink()
    for path in Path("artifacts").glob("*_epoch002.pt*"):
        path.unlink()
    (line,) = wrong(verify(made["metrics"]))
    assert line.startswith("not checkable")
    assert "goes on after epoch 1" in line
    first = made["metrics"].read_bytes().splitlines(keepends=True)[0]
    made["metrics"].write_bytes(first)
    assert verify(made["metrics"])[0] == 0


def test_files_of_others_open_but_cannot_be_checked(made, verify):
    points = json.loads(made["latent points"].read_text())
    for key in ("sha256", "companion", "versions", "checkpoint_sha256"):
        del points[key]
    Path("artifacts/theirs.json").write_text(json.dumps(points | {"experiment": "theirs"}))
    lines = wrong(verify("artifacts"))
    assert [line.split("  ")[0] for line in lines] == ["not checkable"]
    assert "another program wrote it" in lines[0]
    found = read_folder(Path("artifacts"))
    assert {run.experiment for run in found.runs} == {NAME, "theirs"}
    assert found.damaged == []


def test_run_makes_damaged_files_again_and_says_so(made, verify, capsys):
    kinds = ("encoder", "report", "companion of latent points", "interactive assets")
    before = {}
    for kind in kinds:
        before[kind] = made[kind].read_bytes()
        data = bytearray(before[kind])
        data[len(data) // 2] ^= 16
        made[kind].write_bytes(data)
    shown = quiet("run", arguments())
    assert shown.count("up to date") == 3
    assert shown.count("making it again") == 4
    for kind in kinds:
        assert f"{made[kind]} is " in shown
    assert made["encoder"].read_bytes() == before["encoder"]
    assert made["report"].read_bytes() == before["report"]
    assert verify("artifacts")[0] == 0


def test_run_says_that_a_checkpoint_is_damaged_before_it_trains_again(made, verify):
    data = bytearray(made["checkpoint"].read_bytes())
    data[1000] ^= 1
    made["checkpoint"].write_bytes(data)
    shown = quiet("run", arguments())
    assert f"train: {made['checkpoint']} is damaged" in shown
    assert "training again" in shown
    assert verify("artifacts")[0] == 0


def test_a_damaged_file_is_left_out_of_the_index_and_not_published(made):
    data = made["decoder"].read_bytes()
    made["decoder"].write_bytes(data[:-1] + b"?")
    found = read_folder(Path("artifacts"))
    assert found.runs[0].decoder is None
    assert f"{made['decoder']} is damaged" in found.damaged[0]
    with pytest.raises(UserError, match=r"nothing was published: .*_decoder.onnx is damaged"):
        publish(Path("site"), Path("artifacts"), pages=Path("pages"))
    made["decoder"].write_bytes(data)
    publish(Path("site"), Path("artifacts"), pages=Path("pages"))


def test_what_happened_to_a_published_site_is_named(made, verify):
    Path("site/mine.txt").write_text("mine")
    made["published script"].unlink()
    made["published index"].write_bytes(made["published index"].read_bytes() + b"\n")
    made["published model"].unlink()
    made["published model"].symlink_to(Path("artifacts").resolve() / f"{NAME}_encoder.onnx")
    lines = sorted(wrong(verify("site")))
    assert [line.split(":")[0].split("site/")[1] for line in lines] == [
        f"artifacts/{NAME}_encoder.onnx",
        "grounding/web/dist/worker.js",
        "index.html",
        "mine.txt",
    ]
    assert "is a link now" in lines[0]
    assert "is missing" in lines[1]
    assert lines[3].startswith("not checkable")


def test_a_list_of_published_files_reaches_no_file_outside(made, verify, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    marker = json.loads(made["list of a published site"].read_text())
    del marker["sha256"]
    marker["files"] |= {"../secret": digest, str(secret): digest}
    write_json(made["list of a published site"], marker, indent=1)
    lines = wrong(verify("site"))
    assert len(lines) == 2
    assert all("is missing" in line for line in lines)


def test_verifying_changes_nothing(made, verify):

    states = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in Path().rglob("*")}
    with inside(Path("artifacts")):
        assert verify(".")[0] == 0
    assert verify("artifacts", "site")[0] == 0
    assert states == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in Path().rglob("*")}
