"""Where the pages lie in the package, and where they belong in a site.

A site is the index at its root, the two pages and a style sheet under grounding/, what was built
for the pages under grounding/web/dist/, and the outputs of runs under artifacts/. What is served
and what is published are both laid out like this.
"""

from collections.abc import Collection
from pathlib import Path

import grounding
from grounding._files import resolved_inside
from grounding.export.pages import NOT_BUILT as NOT_BUILT

VIEWER = "grounding/latent_space_viewer.html"
PLAYGROUND = "grounding/interactive_latent_playground.html"
STYLE = "grounding/index.css"
SCRIPT = "grounding/index.js"
BUILT = "grounding/web/dist"
ARTIFACTS = "artifacts"
NOTEBOOK = "notebook"  # files that are built for notebooks begin with it
SCRIPTS = ("viewer.js", "playground.js", "three.js", "worker.js")
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; worker-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'"
)
PAGES = Path(grounding.__file__).parent
TEMPLATES = Path(__file__).with_name("templates")


def page_files(pages: Path) -> dict[str, Path]:
    """The pages, what the index needs and what was built for the pages, by paths in a site."""
    built = pages / "web" / "dist"
    names = [path.relative_to(built).as_posix() for path in sorted(built.rglob("*"))]
    names = [name for name in names if not name.startswith(NOTEBOOK)]
    found = {f"{BUILT}/{name}": file_inside(built, name) for name in names}
    found |= {page: file_inside(pages, Path(page).name) for page in (VIEWER, PLAYGROUND)}
    found |= {name: TEMPLATES / Path(name).name for name in (STYLE, SCRIPT)}
    return {name: path for name, path in found.items() if path}


def are_built(names: Collection[str]) -> bool:
    """Whether both pages and their scripts are among the files of a site."""
    return {VIEWER, PLAYGROUND, *(f"{BUILT}/{script}" for script in SCRIPTS)} <= set(names)


def place_inside(root: Path, key: str) -> Path | None:
    """Where root/key lies, with links followed; None if that is outside of root or hidden."""
    path = resolved_inside(root / key, root)
    if path is None:
        return None
    parts = (*key.split("/"), *path.relative_to(root.resolve()).parts)
    return None if any(part[:1] in ("", ".") for part in parts) else path


def file_inside(root: Path, key: str) -> Path | None:
    """The regular file at root/key, as in `place_inside`; None if there is none."""
    path = place_inside(root, key)
    try:
        return path if path and path.is_file() else None
    except OSError:  # a name that is too long, a folder that may not be entered
        return None
