"""`grounding verify`: what it says of whole, damaged, swapped and foreign files."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import believe
from whole_run import NAME, Everything, everything

from grounding.cli import main
from grounding.runs.manifest import FileEntry, read_manifest, write_manifest
from grounding.serve.site import LIST

KNOWN = Path("artifacts") / f"{NAME}.run.json"
FINAL = Path("artifacts") / f"{NAME}_final.pt"
POINTS = Path("artifacts") / f"{NAME}_test_latent_points.json"


@pytest.fixture
def made(tmp_path_factory, in_folder) -> Everything:
    """A copy of everything, with its folder as the current one."""
    whole = everything(tmp_path_factory.getbasetemp())
    shutil.copytree(whole.root, in_folder, dirs_exist_ok=True)
    return Everything(*(Path(), *(p.relative_to(whole.root) for p in whole[1:])))


@pytest.fixture
def verify(capsys) -> Callable[..., tuple[list[str], list[str]]]:
    """Run it; the lines of what is right, and of what is not. Nothing may be changed by it."""

    def verified(*words: object) -> tuple[list[str], list[str]]:
        capsys.readouterr()
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in Path().rglob("*")}
        status = main("verify", [str(word) for word in words])
        assert before == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in Path().rglob("*")}
        shown = capsys.readouterr()
        lines = shown.out.splitlines()
        right = [line for line in lines if line.startswith("ok ")]
        wrong = [line for line in lines if not line.startswith("ok ")]
        if status == 0:
            last, wrong = wrong[-1], wrong[:-1]
            plural = "" if len(right) == 1 else "s"
            assert last == f"{len(right)} file{plural}, all ok"
        assert (status, shown.err.count("\n")) == ((2, 1) if wrong else (0, 0)), shown
        return right, wrong

    return verified


def test_whole_files_are_ok_however_they_are_named(made, verify):
    entered = len(made.entered())
    for words, count in (
        (["artifacts"], 1 + entered),
        ([KNOWN], 1 + entered),
        ([NAME], 2 + entered),  # and its data
        ([f"{NAME}.yaml"], 2 + entered),
        ([FINAL], 1),
        ([POINTS, POINTS.with_suffix(".safetensors"), POINTS], 2),
        (["site"], len(made.published())),
        (["artifacts", "site"], 1 + entered + len(made.published())),
    ):
        right, wrong = verify(*words)
        assert (len(right), wrong) == (count, []), words
    shutil.copy(FINAL, "copy.pt")
    (line,) = verify("copy.pt")[0]
    assert f"checkpoint of {NAME}, a copy of {NAME}_final" in line


def test_what_means_nothing_is_said_with_what_to_type(made, refused):
    Path("empty").mkdir()
    assert "holds no run of grounding" in refused("verify", "empty")
    assert "there is no run nothing in artifacts: " in refused("verify", "nothing")
    KNOWN.unlink()
    line = refused("verify", f"{NAME}.yaml")
    assert line.endswith(f"make it with: grounding run --config {NAME}.yaml\n")


@pytest.mark.parametrize("keep", [0, 50, -1, None])
def test_cut_off_and_missing_files_are_named(made, verify, keep):
    for path in [KNOWN, *made.entered()]:
        moved = path.rename("moved")
        if keep is not None:
            path.write_bytes(moved.read_bytes()[:keep])
        if keep is None and path != KNOWN:
            _, (line,) = verify(KNOWN)
            assert line.startswith(f"damaged          {path}: is missing; make it again or copy it")
        elif keep is not None:
            _, (line,) = verify(path)
            assert line.startswith("damaged ")
            assert str(path.with_suffix("")) in line
        moved.rename(path)


def test_what_is_of_something_else_does_not_belong(made, verify):
    assets = POINTS.with_name(f"{NAME}_test_interactive_assets.safetensors")
    whole = POINTS.with_suffix(".safetensors").rename("moved")
    shutil.copy(assets, POINTS.with_suffix(".safetensors"))
    _, (line,) = verify("artifacts")
    assert line.startswith(f"damaged          {POINTS.with_suffix('.safetensors')}: ")
    whole.rename(POINTS.with_suffix(".safetensors"))
    values = torch.load(FINAL, weights_only=True)
    torch.save(values | {"seconds": 0.0}, FINAL)
    believe(KNOWN, FINAL)
    right, wrong = verify("artifacts")
    assert all(line.startswith("does not belong  ") for line in wrong)
    named = {Path(line.split(": ")[0].split()[-1]).name for line in wrong}
    of_training = {".pt", ".jsonl", ".run.json"}
    assert named == {p.name for p in made.entered() if p.suffix not in of_training}
    assert len(right) == 1 + sum(p.suffix in of_training for p in made.entered())


def test_what_no_manifest_knows_is_said_but_not_the_users_own_files(made, verify):
    Path("artifacts/notes.txt").write_text("mine")
    Path("artifacts/theirs.json").write_text("{}")
    assert verify("artifacts")[1] == []
    shutil.copy(FINAL, "artifacts/left.pt")
    Path(f"artifacts/{NAME}_old.json").write_text("{}")
    Path("artifacts/none.run.json").mkdir()
    _, wrong = verify("artifacts")
    assert [line.split(":")[0] for line in wrong] == [
        "damaged          artifacts/none.run.json",
        "not entered      artifacts/left.pt",
        f"not entered      artifacts/{NAME}_old.json",
    ]
    assert all("nothing tells whether it is as it was written" in line for line in wrong[1:])
    _, (line,) = verify("artifacts/theirs.json")
    assert line.startswith("not entered")


def test_a_kept_augmented_set_tells_itself_whether_it_is_whole(made, verify):
    (kept,) = Path("kept").glob("set-*.safetensors")
    moved = kept.rename(Path("artifacts") / kept.name)
    right, wrong = verify("artifacts")
    assert wrong == []
    assert f"ok               {moved}: augmented set that a training has kept" in right
    whole = moved.read_bytes()
    moved.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for words in (["artifacts"], [moved]):
        _, (line,) = verify(*words)
        assert line.startswith(f"damaged          {moved}: it is not as it was kept; delete it")
    moved.unlink()
    other = moved.with_name("set-0123456789ab.safetensors")
    other.write_bytes(whole)
    assert verify(other)[1][0].startswith("not entered")


def test_other_data_do_not_belong_and_only_a_run_by_its_name_is_asked_for_them(made, verify):
    labels = Path("images/train-labels-idx1-ubyte")
    labels.write_bytes(labels.read_bytes()[:-1] + b"\0")
    _, (line,) = verify(NAME)
    assert line.startswith(f"does not belong  images: {NAME} was trained on other data")
    shutil.rmtree("images")
    _, (line,) = verify(NAME)
    assert line.startswith("damaged          images: ")
    for named in (FINAL, KNOWN, "artifacts"):
        assert verify(named)[1] == []


def test_an_output_elsewhere_is_looked_at_when_it_is_named(made, verify, tmp_path):
    elsewhere = tmp_path.parent / f"{tmp_path.name}_elsewhere" / "e.onnx"
    given = ["--config", f"{NAME}.yaml", "--output", str(elsewhere)]
    assert main("export-encoder", given) == 0
    assert "not looked at" in verify(NAME)[1][0]
    (line,) = verify(elsewhere)[0]
    assert line.endswith(f"encoder of {NAME}")
    elsewhere.write_bytes(b"")
    assert verify(elsewhere)[1][0].startswith("damaged")


def test_what_happened_to_a_published_site_is_named(made, verify):
    encoder = Path("site/artifacts") / f"{NAME}_encoder.onnx"
    Path("site/mine.txt").write_text("mine")
    Path("site/grounding/web/dist/worker.js").unlink()
    index = Path("site/index.html")
    index.write_bytes(index.read_bytes() + b"\n")
    encoder.unlink()
    encoder.symlink_to((Path("artifacts") / encoder.name).resolve())
    _, wrong = verify("site")
    assert {line.split(": ")[0].split("site/")[1] for line in wrong} == {
        *("mine.txt", "grounding/web/dist/worker.js", "index.html", f"artifacts/{encoder.name}")
    }
    known = read_manifest(Path("site") / LIST)
    (key, one) = next(iter(known.artifacts.items()))
    names = (key, "../secret", str(Path("secret").absolute()))
    forged = replace(one, files=dict.fromkeys(names, FileEntry("0" * 64, 6)))
    write_manifest(replace(known, artifacts={key: forged}))
    Path("secret").write_text("secret")
    _, wrong = verify("site")
    outside = [line for line in wrong if "secret" in line]
    assert len(outside) == 2
    assert all("is missing" in line for line in outside)
