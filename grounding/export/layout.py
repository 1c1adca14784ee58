"""Where the pages lie in the package, and where they belong in a site.

A site is the index at its root, the two pages and their style sheet under grounding/, what was
built for them under grounding/web/dist/, and the outputs of runs under artifacts/.
"""

from collections.abc import Sequence
from pathlib import Path

import grounding

VIEWER = "grounding/latent_space_viewer.html"
PLAYGROUND = "grounding/interactive_latent_playground.html"
STYLE = "grounding/index.css"
BUILT = "grounding/web/dist"
ARTIFACTS = "artifacts"
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; worker-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)
SCRIPTS = ("viewer.js", "playground.js", "three.js", "worker.js")
NOT_BUILT = (
    "The pages are not built: install Node 20 or newer, then run pip install again "
    "(in a clone: pip install -e .)."
)


def pages_folder() -> Path:
    """Where the packaged pages lie."""
    return Path(grounding.__file__).parent


def built_folder(pages: Path) -> Path:
    """What was built for the pages in a folder."""
    return pages / "web" / "dist"


def style_file() -> Path:
    """The index's style sheet."""
    return Path(__file__).with_name("index.css")


def pages_are_built(pages: Path) -> bool:
    """Whether both pages and their scripts are there."""
    needed = [pages / Path(page).name for page in (VIEWER, PLAYGROUND)]
    needed += [built_folder(pages) / name for name in SCRIPTS]
    return all(path.is_file() for path in needed)


def file_inside(root: Path, parts: Sequence[str]) -> Path | None:
    """The regular file at root/parts, with links followed.

    None if there is none, if a name of it starts with a dot, or if it lies outside of root.
    """
    if not parts or any(not part or part[0] == "." or set(part) & set("/\\\0") for part in parts):
        return None
    try:
        base = root.resolve(strict=True)
        path = base.joinpath(*parts).resolve(strict=True)
        inner = path.relative_to(base)
        hidden = any(part.startswith(".") for part in inner.parts)
        return path if path.is_file() and not hidden else None
    except (OSError, ValueError, RuntimeError):  # a loop of links is a RuntimeError
        return None
