"""The documents: commands that exist, a tutorial that runs, a site without a dead link."""

import os
import re
import shlex
import subprocess
import sys

import click
import pytest
import yaml
from conftest import REPOSITORY
from test_readme import in_place

from grounding.cli.commands import COMMANDS

PAGES = [
    *(REPOSITORY / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()


def commands_of(text):
    blocks = re.findall(r"^ *```bash\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def check(command):
    """Raise unless there is such a command with such options."""
    first, *words = shlex.split(command, comments=True)
    if first.removeprefix("venv/bin/") == "grounding" and words[0] != "--help":
        one = COMMANDS[words[0]]
        one.make_parser(click.Context(one)).parse_args(words[1:])
    elif first == "make":
        assert {word for word in words if "=" not in word} <= set(TARGETS)
    elif first in ("python", "venv/bin/python", "node") and not words[0].startswith("-"):
        assert any((REPOSITORY / place / words[0]).exists() for place in ("", "grounding/web"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_documents_exist(page):
    for command in commands_of(page.read_text(encoding="utf-8")):
        check(command)


def test_commands_that_do_not_exist_are_found():
    for wrong in ("grounding trane", "grounding run --confg 2", "make tset", "python tools/no.py"):
        with pytest.raises((KeyError, click.NoSuchOption, AssertionError)):
            check(wrong)


@pytest.mark.full
def test_the_tutorial_runs_from_top_to_bottom(tmp_path):
    text = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
    commands = commands_of(text)
    for command in commands:
        if "serve" in command:  # the README's test opens it
            continue
        status, complaints = in_place(command, tmp_path)
        assert status == 0, f"{command}: {complaints}"
    assert len(commands) >= 5
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shapes = "assert z.shape == run.latents()[:5].shape and len(pictures) == 5"
    done = subprocess.run(
        [sys.executable, "-c", f"{block}\n{shapes}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.full
def test_the_site_is_built_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=REPOSITORY,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    page = (tmp_path / "reference" / "metrics" / "index.html").read_text(encoding="utf-8")
    assert "trustworthiness" in page
    assert "Raises" in page
    assert "--config" in (tmp_path / "commands" / "index.html").read_text(encoding="utf-8")
    # Nothing is loaded from elsewhere.
    for one in tmp_path.rglob("*.html"):
        assert not re.search(r'(src|<link[^>]* href)="https?://', one.read_text(encoding="utf-8"))


def test_every_page_is_in_the_site():
    asked = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"- (?:\w[^:\n]*: \[)?([\w/]+\.md)", asked))
    assert {page.name for page in PAGES if page.parent.name == "docs"} <= named


def test_workflows_call_what_there_is():
    called = set()
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job.get("steps", ()):
                for line in step.get("run", "").splitlines():
                    called.add(line.split()[0])
                    if line.startswith(("make ", "grounding ")):
                        check(line)
    assert {"make", "grounding"} <= called
