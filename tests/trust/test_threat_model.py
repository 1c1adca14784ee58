"""The threat model tells the truth: its tests exist, its floors are those of the package."""

import re
import tomllib

import pytest
from conftest import REPOSITORY
from packaging.requirements import Requirement

from grounding.data.idx import DEFAULT_MAX_BYTES
from grounding.experiment.document import MAX_BYTES
from grounding.serve.handler import HEAD_SECONDS, MAX_HEAD_BYTES, SEND_SECONDS
from grounding.serve.server import MAX_THREADS
from grounding.training.archive import MAX_PICKLE_BYTES

TEXT = (REPOSITORY / "docs" / "threat_model.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|grounding)/[\w./]+)`", TEXT))))
def test_what_shows_a_promise_exists(path: str) -> None:
    assert (REPOSITORY / path).exists()


def test_floors_are_those_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {r.name: r for r in map(Requirement, project["dependencies"])}
    told = dict(re.findall(r"^\| (\w+) (\d[\d.]+) \|", TEXT, re.MULTILINE))
    assert {"torch", "onnx", "pyyaml", "pydantic"} <= told.keys()
    for name, floor in told.items():
        assert f">={floor}" in str(asked[name].specifier).split(",")


def test_limits_are_those_of_the_code() -> None:
    flat = " ".join(TEXT.split())
    assert f"{DEFAULT_MAX_BYTES >> 30} GiB of values an IDX file" in flat
    assert f"{MAX_BYTES >> 10} KiB a config" in flat
    assert f"{MAX_PICKLE_BYTES >> 20} MiB the part of a checkpoint" in flat
    assert f"{MAX_HEAD_BYTES >> 10} KiB of head" in flat
    assert (
        f"{MAX_THREADS} at once, {HEAD_SECONDS:.0f} s for a request, {SEND_SECONDS:.0f} s" in flat
    )
