"""Folders of image files: what is read of them, what is refused, what is kept for the next time."""

import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import photograph, write_pictures
from PIL import Image

from grounding._errors import UserError
from grounding.data import cut, load
from grounding.data.pictures import in_mode


def refusal(*args, **options):
    with pytest.raises(UserError) as caught:
        load(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def kept(cache: Path) -> set[Path]:
    return set((cache / "grounding").glob("*.npy"))


class TestClasses:
    def test_folders_are_classes_in_natural_order(self, tmp_path):
        classes = {"Bird": 4, "cat 2": 2, "cat 10": 3}
        made = write_pictures(tmp_path, classes)
        found = load(tmp_path)
        assert found.class_names == {0: "Bird", 1: "cat 2", 2: "cat 10"}
        assert found.train_labels.tolist() == [0] * 4 + [1] * 2 + [2] * 3
        assert np.array_equal(found.train_images, np.concatenate([made[k] for k in made]))
        assert (found.test_images, found.source, found.note) == (None, str(tmp_path), "")

    def test_files_come_in_natural_order(self, tmp_path):
        for number in (10, 9, 1):
            Image.new("L", (2, 2), number).save(tmp_path / f"img{number}.png")
        assert load(tmp_path).train_images[:, 0, 0, 0].tolist() == [1, 9, 10]

    @pytest.mark.parametrize("parts", [("",), ("train", "test", "val"), ("train", "val")])
    def test_each_image_of_a_split_says_which_file_it_is_from(self, tmp_path, parts):
        for part in parts:
            write_pictures(tmp_path / part, {"a": 6, "b, \udce9": 5})
        splits = cut(load(tmp_path), seed=3)
        for name in ("train", "val", "test"):
            split = splits.named(name)
            assert len(split.files) == len(split) > 0
            for image, file in zip(split.images, split.files, strict=True):
                there = tmp_path / file.replace("\\udce9", "\udce9")
                assert np.array_equal(image[0].numpy(), np.asarray(Image.open(there)))

    def test_names_that_are_numbers_are_the_labels(self, tmp_path):
        write_pictures(tmp_path, {"12": 1, "3": 2})
        found = load(tmp_path)
        assert (found.train_labels.tolist(), found.class_names) == ([3, 3, 12], {})

    def test_images_in_one_folder_have_no_labels(self, tmp_path):
        write_pictures(tmp_path, {".": 3})
        found = load(tmp_path)
        assert (len(found.train_images), found.train_labels, found.classes) == (3, None, ())

    @pytest.mark.parametrize("names", [("train", "test", "val"), ("Training", "testing", "valid")])
    def test_train_test_and_val_are_the_parts(self, tmp_path, names):
        train, test, val = names
        write_pictures(tmp_path / train, {"a": 5, "b": 3})
        write_pictures(tmp_path / test, {"b": 2})
        write_pictures(tmp_path / val, {"a": 1, "b": 1})
        found = load(tmp_path)
        parts = (found.train_labels, found.test_labels, found.val_labels)
        assert [part.tolist() for part in parts] == [[0] * 5 + [1] * 3, [1, 1], [0, 1]]
        splits = cut(found, seed=1)
        assert [len(splits.named(n)) for n in ("train", "val", "test")] == [8, 2, 2]
        assert "the test images have none of class 0 a" in splits.notes

    def test_parts_that_are_missing_are_drawn_by_the_seed(self, tmp_path):
        write_pictures(tmp_path / "train", {"a": 30, "b": 20})
        splits = cut(load(tmp_path), seed=1)
        assert [len(splits.named(n)) for n in ("train", "val", "test")] == [36, 4, 10]
        every = [splits.named(n).indices.tolist() for n in ("train", "val", "test")]
        assert sorted(index for one in every for index in one) == list(range(50))
        assert cut(load(tmp_path), seed=2).test.indices.tolist() != every[2]
        assert cut(load(tmp_path), train=20, seed=1).test.indices.tolist() == every[2]

    def test_a_metadata_file_says_the_labels(self, tmp_path):
        write_pictures(tmp_path, {".": 3})
        names = sorted(path.name for path in tmp_path.iterdir())
        rows = zip(names, ("dog", "cat", "dog"), strict=True)
        lines = ["file_name,label", *(f"{name},{label}" for name, label in rows)]
        (tmp_path / "metadata.csv").write_text("\n".join(lines))
        found = load(tmp_path)
        assert (found.train_labels.tolist(), found.class_names) == ([1, 0, 1], {0: "cat", 1: "dog"})
        (tmp_path / "metadata.csv").unlink()
        described = [{"file_name": name, "label": at} for at, name in enumerate(names, 5)]
        (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, described)))
        assert load(tmp_path).train_labels.tolist() == [5, 6, 7]
        (tmp_path / "metadata.jsonl").write_text('{"file_name": "x.png", "text": "a cat"}')
        assert load(tmp_path).train_labels is None


class TestFormats:
    @pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "webp", "bmp", "gif", "PNG"])
    def test_each_is_read_as_pillow_reads_it(self, tmp_path, ending):
        path = tmp_path / f"a.{ending}"
        Image.fromarray(photograph(20, 30)).save(path)
        with Image.open(path) as image:
            expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        assert np.array_equal(load(tmp_path).train_images, expected[None])

    def test_an_animation_is_its_first_frame(self, tmp_path):
        first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
        first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
        assert load(tmp_path).train_images[0, :, 0, 0].tolist() == [255, 0, 0]

    def test_channels_are_those_of_the_files(self, tmp_path):
        for mode, colour, expected in (
            ("L", 7, [7]),
            ("1", 1, [255]),
            ("LA", (7, 100), [7, 100]),
            ("RGB", (1, 2, 3), [1, 2, 3]),
            ("RGBA", (1, 2, 3, 4), [1, 2, 3, 4]),
            ("I;16", 257 * 90, [90]),
        ):
            folder = tmp_path / mode.replace(";", "")
            folder.mkdir()
            Image.new(mode, (3, 2), colour).save(folder / "a.png")
            images = load(folder).train_images
            assert images.shape == (1, len(expected), 2, 3)
            assert images[0, :, 0, 0].tolist() == expected

    def test_photographs_are_turned_as_the_camera_says(self, tmp_path):
        pixels = np.zeros((16, 32), np.uint8)
        pixels[:, :8] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # the first row is the right side
        Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
        upright = load(tmp_path).train_images[0, 0]
        assert upright.shape == (32, 16)
        assert (upright[:6] > 200).all()
        assert (upright[10:] < 50).all()


class TestWanted:
    def test_sizes_and_colours_that_differ_need_a_word(self, tmp_path):
        Image.new("L", (30, 20)).save(tmp_path / "a.png")
        Image.new("RGB", (200, 100)).save(tmp_path / "b.png")
        message = refusal(tmp_path)
        a, b = tmp_path / "a.png", tmp_path / "b.png"
        assert f"{a} is 20 x 30 pixels and {b} 100 x 200, and {a} is grey and {b} rgb" in message
        assert message.endswith("; try --set data.resize=64 --set data.mode=rgb")
        assert load(tmp_path, resize=64, mode="rgb").train_images.shape == (2, 3, 64, 64)
        assert refusal(tmp_path, resize=(24, 32)).endswith("; try --set data.mode=rgb")
        assert load(tmp_path, resize=(24, 32), mode="grey").train_images.shape == (2, 1, 24, 32)

    def test_scaling_is_pillows(self, tmp_path):
        photo = Image.fromarray(photograph(40, 60))
        photo.save(tmp_path / "a.png")
        expected = np.asarray(photo.resize((15, 10), Image.Resampling.BILINEAR))
        found = load(tmp_path, resize=(10, 15)).train_images[0]
        assert np.array_equal(found, expected.transpose(2, 0, 1))

    def test_large_photographs_are_about_as_when_decoded_whole(self, tmp_path):
        photo = Image.fromarray(photograph(400, 600))
        photo.save(tmp_path / "a.jpg", quality=95)
        whole = np.asarray(photo.resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        difference = load(tmp_path, resize=32).train_images[0].astype(int) - whole
        assert abs(difference).mean() < 4

    def test_colours_by_hand(self):
        red = np.array([200, 0, 0], np.uint8)[:, None, None]
        assert in_mode(red, "grey").ravel().tolist() == [60]  # 0.299 * 200
        assert in_mode(red, "rgba").ravel().tolist() == [200, 0, 0, 255]
        clear = np.array([0, 51], np.uint8)[:, None, None]  # black, a fifth opaque, on white
        assert in_mode(clear, "grey").ravel().tolist() == [204]
        assert in_mode(clear, "rgb").ravel().tolist() == [204] * 3
        assert in_mode(clear, "rgba").ravel().tolist() == [0, 0, 0, 51]

    def test_data_of_one_size_are_changed_too(self):
        plain, small = load("digits"), load("digits", resize=4, mode="rgb")
        assert small.image_shape == (3, 4, 4)
        assert small.fingerprint != plain.fingerprint
        assert abs(small.train_images.mean() - plain.train_images.mean()) < 3


class TestKept:
    def test_decoded_images_are_kept_until_a_file_changes(self, tmp_path, cache, monkeypatch):
        write_pictures(tmp_path / "pictures", {"a": 3, "b": 2})
        before = kept(cache)
        first = load(tmp_path / "pictures")
        (made,) = kept(cache) - before
        assert made.stat().st_mode & 0o777 & ~0o644 == 0
        assert made.parent.stat().st_mode & 0o777 == 0o700
        with monkeypatch.context() as patch:
            patch.setattr("grounding.data.pictures.decoded", lambda *_: pytest.fail("decoded"))
            again = load(tmp_path / "pictures")
        assert again.fingerprint == first.fingerprint
        # The same size, and the same mtime: only the system knows that it is another file.
        path = next((tmp_path / "pictures/a").iterdir())
        state = path.stat()
        with Image.open(path) as image:
            pixels = np.array(image)
        pixels[0, 0] ^= 1
        content = path.read_bytes()
        Image.fromarray(pixels).save(path)
        path.write_bytes(path.read_bytes().ljust(len(content), b"\0"))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        changed = load(tmp_path / "pictures")
        assert changed.fingerprint != first.fingerprint
        assert len(kept(cache) - before) == 1  # of one place, one array is kept

    def test_a_broken_file_of_the_cache_is_made_again(self, tmp_path, cache):
        write_pictures(tmp_path, {"a": 3, "b": 2})
        before = kept(cache)
        first = load(tmp_path)
        (made,) = kept(cache) - before
        made.write_bytes(made.read_bytes()[:-1])
        assert load(tmp_path).fingerprint == first.fingerprint

    def test_without_a_place_for_it_all_is_read_each_time(self, tmp_path, monkeypatch):
        write_pictures(tmp_path / "pictures", {"a": 3, "b": 2})
        first = load(tmp_path / "pictures")
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert load(tmp_path / "pictures").fingerprint == first.fingerprint


def png_claiming(width: int, height: int) -> bytes:
    """The beginning of a PNG of any size, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class TestRefused:
    @pytest.fixture
    def place(self, tmp_path):
        write_pictures(tmp_path / "pictures", {"a": 3, "b": 2})
        return tmp_path / "pictures"

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "not an image in PNG, JPEG"),
            (b"<html>", "not an image in PNG, JPEG"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image in PNG"),
            ("cut", "truncated"),
            (png_claiming(9000, 9000), "claims 9000 x 9000 pixels; at most 50,000,000"),
            (png_claiming(60_000, 60_000), "3600000000 pixels"),
        ],
    )
    def test_a_broken_image_is_named(self, place, content, words):
        path = place / "b" / "zzz.png"
        if content == "cut":
            whole = io.BytesIO()
            Image.fromarray(photograph(50, 50)).save(whole, "PNG")
            content = whole.getvalue()[:2000]
        path.write_bytes(content)
        message = refusal(place, resize=8)
        assert message.startswith(str(path))
        assert words in message
        assert "remove" in message
        path.unlink()
        assert load(place, resize=8)

    def test_other_files_are_left_out_and_told(self, place):
        for name in ("a/notes.txt", "a/x.tif", "README.md", ".DS_Store", "a/._1.png"):
            (place / name).write_bytes(b"?")
        found = load(place)
        assert len(found.train_images) == 5
        assert found.note == f"left out in {place}, as no images: README.md and 2 more"

    def test_an_empty_class_is_named(self, place):
        (place / "c").mkdir()
        assert refusal(place) == f"{place}/c holds no images; put some there, or remove it"

    def test_what_lies_too_deep_or_too_high_is_named(self, place):
        (place / "a" / "more").mkdir()
        assert f"{place}/a is taken for a class, but holds a folder (more)" in refusal(place)
        (place / "a" / "more").rmdir()
        (place / "x.png").write_bytes(next((place / "a").iterdir()).read_bytes())
        assert f"{place} holds images (x.png) beside folders (a)" in refusal(place)

    def test_links_that_lead_out_are_not_followed(self, place, tmp_path):
        Image.new("L", (8, 8)).save(tmp_path / "secret.png")
        link = place / "a" / "z.png"
        link.symlink_to(tmp_path / "secret.png")
        assert f"{link} is a link that leads out of {place}, which is not" in refusal(place)
        link.unlink()
        (tmp_path / "elsewhere").mkdir()
        (place / "c").symlink_to(tmp_path / "elsewhere")
        assert f"{place}/c is a link that leads out of {place}" in refusal(place)
        (place / "c").unlink()
        link.symlink_to(next((place / "b").iterdir()))
        assert len(load(place).train_images) == 6

    def test_a_pipe_and_an_unreadable_file_are_named(self, place):
        os.mkfifo(place / "a" / "z.png")
        assert f"{place}/a/z.png cannot be read: not a regular file" in refusal(place)
        (place / "a" / "z.png").unlink()
        (place / "a" / "z.png").symlink_to("gone.png")
        assert f"{place}/a/z.png cannot be read: No such file" in refusal(place)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("file_name,label\n../b/1.png,x", "names ../b/1.png, which does not lie in"),
            ("file_name,label\n/etc/passwd,x", "names /etc/passwd, which does not lie in"),
            ("file_name,label\nnone.png,x", "names none.png, and there is no such image"),
            ("file_name,label\n1.png,x\n1.png,y", "row 2 names 1.png a second time"),
            ("file_name,label\n1.png,", "row 1 lacks file_name or label"),
            ("name,label\n1.png,x", "row 1 lacks file_name or label"),
            ("file_name,label\n1.png,x", "has no line in metadata.csv; add one"),
            (f"file_name,label\n{'x' * 300}.png,x", "not a path here: File name too long"),
            (f"file_name,label\n1.png,x{',' * 2_000_000}", "line 2 goes on for more than"),
            ("file_name,label\n\udcff.png,x", "cannot be read: 'utf-8' codec"),
        ],
    )
    def test_metadata_that_do_not_fit_are_named(self, tmp_path, text, words):
        for name in ("1.png", "2.png"):
            Image.new("L", (4, 4)).save(tmp_path / name)
        (tmp_path / "metadata.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
        message = refusal(tmp_path)
        assert str(tmp_path) in message
        assert words in message

    def test_several_kinds_in_one_place_are_named(self, place):
        np.save(place / "x.npy", np.zeros((3, 8, 8), np.uint8))
        message = refusal(place)
        assert f"{place} holds data of several kinds, folder, numpy" in message
        assert message.endswith("--set data.source=folder")
        assert len(load(place, source="numpy").train_images) == 3
        assert len(load(place, source="folder").train_images) == 5

    def test_test_without_train_is_refused(self, tmp_path):
        write_pictures(tmp_path / "test", {"a": 2})
        assert f"{tmp_path} has a folder test, but none called train" in refusal(tmp_path)

    def test_what_lies_beside_train_is_told(self, tmp_path):
        write_pictures(tmp_path / "train", {"a": 4})
        (tmp_path / "metadata.csv").write_text("file_name,label\ntrain/a/0.png,x")
        (tmp_path / "more").mkdir()
        found = load(tmp_path)
        assert found.note == f"left out in {tmp_path}, beside train: metadata.csv and 1 more"
        (tmp_path / "training").mkdir()
        assert f"{tmp_path}/train and {tmp_path}/training are both train im" in refusal(tmp_path)
