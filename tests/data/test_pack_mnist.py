import runpy
from pathlib import Path

import numpy as np
import pytest
from conftest import image_set, write_idx

from grounding.data import load
from grounding.data.sources import mnist

SCRIPT = Path(__file__).parents[2] / "tools" / "pack_mnist.py"


def test_only_the_published_files_are_packed(tmp_path, monkeypatch, capsys):
    raw, output = image_set(tmp_path / "raw"), tmp_path / "a" / "b"
    monkeypatch.setattr(mnist, "FINGERPRINT", load(raw).fingerprint)
    monkeypatch.setattr("sys.argv", ["pack_mnist", str(raw), "--output", str(output)])

    def packed() -> int:
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return left.value.code

    assert packed() == 0
    assert load(output).fingerprint == load(raw).fingerprint
    assert len(capsys.readouterr().out.splitlines()) == 4
    before = {path: path.read_bytes() for path in output.iterdir()}
    write_idx(raw / "t10k-labels-idx1-ubyte", np.zeros(80, np.uint8))
    assert packed() == 2
    assert {path: path.read_bytes() for path in output.iterdir()} == before
    error = capsys.readouterr().err
    assert error == f"pack_mnist: {raw} does not hold MNIST as it is published\n"
