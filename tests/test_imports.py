"""Which large packages a command loads: those that its work needs, and no other."""

import json
import subprocess
import sys

import pytest
from conftest import overrides

LARGE = {
    *("torch", "numpy", "pydantic", "yaml", "rich", "onnx", "onnxruntime", "onnxscript"),
    *("umapers", "umap", "numba", "scipy", "sklearn", "pandas", "matplotlib", "tensorboard"),
    "torch._dynamo",
}
RUN = {"torch", "numpy", "pydantic", "yaml"}
ONNX = {"onnx", "onnxruntime"}

MAIN = """
import json, sys
from grounding.cli.commands import main
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
        ("analyze", RUN),
        ("manifold", RUN | {"rich"}),
        ("probe", RUN | {"torch._dynamo"}),  # torch's own optimisers bring it
        ("points", RUN | {"umapers"}),
        ("export-assets", RUN | {"umapers"}),
        ("export-encoder", RUN | ONNX),
        ("export-decoder", RUN | ONNX),
    ],
)
def test_a_command_on_a_run_loads_what_it_needs(trained, tmp_path, command, expected):
    run = trained("2")
    output = str(tmp_path / "output.txt")
    arguments = [*run.arguments, "--output", output]
    assert loaded(MAIN, command, *arguments, folder=run.folder) == expected


def test_training_needs_no_compiler(in_folder):
    arguments = ["--config", "7", *overrides("training.epochs=1"), "--output", "model.pt"]
    assert loaded(MAIN, "train", *arguments) == RUN | {"rich"}


def test_verify_loads_what_a_checkpoint_needs(trained):
    run = trained("2")
    checkpoint = str(run.checkpoint)
    assert loaded(MAIN, "verify", checkpoint, folder=run.folder) == RUN


def test_the_schema_needs_no_tensors():
    assert loaded(MAIN, "schema") == {"pydantic"}


@pytest.mark.parametrize("module", ["serve.server", "export.site"])
def test_serving_and_publishing_need_no_model(module):
    assert loaded(IMPORT, f"grounding.{module}") == {"numpy"}
