"""What the documentation site has besides the pages in `docs`; MkDocs calls these by their names.

The README is its first page. The page of commands is their help, and there is a page for each part
of the Python API, from the docstrings.
"""

import re
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from grounding.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
TAKEN = {"README.md": "index.md", "AGENTS.md": "AGENTS.md", "CHANGELOG.md": "CHANGELOG.md"}
# What a person imports: (title, module, what of it; nothing for all that is public).
PYTHON = {
    "train": (
        "Train, load, attach, evaluate, report",
        "grounding",
        "train load attach evaluate report figures load_config Run Sweep Experiment UserError",
    ),
    "datasets": ("grounding.datasets", "grounding.data", ""),
    "models": ("grounding.models", "grounding.models", ""),
    "objectives": ("grounding.objectives", "grounding.objectives", ""),
    "metrics": ("grounding.metrics", "grounding.metrics", ""),
    "dynamics": ("grounding.dynamics", "grounding.dynamics", ""),
    "register": ("grounding.register", "grounding._registry", ""),
    "config": ("Sections of a config", "grounding.experiment.sections", ""),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, not written."""
    for source, name in TAKEN.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "commands.md", content=commands()))
    for name, (title, module, members) in PYTHON.items():
        asked = [f"::: {module}.{one}" for one in members.split()] or [f"::: {module}"]
        text = "\n\n".join((f"# {title}", *asked))
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Have links that stand in the root lead to pages of the site, and those to code be text."""
    inside = re.sub(r"\]\(docs/", "](", markdown)
    code = r"\[([^]]*)\]\((?:\.\./)?(?:notebooks|grounding|tests|tools)/[^)]*\)"
    return re.sub(code, r"\1", inside)


def commands() -> str:
    """Markdown: the help of every command."""
    text = ["# Commands", "`grounding COMMAND --help` says the same at the terminal."]
    for name, command in sorted(COMMANDS.items()):
        own = click.Context(command, info_name=f"grounding {name}", terminal_width=96)
        text.append(f"## {name}\n\n```text\n{command.get_help(own)}\n```")
    return "\n\n".join(text)
