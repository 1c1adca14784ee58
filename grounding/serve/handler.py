"""One HTTP request: read within bounds, checked, answered, closed."""

import io
import os
import re
import socket
import stat
import time
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any

from grounding.export.layout import POLICY
from grounding.serve.content import Content, path_parts

HOSTS = ("127.0.0.1", "localhost", "[::1]")
MAX_HEAD_BYTES = 16_384
HEAD_SECONDS = 10.0
SEND_SECONDS = 30.0
CHUNK = 1 << 18
SECURITY_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Refused(Exception):  # noqa: N818 - it is an answer, not an error
    """A request that gets another answer than the file it asks for, and why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection, so that no idle client keeps a thread.

    Args:
        args: those of the server: socket, address of the client, server.
        content: what may be sent.
    """

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, content: Content) -> None:
        self.content = content
        super().__init__(*args)

    def handle(self) -> None:
        """Read the request and answer it."""
        try:
            head = self._read_head()
            if head:
                self._answer(head)
        except (ConnectionError, TimeoutError):
            pass  # the client went away or was too slow

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        """Answer a request that cannot be parsed."""
        self.request_version = "HTTP/1.0"
        self._refuse(HTTPStatus(code), "the request is not well formed")

    def version_string(self) -> str:
        """The Server header."""
        return "grounding"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged."""

    def _read_head(self) -> bytes:
        """The request up to its empty line; b"" if the client sends too little or too slowly."""
        deadline = time.monotonic() + HEAD_SECONDS
        head = b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) <= MAX_HEAD_BYTES:
            left = deadline - time.monotonic()
            if left <= 0:
                return b""
            self.connection.settimeout(left)
            piece = self.connection.recv(4096)
            if not piece:
                return b""
            head += piece
        self.connection.settimeout(SEND_SECONDS)
        return head

    def _answer(self, head: bytes) -> None:
        self.command, self.requestline = "", ""
        if len(head) > MAX_HEAD_BYTES:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self.raw_requestline, _, rest = head.partition(b"\n")
        self.rfile = io.BytesIO(rest)
        if not self.parse_request():  # it has answered
            return
        try:
            self._check()
            self._send_target()
        except Refused as refusal:
            self._refuse(refusal.status, str(refusal))

    def _check(self) -> None:
        """Refuse what no page of ours and no person on this machine would send."""
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            self.request_version = "HTTP/1.0"
            raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1")
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            raise Refused(HTTPStatus.BAD_REQUEST, "one Host header is needed")
        # A foreign page whose name was made to point to this machine sends its own name.
        if not is_own_host(hosts[0], self.connection.getsockname()[1]):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "this server has another name")
        if self.command not in ("GET", "HEAD"):
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")

    def _send_target(self) -> None:
        try:
            parts = path_parts(self.path)
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the path is not well formed") from None
        if parts in ([""], ["index.html"]):
            page = self.content.index()
            self._send_head(HTTPStatus.OK, "text/html; charset=utf-8", len(page))
            self._send_body(page)
            return
        found = self.content.find(parts)
        file = _open_regular(found.path) if found else None
        if file is None or found is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such file here")
        with file:
            self._send_file(file, found.mime)

    def _send_file(self, file: IO[bytes], mime: str) -> None:
        state = os.fstat(file.fileno())
        tag = f'"{state.st_mtime_ns:x}-{state.st_size:x}-{state.st_ino:x}"'
        version = {"ETag": tag, "Last-Modified": formatdate(state.st_mtime, usegmt=True)}
        if self._client_has(tag, state.st_mtime):
            self._send_head(HTTPStatus.NOT_MODIFIED, "", 0, **version)
            return
        self._send_head(HTTPStatus.OK, mime, state.st_size, **version)
        left = state.st_size
        while left and self.command == "GET":
            piece = file.read(min(CHUNK, left))
            if not piece:  # it became shorter; the client sees that bytes are missing
                return
            self._send_body(piece)
            left -= len(piece)

    def _client_has(self, tag: str, modified: float) -> bool:
        """Whether the client says that it holds this version."""
        known = self.headers.get("If-None-Match")
        if known is not None:
            return known.strip() == "*" or tag in re.findall(r'"[^"]*"', known)
        try:
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            return int(modified) <= since.timestamp()
        except (TypeError, ValueError, OverflowError):
            return False

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        allowed = {"Allow": "GET, HEAD"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        body = f"{status.value} {status.phrase}: {reason}\n".encode()
        self._send_head(status, "text/plain; charset=utf-8", len(body), **allowed)
        self._send_body(body)
        self._linger()

    def _send_head(self, status: HTTPStatus, mime: str, length: int, **headers: str) -> None:
        self.send_response(status)
        if status != HTTPStatus.NOT_MODIFIED:
            headers |= {"Content-Type": mime, "Content-Length": str(length)}
        for name, value in {**SECURITY_HEADERS, **headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, body: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(body)

    def _linger(self) -> None:
        """Read what the client still sends for a moment: a reset could eat the answer."""
        deadline = time.monotonic() + 1.0
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.2)
            while time.monotonic() < deadline and self.connection.recv(CHUNK):
                pass
        except OSError:
            pass


def is_own_host(host: str, port: int) -> bool:
    """Whether a Host header names this machine and this port."""
    named = host.strip().lower()
    return named in [f"{name}:{port}" for name in HOSTS] or (port == 80 and named in HOSTS)


def _open_regular(path: Path) -> IO[bytes] | None:
    """A file for reading, unless it became a link or something that is no file meanwhile."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    file = os.fdopen(handle, "rb")
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return file
    file.close()
    return None
