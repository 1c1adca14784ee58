"""Arrays as a data set: from Python, .npy and .npz; axes, range and labels tell themselves."""

import io
import os
import zipfile

import numpy as np
import pytest
import torch

from grounding._errors import UserError
from grounding.data import cut, from_arrays, load, stored
from grounding.data.arrays import labels_of, natural

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 6, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def refusal(function, *args, **options):
    with pytest.raises(UserError) as caught:
        function(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestAxes:
    @pytest.mark.parametrize(
        "images",
        [GREY, GREY[:, None], GREY[..., None], torch.from_numpy(GREY), GREY.tolist()],
    )
    def test_grey_images_in_any_order(self, images):
        assert np.array_equal(from_arrays(images).train_images, GREY[:, None])

    @pytest.mark.parametrize("images", [COLOUR, COLOUR.transpose(0, 3, 1, 2)])
    def test_coloured_images_in_any_order(self, images):
        assert np.array_equal(from_arrays(images).train_images, COLOUR.transpose(0, 3, 1, 2))

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_up_to_four_channels(self, channels):
        assert from_arrays(np.zeros((3, 8, 9, channels), np.uint8)).image_shape == (channels, 8, 9)

    def test_a_layout_that_is_said_is_taken(self):
        tiny = np.zeros((5, 3, 8, 3), np.uint8)
        assert from_arrays(tiny, layout="NCHW").image_shape == (3, 8, 3)
        assert from_arrays(tiny, layout="NHWC").image_shape == (3, 3, 8)
        assert from_arrays(np.zeros((5, 8, 3), np.uint8), layout="NHW").image_shape == (1, 8, 3)

    @pytest.mark.parametrize(
        ("shape", "words"),
        [
            ((5, 3, 8, 3), "from_arrays(x, layout='NCHW') or 'NHWC'"),
            ((5, 6, 7, 8), "images have 1 to 4 channels, as second or last number"),
            ((32, 32, 3), "if it is 32 images, say so: grounding.datasets.from_arrays(x, lay"),
            ((9, 784), "has shape 9 x 784; if a row is an image, save x.reshape(-1, 28, 28)"),
            ((9, 783), "images are N x H x W, N x H x W x C or N x C x H x W"),
            ((9,), "has shape 9; images are"),
            ((2, 2, 9, 9, 3), "images are N x H x W"),
            ((0, 9, 9), "none of them 0"),
        ],
    )
    def test_what_can_be_read_in_two_ways_or_none_is_refused(self, shape, words):
        assert words in refusal(from_arrays, np.zeros(shape, np.uint8))

    def test_parts_have_to_agree(self):
        message = refusal(from_arrays, GREY, test_images=COLOUR)
        assert (
            "arrays: test_images has shape 12 x 6 x 5 x 3, and arrays: images 12 x 6 x 5" in message
        )
        assert "test images are 2 x 1 x 5 x 6" in refusal(
            from_arrays, GREY, test_images=np.zeros((2, 5, 6), np.uint8)
        )


class TestRange:
    @pytest.mark.parametrize(
        ("values", "expected", "said"),
        [
            (np.array([0, 128, 255], np.uint8), [0, 128, 255], "uint8 in [0, 255]"),
            (np.array([0, 128, 255], np.int64), [0, 128, 255], "int64 in [0, 255]"),
            (np.array([0, 0.5, 1], np.float32), [0, 128, 255], "float32 in [0, 1]"),
            (np.array([0, 0.5, 0.9]), [0, 128, 230], "float64 in [0, 1]"),
            (np.array([0, 127.6, 255]), [0, 128, 255], "float64 in [0, 255]"),
            (np.array([0, 0.25, 1], np.float16), [0, 64, 255], "float16 in [0, 1]"),
            (np.array([0, 1, 1], np.uint8), [0, 255, 255], "uint8 in [0, 1]"),
            (np.array([False, True, True]), [0, 255, 255], "bool in [0, 1]"),
            (np.array([0, 0.5, 1], ">f4"), [0, 128, 255], ">f4 in [0, 1]"),
        ],
    )
    def test_it_is_told_by_the_values_and_said(self, values, expected, said):
        images = from_arrays(np.broadcast_to(values[:, None, None], (3, 6, 5)))
        assert images.train_images[:, 0, 3, 3].tolist() == expected
        assert images.note.replace("float32", said.split()[0]).endswith(said)

    def test_all_parts_have_one_range(self):
        dark = np.full((4, 6, 5), 0.5)
        assert from_arrays(dark, test_images=dark * 2).train_images.max() == 128
        assert from_arrays(dark, test_images=dark * 400).train_images.max() == 0

    @pytest.mark.parametrize(
        ("low", "high", "words"),
        [(-1.0, 1.0, "values from -1 to 1"), (0, 65535, "values from 0 to 65535")],
    )
    def test_others_are_refused(self, low, high, words):
        images = np.zeros((4, 6, 5))
        images[1], images[2] = low, high
        message = refusal(from_arrays, images)
        assert words in message
        assert "save (x - x.min()) / (x.max() - x.min())" in message

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_the_row_of_a_value_that_is_not_finite_is_named(self, value, monkeypatch):
        monkeypatch.setattr(stored, "BLOCK", 6 * 5 * 8 * 3)  # three images
        images = np.zeros((12, 6, 5))
        images[7, 2, 1] = value
        assert "arrays: test_images: row 7 has a value that is not finite; " in refusal(
            from_arrays, GREY, test_images=images
        )

    def test_ragged_images_are_refused(self):
        ragged = np.array([np.zeros((3, 4)), np.zeros((4, 3))], dtype=object)
        assert "has shape 2" in refusal(from_arrays, ragged)
        assert "holds Python objects, not numbers" in refusal(
            from_arrays, np.full((3, 6, 5), None, dtype=object)
        )

    def test_what_is_given_is_not_changed(self):
        mine = GREY.copy()
        found = from_arrays(mine)
        mine[0] = 0  # still mine
        assert not found.train_images.flags.writeable


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "expected", "names"),
        [
            ([3, -1, 3], [3, -1, 3], {}),
            (np.array([[1], [0], [2]]), [1, 0, 2], {}),
            ([1.0, 2.0, 2.0], [1, 2, 2], {}),
            ([True, False, True], [1, 0, 1], {}),
            (["b10", "b9", "b10"], [1, 0, 1], {0: "b9", 1: "b10"}),
            ([b"x", b"y", b"x"], [0, 1, 0], {0: "x", 1: "y"}),
            (["7", "-3", "0"], [7, -3, 0], {}),
            (["7", "07", "7"], [1, 0, 1], {0: "07", 1: "7"}),
            ([[4, 0, 2]], [4, 0, 2], {}),
            (np.array([4, 0.0, 2], dtype=object), [4, 0, 2], {}),
        ],
    )
    def test_numbers_and_names(self, labels, expected, names):
        found, called = labels_of({"train": ("y", labels)}, {"train": 3})
        assert (found["train"].tolist(), called) == (expected, names)

    @pytest.mark.parametrize(
        ("labels", "words"),
        [
            ([0, 1], "y has 2 labels for 3 images"),
            (np.eye(3), "y has 3 x 3 values; give the number of the class of each image"),
            ([0, 1.5, 2], "y: label 1.5 in row 1 is no whole number"),
            ([0, np.nan, 2], "y: label nan in row 1"),
            ([0, 2**40, 2], "go beyond 2147483647"),
            ([0j, 1, 2], "y are complex128"),
            ([None, "a", "b"], "None is no label"),
            (["a" * 1001, "b", "b"], "a label has 1001 characters, at most 1000: aaa"),
            (5, "y has no labels for 3 images"),
        ],
    )
    def test_what_they_cannot_be_is_named(self, labels, words):
        assert words in refusal(labels_of, {"train": ("y", labels)}, {"train": 3})

    def test_names_are_numbered_over_all_parts(self):
        found = from_arrays(
            GREY[:3], ["b", "c", "b"], test_images=GREY[3:5], test_labels=["a", "c"]
        )
        assert found.train_labels.tolist() == [1, 2, 1]
        assert found.test_labels.tolist() == [0, 2]
        assert found.class_names == {0: "a", 1: "b", 2: "c"}
        message = refusal(
            from_arrays, GREY[:3], ["b", "c", "b"], test_images=GREY[3:5], test_labels=[0, 1]
        )
        assert "some labels are names and some are numbers" in message

    def test_class_names_can_be_given(self):
        assert from_arrays(GREY, LABELS, class_names=["a", "b", "c"]).class_names[2] == "c"
        assert from_arrays(GREY, LABELS, class_names={2: "c"}).class_names == {2: "c"}

    def test_names_sort_as_people_sort_them(self):
        names = ["x10", "x9", "X1", "a", "x09", "2", "10", ""]
        assert sorted(names, key=natural) == ["", "2", "10", "a", "X1", "x09", "x9", "x10"]


class TestFiles:
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize(
        "names",
        [
            ("x_train", "y_train", "x_test", "y_test"),
            ("train_images", "train_labels", "test_images", "test_labels"),
            ("X_train", "Y_train", "X_test", "Y_test"),
            ("images_train", "labels_train", "images_test", "labels_test"),
        ],
    )
    def test_an_archive_of_all_parts(self, tmp_path, save, names):
        parts = (COLOUR[:8], LABELS[:8], COLOUR[8:], LABELS[8:])
        save(tmp_path / "set.npz", **dict(zip(names, parts, strict=True)), other=np.zeros(3))
        for place in (tmp_path, tmp_path / "set.npz"):
            found = load(place)
            assert np.array_equal(found.train_images, COLOUR[:8].transpose(0, 3, 1, 2))
            assert np.array_equal(found.test_labels, LABELS[8:])
            assert found.source == str(place)

    @pytest.mark.parametrize("names", [("images", "labels"), ("X", "y"), ("data", "target")])
    def test_an_archive_of_one_part(self, tmp_path, names):
        arrays = dict(zip(names, (GREY, LABELS), strict=True))
        np.savez(tmp_path / "set.npz", **arrays, class_names=np.array(["a", "b", "c"]))
        found = load(tmp_path)
        assert (found.test_images, found.train_labels.tolist()) == (None, LABELS.tolist())
        assert found.class_names == {0: "a", 1: "b", 2: "c"}
        splits = cut(found, seed=1)
        assert [len(splits.named(name)) for name in ("train", "val", "test")] == [9, 1, 2]

    def test_files_of_one_array_each(self, tmp_path):
        np.save(tmp_path / "x_train.npy", GREY)
        assert load(tmp_path).train_labels is None
        np.save(tmp_path / "y_train.npy", LABELS)
        np.save(tmp_path / "x_val.npy", GREY[:3])
        found = load(tmp_path)
        assert np.array_equal(found.train_labels, LABELS)
        assert len(found.val_images) == 3
        np.save(tmp_path / "anything.npy", GREY)
        alone = load(tmp_path / "anything.npy")
        assert np.array_equal(alone.train_images, GREY[:, None])
        assert alone.train_labels is None

    @pytest.mark.parametrize("name", ["x_test", "val_images", "anything"])
    def test_images_that_stand_alone_are_no_test_of_themselves(self, tmp_path, name):
        np.savez(tmp_path / "one.npz", **{name: GREY})
        np.save(tmp_path / f"{name}.npy", GREY)
        for place in (tmp_path / "one.npz", tmp_path / f"{name}.npy"):
            found = load(place)
            assert found.test_images is found.val_images is found.test_labels is None
            parts = cut(found, seed=1)
            taken = torch.cat([parts.named(one).indices for one in ("train", "val", "test")])
            assert sorted(taken.tolist()) == list(range(12))

    def test_fortran_order_is_read(self, tmp_path):
        np.save(tmp_path / "images.npy", np.asfortranarray(COLOUR))
        assert np.array_equal(load(tmp_path).train_images, COLOUR.transpose(0, 3, 1, 2))

    def test_the_fingerprint_follows_the_values_and_not_the_file(self, tmp_path):
        np.savez(tmp_path / "a.npz", images=GREY, labels=LABELS)
        np.savez_compressed(tmp_path / "b.npz", X=GREY / np.float32(255), y=LABELS.astype("i2"))
        prints = [load(tmp_path / name).fingerprint for name in ("a.npz", "b.npz")]
        assert prints == [from_arrays(GREY, LABELS).fingerprint] * 2
        assert from_arrays(GREY, LABELS[::-1]).fingerprint != prints[0]

    def test_names_that_say_nothing_are_refused(self, tmp_path):
        np.savez(tmp_path / "set.npz", a=GREY, b=LABELS)
        message = refusal(load, tmp_path)
        assert f"{tmp_path} holds a, b; images are looked for by names such as x_train" in message
        np.save(tmp_path / "set.npy", GREY)
        np.savez(tmp_path / "more.npz", a=GREY)
        assert "several arrays of one name" in refusal(load, tmp_path)

    def test_a_label_file_of_another_length_is_named(self, tmp_path):
        np.savez(tmp_path / "set.npz", x_train=GREY, y_train=LABELS[:9])
        message = refusal(load, tmp_path)
        assert f"{tmp_path}/set.npz: y_train has 9 labels for 12 images; there must be" in message

    def test_the_row_is_named_with_its_file(self, tmp_path):
        images = GREY / 255
        images[5, 0, 0] = np.nan
        np.save(tmp_path / "x_train.npy", images)
        assert f"{tmp_path}/x_train.npy: row 5 has a value that is not" in refusal(load, tmp_path)

    def test_links_that_lead_out_are_not_followed(self, tmp_path):
        np.save(tmp_path / "secret.npy", GREY)
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "images.npy").symlink_to(tmp_path / "secret.npy")
        assert "leads out of" in refusal(load, tmp_path / "set")
        (tmp_path / "link.npy").symlink_to(tmp_path / "secret.npy")
        assert len(load(tmp_path / "link.npy").train_images) == 12  # its user named it


def npy(array) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def with_header(text: str, data: bytes = b"") -> bytes:
    head = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28), }"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no array of NumPy: its header cannot be read"),
        (b"\x93NUMPY", "its header cannot be read"),
        (npy(GREY)[:-1], "360 bytes, but 359 follow"),
        (npy(GREY) + b"x", "360 bytes, but 361 follow"),
        (with_header(HUGE, bytes(99)), "bytes, but 99 follow"),
        (with_header(HUGE.replace("999999", "-9")), "header announces"),
        (with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "Python objects"),
        (with_header("{'descr': '<M8[s]', 'fortran_order': False, 'shape': ()}"), "datetime64"),
        (with_header("{'descr': '<f4', 'fortran_order': False}"), "header cannot be read"),
        (with_header("(" * 9000), "header"),
        (with_header("__import__('os').system('touch gone')"), "header"),
        (b"PK\x03\x04" + bytes(60), "not a zip file"),
    ],
)
def test_a_damaged_array_is_named(in_folder, content, words):
    (in_folder / "images.npy").write_bytes(content)
    message = refusal(load, in_folder)
    assert message.startswith(f"{in_folder}/images.npy")
    assert words.lower() in message.lower()
    assert not (in_folder / "gone").exists()


def test_archives_unpack_to_a_bounded_size_only(tmp_path):
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy(np.zeros((9000, 100, 100), np.uint8)))
    assert f"{path}: images unpacks to more than" in refusal(load, tmp_path)
    np.savez_compressed(path, images=np.zeros((9, 100, 100), np.uint8))
    assert load(tmp_path).train_images.shape == (9, 1, 100, 100)


def test_pickles_are_not_unpacked(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "gone"),)

    np.savez(tmp_path / "set.npz", images=np.array([Evil()], dtype=object))
    assert "holds Python objects" in refusal(load, tmp_path)
    assert not (tmp_path / "gone").exists()


def test_values_are_looked_at_a_part_at_a_time(monkeypatch):
    """The same result whatever the size of the parts."""
    whole = from_arrays(COLOUR / 255, LABELS)
    for size in (1, 100, 1000):
        monkeypatch.setattr(stored, "BLOCK", size)
        assert from_arrays(COLOUR / 255, LABELS).fingerprint == whole.fingerprint
