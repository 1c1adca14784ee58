"""The pages in a real Chromium, on the outputs of a really trained model."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import REPOSITORY, inside

from grounding.cli import main

WEB = REPOSITORY / "grounding" / "web"
# Those that every change should pass. The others, which go through more states or through what can
# be wrong, file by file, take minutes.
SHORT = (
    *("golden.test.mjs", "smoke.test.mjs", "viewer.test.mjs", "playground.test.mjs"),
    "selections.test.mjs",
)
E2E = [
    pytest.param(path.name, marks=[] if path.name in SHORT else [pytest.mark.full])
    for path in sorted((WEB / "e2e").glob("*.test.mjs"))
]
NAME = "self_supervised_covnet_aug100"

pytestmark = pytest.mark.skipif(
    os.environ.get("BROWSER") == "0", reason="BROWSER=0: the pages were not opened in a browser"
)


def node(*arguments, seconds=300, **environment):
    """Run a program of the pages; its output, if it succeeds."""
    if shutil.which("node") is None:
        pytest.fail("the tests of the pages need node 20 or newer; BROWSER=0 leaves them out")
    done = subprocess.run(
        ["node", *arguments],
        cwd=WEB,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def chromium(shared):
    """Path of a Chromium, installed if need be."""

    def find(folder):
        (folder / "path").write_text(node("e2e/chromium.mjs", seconds=900).strip())

    return (shared("chromium", find) / "path").read_text()


LEARNT = [
    *("--config", "4", "--set", "training.epochs=10", "--set", "data.test_samples=1500"),
    *("--set", "self_supervised.augmentations_per_sample=20", "--set", "training.device=cpu"),
]


@pytest.fixture(scope="session")
def artifacts(shared):
    """Outputs of a small experiment that has really learnt something, but for its dynamics."""

    def make(folder):
        with inside(folder):
            for command in ("train", "analyze", "points", "export"):
                assert main(command, LEARNT) == 0

    return shared("learnt", make) / "artifacts"


@pytest.fixture(scope="session")
def all_artifacts(shared, artifacts):
    """All its outputs; the dynamics take as long as all else together."""

    def make(folder):
        shutil.copytree(artifacts, folder / "artifacts")
        with inside(folder):
            assert main("run", LEARNT) == 0

    return shared("learnt, all", make) / "artifacts"


@contextmanager
def served(command, folder, said=r"http://[\d.]+:\d+/"):
    """A server while it runs; gives the address that it prints."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout
        for line in process.stdout:
            found = re.search(said, line)
            if found:
                yield found[0]
                return
        raise AssertionError(f"{command} ended without an address")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def plain_server(folder):
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    return served(command, folder)


def addresses(origin):
    """Both pages as a reader's own links name them."""
    return [
        f"{origin}grounding/latent_space_viewer.html?data=/artifacts/{NAME}_test_latent_points.json",
        f"{origin}grounding/latent_space_viewer.html"
        f"?data=/artifacts/4_{NAME}_test_latent_points.json",
        f"{origin}grounding/interactive_latent_playground.html"
        f"?assets=/artifacts/{NAME}_test_interactive_assets.json"
        f"&encoder=/artifacts/{NAME}_encoder.onnx&decoder=/artifacts/{NAME}_decoder.onnx",
    ]


@pytest.mark.parametrize("name", E2E)
def test_end_to_end(name, request, chromium):
    needed = "artifacts" if name in SHORT else "all_artifacts"
    node(
        "--test",
        f"e2e/{name}",
        GROUNDING_E2E_ARTIFACTS=str(request.getfixturevalue(needed)),
        GROUNDING_CHROMIUM=chromium,
        GROUNDING_PYTHON=sys.executable,
        seconds=400,
    )


def test_pages_open_under_a_plain_server_at_the_root(artifacts, chromium, tmp_path):
    (tmp_path / "grounding").symlink_to(REPOSITORY / "grounding")
    (tmp_path / "artifacts").symlink_to(artifacts)
    with plain_server(tmp_path) as origin:
        # Only the name of the file itself: a missing spelling is a 404, and so a console error.
        pages = [page for page in addresses(origin) if "/4_" not in page]
        node("e2e/open.mjs", "--pages", *pages, GROUNDING_CHROMIUM=chromium)


@pytest.mark.full
def test_one_file_opens_from_disk_without_a_network(all_artifacts, chromium, tmp_path):
    files = [tmp_path / f"{page}.html" for page in ("playground", "viewer")]
    for file in files:
        given = [
            str(file),
            "--artifacts",
            str(all_artifacts),
            "--only",
            NAME,
            "--one-file",
            file.stem,
        ]
        command = [sys.executable, "-m", "grounding", "publish", *given]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    node("e2e/one_file.mjs", *map(str, files), GROUNDING_CHROMIUM=chromium)


@pytest.mark.full
def test_wheel_serves_and_publishes_the_pages(all_artifacts, chromium, tmp_path):
    """In an environment of its own that holds the wheel, and no sources."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path / "wheel"), str(REPOSITORY)],
        check=True,
        env=os.environ | {"GROUNDING_REQUIRE_PAGES": "1"},
        timeout=300,
    )
    (wheel,) = (tmp_path / "wheel").glob("grounding-*.whl")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=300,
    )
    # The dependencies come from this environment: installing them again takes minutes.
    inside = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    (inside / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    grounding = [str(python), "-m", "grounding"]
    where = subprocess.run(
        [str(python), "-c", "import grounding; print(grounding.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(where).is_relative_to(tmp_path)

    serve = [*grounding, "serve", "--port", "0", "--artifacts", str(all_artifacts)]
    with served(serve, tmp_path) as origin:
        node("e2e/open.mjs", origin, GROUNDING_CHROMIUM=chromium)
        node("e2e/open.mjs", "--pages", *addresses(origin), GROUNDING_CHROMIUM=chromium)

    site = tmp_path / "host" / "any folder"
    publish = [*grounding, "publish", str(site), "--artifacts", str(all_artifacts)]
    subprocess.run(publish, cwd=tmp_path, check=True, timeout=60)
    with plain_server(site.parent) as origin:
        node("e2e/open.mjs", f"{origin}any%20folder/", GROUNDING_CHROMIUM=chromium)
