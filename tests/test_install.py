"""What is installed is what the tests ran with, and checked; what that needs is said alike."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import REPOSITORY
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
# What only the extra "ray" needs: nobody installs it who does not ask for it.
OF_RAY = ("ray", "msgpack")
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ ;\\]+)")


def pins(name):
    """Versions by package of a file of pins; each package is there once."""
    lines = [PIN.match(line) for line in (REPOSITORY / name).read_text().splitlines()]
    found = [(canonicalize_name(match[1]), match[2]) for match in lines if match]
    assert len(dict(found)) == len(found)
    return dict(found)


def pulled_in(requirements):
    """Names of the installed packages that these requirements ask for, and of what those do."""
    found, left = set(), [(Requirement(text), "") for text in requirements]
    while left:
        asked, extra = left.pop()
        environment = default_environment() | {"extra": extra}
        name = canonicalize_name(asked.name)
        if name == "grounding" or (asked.marker and not asked.marker.evaluate(environment)):
            continue
        for one in {"", *asked.extras} if name not in found or asked.extras else ():
            more = importlib.metadata.requires(name) or []
            left += [(Requirement(text), one) for text in more]
        found.add(name)
    return found


def test_the_locks_have_the_versions_of_the_constraints():
    run, test = pins("requirements.lock"), pins("requirements-dev.lock")
    assert not run.keys() & test.keys()
    constraints = pins("constraints.txt")
    for name in ("atheris", *OF_RAY):  # of `make fuzz`, and of an extra of 80 MB, alone
        del constraints[name]
    assert run | test == constraints


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_of_a_lock_has_hashes(name):
    text = (REPOSITORY / name).read_text()
    blocks = re.split(r"\n(?=[a-z])", text)[1:]
    assert len(blocks) == len(pins(name))
    for block in blocks:
        _, *hashes = block.strip().split(" \\\n    ")
        assert hashes, block
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", one) for one in hashes), block


def test_the_locks_have_all_that_is_pulled_in():
    extras = PROJECT["project"]["optional-dependencies"]
    of_dev = [text for extra, texts in extras.items() for text in texts if extra != "ray"]
    nvidia = re.compile("(nvidia|cuda|triton)")
    needed = {n for n in pulled_in(PROJECT["project"]["dependencies"]) if not nvidia.match(n)}
    run = pins("requirements.lock")
    assert {"torch", "sympy", "markupsafe"} <= needed <= run.keys()
    needed = {n for n in pulled_in(of_dev) if not nvidia.match(n)}
    assert {"numba", "jedi"} <= needed <= run.keys() | pins("requirements-dev.lock").keys()


def test_what_builds_is_pinned_and_locked():
    asked = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    versions = {canonicalize_name(one.name): str(one.specifier) for one in asked}
    run = pins("requirements.lock")
    assert versions == {name: f"=={run[name]}" for name in versions}
    pytest.importorskip("hatchling")
    assert pulled_in(["hatchling", "editables"]) == versions.keys()


@pytest.mark.parametrize(("stamp", "lock"), [("", ""), ("-dev", "-dev")])
def test_make_installs_nothing_without_its_hash_but_pytorch(tmp_path, stamp, lock):
    goal = str(tmp_path / f".installed{stamp}")
    command = ["make", "-n", f"PYTHON={sys.executable}", f"VENV={tmp_path}", goal]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    torch, locked, ours = [line for line in done.stdout.splitlines() if " pip install " in line]
    assert torch.endswith(" --no-deps -c constraints.txt torch")
    assert locked.endswith(f" --require-hashes --no-deps -r requirements{lock}.lock")
    assert " --no-build-isolation " in ours


def test_no_npm_package_runs_a_script_while_it_is_installed():
    """By whoever types `npm ci` in the folder of the pages, and in the installation."""
    said = (REPOSITORY / "grounding/web/.npmrc").read_text().splitlines()
    assert "ignore-scripts=true" in said
    assert '"ci", "--ignore-scripts"' in (REPOSITORY / "hatch_build.py").read_text()


def test_every_place_names_the_same_oldest_node():
    said = {
        "hatch_build.py": r"node (\d+) or newer and npm",
        "Makefile": r"the pages node (\d+) or newer",
        "README.md": r"Node (\d+) or newer",
        "docs/pages.md": r"Node (\d+) or newer",
        "tests/test_pages.py": r"need node (\d+) or newer",
    }
    found = {p: re.findall(r, (REPOSITORY / p).read_text()) for p, r in said.items()}
    found["OLDEST_NODE"] = re.findall(
        r"OLDEST_NODE = (\d+)", (REPOSITORY / "hatch_build.py").read_text()
    )
    web = REPOSITORY / "grounding" / "web"
    packages = json.loads((web / "package-lock.json").read_text())["packages"]
    for name in ("package.json", "package-lock.json"):
        ours = json.loads((web / name).read_text()).get("engines") or packages[""]["engines"]
        found[name] = [ours["node"].removeprefix(">=")]
    (oldest,) = {number for numbers in found.values() for number in numbers}
    assert all(found.values()), found
    # What the pages are built and tested with asks for no newer one.
    asked = [
        one["engines"]["node"] for one in packages.values() if "node" in one.get("engines", {})
    ]
    assert max(int(re.match(r">=\s*(\d+)", text)[1]) for text in asked) == int(oldest)
