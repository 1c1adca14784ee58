import gzip
from pathlib import Path

import numpy as np
import pytest

from grounding._errors import UserError
from grounding.data import catalog
from grounding.data.catalog import FILES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from grounding.data.idx import write_idx

MNIST = Path(catalog.__file__).parent / "mnist"


def small_set() -> dict[str, np.ndarray]:
    """Three training and two test images of 2 x 4 pixels."""
    return {
        TRAIN_IMAGES: np.arange(24, dtype=np.uint8).reshape(3, 2, 4),
        TRAIN_LABELS: np.array([0, 6, 1], dtype=np.uint8),
        TEST_IMAGES: np.arange(16, dtype=np.uint8).reshape(2, 2, 4),
        TEST_LABELS: np.array([1, 1], dtype=np.uint8),
    }


def write_set(folder: Path, spelling: str = "{}", **changed: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in (small_set() | changed).items():
        write_idx(folder / spelling.format(file), array)
    return folder


def refusal(data_dir: Path | None, name: str = "mnist") -> str:
    with pytest.raises(UserError) as caught:
        catalog.load(name, data_dir)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_packaged_mnist_is_the_published_one() -> None:
    mnist = catalog.load("mnist", None)
    assert mnist.source == "packaged"
    assert mnist.is_standard
    assert mnist.image_shape == (1, 28, 28)
    assert mnist.num_classes == 10
    assert mnist.train_images.shape == (60000, 1, 28, 28)
    assert mnist.test_images.shape == (10000, 1, 28, 28)
    assert mnist.train_images.dtype == mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64
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
    assert mnist.fingerprint == "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7"


def test_the_packaged_set_is_read_once_and_cannot_be_spoilt() -> None:
    mnist = catalog.load("mnist", None)
    assert catalog.load("mnist", None) is mnist
    for array in (mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("layout", [".", "MNIST/raw"])
@pytest.mark.parametrize("spelling", ["{}", "{}.gz"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_files_in_data_dir_come_first(
    tmp_path: Path, layout: str, spelling: str, separator: str
) -> None:
    folder = tmp_path / layout
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in small_set().items():
        write_idx(folder / spelling.format(file.replace("-idx", f"{separator}idx")), array)
    image_set = catalog.load("mnist", tmp_path)
    assert image_set.source == str(folder)
    assert image_set.train_images.tolist() == small_set()[TRAIN_IMAGES][:, None].tolist()
    assert image_set.train_labels.tolist() == [0, 6, 1]
    assert image_set.test_images.shape == (2, 1, 2, 4)
    assert image_set.test_labels.tolist() == [1, 1]
    assert image_set.image_shape == (1, 2, 4)
    assert image_set.num_classes == 7
    assert not image_set.is_standard


def test_standard_files_in_data_dir_are_told_by_their_content(tmp_path: Path) -> None:
    for file in FILES:
        (tmp_path / f"{file}.gz").symlink_to(MNIST / f"{file}.gz")
    image_set = catalog.load("mnist", tmp_path)
    assert image_set.source == str(tmp_path)
    assert image_set.is_standard
    assert image_set.fingerprint == catalog.load("mnist", None).fingerprint


def test_the_fingerprint_follows_the_values_and_not_the_packing(tmp_path: Path) -> None:
    plain = catalog.load("mnist", write_set(tmp_path / "plain"))
    packed = catalog.load("mnist", write_set(tmp_path / "packed", "{}.gz"))
    labels = np.array([1, 0], dtype=np.uint8)
    other = catalog.load("mnist", write_set(tmp_path / "other", **{TEST_LABELS: labels}))
    assert plain.checksums == packed.checksums
    assert plain.fingerprint == packed.fingerprint != other.fingerprint


def test_colour_images_become_channels_first(tmp_path: Path) -> None:
    train = np.arange(3 * 2 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 3)
    write_set(tmp_path, **{TRAIN_IMAGES: train, TEST_IMAGES: train[:2]})
    image_set = catalog.load("mnist", tmp_path)
    assert image_set.image_shape == (3, 2, 4)
    assert image_set.train_images.flags.c_contiguous
    # The first image holds its first pixel as 0, 1, 2 and its second as 3, 4, 5.
    assert image_set.train_images[0, :, 0, 0].tolist() == [0, 1, 2]
    assert image_set.train_images[0, :, 0, 1].tolist() == [3, 4, 5]
    assert image_set.train_images[0, 0, 1, 0] == 12


def test_no_files_in_data_dir_means_the_packaged_ones(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    # Some archives unpack each file into a folder of its own name.
    (tmp_path / TRAIN_IMAGES).mkdir()
    assert catalog.load("mnist", tmp_path).source == "packaged"
    assert catalog.load("mnist", tmp_path / "missing").source == "packaged"


def test_some_but_not_all_files_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / TRAIN_LABELS).unlink()
    (tmp_path / TEST_IMAGES).unlink()
    message = refusal(tmp_path)
    assert str(tmp_path) in message
    assert f"not {TRAIN_LABELS}, {TEST_IMAGES} " in message


def test_data_dir_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert f"{path} is not a folder" in refusal(path)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert f"{loop} cannot be read" in refusal(loop)
    assert "cannot be read" in refusal(Path("a\0b"))


def test_unknown_name_is_refused() -> None:
    assert refusal(None, name="cifar") == "data set 'cifar' is unknown; known are: mnist"


@pytest.mark.parametrize(
    ("file", "array", "words"),
    [
        (TRAIN_IMAGES, np.zeros((3, 2, 4), np.float32), "float32 values; images must be uint8"),
        (TRAIN_IMAGES, np.zeros((3, 8), np.uint8), "an array of 3 x 8; images must be N x H x W"),
        (TRAIN_IMAGES, np.zeros((3, 2, 4, 5), np.uint8), "3 x 2 x 4 x 5"),
        (TRAIN_IMAGES, np.zeros((0, 2, 4), np.uint8), "none of them 0"),
        (TEST_IMAGES, np.zeros((2, 0, 4), np.uint8), "none of them 0"),
        (TEST_IMAGES, np.zeros((2, 4, 2), np.uint8), "C x H x W = 1 x 4 x 2"),
        (TRAIN_LABELS, np.zeros(3, np.float64), "values of float64; labels must be whole numbers"),
        (TRAIN_LABELS, np.zeros((3, 1), np.uint8), "3 x 1 values of uint8"),
        (TRAIN_LABELS, np.zeros(0, np.uint8), "at least one"),
        (TRAIN_LABELS, np.zeros(4, np.uint8), "holds 4 labels for the 3 images"),
        (TEST_LABELS, np.array([-1, 2], np.int8), "labels from -1 to 2; allowed are 0 to 255"),
        (TEST_LABELS, np.array([0, 256], np.int16), "labels from 0 to 256"),
    ],
)
def test_files_that_are_no_image_set_are_refused(
    tmp_path: Path, file: str, array: np.ndarray, words: str
) -> None:
    message = refusal(write_set(tmp_path, **{file: array}))
    assert message.startswith(str(tmp_path / file))
    assert words in message


def test_wide_label_types_are_taken(tmp_path: Path) -> None:
    write_set(tmp_path, **{TEST_LABELS: np.array([255, 0], np.int32)})
    image_set = catalog.load("mnist", tmp_path)
    assert image_set.test_labels.dtype == np.int64
    assert image_set.num_classes == 256


def test_a_corrupt_file_in_data_dir_is_named(tmp_path: Path) -> None:
    path = write_set(tmp_path) / TEST_LABELS
    path.write_bytes(path.read_bytes()[:-1])
    assert f"{path} is cut short" in refusal(tmp_path)


def relabelled(raw: bytes) -> bytes:
    return raw[:-1] + bytes([(raw[-1] + 1) % 10])


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: gzip.compress(relabelled(gzip.decompress(packed))),
        lambda packed: packed[:-1],
        lambda _: b"",
    ],
    ids=["one label changed", "cut short", "empty"],
)
def test_a_damaged_installation_is_told(tmp_path, monkeypatch, damage) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for file in FILES:
        (folder / f"{file}.gz").symlink_to(MNIST / f"{file}.gz")
    damaged = folder / f"{TEST_LABELS}.gz"
    damaged.unlink()
    damaged.write_bytes(damage((MNIST / damaged.name).read_bytes()))
    monkeypatch.setattr(catalog, "_PACKAGED_DIR", tmp_path)
    catalog._load_packaged.cache_clear()
    message = refusal(None)
    assert message.startswith(f"the installation is damaged: {damaged}")
    assert "reinstall" in message
