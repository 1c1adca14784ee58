"""The threat model tells the truth: its tests exist, its floors and limits are those in force."""

import re
import tomllib

import pytest
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.version import Version

from grounding import _files
from grounding.data import pictures
from grounding.data.sources import idx
from grounding.experiment import document
from grounding.runs import manifest
from grounding.serve import server
from grounding.training import checkpoint

TEXT = (REPOSITORY / "docs" / "threat_model.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|grounding)/[\w./]+)`", TEXT))))
def test_what_shows_a_promise_exists(path: str) -> None:
    assert (REPOSITORY / path).exists()


def test_the_package_asks_for_no_less_than_the_floors() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    every = [*project["dependencies"], *(one for extra in extras for one in extra)]
    asked = {r.name: r for r in map(Requirement, every) if r.specifier}
    told = dict(re.findall(r"^\| (\w+) (\d[\d.]+) \|", TEXT, re.MULTILINE))
    assert {"torch", "onnx", "pyyaml", "pydantic", "starlette", "filelock"} <= told.keys()
    for name, floor in told.items():
        (least,) = (s.version for s in asked[name].specifier if s.operator == ">=")
        assert Version(least) >= Version(floor), name


def test_limits_are_those_of_the_code() -> None:
    flat = " ".join(TEXT.split())
    for told in (
        f"{idx.MAX_BYTES >> 30} GiB of values an IDX file",
        f"{document.MAX_BYTES >> 10} KiB a config",
        f"at most {document.MAX_BYTES >> 10} KiB and {document.MAX_DEPTH} levels",
        f"{manifest.MAX_BYTES >> 20} MiB and {_files.MAX_VALUES:,} values a manifest",
        f"up to {_files.MAX_EXPANSION} times its size",
        f"a header of at most {_files.MAX_HEADER >> 20} MiB",
        f"pickle has at most {checkpoint.MAX_PICKLE_BYTES >> 20} MiB and",
        f"{checkpoint.MAX_PICKLE_STEPS:,} steps",
        f"at most {pictures.MAX_PIXELS:,} pixels each",
        f"a config of at most {checkpoint.MAX_CONFIG:,} characters",
        f"more than {server.MAX_CONNECTIONS} connections at once",
    ):
        assert told in flat, told
