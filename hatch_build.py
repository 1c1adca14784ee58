"""Builds the pages while Python installs: npm packages by their lock file, then one bundle.

Needs node 20 or newer and npm. Without them, or when the build fails, Python still installs and
the pages say what to do; GROUNDING_REQUIRE_PAGES=1 turns that into an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 20
TIMEOUT_S = 900
PAGES = ("../latent_space_viewer.html", "../interactive_latent_playground.html")


class PagesBuildHook(BuildHookInterface[Any]):
    """Leaves grounding/web/dist/ up to date before files are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages for wheels, editable or not."""
        del version, build_data
        if self.target_name != "wheel":
            return
        web = Path(self.root) / "grounding" / "web"
        try:
            build_pages(web)
        except PagesNotBuiltError as error:
            if os.environ.get("GROUNDING_REQUIRE_PAGES") == "1":
                raise
            built = (web / "dist" / "stamp.json").exists()
            left = "the last built pages stay" if built else "the pages will say what to do"
            print(f"grounding: {error}; {left}", file=sys.stderr)


class PagesNotBuiltError(RuntimeError):
    """The pages could not be built, and why."""


def build_pages(web: Path) -> None:
    """Bring web/dist up to date.

    Raises:
        PagesNotBuiltError: node or npm is missing, or a command failed.
    """
    if is_current(web):
        return
    node, npm = node_and_npm()
    lock = web / "package-lock.json"
    marker = web / "node_modules" / ".grounding-lock"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (marker.is_file() and marker.read_text() == wanted):
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], web)
        marker.write_text(wanted)
    run([node, "build.mjs"], web)


def is_current(web: Path) -> bool:
    """Whether dist was made from these very sources, so that node is not needed.

    The hash is the one that build.mjs writes: name, length and bytes of each file.
    """
    try:
        stamp = json.loads((web / "dist" / "stamp.json").read_text())
    except (OSError, ValueError):
        return False
    files = sorted((path for path in (web / "src").rglob("*") if path.is_file()), key=str)
    files += [web / name for name in ("package.json", "package-lock.json", "build.mjs", *PAGES)]
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        name = path.relative_to(web).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return isinstance(stamp, dict) and stamp.get("sources") == digest.hexdigest()


def node_and_npm() -> tuple[str, str]:
    """Paths of both programs.

    Raises:
        PagesNotBuiltError: one is missing, or node is too old.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PagesNotBuiltError(
            f"the pages need node {OLDEST_NODE} or newer with npm; install it and install again"
        )
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.", answer.stdout)
    if match is None or int(match[1]) < OLDEST_NODE:
        raise PagesNotBuiltError(
            f"node is {answer.stdout.strip()!r}, the pages need {OLDEST_NODE} or newer"
        )
    return node, npm


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder, showing nothing unless it fails.

    Raises:
        PagesNotBuiltError: with the end of what the command said.
    """
    shown = f"{Path(command[0]).name} {' '.join(command[1:])}"
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PagesNotBuiltError(f"`{shown}` failed: {error}") from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise PagesNotBuiltError(f"`{shown}` failed:\n{said}")
