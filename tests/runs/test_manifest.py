"""The manifest: what it holds, what it notices, what it never believes."""

import json
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from folders import resealed

from grounding._errors import UserError
from grounding.runs import manifest as manifests
from grounding.runs.artifacts import enter
from grounding.runs.manifest import (
    Artifact,
    DamagedError,
    FileEntry,
    Manifest,
    manifest_bytes,
    manifest_path,
    manifests_in,
    read_manifest,
    sealed_json,
    shown_results,
    writing,
)


@pytest.fixture
def run(in_folder: Path) -> Manifest:
    """A run of one artifact of two files."""
    empty = Manifest(manifest_path("a"), "a", {"x": 1}, {"source": "s", "fingerprint": "f"})
    files = {Path("artifacts/a.json"): b"{}", Path("artifacts/a.safetensors"): b"arrays"}
    made = Artifact("points", {}, {"options": {"k": 5}}, {"score": {"value": 0.5}}, 1.25)
    return enter(empty, {Path("artifacts/a.json"): files}, made)


def test_what_is_entered_is_read_again(run: Manifest) -> None:
    found = read_manifest(run.path)
    assert found == run
    assert found.artifacts["a.json"].files == {
        "a.json": FileEntry(sha256(b"{}").hexdigest(), 2),
        "a.safetensors": FileEntry(sha256(b"arrays").hexdigest(), 6),
    }
    assert manifests_in(Path("artifacts")) == ([run], [])
    assert manifests_in(Path("nowhere")) == ([], [])
    both = ("a.safetensors", run.artifacts["a.json"])
    assert run.with_sha256(sha256(b"arrays").hexdigest()) == both
    assert run.with_sha256("0" * 64) is None
    assert list(run.of_kind("points")) == ["a.json"]
    assert run.of_kind("checkpoint") == {}
    odd = replace(run, data={"source": "\udce9"})  # a name that is no text keeps its bytes
    run.path.write_bytes(manifest_bytes(odd))
    assert read_manifest(run.path) == odd


def test_it_ends_in_the_hash_of_all_before_it(run: Manifest) -> None:
    data = run.path.read_bytes()
    values = json.loads(data)
    assert values["sha256"] == sha256(data[: data.rindex(b',\n "sha256"')]).hexdigest()
    assert values["format"] == 1
    assert [*values] == ["format", "name", "config", "data", "code", "artifacts", "sha256"]


def test_any_changed_byte_of_it_is_noticed(run: Manifest) -> None:
    data = run.path.read_bytes()
    flipped = (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(0, len(data), 7))
    cut = (data[:-1], data[:5], b"", data + b"\n", data.replace(b"\n", b"\r\n"))
    for changed in (*flipped, *cut):
        run.path.write_bytes(changed)
        with pytest.raises(DamagedError, match=r"is damaged: .* copy it again, or delete it and"):
            read_manifest(run.path)
    assert manifests_in(Path("artifacts"))[0] == []
    assert "is damaged" in manifests_in(Path("artifacts"))[1][0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 2, this version reads 1"),
        ({"artifacts": []}, "list"),
        ({"artifacts": {"a": {}}}, "files"),
        ({"artifacts": {"a": {"kind": "x", "files": {}, "made_from": {}, "results": {}}}}, "lacks"),
        ({"config": 5}, "int"),
        ({"artifacts": {str(n): {} for n in range(10_001)}}, "more than 10000"),
    ],
)
def test_one_of_another_kind_is_refused_in_one_line(
    run: Manifest, changes: dict[str, object], said: str
) -> None:
    values = json.loads(manifest_bytes(run))
    del values["sha256"]
    run.path.write_bytes(sealed_json({**values, **changes}))
    with pytest.raises(DamagedError, match=f"is no manifest of this version: .*{said}") as caught:
        read_manifest(run.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        *((number, f"{number} is not a finite number") for number in ("2e308", "NaN", "-Infinity")),
        (f"[{'[],' * 600_000}0]", "it holds more than 1,000,000 values"),
        ("[" * 100_000, "maximum recursion depth"),
        ("9" * 5_000_000, "Exceeds the limit"),
    ],
)
def test_numbers_are_finite_and_values_not_too_many(run: Manifest, number: str, said: str) -> None:
    run.path.write_bytes(resealed(manifest_bytes(run).replace(b"1.25", number.encode())))
    started = time.process_time()
    with pytest.raises(DamagedError, match=said):
        read_manifest(run.path)
    assert time.process_time() - started < 1


def test_a_file_that_is_not_as_it_was_entered_is_named(run: Manifest) -> None:
    run.check("a.json")
    arrays = Path("artifacts/a.safetensors")
    for data, said in ((b"arrayz", "is damaged"), (b"array", "is damaged"), (None, "is missing")):
        arrays.unlink()
        if data is not None:
            arrays.write_bytes(data)
        with pytest.raises(DamagedError, match=f"^artifacts/a.safetensors {said}"):
            run.check("a.json")
        assert not run.is_intact("a.json")


def test_keys_are_relative_to_its_folder(run: Manifest) -> None:
    assert run.key(Path("artifacts/sub/b.pt")) == "sub/b.pt"
    assert run.key(Path("elsewhere/b.pt")) == "../elsewhere/b.pt"
    assert run.key(Path("b.pt").absolute()) == "../b.pt"
    assert run.place("../b.pt") == Path("b.pt")


def test_what_a_kill_leaves_before_the_entry_is_unknown(
    run: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Manifest) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grounding.runs.artifacts.write_manifest", killed)
    for name, data in (("b.pt", b"new"), ("a.json", b"[]")):
        path = Path("artifacts", name)
        kind = "points" if name == "a.json" else "checkpoint"
        with pytest.raises(KeyboardInterrupt):
            enter(run, {path: {path: data}}, Artifact(kind, {}))
        assert path.read_bytes() == data
        assert read_manifest(run.path) == run
    assert not read_manifest(run.path).is_intact("a.json")


def test_entering_forgets_what_is_no_longer_the_runs(run: Manifest) -> None:
    new = {Path("artifacts/b.pt"): {Path("artifacts/b.pt"): b"new"}}
    changed = enter(run, new, Artifact("checkpoint", {}), forget=["a.json"])
    assert list(read_manifest(run.path).artifacts) == list(changed.artifacts) == ["b.pt"]
    assert Path("artifacts/a.json").exists()  # nothing is deleted


def test_one_that_is_too_large_is_refused(run: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MAX_BYTES", 100)
    with pytest.raises(UserError, match="at most 100 are read"):
        read_manifest(run.path)


def test_one_writer_at_a_time(run: Manifest) -> None:
    with writing(run.path, "training of a"):
        with (
            pytest.raises(UserError, match=r"cannot do the points: another process is writing a "),
            writing(run.path, "points"),
        ):
            pass
        with writing(manifest_path("b"), "points"):  # another run is no obstacle
            pass
        assert read_manifest(run.path) == run
    assert not list(Path("artifacts").glob(".*"))


SHOWN = {"value": 0.5, "title": "one", "digits": 2, "unit": "", "meaning": "half"}


@pytest.mark.parametrize(
    "odd",
    [
        *({"value": value} for value in ("1", True, [1], {}, 10**4000, 1e308, -(10**300))),
        *({"digits": digits} for digits in (-1, 11, 10**9, 2.0, "2", True)),
        *({name: text} for name in ("title", "unit", "left_out") for text in (3, [], "x" * 5000)),
        {"place": "first"},
        {"margin": [0.1]},
        {"images": "all"},
        {"parts": [1]},
        {"parts": {"a": 10**400}},
        {"parts": dict.fromkeys(map(str, range(1000)), 1.0)},
    ],
    ids=lambda odd: str(odd)[:30],
)
def test_results_that_no_table_can_show_are_left_out(odd: dict[str, object]) -> None:
    shown = shown_results({"good": SHOWN, "odd": {**SHOWN, **odd}, "split": "test"})
    assert list(shown) == ["good"]
    assert {**shown["good"], **SHOWN} == shown["good"]


def test_a_result_without_a_value_or_with_empty_places_is_shown() -> None:
    empty = {**SHOWN, "value": None, "place": None, "unit": None, "margin": None}
    (one,) = shown_results({"a": empty}).values()
    assert (one["value"], one["place"], one["unit"]) == (None, 0, "")
    assert "margin" not in one
