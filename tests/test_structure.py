"""The rules of the house: who may import whom, how large a door is, what a module may be called."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "grounding"
CORE = PACKAGE / "core"

# From the street down to the cellar. A module imports from its own line or from lines below.
FLOORS = (
    ("commands",),
    ("arguments",),
    ("option_values",),
    ("verify",),
    ("comparison",),
    ("controls",),
    ("seeds",),
    ("chain",),
    ("steps", "probes"),
    ("step",),
    ("run",),
    ("trainer",),
    ("progress",),
    ("serve",),
    ("export",),
    ("training",),
    ("models",),
    ("data",),
    ("config",),
    ("evaluation",),
    ("projection",),
    ("randomness",),
    ("archive", "files"),
    ("locks", "process", "checksums"),
    ("errors",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PURE = ("models", "evaluation", "projection")
DOORS = sorted(p for p in PACKAGE.glob("*.py") if p.stem not in ("__init__", "__main__"))


def imports(path):
    """Names of modules that a file imports, including inside functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dots = path.relative_to(PACKAGE.parent).with_suffix("").parts[: -node.level or None]
            prefix = ".".join(dots) if node.level else ""
            names.append(".".join(filter(None, (prefix, node.module))))
    return names


def room(module):
    """The room of `grounding.core.x...`, or None for what is not in the core."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["grounding", "core"] and len(parts) > 2 else None


def modules():
    return sorted(p for p in CORE.rglob("*.py") if p.name != "__init__.py")


def own_room(path):
    return path.relative_to(CORE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(CORE)))
def test_imports_point_downwards(path):
    here = own_room(path)
    assert here in FLOOR, f"{here} has no floor: add it to FLOORS and to docs/design.md"
    for name in imports(path):
        there = room(name)
        if there is None or there == here:
            continue
        assert FLOOR[there] > FLOOR[here], f"{here} imports {name}, which is not below it"
        assert here not in PURE, f"{here} is pure, but imports {name}"


def test_no_circles_inside_a_room():
    graph = {}
    for path in modules():
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        graph[name] = {i for i in imports(path) if i.startswith("grounding.core")}
    done, walking = set(), []

    def visit(name):
        assert name not in walking, " -> ".join([*walking, name])
        if name in done or name not in graph:
            return
        walking.append(name)
        for other in graph[name]:
            visit(other)
        walking.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_nothing_beside_the_doors_shadows_another_module():
    """`python grounding/x.py` puts this folder first on the import path."""
    taken = set(sys.stdlib_module_names) | set(packages_distributions())
    here = {p.stem for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert here & taken <= {"__main__"}


@pytest.mark.parametrize("path", DOORS, ids=lambda p: p.name)
def test_a_door_is_a_docstring_and_one_call(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 25
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree)
    assert f"python grounding/{path.name}" in docstring
    assert "Writes" in docstring
    assert imports(path) == ["grounding.core.commands"]


def test_the_doors_are_those_of_the_house():
    assert [p.name for p in DOORS] == [
        "analyze_autoencoder.py",
        "analyze_manifold.py",
        "export_decoder_onnx.py",
        "export_encoder_onnx.py",
        "export_interactive_assets.py",
        "generate_latent_points.py",
        "train_covnet.py",
        "train_naive_autoencoder.py",
        "train_naive_covnet_autoencoder.py",
    ]


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\nfrom grounding.core.commands import main\n"
        f"try:\n    main(None, {command!r})\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'yaml', 'onnx', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_importing_the_package_is_light():
    code = "import sys, grounding; assert 'torch' not in sys.modules; print(grounding.__version__)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
