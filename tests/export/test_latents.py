"""Tables of latents: each format gives back the numbers, rows, labels and names that went in."""

import csv
import io

import numpy as np
import pytest

import grounding
from grounding.cli import main
from grounding.export.latents import FORMATS, latents_files

Z = np.array([[0.1, -2e-30, 3], [1 / 3, 16777217, -0.0]], np.float32)
INDICES = np.array([7, 2])
LABELS = np.array([3, -1])
NAMES = {3: 'a "name", with all', -1: "zweite"}


def _read(form, files, path):
    """Latents, and the other columns by name."""
    if form == "npz":
        held = np.load(io.BytesIO(files[path]))
        renamed = {"indices": "index", "labels": "label", "names": "name", "files": "file"}
        others = {renamed[key]: held[key].tolist() for key in held.files if key != "latents"}
        return held["latents"], others
    if form == "npy":
        latents = np.load(io.BytesIO(files[path]))
        _, columns = _read("csv", {path: files[path.with_name("t_rows.csv")]}, path)
        return latents, columns
    if form == "parquet":
        from pyarrow import parquet

        columns = parquet.read_table(io.BytesIO(files[path])).to_pydict()
    else:
        head, *rows = csv.reader(io.StringIO(files[path].decode()))
        columns = {
            name: list(values) for name, values in zip(head, zip(*rows, strict=True), strict=True)
        }
    whole = {name: list(map(int, columns[name])) for name in ("index", "label") if name in columns}
    of_z = [np.array(v, np.float32) for name, v in columns.items() if name.startswith("z")]
    latents = np.stack(of_z, 1) if of_z else None
    return latents, whole | {k: columns[k] for k in ("name", "file") if k in columns}


@pytest.mark.parametrize("form", FORMATS)
def test_what_went_in_comes_back(form, tmp_path):
    path = tmp_path / f"t.{form}"
    files = latents_files(path, Z, INDICES, LABELS, NAMES, form)
    latents, others = _read(form, files, path)
    assert latents.dtype == np.float32
    assert latents.tobytes() == Z.tobytes()
    names = [NAMES[3], NAMES[-1]]
    assert others == {"index": [7, 2], "label": [3, -1], "name": names}
    _, others = _read(form, latents_files(path, Z, INDICES, None, {}, form), path)
    assert others == {"index": [7, 2]}
    own = ["b/1.png", "a, b/2.png"]
    _, others = _read(form, latents_files(path, Z, INDICES, None, {}, form, own), path)
    assert others == {"index": [7, 2], "file": own}


def test_without_pyarrow_the_next_step_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r'pip install "grounding\[parquet\]", or --format npz'):
        latents_files(tmp_path / "t.parquet", Z, INDICES, None, {}, "parquet")


def test_the_command_writes_the_latents_of_the_run(copied, capsys):
    arguments, checkpoint = copied("2")
    run = grounding.load(checkpoint)
    assert main("latents", [*arguments, "--split", "val"]) == 0
    place = f"artifacts/{run.name}_val_latents.npz"
    assert place in capsys.readouterr().out
    held = np.load(place)
    assert held["latents"].tobytes() == run.latents("val").tobytes()
    assert held["labels"].tolist() == run.labels("val").tolist()
    assert held["indices"].tolist() == run.splits.val.indices.tolist()
    assert main("verify", [place]) == 0
    csv_path, npz = (
        run.export("latents")[0].with_suffix(".csv"),
        f"artifacts/{run.name}_test_latents.npz",
    )
    assert main("latents", [*arguments, "--format", "csv"]) == 0
    assert len(csv_path.read_text().splitlines()) == 1 + len(np.load(npz)["latents"])
