"""The notebooks run from their first cell to their last, and are stored as they are before that."""

import nbformat
import pytest
from conftest import REPOSITORY
from nbclient import NotebookClient

pytest.importorskip("anywidget")

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["a_hundred_digits", "my_own_images"]


@pytest.mark.full
@pytest.mark.filterwarnings("default")  # those of the kernel's libraries are not ours to mend
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    work = tmp_path / "work"
    work.mkdir()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(work)}}).execute()
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    shown = [kind for output in outputs for kind in output.get("data", ())]
    assert shown.count(WIDGET) >= 2
    assert shown.count("text/html") >= 2
    assert shown.count("image/png") >= 1
    # What a cell shows, the page in it can read.
    for manifest in (work / "artifacts").glob("*.run.json"):
        assert list(manifest.parent.glob(manifest.name.replace(".run.json", "_*.safetensors")))
