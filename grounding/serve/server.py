"""The local web server: an index of all runs, the pages, and the artifacts folder."""

import asyncio
import errno
import gzip
import re
import secrets
import socket
import sys
import threading
import traceback
import webbrowser
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from grounding._errors import UserError, printable
from grounding._files import open_regular
from grounding.serve import layout
from grounding.serve.index import find_runs, index_page, without_seeds
from grounding.serve.layout import file_inside

OWN_NAMES = ("127.0.0.1", "localhost", "::1")
# The rest of the folder, which may hold files of others, is never a script or a page to a browser.
SHOWN = (".json", ".jsonl", ".png", ".txt")
# What becomes a third by packing, in a hundredth of a second a megabyte.
PACKED = (".js", ".css", ".html", ".json", ".safetensors", ".svg", ".txt")
MOST_PACKED = 8_000_000
MAX_CONNECTIONS = 512
SECURITY_HEADERS = {
    # A notebook on this machine may show a page in a frame.
    "Content-Security-Policy": f"{layout.POLICY}; "
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def serve(
    port: int, artifacts: Path, *, open_browser: bool = False, host: str = "127.0.0.1"
) -> None:
    """Serve until Ctrl-C, saying where.

    Args:
        port: 0 to 65535; if it is taken, the next free one.
        artifacts: the folder to serve; it need not exist yet.
        open_browser: show the index in the user's browser.
        host: the address to listen on. If other machines can reach it, clients need a token, which
            is part of the address that is said.

    Raises:
        UserError: no port can be had, or `artifacts` is no folder.
    """
    if artifacts.exists() and not artifacts.is_dir():
        raise UserError(f"--artifacts {artifacts} is not a folder; name the folder of the outputs")
    with listener(host, port) as listening:
        actual = listening.getsockname()[1]
        token = "" if host in OWN_NAMES else secrets.token_urlsafe(16)
        if port not in (0, actual):
            print(f"port {port} is taken")
        if not layout.are_built(layout.page_files(layout.PAGES)):
            print(layout.NOT_BUILT)
        place = printable(str(artifacts))
        if not artifacts.exists():
            print(f"{place} does not exist yet; make a run with: grounding run --config 7")
        name = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
        name = f"[{name}]" if ":" in name else name
        url = f"http://{name}:{actual}/" + (f"?token={token}" if token else "")
        print(f"serving {place} at {url} (Ctrl-C ends it)", flush=True)
        if open_browser:
            # In a thread: a browser in the terminal would wait for a page that is not served yet.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        try:
            server(App(artifacts, token=token)).run(sockets=[listening])
        except KeyboardInterrupt:
            print("\nstopped")


class App(Starlette):
    """The index, the pages and one artifacts folder, as an ASGI application.

    Args:
        artifacts: the folder; it need not exist yet.
        pages: the folder with the two pages and `web/dist`.
        token: what every client has to know, as `?token=` or as the cookie that this sets; ""
            where only this machine can ask, which then has to do so by one of its own names.
    """

    def __init__(self, artifacts: Path, pages: Path = layout.PAGES, token: str = "") -> None:
        super().__init__(
            routes=[Route("/{path:path}", self._answer)],
            exception_handlers={Exception: _apologise},
        )
        self.artifacts = artifacts
        self.pages = pages
        self.token = token
        # Of many who ask for the index at once, one reads all files, and no file waits for that.
        self._indexing = asyncio.Lock()

    async def _answer(self, request: Request) -> Response:
        host = re.sub(r":\d*$", "", request.headers.get("host", "")).lower().strip("[]")
        # A foreign page whose name was made to point to this machine sends its own name.
        if not self.token and host not in OWN_NAMES:
            raise HTTPException(421, "this server has another name")
        cookie = f"grounding_{request.scope['server'][1]}"
        given = request.query_params.get("token") or request.cookies.get(cookie, "")
        if self.token and not secrets.compare_digest(given.encode(), self.token.encode()):
            raise HTTPException(403, "the address needs the token that the server printed")
        response = await self._find(request, request.path_params["path"])
        if self.token:
            response.set_cookie(cookie, self.token, httponly=True, samesite="strict")
        return response

    async def _find(self, request: Request, path: str) -> Response:
        if path in ("", "index.html"):
            async with self._indexing:
                return await run_in_threadpool(self._index)
        found = await run_in_threadpool(self._file, path)
        if found is None:
            raise HTTPException(404, "there is no such file here")
        response = StaticFiles().file_response(found, found.stat(), request.scope)
        if path.startswith(f"{layout.ARTIFACTS}/") and found.suffix.lower() not in SHOWN:
            response.headers["Content-Type"] = "application/octet-stream"
        is_whole = response.status_code == 200 and "range" not in request.headers
        if is_whole and _is_packed(found, request.headers.get("accept-encoding", "")):
            return await run_in_threadpool(_packed, found, response)
        return response

    def _index(self) -> Response:
        runs, problems = find_runs(self.artifacts)
        built = layout.are_built(layout.page_files(self.pages))
        trouble = "" if built else layout.NOT_BUILT
        return HTMLResponse(index_page(without_seeds(runs), self.artifacts, problems, trouble))

    def _file(self, path: str) -> Path | None:
        folder, _, key = path.partition("/")
        if folder == layout.ARTIFACTS:
            # A file may be named by the config, 5_x.json, as by the experiment, x.json.
            named = re.sub(r"(^|/)\d+_([^/]*)$", r"\1\2", key)
            return file_inside(self.artifacts, key) or file_inside(self.artifacts, named)
        return layout.page_files(self.pages).get(path)


def _is_packed(path: Path, accepted: str) -> bool:
    return (
        "gzip" in accepted and path.suffix.lower() in PACKED and path.stat().st_size <= MOST_PACKED
    )


def _packed(path: Path, plain: Response) -> Response:
    headers = {name: plain.headers[name] for name in ("etag", "last-modified", "content-type")}
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    with open_regular(path) as file:
        return Response(gzip.compress(file.read(), 1), headers=headers)


def server(app: App) -> uvicorn.Server:
    """A server that keeps quiet, bounds what clients can hold, and ends at once when asked to."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        headers=list(SECURITY_HEADERS.items()),
        server_header=False,
        proxy_headers=False,
        log_config=None,
        log_level="critical",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=0,
    )
    return uvicorn.Server(config)


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens on a port (0 for any) or, if that is taken, on the next free one.

    Raises:
        UserError: the port may not be used, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [*range(port, min(port + 20, 65536)), 0]:
        try:
            return socket.create_server((host, candidate), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise UserError(
                    f"cannot listen on {host}, port {candidate}: {error.strerror or error}; "
                    "try --port 8000"
                ) from None
    raise UserError(f"cannot listen on {host}: no port is free")


def _apologise(_: Request, error: Exception) -> Response:
    """Show a mistake of ours to the person at the terminal."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    print("\n".join(map(printable, lines)), file=sys.stderr)
    return PlainTextResponse("see the server's terminal", 500)
