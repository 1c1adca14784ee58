"""docs/extending.md tells the truth: its components are pasted, trained, measured and installed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


COMPONENTS = [block for block in blocks("python") if "@register." in block]
KINDS = ["model", "objective", "augmentation", "metric", "source"]
IMPORT = ("--import", "my_components")


# Nothing is registered in the process of the tests, where others count what there is.
def python(folder, *arguments, path=()):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, *path)))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def grounding(folder, *arguments, path=()):
    return python(folder, "-m", "grounding", *arguments, path=path)


def prepared(folder):
    """A folder with the config, the images and the components of the page."""
    (folder / "my_components.py").write_text("\n\n".join(COMPONENTS), encoding="utf-8")
    (folder / "own.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    (images,) = (block for block in blocks("python") if "np.savetxt" in block)
    made = python(folder, "-c", images)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the commands of the page have been typed, one after the other; in one process."""
    folder = prepared(tmp_path_factory.mktemp("extending"))
    script = ["from contextlib import redirect_stdout", "from grounding.cli import main"]
    for line in blocks("bash")[0].splitlines():
        command, _, output = line.partition(" > ")
        program, *words = shlex.split(command)
        assert program == "grounding"
        script += [
            f"with open({output or f'{words[0]}.txt'!r}, 'w', encoding='utf-8') as file:",
            f"    with redirect_stdout(file): assert main(None, {words!r}) == 0",
        ]
    shown = python(folder, "-c", "\n".join(script))
    assert (shown.returncode, shown.stderr) == (0, "")
    return folder


def test_there_is_one_component_of_each_kind_and_each_works_without_the_others(tmp_path):
    assert [re.findall(r"@register\.(\w+)", block) for block in COMPONENTS] == [[k] for k in KINDS]
    for kind, block in zip(KINDS, COMPONENTS, strict=True):
        assert len(block.splitlines()) <= 35
        (tmp_path / f"only_{kind}.py").write_text(block, encoding="utf-8")
    lines = [f"import only_{kind}" for kind in KINDS]
    result = python(tmp_path, "-c", "\n".join(lines))
    assert result.returncode == 0, result.stderr


def test_a_run_has_all_its_outputs_and_the_new_metric(place):
    artifacts = place / "artifacts"
    assert "failed" not in (place / "run.txt").read_text()
    assert "collapsed" not in (place / "run.txt").read_text()
    report = json.loads((artifacts / "own_components_manifold_metrics.json").read_text())
    assert 1 < report["metrics"]["participation_ratio"] <= 8
    assert report["config"]["model"]["architecture"] == "pooled_conv"
    assert report["config"]["objectives"]["decorrelation"] == 0.02
    assert report["config"]["self_supervised"]["augmentations"]["blur"]["max_weight"] == 0.7
    assert report["data"]["source"] == "table"
    assert re.search(
        r"participation_ratio +\d\.\d  How many dimensions", (place / "run.txt").read_text()
    )
    for ending in ("encoder.onnx", "decoder.onnx", "test_latent_points.json"):
        assert (artifacts / f"own_components_{ending}").exists()


def test_lists_and_schema_have_the_new_names(place):
    listed = (place / "components.txt").read_text()
    for name in ("pooled_conv", "decorrelation", "blur", "participation_ratio", "pixel_table"):
        assert re.search(rf"^  {name} .*\[my_components\]$", listed, re.MULTILINE)
    schema = (place / "schema.json").read_text()
    for name in ("pooled_conv", "decorrelation", "redundancy", "blur", "max_weight", "pixel_table"):
        assert f'"{name}"' in schema
    assert "Channels of the first convolution" in schema


@pytest.mark.full
def test_index_and_comparison_show_the_new_metric(place):
    shown = grounding(place, "publish", "site")
    assert shown.returncode == 0, shown.stderr
    assert "participation ratio" in (place / "site" / "index.html").read_text(encoding="utf-8")
    brief = (
        "--set",
        "training.epochs=1",
        "--set",
        "experiment.name=brief",
        "--seeds",
        "0",
        "--no-controls",
    )
    shown = grounding(place, "compare", "own.yaml", *IMPORT, *brief)
    assert shown.returncode == 0, shown.stderr
    assert "participation ratio" in shown.stdout
    assert "participation_ratio" in (place / "artifacts" / "comparison.csv").read_text(
        encoding="utf-8"
    )


def test_what_the_page_says_in_passing_is_python_and_yaml(place):
    """Inline code that begins with `grounding.` or `run.`, or that is a section of a config."""
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL).replace("\n", " ")
    inline = re.findall(r"`([^`]+)`", prose)
    expressions = [c for c in inline if re.match(r"(grounding|run)\.\w[\w.]*\(", c)]
    sections = [c for c in inline if re.match(r"\w+: \{", c)]
    assert len(expressions) >= 5
    assert len(sections) >= 4
    script = [
        "import grounding, my_components, torch, yaml",
        "from grounding.metrics import Space",
        'run = grounding.train("own.yaml", quiet=True)',
        'images, latents = torch.rand(4, 1, 28, 28), run.latents("test")',
        *(f"print({expression})" for expression in expressions),
        f"for section in {sections!r}:",
        '    grounding.load_config("own.yaml", **yaml.safe_load(section))',
    ]
    result = python(place, "-c", "\n".join(script))
    assert result.returncode == 0, result.stderr
    assert "participation_ratio" in result.stdout


@pytest.mark.full
def test_changed_components_are_measured_again_but_nothing_is_trained_again(place):
    changed = place / "my_components.py"
    before = changed.read_text(encoding="utf-8")
    changed.write_text(f"{before}\n# changed\n", encoding="utf-8")
    try:
        shown = grounding(place, "run", "--config", "own.yaml", *IMPORT).stdout
    finally:
        changed.write_text(before, encoding="utf-8")
    assert "train: up to date" in shown
    # The file holds the model, too, of which every output is made.
    assert shown.count("up to date") == 1
    assert "manifold: done" in shown


def test_without_import_config_and_checkpoint_are_refused_in_one_line(place):
    checkpoint = "artifacts/own_components_final.pt"
    script = (
        "import sys, grounding\n"
        "from grounding.cli import main\n"
        "assert main(None, ['train', '--config', 'own.yaml']) == 2\n"
        f"assert main(None, ['analyze', '--config', '2', '--checkpoint', {checkpoint!r}]) == 2\n"
        f"for name in ('own_components', {checkpoint!r}):\n"
        "    try: grounding.load(name)\n"
        "    except grounding.UserError as error: print('error:', error, file=sys.stderr)\n"
        "assert 'my_components' not in sys.modules"
    )
    refused = python(place, "-c", script)
    assert refused.returncode == 0, refused.stderr
    assert re.fullmatch(r"(error: .*(pooled_conv|blur).*\n){4}", refused.stderr)


def test_a_module_that_cannot_be_imported_is_one_line(place):
    (place / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    for name, said in (("broken", "ZeroDivisionError"), ("nowhere", "ModuleNotFoundError")):
        refused = grounding(place, "train", "--config", "own.yaml", "--import", name)
        assert refused.returncode == 2
        assert re.fullmatch(rf"error: --import {name}: {said}: .*\n", refused.stderr)


def installed(folder, name, module):
    """What an installed package leaves behind: a module and the entry points of the page."""
    points = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]
    ((group, named),) = points.items()
    assert named == {"my_components": "my_components"}
    (folder / f"{name}.py").write_text(module, encoding="utf-8")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}\n")


def test_an_installed_package_needs_no_import(place, tmp_path):
    folder, packages = tmp_path / "elsewhere", tmp_path / "packages"
    shutil.copytree(place, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "site"))
    packages.mkdir()
    installed(packages, "my_components", "\n\n".join(COMPONENTS))
    installed(packages, "broken", "1 / 0\n")
    shown = grounding(folder, "analyze", "--config", "own.yaml", path=[packages])
    assert shown.returncode == 0, shown.stderr
    assert "kNN" in shown.stdout
    assert shown.stderr == "warning: components of broken left out: ZeroDivisionError: " + (
        "division by zero\n"
    )
