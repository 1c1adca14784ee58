import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grounding._files import write_json
from grounding.export.companion import companion_path, write_with_companion
from grounding.export.layout import file_inside
from grounding.export.output_file import PICTURED_POINTS
from grounding.export.outputs import find_runs, without_seeds

POINTS = {
    "experiment": "a",
    "split": "test",
    "points": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "labels": [1, 2],
}
MANIFOLD = {"experiment": "a", "metrics": {"silhouette": 0.5}, "manifold_score": 60.0}
ANALYSIS = {"experiment": "a", "knn_accuracy": 0.9, "classes": []}


def put(folder: Path, name: str, values: Any) -> Path:
    path = folder / name
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


def test_outputs_are_found_by_what_they_hold(tmp_path: Path) -> None:
    put(tmp_path, "one.json", POINTS)
    put(tmp_path, "2_a_analysis.json", ANALYSIS)
    put(tmp_path, "2_a_analysis.txt", "report")
    put(tmp_path, "three.json", MANIFOLD)
    put(
        tmp_path,
        "four.json",
        {"experiment": "b", "reference_points": [[0, 0, 0]]} | {"reference_labels": [0]},
    )
    for name in ("a_encoder.onnx", "a_decoder.onnx", "b_encoder.onnx"):
        put(tmp_path, name, "model")
    (a, b), skipped = find_runs(tmp_path)
    assert skipped == []
    assert (a.experiment, a.score, b.experiment, b.score) == ("a", 60.0, "b", None)
    assert sorted(p.name for p in a.files()) == [
        "2_a_analysis.json",
        "2_a_analysis.txt",
        "a_decoder.onnx",
        "a_encoder.onnx",
        "one.json",
        "three.json",
    ]
    assert [p.name for p in b.files()] == ["b_encoder.onnx", "four.json"]


def test_best_score_first_then_by_name(tmp_path: Path) -> None:
    for name, score in (("low", 10.0), ("high", 90.5), ("z", None), ("y", "?"), ("same", 10)):
        put(tmp_path, f"{name}.json", {**MANIFOLD, "experiment": name, "manifold_score": score})
    assert [run.experiment for run in find_runs(tmp_path)[0]] == ["high", "low", "same", "y", "z"]


def test_the_test_split_comes_first(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        put(tmp_path, f"a_{split}.json", {**POINTS, "split": split})
    (run,), _ = find_runs(tmp_path)
    assert [output.split for output in run.outputs["points"]] == ["test", "train", "val"]


def test_a_companion_is_read_instead_of_the_json(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    write_with_companion(path, POINTS, np.zeros((2, 1, 2, 2), dtype=np.uint8))
    values = json.loads(path.read_text())
    del values["sha256"]  # as a file of another program
    put(tmp_path, path.name, json.dumps(values).replace("3.0", "9.0"))
    (run,), _ = find_runs(tmp_path)
    output = run.outputs["points"][0]
    assert output.companion == companion_path(path)
    assert output.cloud is not None
    assert output.cloud.points.tolist() == POINTS["points"]
    assert companion_path(path) in run.files()


def test_a_broken_companion_leaves_the_json(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    write_with_companion(path, POINTS, np.zeros((2, 1, 2, 2), dtype=np.uint8))
    companion_path(path).write_bytes(b"nothing")
    (run,), skipped = find_runs(tmp_path)
    assert len(skipped) == 1
    assert "points.bin is not a binary companion" in skipped[0]
    assert run.outputs["points"][0].companion is None
    assert run.outputs["points"][0].cloud is not None


def test_a_damaged_output_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    write_with_companion(path, POINTS, np.zeros((2, 1, 2, 2), dtype=np.uint8))
    path.write_text(path.read_text().replace("3.0", "9.0"))
    runs, skipped = find_runs(tmp_path)
    assert runs == []
    assert "points.json is damaged" in skipped[0]


def test_an_output_of_ours_without_its_hash_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "x.json", {**MANIFOLD, "versions": {"grounding": "0.1.0"}})
    runs, skipped = find_runs(tmp_path)
    assert runs == []
    assert "does not end in its SHA-256" in skipped[0]


def test_a_large_cloud_is_thinned_evenly_and_says_its_count(tmp_path: Path) -> None:
    count = 2 * PICTURED_POINTS + 1
    points = [[float(i), 0.0, 0.0] for i in range(count)]
    put(tmp_path, "x.json", {**POINTS, "points": points, "labels": [0] * count})
    (run,), _ = find_runs(tmp_path)
    cloud = run.outputs["points"][0].cloud
    assert cloud is not None
    assert cloud.count == count
    assert cloud.points[:, 0].tolist() == list(range(0, count, 3))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("\x00\xff", "not JSON"),
        ("[" * 100_000, "nested too deeply or too large"),
        ("[1]", "no JSON object"),
        ("{}", "no experiment"),
        ({"experiment": 3}, "no experiment"),
        ({"experiment": "x" * 300}, "no experiment"),
        ({"experiment": "a\nb"}, "unprintable experiment"),
        ({"experiment": "\ud800"}, "unprintable experiment"),
        ({"experiment": "a", "other": 1}, "no output of a run"),
        ({**MANIFOLD, "metrics": 3}, "metrics is no table"),
        ({**POINTS, "points": {}}, "points or labels are no list"),
        ({**POINTS, "points": "abc", "labels": "abc"}, "points or labels are no list"),
        ({**POINTS, "labels": [1]}, "points are not N x 3, or labels not N"),
        ({**POINTS, "points": [[1, 2], [3, 4]]}, "points are not N x 3, or labels not N"),
        ({**POINTS, "points": [[1, 2, 3], [4, 5]]}, "points or labels are not numbers"),
        ({**POINTS, "points": [["a", "b", "c"]] * 2}, "points or labels are not numbers"),
        ({**POINTS, "labels": [1, 10**30]}, "points or labels are not numbers"),
        ({**POINTS, "labels": [None, None]}, "points or labels are not numbers"),
        (
            json.dumps(POINTS).replace("5.0", "NaN"),
            "points are missing, not finite or far too large",
        ),
        (
            json.dumps(POINTS).replace("5.0", "1e300"),
            "points are missing, not finite or far too large",
        ),
        (json.dumps(POINTS).replace("5.0", "9" * 5000), None),
        ({**POINTS, "points": [], "labels": []}, None),
    ],
)
def test_what_is_no_output_is_skipped_and_named(
    tmp_path: Path, text: Any, reason: str | None
) -> None:
    put(tmp_path, "bad.json", text)
    put(tmp_path, "good.json", ANALYSIS)
    (run,), skipped = find_runs(tmp_path)
    assert run.experiment == "a"
    assert len(skipped) == 1
    assert skipped[0].startswith("bad.json (")
    if reason:
        assert skipped == [f"bad.json ({reason})"]


def test_links_out_pipes_and_folders_are_not_read(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    (artifacts / "folder.json").mkdir(parents=True)
    (artifacts / "link.json").symlink_to(put(tmp_path, "outside.json", POINTS))
    (artifacts / "broken.json").symlink_to(tmp_path / "nothing")
    os.mkfifo(artifacts / "pipe.json")
    put(artifacts, ".hidden.json", POINTS)
    put(artifacts, "a.txt", "{}")
    runs, skipped = find_runs(artifacts)
    assert runs == []
    assert [line.split()[0] for line in skipped] == [
        "broken.json",
        "folder.json",
        "link.json",
        "pipe.json",
    ]


def test_a_companion_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    path = artifacts / "points.json"
    write_with_companion(path, POINTS, np.zeros((2, 1, 2, 2), dtype=np.uint8))
    moved = companion_path(path).rename(tmp_path / "points.bin")
    companion_path(path).symlink_to(moved)
    (run,), _ = find_runs(artifacts)
    assert run.files() == [path]


def test_models_of_an_experiment_with_a_path_for_a_name_are_not_looked_up(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    put(tmp_path, "x_encoder.onnx", "model")
    put(artifacts, "m.json", {**MANIFOLD, "experiment": "../x"})
    (run,), _ = find_runs(artifacts)
    assert run.encoder is None


def test_outputs_of_two_checkpoints_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, "1.json", {**POINTS, "checkpoint_sha256": "00"})
    put(tmp_path, "2.json", ANALYSIS)
    assert find_runs(tmp_path)[0][0].strangers == []
    put(tmp_path, "3.json", {**MANIFOLD, "checkpoint_sha256": "11"})
    assert find_runs(tmp_path)[0][0].strangers == [tmp_path / "3.json"]


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert find_runs(tmp_path / "missing") == ([], [])


def test_only_plain_files_below_the_root_are_inside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub" / ".git").mkdir(parents=True)
    inner = put(root / "sub", "f.txt", "")
    put(root / "sub" / ".git", "config", "")
    put(tmp_path, "secret", "")
    (root / "in").symlink_to(inner)
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to(tmp_path)
    (root / "dot").symlink_to(root / "sub" / ".git" / "config")
    (root / "loop").symlink_to(root / "loop")
    assert file_inside(root, ["sub", "f.txt"]) == inner.resolve()
    assert file_inside(root, ["in"]) == inner.resolve()
    for parts in (
        [],
        ["sub"],
        ["out"],
        ["dot"],
        ["loop"],
        ["up", "secret"],
        ["..", "secret"],
        ["sub", "..", "..", "secret"],
        ["../secret"],
        ["sub", ".git", "config"],
        ["sub", "", "f.txt"],
        ["sub/f.txt"],
        ["sub\\f.txt"],
        ["\0"],
        [str(tmp_path / "secret")],
        ["n" * 5000],
    ):
        assert file_inside(root, parts) is None, parts


def test_a_root_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = put(tmp_path / "real", "f.txt", "")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert file_inside(tmp_path / "root", ["f.txt"]) == path.resolve()


SEEDS = {"experiment": "a", "seeds": [0, 1], "summary": {"knn_accuracy": {"mean": 0.5}}}


def test_what_sums_up_seeds_stands_for_those_without_pages(tmp_path: Path) -> None:
    put(tmp_path, "a_seeds.json", SEEDS)
    for name in ("a_seed0", "a_seed1", "a_seed2"):
        put(tmp_path, f"{name}.json", {**ANALYSIS, "experiment": name})
    put(tmp_path, "points.json", {**POINTS, "experiment": "a_seed1"})
    runs, skipped = find_runs(tmp_path)
    assert skipped == []
    assert len(runs) == 4
    # Seed 1 has points to look at, and seed 2 is not among those summed up.
    assert [run.experiment for run in without_seeds(runs)] == ["a", "a_seed1", "a_seed2"]


def test_a_comparison_is_no_run_and_no_stranger(tmp_path: Path) -> None:
    write_json(tmp_path / "comparison.json", {"comparison": ["a"], "rows": []})
    assert find_runs(tmp_path) == ([], [])


def test_stale_probes_name_their_own_command(tmp_path: Path) -> None:
    put(tmp_path, "a_analysis.json", {**ANALYSIS, "checkpoint_sha256": "1"})
    probes = {"experiment": "a", "probe_settings": {}, "probes": {}, "checkpoint_sha256": "2"}
    path = put(tmp_path, "a_probes.json", probes)
    (run,), _ = find_runs(tmp_path)
    assert run.strangers == [path]
    assert run.command_for(path) == "grounding probe"
