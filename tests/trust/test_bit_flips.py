"""A single flipped bit, anywhere in any file that we write or bring along, is noticed."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import inside
from whole_run import NAME, Everything, everything

import grounding
from grounding._errors import UserError
from grounding.data.image_set import ImageSet
from grounding.data.sources import mnist
from grounding.runs.artifacts import reason_to_make
from grounding.runs.building import inputs_of
from grounding.runs.chain import outputs_of
from grounding.runs.manifest import manifests_in
from grounding.runs.verify import verify
from grounding.serve.index import OF_TRAINING, damage
from grounding.serve.site import check_site, is_site, publish

EDGE = 120
SITES = (is_site, check_site)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    return everything(tmp_path_factory.getbasetemp())


def flipped(data: bytes, draw: random.Random, turn: int) -> bytes:
    """One bit changed: anywhere, near the start or near the end, in turn."""
    size = len(data)
    low, high = [(0, size), (0, min(EDGE, size)), (max(0, size - EDGE), size)][turn % 3]
    place, bit = draw.randrange(low, high), draw.randrange(8)
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def refuses(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except UserError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def verified(capsys: pytest.CaptureFixture[str], *places: Path) -> str:
    """The lines of what `verify` finds to be wrong."""
    capsys.readouterr()
    refused = refuses(lambda: verify(list(map(str, places)), places[0].parent, sites=SITES))
    lines = capsys.readouterr().out.splitlines()
    return "\n".join([*(line for line in lines if not line.startswith("ok ")), refused]).strip()


def readers_notice(made: Everything, path: Path) -> bool:
    """Whether what reads such a file in daily use refuses it, or leaves it out by name."""
    key = made.entered().get(path)
    run = made.manifest
    if key is None or run.is_intact(key) or not damage(run.artifacts[key], made.artifacts):
        return False
    kind = run.artifacts[key].kind
    if kind == "checkpoint":
        return bool(refuses(lambda: grounding.load(NAME)))
    if kind in OF_TRAINING:
        return True
    loaded = grounding.load(NAME)
    output = outputs_of(loaded)[kind]()
    refused = refuses(lambda: publish(made.site, made.artifacts, pages=made.pages))
    return bool(reason_to_make(loaded, output)) and "nothing was published" in refused


def packaged_is_noticed(folder: Path, path: Path, broken: bytes) -> bool:
    """Whether a damaged file of the packaged data is refused in a copy, or holds the same values.

    Gzip's own head has bits that say nothing of them.
    """
    shutil.copytree(path.parent, folder, dirs_exist_ok=True)
    (folder / path.name).write_bytes(broken)
    mnist._read.cache_clear()
    loaded: list[ImageSet] = []
    if refuses(lambda: loaded.append(mnist.PackagedMnist().load(folder))):
        return True
    return loaded[0].fingerprint == mnist.FINGERPRINT


def noticed(made: Everything, path: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether a file that has been changed is found out, by `verify` and by who reads it."""
    if path.is_relative_to(made.site):
        return path.name in verified(capsys, made.site)
    if path.name.startswith("set-"):
        run = grounding.load(NAME)
        return bool(refuses(lambda: inputs_of(run.experiment, run.splits, run.device, 1)))
    if path.name not in verified(capsys, made.artifacts) or not verified(capsys, path):
        return False
    if path.name == f"{NAME}.run.json":
        return not manifests_in(made.artifacts)[0] and bool(refuses(lambda: grounding.load(NAME)))
    return readers_notice(made, path)


def accepted(count: int, made: Everything, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Flip `count` bits, one at a time, the files in turn; what was not noticed."""
    draw, unnoticed = random.Random(20240229), []
    packaged = [mnist.FOLDER / f"t10k-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    files = [made.artifacts / f"{NAME}.run.json", *made.entered(), *made.published(), *packaged]
    files += (made.root / "kept").glob("set-*")
    files = [path for path in files if path.stat().st_size]
    for number in range(count):
        path = files[number % len(files)]
        whole = path.read_bytes()
        broken = flipped(whole, draw, number // len(files))
        if path in packaged:
            found = packaged_is_noticed(made.root / "packaged", path, broken)
        else:
            path.write_bytes(broken)
            try:
                found = noticed(made, path, capsys)
            finally:
                path.write_bytes(whole)
        if not found:
            unnoticed.append(str(path))
    return unnoticed


@pytest.mark.parametrize("count", [90, pytest.param(1000, marks=pytest.mark.full)])
def test_flipped_bits(made, capsys, count):
    def nothing_is_wrong() -> None:
        assert verified(capsys, made.artifacts, made.site) == ""
        run = grounding.load(NAME)
        outputs = [make for kind, make in outputs_of(run).items() if kind != "film"]  # if asked for
        assert {reason_to_make(run, make()) for make in outputs} == {None}

    with inside(made.root):
        nothing_is_wrong()
        unnoticed = accepted(count, made, capsys)
        nothing_is_wrong()
    with capsys.disabled():
        print(f"\n{count:,} bit flips, {len(unnoticed)} accepted", flush=True)
    assert unnoticed == []
