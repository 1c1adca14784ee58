"""The pages' pure modules, tested under node."""

import shutil
import subprocess

import pytest
from conftest import REPOSITORY

WEB = REPOSITORY / "grounding" / "web"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_pure_modules_of_the_pages():
    tests = sorted(str(path.relative_to(WEB)) for path in (WEB / "tests").glob("*.test.js"))
    assert tests
    result = subprocess.run(
        ["node", "--test", *tests], cwd=WEB, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
