"""Images that do not fit into memory: the same numbers, read where they are asked for."""

import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import image_set, inside, own_config, write_idx, write_pictures

import grounding
from grounding._errors import UserError
from grounding.data import ImagesOnDemand, StoredImages, TrainingInputs, cut, load, stored
from grounding.data.sources.idx import FILES
from grounding.data.stored import joined, sample

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def nothing_fits(monkeypatch):
    monkeypatch.setattr(stored, "IN_MEMORY", 10)


def in_every_form(folder: Path) -> list[Path]:
    """The same forty images in every kind of file that can stay where it is."""
    places = [folder / name for name in ("npy", "first", "npz", "float", "idx", "pictures")]
    for place in places:
        place.mkdir()
    np.save(places[0] / "images.npy", COLOUR)
    np.save(places[1] / "images.npy", COLOUR.transpose(0, 3, 1, 2))
    np.savez(places[2] / "set.npz", images=COLOUR)
    np.save(places[3] / "images.npy", COLOUR / 255)
    for name in (FILES[0], FILES[2]):
        write_idx(places[4] / name, COLOUR)
    for number, pixels in enumerate(COLOUR):
        from PIL import Image

        Image.fromarray(pixels).save(places[5] / f"{number}.png")
    return places


def test_they_are_indexed_as_an_array_is(tmp_path, nothing_fits):
    whole = COLOUR.transpose(0, 3, 1, 2)
    for place in in_every_form(tmp_path):
        images = load(place).train_images
        assert isinstance(images, StoredImages), place
        assert (images.shape, images.dtype, len(images)) == (whole.shape, np.uint8, 40)
        for key in (
            *(0, -1, np.int64(7), slice(None), slice(3, 9), slice(None, None, -3), slice(5, 5)),
            *([3, 1, 3], np.array([39, -40]), np.arange(40) % 2 == 0, np.zeros(0, np.int64)),
            *((slice(2, 4), 1), (5, slice(None), 2), (0, 0, 0, 0), ([1, 2], slice(None), 0)),
        ):
            assert np.array_equal(images[key], whole[key]), (place, key)
        assert np.array_equal(np.asarray(images), whole)
        for key in (40, [0, 40]):
            with pytest.raises(IndexError):
                images[key]


def test_fingerprints_and_splits_are_those_of_memory(tmp_path, monkeypatch):
    places = in_every_form(tmp_path)
    held = [load(place) for place in places]
    assert all(isinstance(one.train_images, np.ndarray) for one in held)
    splits = [cut(one, train=20, val=5, test=8, seed=3) for one in held]
    monkeypatch.setattr(stored, "IN_MEMORY", 10)
    for place, whole, expected in zip(places, held, splits, strict=True):
        found = load(place)
        assert found.fingerprint == whole.fingerprint
        for name in ("train", "val", "test"):
            images, same = (of.named(name).images for of in (cut(
                found, train=20, val=5, test=8, seed=3), expected))  # fmt: skip
            assert isinstance(images, ImagesOnDemand)
            assert torch.equal(images[:], same)
            assert torch.equal(images[torch.tensor([3, 0])], same[[3, 0]])
            assert torch.equal(images[2], same[2])
            assert [len(part) for part in images.split(3)] == [len(part) for part in same.split(3)]
            assert np.array_equal(images.numpy(), same.numpy())


def test_a_run_has_the_same_numbers_either_way(in_folder, monkeypatch):
    image_set(Path("images"))
    values = {}
    for name in ("memory", "file"):
        if name == "file":
            monkeypatch.setattr(stored, "IN_MEMORY", 10)
        config = own_config(name)
        run = grounding.train(config, quiet=True)
        assert isinstance(run.splits.train.images, ImagesOnDemand) == (name == "file")
        run.export()
        values[name] = run.measure()
        loss = run.checkpoint.train_loss
        values[name]["loss"] = loss
        weights = run.checkpoint.state_dict
        values[name]["sum"] = sum(float(w.double().sum()) for w in weights.values())
        report = json.loads(Path(f"artifacts/{name}_analysis.json").read_text())
        values[name]["knn"] = report["knn_accuracy"]
    assert values["memory"] == values["file"]


def test_augmented_mirrored_and_fixed_inputs_are_the_same(tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", COLOUR)
    shown = {}
    for limit in (1 << 30, 10):
        monkeypatch.setattr(stored, "IN_MEMORY", limit)
        images = cut(load(tmp_path), seed=1).train.images
        noise = grounding.datasets.Augmentations({"noise": {"std": 0.1}})
        options = {"batch_size": 8, "augmentations": noise, "each": 2, "views": 2, "seed": 5}
        inputs = TrainingInputs(images, mirrored=True, composites=2, **options)
        shown[limit] = [*(b.inputs for b in inputs.epoch(1)), inputs.lasting_images()]
    assert all(torch.equal(a, b) for a, b in zip(*shown.values(), strict=True))


def test_a_file_that_becomes_shorter_is_one_line(tmp_path, nothing_fits):
    np.save(tmp_path / "images.npy", COLOUR)
    images = load(tmp_path).train_images
    with (tmp_path / "images.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(UserError, match=r"images\.npy was cut short while it was in use"):
        images[:]


def test_a_file_that_is_replaced_stays_what_it_was(tmp_path, nothing_fits):
    np.save(tmp_path / "images.npy", COLOUR)
    images = load(tmp_path).train_images
    (tmp_path / "new.npy").write_bytes(b"")
    (tmp_path / "new.npy").replace(tmp_path / "images.npy")
    assert np.array_equal(images[:], COLOUR.transpose(0, 3, 1, 2))


def test_files_are_closed_when_nobody_needs_them(tmp_path, nothing_fits):
    np.save(tmp_path / "images.npy", COLOUR)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        load(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("kind", ["npy", "float", "idx", "pictures"])
def test_memory_does_not_grow_with_the_images(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(stored, "IN_MEMORY", 1 << 20)
    monkeypatch.setattr(stored, "BLOCK", 1 << 20)
    count, side = (32_000, 32) if kind != "pictures" else (800, 128)
    shape, size = (count, side, side), count * side * side  # 33 MB and 13 MB
    if kind == "npy":
        np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, shape)[::7] = 200
    elif kind == "float":
        np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.float32, shape)[::7] = 0.5
    elif kind == "idx":
        for name, n in ((FILES[0], count), (FILES[2], 100)):
            write_idx(tmp_path / name, np.full((n, side, side), 7, np.uint8))
    else:
        write_pictures(tmp_path, {".": 1}, (side, side))
        for number in range(1, count):
            (tmp_path / f"{number}.png").hardlink_to(tmp_path / "0.png")
    tracemalloc.start()
    try:
        splits = cut(load(tmp_path), seed=1)
        for batch in TrainingInputs(splits.train.images, seed=1, batch_size=64).epoch(1):
            assert batch.inputs.shape[1:] == (1, side, side)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2, f"{peak / 1e6:.1f} MB"


def test_a_sample_and_two_splits_in_a_row_stay_in_their_file(tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", COLOUR)
    parts = {}
    for limit in (1 << 30, 10):
        monkeypatch.setattr(stored, "IN_MEMORY", limit)
        splits = cut(load(tmp_path), train=20, val=5, test=8, seed=3)
        parts[limit] = [sample(splits.train.images), joined(splits.val.images, splits.test.images)]
    monkeypatch.setattr(stored, "SAMPLE", 7)
    for held, on_demand in zip(*parts.values(), strict=True):
        assert isinstance(on_demand, ImagesOnDemand)
        assert torch.equal(on_demand[:], held)
        assert torch.equal(on_demand[torch.tensor([9, 0, 5])], held[[9, 0, 5]])
        assert torch.equal(on_demand[4], held[4])
    assert len(sample(splits.train.images)) == 7


@pytest.mark.full
def test_a_set_of_two_and_a_half_gigabytes_runs_in_one(tmp_path):
    """Training and every output, in anonymous memory: what the system cannot take back.

    Pages of files, such as those of libraries, are no part of it.
    """
    count, shape = 203_450, (64, 64, 3)
    with inside(tmp_path):
        # Mixtures of ten images, so that the latents fill a space.
        base = RNG.integers(0, 256, (10, 12288)).astype(np.float32)
        weights = RNG.dirichlet([0.3] * 10, count).astype(np.float32)
        Path("big").mkdir()
        images = np.lib.format.open_memmap("big/x_train.npy", "w+", np.uint8, (count, *shape))
        for start in range(0, count, 5000):
            part = slice(start, start + 5000)
            images[part] = (weights[part] @ base).reshape(-1, *shape)
        del images
        np.save("big/y_train.npy", weights.argmax(1))
        Path("big.yaml").write_text(
            "experiment: {name: big}\n"
            "data: {data_dir: big}\n"
            "model: {architecture: vanilla_fc, hidden_dims: [32], latent_dim: 8}\n"
            "training: {epochs: 1, batch_size: 256, learning_rate: 0.0001, device: cpu}\n"
        )
        command = [sys.executable, "-m", "grounding", "run", "--config", "big.yaml"]
        with Path("said").open("w+") as said, subprocess.Popen(command, stdout=said) as process:
            peak = 0
            while process.poll() is None:
                peak = max(peak, anonymous_kb(process.pid))
                time.sleep(0.02)
            said.seek(0)
            text = said.read()
    assert process.returncode == 0, text
    assert "188,450 to train on, 5,000 for validation, 10,000 to test" in text
    assert "collapsed" not in text
    assert 0 < peak < 1_000_000


def anonymous_kb(pid: int) -> int:
    """Of a process, 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
