"""Where images come from: the package, folders of IDX files, and sources of one's own."""

import gzip
import os

import numpy as np
import pytest
from conftest import write_idx

from grounding import _registry as register
from grounding._errors import UserError
from grounding.data import ImageSet, dataset_names, load
from grounding.data.sources import mnist as packaged
from grounding.data.sources.idx import FILES

MNIST = packaged.FOLDER
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES
# Three training and two test images of 2 x 4 pixels.
SMALL = {
    TRAIN_IMAGES: np.arange(24, dtype=np.uint8).reshape(3, 2, 4),
    TRAIN_LABELS: np.array([0, 6, 1], dtype=np.uint8),
    TEST_IMAGES: np.arange(16, dtype=np.uint8).reshape(2, 2, 4),
    TEST_LABELS: np.array([1, 1], dtype=np.uint8),
}


def write_set(folder, names=FILES, **changed):
    for name, array in zip(names, (SMALL | changed).values(), strict=True):
        write_idx(folder / name, array)
    return folder


def refusal(*args, **options):
    with pytest.raises(UserError) as caught:
        load(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestPackaged:
    def test_it_is_the_published_one(self):
        mnist = load()
        assert (mnist.source, mnist.note) == ("MNIST (packaged)", "")
        assert mnist.classes == tuple(range(10))
        assert mnist.train_images.shape == (60000, 1, 28, 28)
        assert mnist.test_images.shape == (10000, 1, 28, 28)
        # Counts, first labels and mean as they are known everywhere.
        assert np.bincount(mnist.train_labels).tolist() == [
            5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
        ]  # fmt: skip
        assert np.bincount(mnist.test_labels).tolist() == [
            980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
        ]  # fmt: skip
        assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
        assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
        assert mnist.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
        # `printf '%s\n'` of the four published checksums, piped into sha256sum.
        expected = "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7"
        assert mnist.fingerprint == expected

    def test_it_is_read_once_and_cannot_be_spoilt(self):
        assert load("mnist").train_images is load().train_images
        with pytest.raises(ValueError, match="read-only"):
            load().train_labels[0] = 0

    @pytest.mark.parametrize(
        "damage",
        [lambda packed: gzip.compress(gzip.decompress(packed)[:-1] + b"\x0a"), lambda _: b""],
        ids=["one label changed", "empty"],
    )
    def test_a_damaged_installation_is_told(self, tmp_path, monkeypatch, damage):
        for path in MNIST.iterdir():
            (tmp_path / path.name).symlink_to(path)
        damaged = tmp_path / f"{TEST_LABELS}.gz"
        damaged.unlink()
        damaged.write_bytes(damage((MNIST / damaged.name).read_bytes()))
        monkeypatch.setattr(packaged, "FOLDER", tmp_path)
        message = refusal()
        assert message.startswith(f"the installation is damaged: {tmp_path}")
        assert message.endswith(
            "install grounding again as before, with pip's --force-reinstall --no-deps"
        )


class TestFolder:
    @pytest.mark.parametrize("place", [".", "raw", "MNIST/raw"])
    @pytest.mark.parametrize("spelling", ["-idx", ".idx", "-idx.gz", ".idx.gz"])
    def test_its_files_are_read(self, tmp_path, place, spelling):
        mark, _, ending = spelling.partition("idx")
        names = [name.replace("-idx", f"{mark}idx") + ending for name in FILES]
        image_set = load(write_set(tmp_path / place, names) and tmp_path)
        assert image_set.source == str(tmp_path / place)
        assert image_set.train_images.tolist() == SMALL[TRAIN_IMAGES][:, None].tolist()
        assert image_set.train_labels.tolist() == [0, 6, 1]
        assert image_set.test_images.shape == (2, 1, 2, 4)
        assert image_set.test_labels.tolist() == [1, 1]
        assert image_set.classes == (0, 1, 6)

    def test_the_users_folder_is_found(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(write_set(tmp_path)))
        assert load("~").source == str(tmp_path)

    def test_the_fingerprint_follows_the_values_and_not_the_place(self, tmp_path):
        for path in MNIST.iterdir():
            (tmp_path / path.name).symlink_to(path)
        assert load(tmp_path).fingerprint == load().fingerprint
        plain = load(write_set(tmp_path / "plain"))
        packed = load(write_set(tmp_path / "packed", [f"{name}.gz" for name in FILES]))
        assert plain.fingerprint == packed.fingerprint
        write_idx(tmp_path / "plain" / TEST_LABELS, np.array([1, 0], dtype=np.uint8))
        other = load(tmp_path / "plain").fingerprint
        (tmp_path / "plain" / TEST_LABELS).unlink()
        without = load(tmp_path / "plain").fingerprint
        assert len({plain.fingerprint, other, without}) == 3

    def test_colour_images_become_channels_first(self, tmp_path):
        train = np.arange(3 * 2 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 3)
        image_set = load(write_set(tmp_path, **{TRAIN_IMAGES: train, TEST_IMAGES: train[:2]}))
        assert image_set.image_shape == (3, 2, 4)
        assert image_set.train_images.flags.c_contiguous
        # The first image holds its first pixel as 0, 1, 2 and its second as 3, 4, 5.
        assert image_set.train_images[0, :, 0, :2].T.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert image_set.train_images[0, 0, 1, 0] == 12

    def test_labels_are_any_whole_numbers_or_missing(self, tmp_path):
        train, test = np.array([-7, 300, 5], np.int16), np.array([70_000, 5], np.int32)
        image_set = load(write_set(tmp_path, **{TRAIN_LABELS: train, TEST_LABELS: test}))
        assert image_set.train_labels.tolist() == [-7, 300, 5]
        assert image_set.test_labels.dtype == np.int64
        assert image_set.classes == (-7, 5, 300, 70_000)
        (tmp_path / TEST_LABELS).unlink()
        assert load(tmp_path).test_labels is None
        assert load(tmp_path).classes == (-7, 5, 300)
        (tmp_path / TRAIN_LABELS).unlink()
        assert load(tmp_path).train_labels is None
        assert load(tmp_path).classes == ()

    @pytest.mark.parametrize("missing", [TRAIN_IMAGES, TEST_IMAGES])
    def test_image_files_may_not_be_missing(self, tmp_path, missing):
        (write_set(tmp_path) / missing).unlink()
        message = refusal(tmp_path, fallback_to_packaged=True)
        assert message.startswith(str(tmp_path))
        assert f"not {missing} (plain or .gz)" in message

    @pytest.mark.parametrize(
        ("file", "array", "words"),
        [
            (TRAIN_IMAGES, np.zeros((3, 2, 4), np.int16), "int16; they must be uint8"),
            (TRAIN_IMAGES, np.zeros((3, 8), np.uint8), "3 x 8 values; images must be N x H x W"),
            (TRAIN_IMAGES, np.zeros((3, 2, 4, 5), np.uint8), "3 x 2 x 4 x 5"),
            (TRAIN_IMAGES, np.zeros((0, 2, 4), np.uint8), "none of them 0"),
            (TEST_IMAGES, np.zeros((2, 0, 4), np.uint8), "none of them 0"),
            (TEST_IMAGES, np.zeros((2, 4, 2), np.uint8), "test images are 2 x 1 x 4 x 2"),
            (TRAIN_LABELS, np.zeros((3, 1), np.uint8), "train labels are 3 x 1 values"),
            (TRAIN_LABELS, np.zeros(0, np.uint8), "train labels are 0 values"),
            (TEST_LABELS, np.zeros(4, np.uint8), "one for each of the 2 images"),
        ],
    )  # fmt: skip
    def test_files_that_are_no_image_set_are_refused(self, tmp_path, file, array, words):
        message = refusal(write_set(tmp_path, **{file: array}))
        assert message.startswith(str(tmp_path))
        assert words in message

    def test_a_corrupt_file_and_a_pipe_are_named(self, tmp_path):
        path = write_set(tmp_path) / TEST_LABELS
        path.write_bytes(path.read_bytes()[:-1])
        assert f"{path}: its header announces 2 values of uint8" in refusal(tmp_path)
        path.unlink()
        os.mkfifo(path)
        assert f"{path} cannot be read: not a regular file" in refusal(tmp_path)


class TestRelatives:
    @pytest.mark.parametrize(
        ("dataset", "place", "name"),
        [("fashion_mnist", "FashionMNIST", "trouser"), ("kmnist", "KMNIST", "き")],
    )
    def test_those_with_the_names_of_mnist(self, tmp_path, dataset, place, name):
        write_set(tmp_path / place / "raw")
        write_set(tmp_path / "MNIST" / "raw", **{TEST_LABELS: np.array([3, 3], np.uint8)})
        found = load(tmp_path, source=dataset)
        assert found.source == str(tmp_path / place / "raw")
        assert found.class_names[1] == name
        assert len(found.class_names) == 10
        for named in (tmp_path / place, tmp_path / place / "raw"):  # itself, not what is around it
            assert load(named).class_names == found.class_names
            assert load(named).fingerprint == found.fingerprint
        assert load(tmp_path / "MNIST" / "raw").class_names == {}
        assert load(tmp_path, source="mnist").test_labels.tolist() == [3, 3]
        message = refusal(tmp_path)
        assert f"{tmp_path} holds several data sets, mnist, {dataset}; say which with" in message
        assert message.endswith("--set data.source=mnist")

    def test_qmnist_has_the_class_in_the_first_of_eight_columns(self, tmp_path):
        raw = tmp_path / "QMNIST" / "raw"
        columns = np.arange(80, dtype=np.int32).reshape(10, 8) % 7
        for part, rows in (("train", columns), ("test", columns[:4])):
            images = np.full((len(rows), 5, 4), len(rows), np.uint8)
            write_idx(raw / f"qmnist-{part}-images-idx3-ubyte.gz", images)
            write_idx(raw / f"qmnist-{part}-labels-idx2-int.gz", rows)
        found = load(tmp_path)
        assert found.train_labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
        assert found.test_labels.tolist() == [0, 1, 2, 3]
        assert found.train_images.shape == (10, 1, 5, 4)
        assert load(tmp_path, source="qmnist").fingerprint == found.fingerprint
        write_idx(raw / "qmnist-train-labels-idx2-int.gz", columns[:, :7])
        with pytest.raises(UserError, match="holds 10 x 7 values; QMNIST has 8 for each image"):
            load(tmp_path)

    def test_emnist_is_turned_upright(self, tmp_path):
        names = [f"emnist-letters-{name.replace('t10k', 'test')}" for name in FILES]
        write_set(tmp_path / "EMNIST" / "raw", names)
        letters = load(tmp_path, source="emnist_letters")
        assert letters.image_shape == (1, 4, 2)
        assert letters.train_images[0, 0].tolist() == SMALL[TRAIN_IMAGES][0].T.tolist()
        assert letters.class_names[6] == "F"
        assert letters.fingerprint != load(write_set(tmp_path / "same")).fingerprint

    def test_another_one_than_asked_for_is_named(self, tmp_path):
        write_set(tmp_path / "FashionMNIST" / "raw")
        assert load(tmp_path).class_names[1] == "trouser"  # it is the only one there
        message = refusal(tmp_path, source="mnist")
        assert f"{tmp_path} does not hold mnist, but fashion_mnist" in message
        assert "--set data.source=fashion_mnist" in message


class TestNothingFound:
    def test_the_folder_and_what_was_looked_for_are_named(self, tmp_path):
        assert f"{tmp_path}/missing does not exist; name a f" in refusal(tmp_path / "missing")
        (tmp_path / TRAIN_IMAGES).mkdir()  # so some archives unpack a file
        message = refusal(str(tmp_path))
        assert f"{tmp_path} holds no data set" in message
        assert TEST_IMAGES in message
        assert "MNIST/raw/" in message

    def test_mnist_is_taken_instead_only_on_demand_and_says_so(self, tmp_path):
        for folder in (tmp_path, tmp_path / "missing"):
            image_set = load(folder, fallback_to_packaged=True)
            assert image_set.source == "MNIST (packaged)"
            assert str(folder) in image_set.note
        refusal(tmp_path, source="kmnist", fallback_to_packaged=True)
        (tmp_path / ".DS_Store").touch()
        assert load(tmp_path, fallback_to_packaged=True).note
        # Pictures of one's own in it are not replaced by digits.
        (tmp_path / "cats").mkdir()
        message = refusal(tmp_path, fallback_to_packaged=True)
        assert f"{tmp_path} holds no data set; looked for" in message
        assert message.endswith("; for the packaged MNIST: --set data.data_dir=null")

    def test_what_is_no_folder_is_refused(self, tmp_path):
        path = tmp_path / "file"
        path.touch()
        assert f"{path} holds no data set; looked for" in refusal(path, fallback_to_packaged=True)
        loop = tmp_path / "loop"
        loop.symlink_to(loop)
        assert f"{loop} cannot be read" in refusal(loop)

    def test_unknown_and_unpackaged_data_sets(self, tmp_path):
        assert refusal(tmp_path, source="cifar").startswith("data set 'cifar' is unknown; known")
        assert "name the folder that holds it: --set data.data_dir=FOLDER" in refusal("kmnist")
        assert {"mnist", "idx", "fashion_mnist", "emnist_balanced"} <= set(dataset_names())


class TestOfOnesOwn:
    def test_it_is_found_like_ours(self, tmp_path, monkeypatch):
        monkeypatch.setattr(register.source, "_components", dict(register.source._components))

        @register.source("squares")
        class Squares:
            looks_for = "sizes.txt"

            def find(self, place, name):
                path = place and place / "sizes.txt"
                return path if path and path.is_file() else None

            def load(self, found):
                sizes = [int(line) for line in found.read_text().split()]
                images = np.zeros((len(sizes), 1, 8, 8), np.uint8)
                for image, size in zip(images, sizes, strict=True):
                    image[0, :size, :size] = 255
                return ImageSet(images, images[:1], str(found), np.array(sizes))

        (tmp_path / "sizes.txt").write_text("1 4 2 4")
        image_set = load(tmp_path)
        assert image_set.classes == (1, 2, 4)
        assert image_set.test_labels is None
        assert (image_set.train_images == 255).sum((1, 2, 3)).tolist() == [1, 16, 4, 16]
        assert load(tmp_path, source="squares").fingerprint == image_set.fingerprint
        (tmp_path / "sizes.txt").write_text("1 4 2 5")
        assert load(tmp_path).fingerprint != image_set.fingerprint
        (tmp_path / "sizes.txt").unlink()
        assert "sizes.txt" in refusal(tmp_path)

    def test_it_is_held_to_types_and_shapes(self):
        images = np.zeros((3, 1, 2, 2), np.uint8)
        for changed, words in (
            ({"train_images": images.astype(np.float32)}, "float32; they must be uint8"),
            ({"test_images": images[:, 0]}, "3 x 2 x 2"),
            ({"train_labels": np.zeros(3, np.int32)}, "int64"),
            ({"train_labels": np.array([0, 1, 2**31])}, "0 to 2147483648; they .* of 32 bits"),
        ):
            arguments = {"train_images": images, "test_images": images, "source": "mine"}
            with pytest.raises(UserError, match=f"mine: .*{words}"):
                ImageSet(**{**arguments, **changed})
