"""The local web server: an index of all runs, the pages, and the artifacts folder."""

import errno
import socketserver
import threading
import webbrowser
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from grounding._errors import UserError
from grounding.export.layout import NOT_BUILT, pages_are_built
from grounding.serve.content import Content
from grounding.serve.handler import Handler

ADDRESS = "127.0.0.1"
MAX_THREADS = 32
PORTS_TRIED = 20
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1 and answers with a bounded number of threads.

    Args:
        port: to listen on; 0 for any free one.
        content: what may be sent.
        threads: requests answered at once; more are turned away.

    Raises:
        OSError: the port cannot be had.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, content: Content, threads: int = MAX_THREADS) -> None:
        self.free_threads = threading.BoundedSemaphore(threads)
        super().__init__((ADDRESS, port), partial(Handler, content=content))

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = ADDRESS
        self.server_port = int(self.server_address[1])

    @property
    def url(self) -> str:
        """Address of the index."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, or refuse at once when all are busy."""
        if not self.free_threads.acquire(blocking=False):
            self._turn_away(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system gives no more threads
            self.free_threads.release()
            self._turn_away(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free_threads.release()

    def _turn_away(self, request: Any) -> None:
        try:
            request.setblocking(False)
            request.send(BUSY)
            request.recv(65536)  # closing with unread bytes could eat the answer
        except OSError:
            pass
        self.shutdown_request(request)


def open_server(port: int, content: Content) -> Server:
    """A server on a port, or on the next free one if that is taken.

    Args:
        port: 0 to 65535; 0 for any free one.
        content: what may be sent.

    Raises:
        UserError: the port is out of range or may not be used.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"--port {port} is not in 0 to 65535; try --port 8000")
    for candidate in [*range(port, min(port + PORTS_TRIED, 65536)), 0]:
        try:
            return Server(candidate, content)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise UserError(
                    f"cannot listen on port {candidate}: {reason}; try --port 8000"
                ) from None
    raise UserError(f"cannot listen on {ADDRESS}: no port is free")


def serve(port: int, artifacts: Path, *, open_browser: bool = False) -> None:
    """Serve until Ctrl-C, saying where.

    Args:
        port: 0 to 65535; if it is taken, the next free one.
        artifacts: the folder to serve; it need not exist yet.
        open_browser: show the index in the user's browser.

    Raises:
        UserError: no port can be had, or `artifacts` is no folder.
    """
    if artifacts.exists() and not artifacts.is_dir():
        raise UserError(f"--artifacts {artifacts} is not a folder; name the folder of the outputs")
    content = Content(artifacts)
    with open_server(port, content) as server:
        if port not in (0, server.server_port):
            print(f"port {port} is taken")
        if not pages_are_built(content.pages):
            print(NOT_BUILT)
        if not artifacts.exists():
            print(f"{artifacts} does not exist yet; make a run with: grounding run --config 4")
        print(f"serving {artifacts} at {server.url} (Ctrl-C ends it)", flush=True)
        if open_browser:
            # In a thread: a browser in the terminal would wait for a page that is not served yet.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nstopped")
