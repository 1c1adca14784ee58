"""docs/own_data.md tells the truth: its commands, its config and its Python are run."""

import re
import shlex

from conftest import REPOSITORY, write_pictures

import grounding
from grounding import _registry as register
from grounding.cli import main
from grounding.data import pictures, splits, stored
from grounding.experiment import suggested

PAGE = (REPOSITORY / "docs" / "own_data.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_commands_run_in_their_order(in_folder, capsys):
    write_pictures(in_folder / "my_pngs", {"cat": 20, "dog": 20, "emu": 20}, size=(12, 14))
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert [command.split()[1] for command in commands] == ["run", "serve", "data"]
    for command in commands:
        words = shlex.split(command)[1:]
        if words[0] == "serve":  # as test_server.py shows
            continue
        brief = ["--set", "training.epochs=2"] if words[0] == "run" else []
        assert main(None, [*words, *brief]) == 0
    assert (in_folder / "artifacts" / "my_pngs_decoder.onnx").exists()
    assert (in_folder / "my_pngs_images.png").exists()
    (in_folder / "mine.yaml").write_text(blocks("yaml")[0])
    brief = ["--set", "training.epochs=1"]
    assert main(None, ["train", "--config", "mine.yaml", *brief]) == 0
    assert "1 x 32 x 32" in capsys.readouterr().out


def test_its_python_runs(in_folder):
    exec(blocks("python")[0], given := {})
    again = grounding.load("from_arrays", images=given["images"], labels=given["labels"])
    assert again.sha256 == given["run"].sha256


def test_its_numbers_and_names_are_those_of_the_code():
    flat = " ".join(PAGE.split())
    for told in (
        f"more than {stored.IN_MEMORY >> 20} MiB stays",
        f"an image of more than {pictures.MAX_PIXELS // 1_000_000} million pixels",
        f"for the test a fifth, at most {splits.MOST_TEST:,}",
        f"a tenth of the rest, at most {splits.MOST_VAL:,}",
        f"more than {suggested.LARGEST_SIDE} pixels to {pictures.USUAL_SIDE}",
    ):
        assert told in flat, told
    table = flat.split("|---|---|")[1].split(" Without ")[0]
    for name in register.source.names():
        assert f"`{name}`" in table
    for ending in pictures.FORMATS:
        assert ending.casefold() in table.casefold()
