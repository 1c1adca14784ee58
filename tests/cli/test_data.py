"""`grounding data`, and `grounding run --data`: from a folder of pictures to a run."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import photograph, write_pictures
from PIL import Image

import grounding
from grounding.cli import main
from grounding.experiment import load_config
from grounding.experiment.suggested import suggested

SHORT = ("--set", "training.epochs=1", "--set", "training.device=cpu")


def shown(capsys, *arguments):
    capsys.readouterr()
    assert main(None, list(arguments)) == 0
    return capsys.readouterr().out


def test_two_commands_lead_from_pictures_of_any_size_to_the_playground(in_folder, capsys):
    for number in range(60):
        kind = "cats" if number % 2 else "dogs"
        Path("my pngs", kind).mkdir(parents=True, exist_ok=True)
        pixels = photograph(20 + number, 90 - number, number)
        pixels = pixels[..., 1] if number % 3 else pixels
        Image.fromarray(pixels).save(f"my pngs/{kind}/{number}.png")
    said = shown(capsys, "run", "--data", "my pngs", *SHORT)
    assert "config: wrote my_pngs.yaml" in said
    assert "data: my pngs, 3 x 64 x 64: 44 to train on, 4 for validation, 12 to test" in said
    for kind in ("decoder", "assets"):
        assert f"{kind}: " in said
        assert f"{kind}: failed" not in said
    assets = json.loads(Path("artifacts/my_pngs_test_interactive_assets.json").read_text())
    assert assets["class_names"] == {"0": "cats", "1": "dogs"}
    assert assets["image_shape"] == [3, 64, 64]
    assert np.array(assets["digit_samples"]).shape == (2, 3 * 64 * 64)
    points = json.loads(Path("artifacts/my_pngs_test_latent_points.json").read_text())
    assert points["class_names"] == assets["class_names"]
    report = json.loads(Path("artifacts/my_pngs_analysis.json").read_text())
    assert report["class_names"] == assets["class_names"]
    assert "0 cats" in Path("artifacts/my_pngs_analysis.txt").read_text()
    # The config that was written is one's own: it is used as it is, whatever it was.
    Path("my_pngs.yaml").write_text(Path("my_pngs.yaml").read_text() + "  # mine\n")
    said = shown(capsys, "run", "--data", "my pngs/", *SHORT)
    assert "config: my_pngs.yaml, as it is" in said
    assert "train: up to date" in said
    assert Path("my_pngs.yaml").read_text().endswith("# mine\n")


def test_a_config_of_other_data_is_not_replaced(in_folder, refused):
    write_pictures(Path("a/x"), {"k": 5, "l": 5})
    write_pictures(Path("b/x"), {"k": 5, "l": 5})
    assert main(None, ["run", "--data", "a/x", *SHORT]) == 0
    before = Path("x.yaml").read_bytes()
    line = refused(None, "run", "--data", "b/x")
    assert "x.yaml is there already, and not about b/x; move it away, or use it: grounding" in line
    assert Path("x.yaml").read_bytes() == before


def test_what_a_message_says_of_data_that_are_named_can_be_typed(in_folder, capsys, refused):
    write_pictures(Path("both"), {"cat": 6, "dog": 6})
    np.save("both/images.npy", np.random.default_rng(0).integers(0, 255, (40, 8, 8), np.uint8))
    for command in (["data", "both"], ["run", "--data", "both", *SHORT]):
        line = refused(None, *command)
        typed = re.search(r"--set (data\.source=\w+)$", line)[1].replace("folder", "numpy")
        assert "data.source=numpy" in typed
        assert "wrote both" in shown(capsys, *command, "--set", typed)
    # It is part of the config, which the same place finds again however it is written.
    assert load_config("both.yaml").data.source == "numpy"
    for place in ("./both/", str(Path("both").absolute())):
        assert "both.yaml, as it is" in shown(capsys, "run", "--data", place, *SHORT)


def test_sizes_and_colours_that_are_set_are_those_of_the_suggested_config(in_folder):
    write_pictures(Path("x"), {"k": 6, "l": 6}, size=(120, 130))
    found = suggested("x", ["data.resize=[10, 12]", "data.mode=rgb"])
    Path("x.yaml").write_text(found.text)
    said = load_config("x.yaml").data
    assert (said.resize, said.mode, said.source) == ([10, 12], "rgb", None)


def test_no_home_and_a_circle_of_links_are_one_line(in_folder, refused):
    Path("loop").symlink_to("loop")
    for place, why in (("~nobody-of-that-name/x", "not a path here"), ("loop", "cannot be read")):
        assert why in refused(None, "data", place)
        assert why in refused(None, "run", "--data", place)


@pytest.mark.parametrize(
    "name",
    ["plain", "2", "null", "1e5", ".5", "with space", 'q"uo\\te', "naïve", "a: b", "#x", "猫"],
)
def test_a_suggested_config_is_one_whatever_the_folder_is_called(in_folder, name):
    write_pictures(Path(name), {"k": 6, "l": 6})
    found = suggested(name)
    Path("x.yaml").write_text(found.text, encoding="utf-8")
    experiment = load_config("x.yaml")
    assert experiment.data.data_dir == Path(name)
    assert (experiment.data.resize, experiment.data.mode) == (None, None)
    assert experiment.name == found.name


def test_what_is_suggested_follows_the_images(in_folder):
    def data_of(place):
        Path("x.yaml").write_text(suggested(place).text, encoding="utf-8")
        return load_config("x.yaml")

    Path("large").mkdir()
    for number in range(4):
        Image.fromarray(photograph(200, 300, number)).save(f"large/{number}.png")
    assert data_of("large").data.resize == [64, 64]
    np.savez("mine.npz", x_train=np.zeros((40, 99, 120), np.uint8), y_train=np.arange(40) % 2)
    assert data_of("mine.npz").data.resize == [64, 64]
    np.savez("mine.npz", x_train=np.zeros((40, 20, 30), np.uint8), y_train=np.arange(40) % 2)
    assert data_of("mine.npz").data.resize is None
    digits = data_of("digits")
    assert (digits.data.source, digits.data.data_dir, digits.name) == ("digits", None, "digits")
    assert digits.training.epochs * 1797 / digits.training.batch_size == pytest.approx(
        2000, rel=0.1
    )


def test_data_shows_what_would_be_read(in_folder, capsys):
    write_pictures(Path("pictures/train"), {"bee": 12, "ant": 8}, size=(9, 7))
    write_pictures(Path("pictures/test"), {"ant": 3}, size=(9, 7))
    said = shown(capsys, "data", "pictures")
    for line in (
        "source             pictures",
        "there are          20 training and 3 test images",
        "each is            1 x 9 x 7 (channels x height x width), grey",
        "drawn by the seed  validation images",
        "note               the test images have none of class 1 bee",
        "train on them: grounding run --data pictures",
        "wrote pictures_images.png: some images of each class",
    ):
        assert line in said.splitlines()
    rows = [line.split() for line in said.splitlines()]
    assert [row[-3:] for row in rows if row[:1] in (["0"], ["1"], ["all"])][2] == ["18", "2", "3"]
    assert ["1", "bee"] in [row[:2] for row in rows]
    images = np.concatenate(list(write_pictures(Path("again"), {"bee": 1}, (9, 7)).values()))
    low, high = said.split("values ")[1].split(",")[0].split(" to ")
    assert 0 <= int(low) < int(high) <= 255
    assert images.max() <= int(high)
    assert list(in_folder.glob("*.yaml")) == []


def test_the_contact_sheet_shows_each_class(in_folder, capsys):
    for name, value in (("dark", 40), ("light", 200)):
        Path("two", name).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (16, 16), value).save(f"two/{name}/{number}.png")
    shown(capsys, "data", "two", "--output", "out/sheet.png")
    with Image.open("out/sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("L"))
    rows = pixels[:, 400]  # in the middle of the columns
    assert (np.unique(rows) == [40, 128, 200]).all()
    assert (rows[: len(rows) // 2] == 200).sum() == 0
    assert (rows == 40).sum() == (rows == 200).sum() == 64


def test_a_contact_sheet_replaces_nothing_of_others_and_does_not_become_data(
    in_folder, capsys, refused
):
    write_pictures(Path("two"), {"a": 6, "b": 6})
    shown(capsys, "data", "two")
    shown(capsys, "data", "two")
    Image.new("L", (3, 3)).save("two_images.png")
    before = Path("two_images.png").read_bytes()
    assert "two_images.png is there already; say where" in refused(None, "data", "two")
    assert Path("two_images.png").read_bytes() == before
    line = refused(None, "data", "two", "--output", "two/sheet.png")
    assert "two/sheet.png would lie in two and be read as one of the images" in line
    shown(capsys, "data", "two", "--output", "two_images.png")


def test_data_of_a_config_and_of_a_name(in_folder, capsys, refused):
    said = shown(capsys, "data", "digits")
    assert "source             digits (scikit-learn)" in said
    assert "values             0 to 255" in said
    Path("x.yaml").write_text(
        "experiment: {name: x}\ndata: {source: digits, resize: 4, test_samples: 50}\n"
        "model: {architecture: naive_conv}\n"
    )
    said = shown(capsys, "data", "--config", "x.yaml", "--set", "experiment.seed=3")
    assert "1 x 4 x 4" in said
    assert "the test images are 50 of them all, drawn by seed 3" in said
    assert Path("x_images.png").exists()
    assert "name either a PATH" in refused(None, "data")
    assert "name either a --config" in refused(None, "run")
    assert "name either a --config" in refused(None, "run", "--config", "2", "--data", "x")
    assert "nowhere does not exist" in refused(None, "data", "nowhere")


@pytest.mark.parametrize("labels", [0, 30, 1])
def test_any_number_of_classes(in_folder, capsys, labels):
    array = np.random.default_rng(0).integers(0, 255, (120, 8, 8, 4), dtype=np.uint8)
    told = {"labels": np.arange(120) % labels} if labels else {}
    np.savez("set.npz", images=array, **told)
    said = shown(capsys, "run", "--data", "set.npz", *SHORT)
    assert "4 x 8 x 8" in said
    run = grounding.load("set")
    assert run.splits.classes == tuple(range(labels))
    assert "failed" not in said
    assert shown(capsys, "data", "set.npz")
