"""A single flipped bit, anywhere in any file that we write or bring along, is noticed."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from whole_run import arguments, cached_experiment, everything, inside, quiet, read_cache

from grounding._errors import UserError
from grounding.data import catalog
from grounding.experiment.load import load_experiment
from grounding.export.outputs import read_folder
from grounding.export.site import publish
from grounding.runs.findings import verify
from grounding.runs.run import load_run
from grounding.runs.steps import Step, chain_steps
from grounding.training.checkpoint import load_checkpoint

PLACES = 3
EDGE = 120


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return everything(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def steps(made: dict[str, Path]) -> dict[Path, Step]:
    """The steps of the chain by each file that they write, with absolute paths."""
    folder = made["checkpoint"].parents[1]
    with inside(folder):
        run, _ = load_run(load_experiment("3", arguments()[3::2]))
    files: dict[Path, Step] = {}
    for step in chain_steps(run):
        for suffix in (".json", ".bin", ".txt", ".onnx"):
            path = (folder / step.path).with_suffix(suffix)
            if path.is_file():
                files[path] = step
    return files


def flipped(data: bytes, draw: random.Random, turn: int) -> bytes:
    """One bit changed: anywhere, near the start or near the end, in turn."""
    size = len(data)
    low, high = [(0, size), (0, min(EDGE, size)), (max(0, size - EDGE), size)][turn % PLACES]
    place, bit = draw.randrange(low, high), draw.randrange(8)
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def refuses(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except UserError as error:
        assert "\n" not in str(error)
        return True
    return False


def reader_notices(kind: str, path: Path, steps: dict[Path, Step]) -> bool:
    """Whether what reads such a file in daily use refuses it, or leaves it out by name."""
    if kind in ("checkpoint", "periodic checkpoint"):
        return refuses(lambda: load_checkpoint(path))
    if kind == "augmented set":
        return refuses(lambda: read_cache(cached_experiment(path.parent)))
    if kind.startswith("packaged"):
        catalog._load_packaged.cache_clear()
        return refuses(lambda: catalog.load("mnist", None))
    if kind == "list of a published site":
        root = path.parents[1]
        return refuses(lambda: publish(root / "site", root / "artifacts", pages=root / "pages"))
    if path in steps:
        with inside(path.parents[1]):
            return bool(steps[path].reason_to_make()) and bool(read_folder(path.parent).damaged)
    # Metrics and published pages are read by people and browsers; a hash file's second word is
    # passed over by the loader, as the checkpoint itself is whole.
    return True


def accepted(
    count: int, made: dict[str, Path], steps: dict[Path, Step], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Flip `count` bits, one at a time, the kinds in turn; what was not noticed."""
    monkeypatch.setattr(catalog, "_PACKAGED_DIR", made["packaged images"].parents[1])
    draw = random.Random(20240229)
    unnoticed = []
    for number in range(count):
        kind = list(made)[number % len(made)]
        path = made[kind]
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, draw, number // len(made)))
        place = path if "published" not in kind else made["list of a published site"].parent
        said: list[str] = []
        try:
            seen = refuses(lambda: verify([str(place)], path.parent, said.append))  # noqa: B023
            named = any(
                str(path.with_suffix("").name) in line for line in said if line[:3] != "ok "
            )
            if not (seen and named):
                unnoticed.append(f"{kind}: verify")
            if not reader_notices(kind, path, steps):
                unnoticed.append(f"{kind}: reader")
        finally:
            path.write_bytes(whole)
    return unnoticed


def nothing_is_wrong(made: dict[str, Path], steps: dict[Path, Step]) -> None:
    root = made["checkpoint"].parents[1]
    for folder in ("artifacts", "site"):
        verify([str(root / folder)], root, lambda _: None)
    assert read_folder(root / "artifacts").damaged == []
    with inside(root):
        assert [step.reason_to_make() for step in steps.values()] == [None] * len(steps)


def test_some_flipped_bits(made, steps, monkeypatch):
    nothing_is_wrong(made, steps)
    assert accepted(60, made, steps, monkeypatch) == []
    nothing_is_wrong(made, steps)


@pytest.mark.full
def test_a_thousand_flipped_bits(made, steps, monkeypatch, capsys):
    unnoticed = accepted(1000, made, steps, monkeypatch)
    with capsys.disabled():
        print(
            f"\n1,000 bit flips over {len(made)} artefact kinds, {len(unnoticed)} accepted",
            flush=True,
        )
    assert unnoticed == []


def test_some_flipped_bits_of_what_sums_up_seeds_and_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quiet("compare", ["3", *arguments()[2:], "--seeds", "0,1"])
    artifacts = tmp_path / "artifacts"
    summaries = [
        next(artifacts.glob(pattern))
        for pattern in (
            "*_seed0_probes.json", "*_seeds.json", "*_seeds.csv", "comparison.json",
            "comparison.csv", "comparison.svg",
        )
    ]  # fmt: skip
    verify([str(artifacts)], tmp_path, lambda _: None)
    draw = random.Random(7)
    for path in summaries:
        whole = path.read_bytes()
        for turn in range(2 * PLACES):
            path.write_bytes(flipped(whole, draw, turn))
            said: list[str] = []
            assert refuses(lambda: verify([str(artifacts)], tmp_path, said.append)), path  # noqa: B023
            assert any(path.name in line for line in said if line[:3] != "ok ")
        path.write_bytes(whole)
    verify([str(artifacts)], tmp_path, lambda _: None)
