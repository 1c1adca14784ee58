"""The layers, and that no module of ours hides another one."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "grounding"

# A package imports from its own layer or from those below; the private modules lie below all.
LAYERS = (
    ("cli", "serve"),
    ("studies",),
    ("runs", "export", "experiment"),
    ("training",),
    ("objectives", "data"),
    ("models", "metrics", "dynamics", "projection"),
)
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}
PURE = LAYERS[-1]
SCRIPTS = sorted(p for p in PACKAGE.glob("*.py") if p.stem[0] != "_")


def imports(path):
    """Names of modules that a file imports, including inside functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == "grounding"]


def package(name):
    """The package of `grounding.x...`; None for private modules and the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYER else None


def modules():
    return sorted(p for p in PACKAGE.rglob("*.py") if "web" not in p.parts)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if here in ("__init__", "__main__") or path in SCRIPTS:
        return
    assert here in LAYER or here.startswith("_"), f"{here} is in no layer"
    for name in imports(path):
        there = package(name)
        if there is None or there == here:
            continue
        assert not here.startswith("_"), f"the private {here} imports {name}"
        assert LAYER[there] >= LAYER[here], f"{here} imports {name}, which is above it"
        assert here not in PURE or LAYER[there] != LAYER[here], f"{here} is pure, imports {name}"


def test_no_package_imports_another_in_a_circle():
    graph = {}
    for path in modules():
        here = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if here in LAYER:
            found = {package(name) for name in imports(path)} - {here, None}
            graph.setdefault(here, set()).update(found)

    def visit(name, above):
        assert name not in above, " -> ".join([*above, name])
        for other in graph.get(name, ()):
            visit(other, [*above, name])

    for name in graph:
        visit(name, [])


def test_nothing_beside_the_scripts_shadows_another_module():
    """`python grounding/x.py` puts this folder first on the import path."""
    taken = set(sys.stdlib_module_names) | set(packages_distributions())
    here = {p.stem for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert here & taken <= {"__main__"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_a_script_is_a_docstring_and_one_call(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 25
    docstring = ast.get_docstring(ast.parse(source))
    assert f"python grounding/{path.name}" in docstring
    assert "Writes" in docstring
    assert {package(name) for name in imports(path)} == {"cli"}


def test_the_scripts_are_those_of_the_specification():
    assert [p.name for p in SCRIPTS] == [
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


def test_importing_the_package_is_light():
    code = (
        "import sys, grounding\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'yaml', 'onnx', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\nprint(grounding.__version__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
