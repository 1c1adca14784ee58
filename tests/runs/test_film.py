"""A training as a film: each frame against the checkpoint that it is of."""

import json
import shlex

import numpy as np
import pytest
from conftest import image_set, inside, own_config
from test_agents import HEAD, keys_of

import grounding
from grounding.cli import main
from grounding.export.arrays import read_arrays
from grounding.export.points import EmbeddingOptions
from grounding.runs.film import MOST_FRAMES, chosen, curve, film_output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of eight epochs that kept each second one; its film is made."""
    folder = tmp_path_factory.mktemp("film")
    with inside(folder):
        image_set(folder / "images")
        config = own_config("filmed", more="output: {save_every_n_epochs: 2}\n")
        given = ["--config", config, "--set", "training.epochs=8"]
        assert main("train", given) == 0
        assert main("film", ["--config", "filmed", "--max-points", "60"]) == 0
    return folder


def test_frames_are_those_of_the_checkpoints(trained):
    with inside(trained):
        run = grounding.load("filmed")
        values = json.loads((trained / "artifacts/filmed_film.json").read_text())
        _, arrays = read_arrays(trained / "artifacts/filmed_film.safetensors")
        assert values["epochs"] == [2, 4, 6, 8]
        assert arrays["film_points"].shape == (4, 60, 3)
        assert arrays["film_images"].shape == (4, len(arrays["film_rows"]), 144)
        at_four = grounding.load("artifacts/filmed_final_epoch004.pt")
        images = run.images()[arrays["film_indices"]].astype(np.float32) / 255
        for model, frame in ((at_four, 1), (run, 3)):
            drawn = model.decode(model.encode(images[arrays["film_rows"]]))
            kept = arrays["film_images"][frame].reshape(drawn.shape)
            assert np.abs(kept - 255 * drawn).max() <= 0.51
        # Rows of the same draw as the viewer's points, and all classes among the pictures.
        assert main("points", ["--config", "filmed", "--max-points", "60"]) == 0
        points = json.loads((trained / "artifacts/filmed_test_latent_points.json").read_text())
    assert points["indices"] == arrays["film_indices"].tolist()
    assert {run.labels()[i] for i in arrays["film_indices"][arrays["film_rows"]]} == {0, 1, 2, 3}
    log = (trained / "artifacts/filmed_final_metrics.jsonl").read_text().splitlines()
    assert [one["train_loss"] for one in values["history"]] == pytest.approx(
        [json.loads(line)["train_loss"] for line in log]
    )


def test_every_key_is_told(trained):
    values = json.loads((trained / "artifacts/filmed_film.json").read_text())
    told = {**HEAD, **keys_of("`*_film.json`")}
    assert values.keys() <= told.keys()
    required = {key for key, (_, need) in told.items() if need != "optional"}
    assert required <= values.keys()


def test_it_is_verified_and_made_again_only_for_other_checkpoints(trained, capsys):
    with inside(trained):
        run = grounding.load("filmed")
        assert main("verify", ["filmed"]) == 0
        capsys.readouterr()
        (path,) = run.export("film")  # with more points: made again
        before = path.stat().st_mtime_ns
        assert run.export("film") == [path]
        assert path.stat().st_mtime_ns == before


def test_of_a_model_in_the_middle_each_frame_is_still_that_of_its_epoch(trained, tmp_path):
    with inside(trained):
        at_four = grounding.load("artifacts/filmed_final_epoch004.pt")
        film = film_output(at_four, EmbeddingOptions(60), tmp_path / "film.json")
        (arrays,) = (p for p in film.make({}).files.items() if p[0].suffix == ".safetensors")
        own = at_four.embed("test", max_points=60)
    (tmp_path / "film.safetensors").write_bytes(arrays[1])
    _, made = read_arrays(tmp_path / "film.safetensors")
    assert made["film_points"].shape == (4, 60, 3)
    assert np.array_equal(made["film_points"][1], own)
    assert not np.array_equal(made["film_points"][3], own)


def test_a_run_without_checkpoints_says_what_to_type_and_that_works(trained, capsys):
    with inside(trained):
        config = own_config("bare", more="output: {save_every_n_epochs: 0}\n")
        assert main("train", ["--config", config, "--set", "training.epochs=3"]) == 0
        capsys.readouterr()
        assert main("film", ["--config", "bare"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "output.save_every_n_epochs" in said
        command, *given = shlex.split(said.split("train again: grounding ")[1])
        assert main(command, given) == 0
        assert main("film", ["--config", "bare"]) == 0
        values = json.loads((trained / "artifacts/bare_film.json").read_text())
    assert values["epochs"] == [1, 2, 3]


def test_of_many_checkpoints_some_stand_for_all():
    kept = {epoch: str(epoch) for epoch in range(5, 105, 5)}
    some = list(chosen(kept))
    assert len(some) == MOST_FRAMES
    assert (some[0], some[-1]) == (5, 100)
    assert np.ptp(np.diff(some)) <= 5
    assert chosen({3: "a"}) == {3: "a"}
    assert chosen({}) == {}


def test_a_long_log_is_thinned_but_for_its_checkpoints():
    from grounding.training.history import Epoch

    history = tuple(Epoch(n, 1 / n, None, 1.0, 1.0) for n in range(1, 2401))
    found = [one["epoch"] for one in curve(history, {600: "a", 2400: "b"})]
    assert len(found) <= 402
    assert {1, 600, 2400} <= set(found)
