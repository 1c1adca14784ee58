"""Parquet files and folders of Hugging Face `datasets`: those that it wrote, and others."""

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import photograph
from PIL import Image
from pyarrow import parquet

from grounding._errors import UserError
from grounding.data import cut, load

# Written by datasets 5.2.0: `DatasetDict.save_to_disk` and `Dataset.to_parquet`, of images of one
# grey each, 10 to 40 in train, 50 and 60 in test, 70 in validation; labels 0, 1, 2, 0 ...
WRITTEN = Path(__file__).parent / "hugging_face"


def refusal(*args, **options):
    with pytest.raises(UserError) as caught:
        load(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def encoded(pixels, form="PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


PHOTOS = [photograph(6, 5, number) for number in range(10)]
IMAGES = [encoded(photo) for photo in PHOTOS]
STRUCTS = [{"bytes": content, "path": f"{i}.png"} for i, content in enumerate(IMAGES)]
LABELS = [i % 3 for i in range(10)]


def write(path, metadata=None, **columns):
    table = pa.table(columns)
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=4)
    return path


def features(**columns):
    return {"info": {"features": columns}}


class TestWrittenByDatasets:
    @pytest.mark.parametrize("place", ["saved", "parquet"])
    def test_both_are_read(self, place):
        found = load(WRITTEN / place)
        assert found.train_images.shape == (4, 1, 3, 4)
        assert found.train_images[:, 0, 0, 0].tolist() == [10, 20, 30, 40]
        assert found.test_images[:, 0, 2, 3].tolist() == [50, 60]
        assert (found.train_labels.tolist(), found.test_labels.tolist()) == ([0, 1, 2, 0], [0, 1])
        assert found.class_names == {0: "cat", 1: "dog", 2: "emu"}
        assert found.note == "images in column image, labels in label"
        if place == "saved":
            assert found.val_images[:, 0, 0, 0].tolist() == [70]

    def test_one_split_of_several_and_one_file(self):
        alone = load(WRITTEN / "saved" / "train")
        assert (len(alone.train_images), alone.test_images) == (4, None)
        assert load(WRITTEN / "parquet" / "test-00000-of-00001.parquet").train_labels is not None

    def test_a_second_time_nothing_is_decoded(self, monkeypatch):
        first = load(WRITTEN / "saved").fingerprint
        monkeypatch.setattr("grounding.data.pictures.decoded", lambda *_: pytest.fail("decoded"))
        assert load(WRITTEN / "saved").fingerprint == first

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ({}, "state.json names no data files"),
            ({"_data_files": [{"filename": "../test/data-00000-of-00001.arrow"}]}, "no data files"),
            ({"_data_files": [{"filename": "/etc/passwd"}]}, "names no data files"),
            ({"_data_files": [{"filename": "gone.arrow"}]}, "gone.arrow cannot be read: No such"),
            ({"_data_files": [{"filename": "state.json"}]}, "state.json cannot be read: "),
            ({"_data_files": 1}, "no data files"),
            ({"_indices_files": [1]}, "holds a selection of rows; save dataset.flatten_indices()"),
            ([], "it is no JSON object"),
        ],
    )
    def test_a_folder_that_is_not_as_it_should_be(self, tmp_path, state, words):
        shutil.copytree(WRITTEN / "saved", tmp_path / "saved")
        (tmp_path / "saved/train/state.json").write_text(json.dumps(state))
        assert words in refusal(tmp_path / "saved")

    @pytest.mark.parametrize("at", range(0, 1100, 50))
    def test_a_stream_cut_short_or_changed_is_named(self, tmp_path, at):
        shutil.copytree(WRITTEN / "saved", tmp_path / "saved")
        path = tmp_path / "saved/train/data-00000-of-00001.arrow"
        whole = path.read_bytes()
        for content in (whole[:at], whole[:at] + b"\xff" * 8 + whole[at + 8 :]):
            path.write_bytes(content)
            try:
                load(tmp_path / "saved")  # some bytes are padding
            except UserError as error:
                assert str(tmp_path / "saved") in str(error)
                assert "\n" not in str(error)

    def test_links_that_lead_out_are_not_followed(self, tmp_path):
        shutil.copytree(WRITTEN / "saved", tmp_path / "saved")
        path = tmp_path / "saved/train/data-00000-of-00001.arrow"
        path.rename(tmp_path / "secret.arrow")
        path.symlink_to(tmp_path / "secret.arrow")
        assert "leads out of" in refusal(tmp_path / "saved")


class TestParquet:
    @pytest.mark.parametrize("images", [IMAGES, STRUCTS])
    @pytest.mark.parametrize("name", ["image", "img", "whatever"])
    def test_bytes_and_structs_in_a_column_of_any_name(self, tmp_path, images, name):
        found = load(write(tmp_path / "a.parquet", **{name: images, "label": LABELS, "id": LABELS}))
        assert np.array_equal(found.train_images, np.array(PHOTOS).transpose(0, 3, 1, 2))
        assert found.train_labels.tolist() == LABELS
        assert found.note == f"images in column {name}, labels in label"
        assert len(cut(found, seed=1).test) == 2

    def test_labels_that_are_names(self, tmp_path):
        names = ["c10", "c9"] * 5
        found = load(write(tmp_path / "a.parquet", image=IMAGES, category=names))
        assert found.train_labels.tolist() == [1, 0] * 5
        assert found.class_names == {0: "c9", 1: "c10"}
        dictionary = pa.array(names).dictionary_encode()
        again = load(write(tmp_path / "b.parquet", image=IMAGES, category=dictionary))
        assert again.fingerprint == found.fingerprint

    def test_features_say_which_columns_and_names(self, tmp_path):
        noted = features(
            picture={"_type": "Image"},
            kind={"_type": "ClassLabel", "names": ["a", "b", "c"]},
            label={"_type": "Value"},
        )
        columns = {"picture": STRUCTS, "mask": IMAGES, "kind": LABELS, "label": LABELS[::-1]}
        found = load(write(tmp_path / "a.parquet", noted, **columns))
        assert found.note == "images in column picture, labels in kind"
        assert found.class_names == {0: "a", 1: "b", 2: "c"}
        assert found.train_labels.tolist() == LABELS

    def test_labels_that_are_not_told(self, tmp_path):
        noted = features(label={"_type": "ClassLabel", "names": ["a"]})
        write(tmp_path / "train.parquet", noted, image=IMAGES, label=[0] * 10)
        write(tmp_path / "test.parquet", noted, image=IMAGES, label=[-1] * 10)
        found = load(tmp_path)
        assert found.train_labels.tolist() == [0] * 10
        assert found.test_labels is None
        assert load(write(tmp_path / "x/a.parquet", image=IMAGES)).train_labels is None

    @pytest.mark.parametrize(
        "names",
        [
            ("train-0-of-2.parquet", "train-1-of-2.parquet", "validation-0.parquet", "test.pq"),
            (
                "data/train_1.parquet",
                "data/train_2.parquet",
                "data/val.parquet",
                "data/test.parquet",
            ),
            ("train/0.parquet", "train/1.parquet", "valid/0.parquet", "test/0.parquet"),
        ],
    )
    def test_parts_are_told_by_names_of_files_and_folders(self, tmp_path, names):
        for name, start in zip(names, (0, 3, 6, 8), strict=True):
            write(tmp_path / name, image=IMAGES[start : start + 2])
        found = load(tmp_path)
        assert np.array_equal(found.train_images[2], PHOTOS[3].transpose(2, 0, 1))
        assert np.array_equal(found.val_images[0], PHOTOS[6].transpose(2, 0, 1))
        assert np.array_equal(found.test_images[0], PHOTOS[8].transpose(2, 0, 1))

    def test_sizes_that_differ_need_a_word(self, tmp_path):
        path = write(tmp_path / "a.parquet", image=[IMAGES[0], encoded(photograph(9, 9))])
        message = refusal(path)
        assert f"{path}, row 0 is 6 x 5 pixels and {path}, row 1 9 x 9; try --set" in message
        assert load(path, resize=4, mode="grey").train_images.shape == (2, 1, 4, 4)

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"x": [1.0, 2.0]}, "has no column of encoded images among x; there must be one"),
            ({"a": IMAGES, "b": IMAGES}, "has several columns of encoded images among a, b"),
            ({"image": [IMAGES[0], None]}, "row 1: there are no bytes of an image; a path alone"),
            (
                {"image": [STRUCTS[0], {"bytes": None, "path": "/etc/passwd"}]},
                "row 1: there are no",
            ),
            ({"image": [IMAGES[0], b"<html>"]}, "row 1 cannot be read: not an image in PNG"),
            ({"image": IMAGES, "label": [1] * 9 + [None]}, "row 9 has no label; fill it, or drop"),
            ({"image": IMAGES, "label": [0.5] * 10}, "label of train: label 0.5 in row 0"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_row(self, tmp_path, columns, words):
        path = write(tmp_path / "a.parquet", **columns)
        message = refusal(path)
        assert str(path) in message
        assert words in message

    @pytest.mark.parametrize("at", [0, 4, 100, -200, -60, -8, -1])
    def test_a_damaged_file_is_named(self, tmp_path, at):
        path = write(tmp_path / "a.parquet", image=IMAGES)
        whole = path.read_bytes()
        path.write_bytes(whole[:at])
        assert refusal(path).startswith(f"{path} cannot be read: ")
        path.write_bytes(whole[:at] + b"\xff" * 8 + whole[len(whole[:at]) + 8 :])
        try:
            load(path)
        except UserError as error:
            assert str(path) in str(error)

    def test_a_bit_that_flips_in_what_a_file_says_of_itself_never_ends_the_process(self, tmp_path):
        """The library ends it, with no exception, when asked for a column whose counts are odd."""
        content = (WRITTEN / "parquet" / "train-00000-of-00001.parquet").read_bytes()
        start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        refused = 0
        for at in range(start + 2, len(content) - 8, 5):
            damaged = bytearray(content)
            damaged[at] ^= 1
            (tmp_path / "a.parquet").write_bytes(damaged)
            try:
                load(tmp_path / "a.parquet")
            except UserError:
                refused += 1
        assert refused > 50

    def test_without_pyarrow_it_is_said_what_to_install(self, tmp_path, monkeypatch):
        path = write(tmp_path / "a.parquet", image=IMAGES)
        for name in ("pyarrow", "pyarrow.parquet"):
            monkeypatch.setitem(sys.modules, name, None)
        assert refusal(path) == (
            f"{path} is read with pyarrow, which is not installed: pip install 'grounding[parquet]'"
        )

    def test_parts_have_the_same_columns(self, tmp_path):
        write(tmp_path / "train.parquet", image=IMAGES, label=LABELS)
        write(tmp_path / "test.parquet", image=IMAGES)
        message = refusal(tmp_path)
        assert (
            f"{tmp_path}/test.parquet has no column label, as {tmp_path}/train.parquet" in message
        )


class TestFewBytesThatStandForMany:
    def test_one_image_as_every_row(self, tmp_path):
        image = IMAGES[0] + bytes(1 << 20)
        path = tmp_path / "a.parquet"
        parquet.write_table(pa.table({"image": pa.array([image] * 80)}), path)
        assert path.stat().st_size < 100_000
        assert "its column image is more than 67,108,864 bytes, unpacked" in refusal(path)

    def test_rows_of_nothing(self, tmp_path):
        table = pa.table({"image": pa.nulls(9_000_000, pa.binary())})
        parquet.write_table(table, tmp_path / "a.parquet")
        assert "its column image is more than 67,108,864 bytes" in refusal(tmp_path / "a.parquet")

    def test_a_large_dictionary_is_read_a_few_rows_at_a_time(self, tmp_path, monkeypatch):
        from grounding.data.sources import parquet as source

        monkeypatch.setattr(source, "AT_ONCE", 300_000)
        image = IMAGES[0] + np.random.default_rng(0).bytes(100_000)
        write(tmp_path / "a.parquet", image=pa.array([image] * 8))
        sizes = [batch.num_rows for batch in source._batches(tmp_path / "a.parquet", "image")]
        assert sum(sizes) == 8
        assert max(sizes) <= 2
