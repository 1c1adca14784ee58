"""Which large packages a command loads: those that its work needs, and no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import image_set, own_config

LARGE = {
    *("torch", "numpy", "pydantic", "yaml", "rich", "onnx", "onnxruntime", "onnxscript"),
    *("umapers", "umap", "numba", "scipy", "sklearn", "pandas", "matplotlib", "tensorboard"),
    *("sympy", "torch._dynamo"),
}
RUN = {"torch", "numpy", "pydantic", "yaml"}
ONNX = {"onnx", "onnxruntime"}

MAIN = """
import json, sys
from grounding.cli import main
status = main(sys.argv[1], sys.argv[2:])
print("\\n" + json.dumps([status, sorted(sys.modules)]))
"""
IMPORT = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps([0, sorted(sys.modules)]))
"""


def loaded(code, *arguments, folder=None):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stderr
    return LARGE & set(modules)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("points", RUN | {"umapers"}),
        ("export-encoder", RUN | ONNX),
        pytest.param(
            "dynamics",
            RUN | {"scipy", "matplotlib", "umapers", "rich"},
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_command_on_a_run_loads_what_it_needs(trained, tmp_path, command, expected):
    run = trained("2")
    output = str(tmp_path / "output.txt")
    arguments = [*run.arguments, "--output", output]
    assert loaded(MAIN, command, *arguments, folder=run.folder) == expected


def test_training_needs_no_compiler(in_folder):
    image_set(Path("images"))
    assert loaded(MAIN, "train", "--config", own_config()) == RUN | {"rich"}


def test_reading_writing_and_serving_manifests_needs_no_model(trained):
    run = trained("2")
    assert loaded(IMPORT, "grounding.runs.manifest") == set()
    assert loaded(IMPORT, "grounding.serve.server") == {"numpy"}
    assert loaded(MAIN, "verify", str(run.checkpoint), folder=run.folder) <= {"numpy"}
