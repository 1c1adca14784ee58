"""A page of one run as one HTML file, which opens from disk and asks nobody for anything."""

import base64
import gzip
import html
import json
import re
import shlex
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from grounding._errors import UserError, printable
from grounding._files import open_regular, replacing
from grounding.export.pages import RUNTIME
from grounding.runs.manifest import Manifest
from grounding.serve import index, layout
from grounding.serve.layout import file_inside
from grounding.serve.site import chosen

SEARCHED = 65_536  # bytes of a JSON file in which it names its arrays files, as for the pages
# What a page opens, by the name that its address has for it: kinds of artifacts.
NEEDED = {
    "viewer": {"data": "points"},
    "playground": {"assets": "assets", "encoder": "encoder", "decoder": "decoder"},
}


def one_file(
    path: Path,
    artifacts: Path,
    name: str,
    page: str = "auto",
    *,
    force: bool = False,
    pages: Path = layout.PAGES,
) -> list[str]:
    """Write one page of a run with all that it needs.

    Args:
        path: of the HTML file; missing, unless `force` replaces it.
        artifacts: where the run lies.
        name: the run's.
        page: "viewer", "playground", or "auto": the playground if the run has what it needs.
        force: replace a file that is there.
        pages: the folder with `web/dist`.

    Returns:
        A line that says what was written, and how large it is.

    Raises:
        UserError: no such run, outputs that are missing or damaged, pages that are not built, or a
            file that is there or cannot be written.
    """
    (run,) = chosen(artifacts, [name])
    if page == "auto":
        page = "playground" if _has(run, "playground") else "viewer"
    files = _files(run, artifacts, page)
    if path.exists() and not force:
        raise UserError(f"{path} is there; name another file, or replace it with --force")
    data = _document(page, files, pages)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return [
        printable(f"published the {page} of {name}: one file, {len(data) / 1e6:.1f} MB, {path}")
    ]


def _has(run: Manifest, page: str) -> bool:
    return all(run.of_kind(kind) for kind in NEEDED[page].values())


def _files(run: Manifest, artifacts: Path, page: str) -> dict[str, tuple[str, bytes]]:
    """What the page opens: parameter of the address, or "" -> file's name and content."""
    if not _has(run, page):
        kinds = ", ".join(kind for kind in NEEDED[page].values() if not run.of_kind(kind))
        raise UserError(
            f"{run.name} has no {kinds}, which its {page} needs; make them with: "
            f"grounding run --config {shlex.quote(run.name)}"
        )
    wanted = dict(NEEDED[page])
    if page == "playground" and run.of_kind("dynamics"):
        wanted["dynamics"] = "dynamics"
    found: dict[str, tuple[str, bytes]] = {}
    for parameter, kind in wanted.items():
        made = run.of_kind(kind)
        key = next((k for k, one in made.items() if one.results.get("split") == "test"), None)
        key = key or next(iter(made))
        if wrong := index.problem(run, key, artifacts):
            raise UserError(f"nothing was published: {run.name}: {wrong}")
        main = _read(artifacts, key)
        arrays = [one for one in made[key].files if one.endswith(".safetensors")]
        if arrays:
            # The page takes all else from the arrays files, whose names it reads here.
            main = json.dumps({"arrays": _arrays_entry(main, key)}).encode()
        for number, one in enumerate(arrays, 1):
            found[f"{parameter}{' ' * number}"] = (Path(one).name, _read(artifacts, one))
        found[parameter] = (Path(key).name, main)
    return found


def _arrays_entry(document: bytes, key: str) -> Any:
    """The first key of a browser JSON file, which names its arrays files."""
    beginning = document[:SEARCHED].decode("utf-8", "replace")
    found = re.match(r'\s*\{\s*"arrays"\s*:\s*', beginning)
    with suppress(ValueError, RecursionError):
        if found:
            return json.JSONDecoder().raw_decode(beginning, found.end())[0]
    raise UserError(f"{key} does not begin with the names of its arrays files; export it again")


def _read(artifacts: Path, key: str) -> bytes:
    path = file_inside(artifacts, key)
    if path is None:
        raise UserError(f"{key} is not in {artifacts}")
    with open_regular(path) as file:
        return file.read()


def _document(page: str, files: dict[str, tuple[str, bytes]], pages: Path) -> bytes:
    """The page for notebooks with its files, and the script that gives them to it."""
    built = pages / "web" / "dist"
    try:
        text = (built / f"notebook_{page}.html").read_text("utf-8")
        script = (built / "notebook_one_file.js").read_text("utf-8").strip()
        runtime = (built / RUNTIME).read_bytes() if page == "playground" else b""
    except OSError:
        raise UserError(layout.NOT_BUILT.rstrip(".")) from None
    names = {key: quote(name) for key, (name, _) in files.items() if not key.endswith(" ")}
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    # It runs this script besides its own, and nothing else.
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    search = html.escape(urlencode(names), quote=True)
    text = re.sub(r"<html\b", lambda _: f'<html data-search="{search}"', text, count=1)
    text = text.replace("<head>", f"<head><script>{script}</script>", 1)
    # The policy comes first: it has to be there before any script.
    meta = re.search(r'<meta\s+http-equiv="Content-Security-Policy"[^>]*>', text)
    if meta is None:
        raise UserError(layout.NOT_BUILT.rstrip("."))
    text = text.replace(meta[0], "", 1).replace("<head>", f"<head>{meta[0]}", 1)
    blocks = [_block(name, gzip.compress(data, 9, mtime=0), True) for name, data in files.values()]
    if runtime:
        blocks.append(_block(RUNTIME, runtime, False))
    return text.replace("</body>", "".join(blocks) + "</body>", 1).encode()


def _block(name: str, data: bytes, is_packed: bool) -> str:
    packed = " data-packed" if is_packed else ""
    start = f'<script type="application/octet-stream" data-file="{html.escape(name)}"{packed}>'
    return f"{start}{base64.b64encode(data).decode()}</script>\n"
