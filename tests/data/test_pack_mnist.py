import gzip
import hashlib
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grounding._errors import UserError
from grounding.data import catalog
from grounding.data.idx import write_idx

SCRIPT = Path(__file__).parents[2] / "tools" / "pack_mnist.py"


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small files that the catalog takes for the published ones."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for size, file in enumerate(catalog.FILES, start=1):
        write_idx(folder / file, np.arange(size, dtype=np.uint8))
    checksums = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    monkeypatch.setattr(catalog, "PUBLISHED_CHECKSUMS", {"mnist": checksums})
    return folder


def test_packs_the_raw_bytes(raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "a" / "b"
    written = runpy.run_path(str(SCRIPT))["pack"](raw, output)
    assert sorted(output.iterdir()) == sorted(written)
    assert {p.name: gzip.decompress(p.read_bytes()) for p in written} == {
        f"{p.name}.gz": p.read_bytes() for p in raw.iterdir()
    }


def test_writes_nothing_if_one_file_is_another(raw: Path, tmp_path: Path) -> None:
    write_idx(raw / catalog.TEST_LABELS, np.zeros(5, dtype=np.uint8))
    with pytest.raises(UserError, match=f"{catalog.TEST_LABELS} has the SHA-256"):
        runpy.run_path(str(SCRIPT))["pack"](raw, tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_the_command_refuses_an_empty_folder_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--output", str(tmp_path / "output")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pack_mnist: ")
    assert done.stderr.count("\n") == 1
