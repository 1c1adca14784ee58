"""The pages' pure modules, tested under node."""

import json
import shutil
import subprocess

import pytest
from conftest import REPOSITORY

from grounding.data.sources import dataset_names, mnist

WEB = REPOSITORY / "grounding" / "web"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_pure_modules_of_the_pages():
    tests = sorted(path.as_uri() for path in (WEB / "tests").glob("*.test.js"))
    assert tests
    # In one process: `node --test` starts one for each file, which takes four times as long.
    imports = "\n".join(f"import {json.dumps(test)};" for test in tests)
    command = ["node", "--input-type=module", "--eval", imports]
    result = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_the_pages_know_sets_of_digits_by_what_the_package_says_of_them():
    source = (WEB / "src" / "fields.js").read_text()
    assert f'"{mnist.FINGERPRINT}"' in source
    assert {"emnist_digits", "emnist_mnist", "digits"} <= set(dataset_names())
