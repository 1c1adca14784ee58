"""Embeddings of any model: every format says the same, and scikit-learn agrees."""

import json
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from sklearn import metrics as sk
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

import grounding
from grounding import UserError
from grounding.cli import main
from grounding.data.embeddings import read_embeddings

DIGITS = load_digits()
Z = PCA(8, random_state=0).fit_transform(DIGITS.data).astype(np.float32)[:600]
Y = DIGITS.target[:600]
IMAGES = (DIGITS.images[:600] / 16).astype(np.float32)


def _parquet_lists(path):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"embedding": list(Z), "label": Y, "id": range(600)}), path)


def _parquet_columns(path):
    import pyarrow
    from pyarrow import parquet

    columns = {f"z{i}": Z[:, i] for i in range(8)}
    parquet.write_table(pyarrow.table({"y": Y, **columns}), path)


def _text(path, between, titles):
    rows = [[*map(repr, map(float, z)), str(y)] for z, y in zip(Z, Y, strict=True)]
    head = [[*(f"d{i}" for i in range(8)), "label"]] if titles else []
    path.write_text("\n".join(between.join(row) for row in [*head, *rows]) + "\n")


FORMS = {
    "own.npz": lambda path: np.savez(path, latents=Z, labels=Y, indices=np.arange(600)),
    "any.npz": lambda path: np.savez(path, what=Z, target=Y),
    "lists.parquet": _parquet_lists,
    "columns.parquet": _parquet_columns,
    "titles.csv": lambda path: _text(path, ",", True),
    "tabs.tsv": lambda path: _text(path, "\t", True),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_latents_and_labels(tmp_path, form):
    FORMS[form](tmp_path / form)
    found = read_embeddings(tmp_path / form)
    assert found.latents.dtype == np.float32
    assert found.latents.tobytes() == Z.tobytes()
    assert found.labels.tolist() == Y.tolist()


@pytest.mark.parametrize("ending", ["npy", "txt", "csv"])
def test_labels_from_a_file_of_their_own(tmp_path, ending):
    np.save(tmp_path / "z.npy", Z)
    path = tmp_path / f"y.{ending}"
    if ending == "npy":
        np.save(path, Y)
    else:
        path.write_text(("label\n" if ending == "csv" else "") + "\n".join(map(str, Y)))
    assert read_embeddings(tmp_path / "z.npy", path).labels.tolist() == Y.tolist()


def test_labels_as_text_are_numbered_and_keep_their_names(tmp_path):
    path = tmp_path / "named.csv"
    path.write_text('x,y,label\n0,1,"dog, wet"\n1,0,ant\n2,2,"dog, wet"\n')
    found = read_embeddings(path)
    assert found.labels.tolist() == [1, 0, 1]
    assert found.class_names == {0: "ant", 1: "dog, wet"}
    assert found.latents.tolist() == [[0, 1], [1, 0], [2, 2]]


def test_the_numbers_are_those_of_scikit_learn():
    found = grounding.evaluate(Z, Y, IMAGES)
    values, protocol = found.values, found.protocol
    expected = {
        "silhouette": sk.silhouette_score(Z, Y),
        "davies_bouldin": sk.davies_bouldin_score(Z, Y),
        "calinski_harabasz": sk.calinski_harabasz_score(Z, Y),
        "trustworthiness": trustworthiness(IMAGES.reshape(600, -1), Z, n_neighbors=5),
        "continuity": trustworthiness(Z, IMAGES.reshape(600, -1), n_neighbors=5),
    }
    for name, value in expected.items():
        # Pixels are kept in 255ths, which moves a few neighbours of the two last ones.
        digits = 1e-3 if name in ("trustworthiness", "continuity") else 1e-5
        assert values[name] == pytest.approx(value, rel=digits), name
    assert (protocol["references"], protocol["queries"]) == (480, 120)
    order = torch.randperm(600, generator=grounding._streams.generator(42, "queries")).numpy()
    knn = KNeighborsClassifier(5, algorithm="brute").fit(Z[order[120:]], Y[order[120:]])
    # Votes that are equal may be decided otherwise.
    share = knn.score(Z[order[:120]], Y[order[:120]])
    assert values["knn_accuracy"] == pytest.approx(share, abs=1.5 / 120)
    assert "manifold_score" not in values
    assert "needs" not in str(found)


def test_without_labels_and_images_what_needs_them_is_left_out_aloud():
    found = grounding.evaluate(torch.from_numpy(Z))
    assert not {"silhouette", "trustworthiness", "knn_accuracy"} & found.values.keys()
    assert found.left_out["silhouette"] == "needs labels"
    assert "left out, needs images" in str(found)
    assert found.files == ()


def test_axes_that_sizes_do_not_tell_are_told_as_messages_say(in_folder):
    columns = np.stack([IMAGES] * 3, 3)[:, :, :4]  # 600 x 8 x 4 x 3
    narrow = columns.transpose(0, 3, 1, 2)  # 600 x 3 x 8 x 4
    shown = {}
    for name, layout, images in (("last", "NHWC", columns), ("second", "NCHW", narrow)):
        given = grounding.datasets.from_arrays(images, layout=layout)
        found = grounding.evaluate(Z, Y, given, name=name, max_points=20)
        shown[name] = json.loads(found.files[1].read_text())["image_shape"]
    assert shown == {"last": [3, 8, 4], "second": [3, 8, 4]}


def test_the_command_writes_report_points_and_manifest(in_folder, capsys):
    np.savez("my digits.npz", latents=Z, labels=Y)
    np.save("images.npy", IMAGES)
    assert main(argv=["evaluate", "my digits.npz", "--images", "images.npy"]) == 0
    out = capsys.readouterr().out
    assert "data: my digits.npz, 600 x 8, 10 classes" in out
    report = json.loads((in_folder / "artifacts/my_digits_evaluation.json").read_text())
    values = grounding.evaluate(Z, Y, IMAGES).values
    assert report["metrics"] == pytest.approx(values)
    assert report["protocol"]["rows"] == 600
    told = report["measured_with"]
    assert told["trustworthiness"] == {"split": "all", "k": 5, "metric": "euclidean"}
    assert told["knn_1_accuracy"] == {"split": "queries", "k": 1, "metric": "euclidean"}
    points = json.loads((in_folder / "artifacts/my_digits_latent_points.json").read_text())
    assert points["num_points"] == 600
    assert points["image_shape"] == [1, 8, 8]
    assert main("verify", ["artifacts"]) == 0
    assert main("verify", ["my_digits"]) == 0
    np.savez("my digits.npz", latents=Z[:300], labels=Y[:300])
    before = (in_folder / "artifacts/my_digits.run.json").read_bytes()
    assert main("evaluate", ["my digits.npz"]) == 2
    assert "taken by an evaluation of other embeddings" in capsys.readouterr().err
    assert (in_folder / "artifacts/my_digits.run.json").read_bytes() == before
    assert main("evaluate", ["my digits.npz", "--name", "half"]) == 0
    assert "image_shape" not in json.loads(
        (in_folder / "artifacts/half_latent_points.json").read_text()
    )
    assert main("evaluate", ["my digits.npz", "--force"]) == 0


@pytest.mark.parametrize(
    ("latents", "labels", "images", "problem"),
    [
        (np.where(np.arange(80).reshape(20, 4) == 30, np.nan, 1.0), None, None, "row 7, column 2"),
        (np.full((3, 2), 1e300), None, None, "row 0, column 0 of the latents is 1e+300"),
        (Z[0], None, None, "latents are 8; expected N x D"),
        (np.zeros((4, 4097)), None, None, "rows of 1 to 4096 numbers"),
        (np.array([["a", "b"]] * 3), None, None, "latents are <U1, expected numbers"),
        (Z, Y[:-1], None, "has 599 labels for 600 latents"),
        (Z, Y + 0.5, None, "label 0.5 in row 0 is no whole number"),
        (Z, Y, IMAGES[:5], "600 latents, but 5 images"),
        (Z, Y, IMAGES * 300, "values from 0 to 300; they must be in [0, 1] or [0, 255]"),
        (Z, Y, np.zeros((600, 3, 9, 4)), "from_arrays(x, layout='NCHW') or 'NHWC'"),
        (Z, Y, np.zeros((600, 9, 9, 9)), "has shape 600 x 9 x 9 x 9; images have 1 to 4 channels"),
    ],
)
def test_what_does_not_fit_is_one_line(latents, labels, images, problem):
    with pytest.raises(UserError) as error:
        grounding.evaluate(latents, labels, images)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.npy", None, "none.npy cannot be read: No such file"),
        ("broken.npz", b"PK\3\4 and no more", "broken.npz: File is not a zip file"),
        ("text.csv", b"a,b\nc,d\n", "cannot read .*text.csv: could not convert"),
        ("ragged.csv", b"1,2\n3\n", "cannot read .*ragged.csv"),
        ("image.png", b"x", "is none of .npy, .npz, .parquet, .csv, .tsv"),
        ("object.npy", "object", "object.npy: it holds Python objects"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(in_folder, refused, name, content, problem):
    import re

    if content == "object":
        np.save(name, np.array([[1], None], object), allow_pickle=True)
    elif content is not None:
        (in_folder / name).write_bytes(content)
    assert re.search(problem, refused("evaluate", name))


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "-x", "two words", "a\n", "x" * 101])
def test_a_name_that_files_cannot_begin_with_is_refused(in_folder, name):
    with pytest.raises(UserError, match=r"must have letters, digits, _, [.] and - only"):
        grounding.evaluate(Z, name=name)
    assert not list(in_folder.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("row.csv", b"1,2\n" + b"1," * 600_000 + b"1\n", "line 2 goes on for more than 1,048,576"),
        ("cell.csv", b"1" * (2 << 20) + b"\n2\n", "line 1 goes on for more than 1,048,576"),
        ("titles.csv", b"a," * 10_000 + b"b\n", "has 10,001 columns; at most 4096"),
        ("quote.csv", b'z,w\n1,"' + b"1\n" * 600_000, "line .* goes on for more than 1,048,576"),
    ],
)
def test_a_text_without_rows_is_refused_before_it_is_held(in_folder, name, content, problem):
    (in_folder / name).write_bytes(content)
    assert _peak(lambda: _refused(in_folder / name, problem)) < 24 << 20


def test_no_more_labels_are_read_than_there_are_rows(in_folder):
    np.save("z.npy", Z)
    labels = in_folder / "y.txt"
    labels.write_bytes(b"a\n" * 3_000_000)
    problem = f"y.txt has more labels than the {len(Z)} that there are rows"
    assert _peak(lambda: _refused(in_folder / "z.npy", problem, labels)) < 4 << 20


def test_rows_that_a_table_announces_and_does_not_have_take_no_memory(in_folder):
    table = pa.table({"a": np.zeros(40_000_000, np.float32)})  # 270 kB
    parquet.write_table(table, "many.parquet")
    problem = "holds 40,000,000 values in few bytes; at most"
    assert _peak(lambda: _refused(in_folder / "many.parquet", problem)) < 8 << 20
    header = (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000, 8)}".ljust(117) + b"\n"
    )
    (in_folder / "z.npy").write_bytes(b"\x93NUMPY\1\0\x76\0" + header + bytes(64))
    assert (
        _peak(lambda: _refused(in_folder / "z.npy", "320000000000 bytes, but 64 follow")) < 1 << 20
    )


def test_arrays_without_end_are_not_searched_for_latents(in_folder):
    np.savez("many.npz", **{f"a{i}": np.zeros(1) for i in range(101)})
    _refused(
        in_folder / "many.npz", "holds 101 arrays; call the one that holds the latents latents"
    )


def _refused(path, problem, labels=None):
    with pytest.raises(UserError, match=problem):
        read_embeddings(path, labels)


def _peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_trained_run_is_never_replaced(copied, capsys):
    _, checkpoint = copied("2")
    name = grounding.load(checkpoint).name
    before = checkpoint.read_bytes()
    np.save("z.npy", Z)
    assert main("evaluate", ["z.npy", "--name", name, "--force"]) == 2
    assert f"the name {name} is taken by a run; name this one otherwise" in capsys.readouterr().err
    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize("form", [_parquet_lists, _parquet_columns])
def test_a_bit_that_flips_in_what_a_table_says_of_itself_never_ends_the_process(tmp_path, form):
    """The library ends it, with no exception, when asked for a column whose counts are odd."""
    path = tmp_path / "a.parquet"
    form(path)
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for at in range(start + 2, len(content) - 8, 5):
        damaged = bytearray(content)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        try:
            read_embeddings(path)
        except UserError:
            refused += 1
    assert refused > 50
