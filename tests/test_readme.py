"""The README tells the truth: its commands run, its links lead somewhere, its table is complete."""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import REDUCED, REPOSITORY, image_set, inside

import grounding
from grounding.cli import main

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
INLINE = re.findall(r"`((?:grounding|python|make) [^`<]+)`", README)
OF_OURS = [c for c in (*COMMANDS, *INLINE) if c.startswith(("grounding", "python grounding"))]
SMALL = [*REDUCED, "data.test_samples=100", "self_supervised.augmentations_per_sample=2"]


def in_place(command, folder):
    """Run a command of the README on a reduced experiment; its exit status and its complaints.

    Scripts run in a process of their own, and so does a server.
    """
    if not (folder / "grounding").exists():
        (folder / "grounding").symlink_to(REPOSITORY / "grounding")
    program, *words = shlex.split(command)
    if words[0] == "serve":
        return served([sys.executable, "-m", "grounding", *words], folder)
    # The dynamics of a small model take a second instead of ten.
    channels = "[4, 8, 8]" if "--config 7" in command else "[4, 8]"
    for setting in (*SMALL, f"model.hidden_dims={channels}", "model.latent_dim=8"):
        if setting.split("=")[0] not in command:
            words += ["--set", setting]
    if program == "python":
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stderr
    with inside(folder), redirect_stderr(io.StringIO()) as complaints:
        return main(None, words), complaints.getvalue()


def served(words, folder):
    """A server that shows its index, then ends; it opens no browser here."""
    command = [word for word in words if word != "--open"] + ["--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if address := re.search(r"http://\S+/", line):
                index = urlopen(address[0], timeout=10).read().decode()
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert "contrastive_autoencoder_fast" in index
    return process.returncode, errors


def test_commands_run_in_the_order_of_the_readme(tmp_path):
    whole = [c for c in COMMANDS if c in OF_OURS]
    assert len(whole) >= 5
    for command in whole:
        status, complaints = in_place(command, tmp_path)
        assert status == 0, f"{command}: {complaints}"
        # Two epochs of a reduced experiment are too few, and the training says so.
        assert all("have collapsed" in line for line in complaints.splitlines()), complaints
    artifacts = tmp_path / "artifacts"
    for kind in ("final.pt", "analysis.txt", "manifold_metrics.json"):
        assert (artifacts / f"self_supervised_covnet_aug100_{kind}").exists()
    assert (artifacts / "longer_manifold_metrics.json").exists()
    assert not list(artifacts.glob("naive_covnet_autoencoder_low_samples*"))


@pytest.mark.full
def test_a_run_has_the_files_of_the_table_and_no_others(tmp_path):
    """Those above the report; `_epoch005.pt` stands beside the final checkpoint."""
    command = "grounding run --config 7 --set training.epochs=1"
    assert in_place(command, tmp_path)[0] == 0
    rows = README.split("|---|---|---|\n")[1].split("<name>_report.html")[0]
    told = set()
    for cell in re.findall(r"^\| (`<name>[^|]*) \|", rows, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell.replace("<name>", ""))
        told.add(first)
        told |= {o if o.startswith("_") else Path(first).stem + o for o in others}
    name = "contrastive_autoencoder_fast"
    made = {p.name.removeprefix(name) for p in (tmp_path / "artifacts").glob(f"{name}*")}
    assert {ending for ending in made if "_epoch" not in ending} == told


def test_python_block_runs_as_it_stands(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(block.splitlines()) <= 12
    shapes = "assert (z.shape, drawn.shape) == ((10000, 32), (5, 1, 28, 28))"
    again = "assert grounding.load('one_epoch').sha256 == run.sha256"
    script = f"{block}\n{shapes}\n{again}\n"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert "'knn_accuracy': 0." in result.stdout
    for path in re.findall(r"artifacts/\w+\.onnx", block):
        assert (tmp_path / path).exists()


def test_what_a_training_can_choose_by_is_understood(tmp_path):
    chosen, _ = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    base = "experiment: {name: x}\nmodel: {architecture: naive_conv}\n"
    (tmp_path / "x.yaml").write_text(base + chosen, encoding="utf-8")
    training = grounding.load_config(tmp_path / "x.yaml").training
    assert training.val_knn.every == 1
    assert training.chosen_by() == {
        "training.early_stopping.metric": "val_loss",
        "training.keep_best": "val_loss",
    }


def test_config_for_own_images_is_a_whole_one(tmp_path, monkeypatch):
    _, config = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "own.yaml").write_text(config, encoding="utf-8")
    folder = tmp_path / "datasets" / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    image_set(folder, shape=(12, 10, 3))
    monkeypatch.setenv("HOME", str(tmp_path))
    shown = subprocess.run(
        [sys.executable, "-m", "grounding", "train", "--config", "own.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert shown.returncode == 0, shown.stderr
    assert "3 x 12 x 10: 144 to train on, 16 for validation, 80 to test" in shown.stdout
    assert (tmp_path / "artifacts" / "clothes_final.pt").exists()


@pytest.mark.parametrize("command", sorted({c for c in INLINE if c.startswith("grounding")}))
def test_commands_named_in_passing_exist(command):
    assert main(None, [shlex.split(command)[1], "--help"]) == 0


@pytest.mark.parametrize("target", ["run", "test"])
def test_make_targets_set_up_first(target):
    """A dry run on a machine without a virtual environment plans the install and then the job."""
    assert f"make {target}" in COMMANDS
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    plan = subprocess.run(
        ["make", "--dry-run", target, "VENV=/nowhere/venv"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    ).stdout
    order = ["-m venv", "pip install", "grounding run" if target == "run" else "pytest"]
    places = [plan.index(step) for step in order]
    assert places == sorted(places)


def test_links_and_files_exist():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    for link in links:
        assert (REPOSITORY / link).exists(), link
    block = README.split("## Where things are")[1].split("```")[1]
    for path in re.findall(r"^(\w[\w./]+)  ", block, re.MULTILINE):
        assert (REPOSITORY / path).exists(), path
    for path in re.findall(r"^  (\w[\w./]+(?:, \w+\.py)?)  ", block, re.MULTILINE):
        for name in path.split(", "):
            assert (REPOSITORY / "grounding" / name).exists(), name


def test_the_table_has_every_packaged_experiment():
    from grounding.experiment.document import packaged_configs

    for config in packaged_configs():
        assert f"| {config.stem.partition('_')[0]} " in README


def test_config_headers_and_the_readme_quote_the_same_scores():
    from grounding.experiment.document import packaged_configs

    rows = dict(re.findall(r"^\| (\d+) [^\n]*?\| (0\.\d{3}) \|", README, re.MULTILINE))
    for config in packaged_configs():
        header = config.read_text(encoding="utf-8").split("\nexperiment:")[0]
        accuracy = rows[config.stem.partition("_")[0]]
        assert f"kNN accuracy {accuracy};" in header
        assert "manifold score" not in header


def test_paths_of_a_machine_are_nowhere():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    for name in tracked:
        path = REPOSITORY / name
        if path.suffix in (".gz", ".png") or path == Path(__file__) or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not re.search(r"/(root|home|Users)/\w", text), name
