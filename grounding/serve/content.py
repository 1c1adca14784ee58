"""What the server may send: which file an address means, and the index."""

import os
import re
import threading
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from grounding.export import layout
from grounding.export.index import index_page
from grounding.export.layout import file_inside
from grounding.export.outputs import find_runs

PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
# Never a script or a page: the folder may hold files of others.
ARTIFACT_TYPES = {
    ".json": "application/json",
    ".jsonl": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
UNKNOWN_TYPE = "application/octet-stream"


class Found(NamedTuple):
    """A file that may be sent, and its MIME type."""

    path: Path
    mime: str


class Content:
    """The pages and one artifacts folder.

    Args:
        artifacts: the folder; it need not exist yet.
        pages: the folder with the two pages and `web/dist`; default: the packaged ones.
    """

    def __init__(self, artifacts: Path, pages: Path | None = None) -> None:
        self.artifacts = artifacts
        self.pages = pages or layout.pages_folder()
        self._index: tuple[object, bytes] | None = None
        self._lock = threading.Lock()

    def find(self, parts: list[str]) -> Found | None:
        """The file at a path; None if there is none that may be sent."""
        path = "/".join(parts)
        built = layout.BUILT.split("/")
        if path == layout.STYLE:
            style = layout.style_file()
            return _found(style.parent, [style.name], PAGE_TYPES)
        if path in (layout.VIEWER, layout.PLAYGROUND):
            return _found(self.pages, parts[1:], PAGE_TYPES)
        if parts[: len(built)] == built:
            return _found(layout.built_folder(self.pages), parts[len(built) :], PAGE_TYPES)
        if parts[0] == layout.ARTIFACTS:
            return _found(self.artifacts, parts[1:], ARTIFACT_TYPES) or _found(
                self.artifacts, _without_number(parts[1:]), ARTIFACT_TYPES
            )
        return None

    def index(self) -> bytes:
        """The index page, made again only when the artifacts folder changed."""
        with self._lock:
            built = layout.pages_are_built(self.pages)
            state = (built, _folder_state(self.artifacts))
            if self._index is None or self._index[0] != state:
                runs, skipped = find_runs(self.artifacts)
                self._index = state, index_page(runs, skipped, pages_built=built)
            return self._index[1]


def path_parts(target: str) -> list[str]:
    """The names in a request's target, each decoded once; the query is left out.

    Raises:
        ValueError: it is no absolute path, or its percent signs do not stand for UTF-8 text.
    """
    path = target.split("?", 1)[0]
    if not path.startswith("/") or not path.isascii() or re.search("%(?![0-9A-Fa-f]{2})", path):
        raise ValueError("the path is not well formed")
    return [unquote_to_bytes(part).decode() for part in path[1:].split("/")]


def _found(root: Path, parts: list[str], types: dict[str, str]) -> Found | None:
    path = file_inside(root, parts)
    return Found(path, types.get(path.suffix.lower(), UNKNOWN_TYPE)) if path else None


def _without_number(parts: list[str]) -> list[str]:
    """A path whose file may be named by the config, `5_x.json`, as by the experiment, `x.json`."""
    return [*parts[:-1], re.sub(r"^\d+_", "", parts[-1])] if parts else parts


def _folder_state(folder: Path) -> object:
    """Changes whenever a file of the folder does."""
    try:
        with os.scandir(folder) as entries:
            states = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return None
    return sorted((name, s.st_mtime_ns, s.st_size, s.st_ino) for name, s in states)
