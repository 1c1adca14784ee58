"""Two processes that write the same output: the second is told who is first."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grounding._errors import UserError
from grounding._files import remove_leftovers, replacing, write_text
from grounding._locks import writing
from grounding.cli.commands import main
from grounding.export.layout import SCRIPTS

HOLD = (
    "import sys; from pathlib import Path; from grounding._locks import writing\n"
    "with writing('training of one', Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of artifacts/x.pt."""
    path = tmp_path / "artifacts" / "x.pt"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield path, process
        process.kill()


def refused(path):
    with pytest.raises(UserError) as caught, writing("training of two", path):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_second_writer_is_told_who_is_first(holder):
    path, process = holder
    message = refused(path)
    assert message.startswith(
        f"cannot write {path}: training of one (process {process.pid}, since "
    )
    assert message.endswith("is writing it; wait until it is done")


def test_another_spelling_of_the_path_is_the_same_path(holder, tmp_path, monkeypatch):
    path, _ = holder
    (tmp_path / "link").symlink_to(tmp_path / "artifacts")
    monkeypatch.chdir(tmp_path)
    for spelling in (Path("artifacts/x.pt"), Path("link/x.pt"), Path("artifacts/../link/x.pt")):
        assert f"cannot write {spelling}: training of one" in refused(spelling)
    with writing("training of two", path.with_name("y.pt")):
        pass


def test_reading_and_other_files_are_not_blocked(holder):
    path, _ = holder
    path.write_text("content")
    assert path.read_text() == "content"
    write_text(path.with_name("z"), "other")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_lock_ends_with_its_process(holder, how):
    path, process = holder
    process.stdin.close() if how is None else process.send_signal(how)
    process.wait()
    with writing("training of two", path):
        assert f"training of two (process {os.getpid()}" in refused(path)
    assert list(path.parent.iterdir()) == []


def test_a_lock_that_was_given_back_can_be_taken_at_once(tmp_path):
    """Threads in turns: nobody enters together with another, and nobody is refused for ever."""
    path, inside, entered = tmp_path / "x", [], []

    def enter(name):
        while True:
            try:
                with writing(name, path):
                    inside.append(name)
                    assert inside == [name]
                    inside.remove(name)
                    entered.append(name)
                    return
            except UserError:
                continue

    for _ in range(20):
        threads = [threading.Thread(target=enter, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(entered) == sorted("abc" * 20)
    assert list(tmp_path.iterdir()) == []


def test_several_paths_are_all_or_none(holder):
    path, _ = holder
    other = path.with_name("a.pt")
    with pytest.raises(UserError, match="training of one"), writing("training of two", other, path):
        pass
    with writing("training of three", other):
        pass
    assert not other.with_name(".a.pt.lock").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"work": 1}'])
def test_a_lock_file_with_odd_content_still_refuses(tmp_path, content):
    path = tmp_path / "x"
    with writing("training of one", path):
        path.with_name(".x.lock").write_bytes(content)
        assert "cannot write" in refused(path)
        assert "another process is writing it" in refused(path)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("train", "artifacts/3_regularized_covnet_final.pt"),
        ("train --resume", "artifacts/3_regularized_covnet_final_metrics.jsonl"),
        ("run --force", "artifacts/3_regularized_covnet_final.pt"),
        ("analyze", "artifacts/3_regularized_covnet_analysis.json"),
        ("points", "artifacts/regularized_covnet_test_latent_points.json"),
        ("points", "artifacts/regularized_covnet_test_latent_points.bin"),
        ("export-encoder", "artifacts/regularized_covnet_encoder.onnx"),
    ],
)
def test_every_command_is_refused_while_another_writes_its_output(
    trained, monkeypatch, capsys, command, output
):
    run = trained("3")
    monkeypatch.chdir(run.folder)
    before = {path: path.read_bytes() for path in Path("artifacts").iterdir()}
    name, *options = command.split()
    with writing("training of one", Path(output)):
        assert main(name, [*options, *run.arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: cannot write {output}: training of one (process ")
    assert shown.count("\n") == 1
    assert {path: path.read_bytes() for path in Path("artifacts").iterdir()} == before


def test_publishing_is_refused_while_another_publishes_there(tmp_path, monkeypatch, capsys):
    from grounding.export import layout

    for page in SCRIPTS:
        (tmp_path / "web/dist").mkdir(parents=True, exist_ok=True)
        (tmp_path / "web/dist" / page).touch()
    for page in (layout.VIEWER, layout.PLAYGROUND):
        (tmp_path / Path(page).name).touch()
    monkeypatch.setattr(layout, "pages_folder", lambda: tmp_path)
    analysis = {"experiment": "a", "knn_accuracy": 0.5, "classes": []}
    write_text(tmp_path / "artifacts/a_analysis.json", json.dumps(analysis))
    monkeypatch.chdir(tmp_path)
    with writing("grounding publish", Path("site")):
        assert main("publish", ["site"]) == 2
    assert "site: grounding publish (process " in capsys.readouterr().err
    assert not Path("site").exists()
    assert main("publish", ["site"]) == 0
    assert not list(tmp_path.glob(".site*"))


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path):
    path = tmp_path / "x[1].json"
    dead = tmp_path / ".x[1].json.abcd1234.tmp"
    dead.write_text("half")
    folder = tmp_path / ".x[1].json.abcd1235.tmp"
    (folder / "site").mkdir(parents=True)
    (folder / "site" / "index.html").touch()
    others = [tmp_path / name for name in (".x1.json.abcd1234.tmp", ".x[1].json", "x.tmp")]
    for other in others:
        other.touch()
    with replacing(path) as temporary:
        temporary.write_text("mine")
        remove_leftovers(tmp_path, path.name)
        assert temporary.read_text() == "mine"
    assert set(tmp_path.iterdir()) == {path, *others}
