import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import unquote

import pytest

from grounding._errors import UserError
from grounding.export.layout import SCRIPTS
from grounding.serve import handler
from grounding.serve import server as server_module
from grounding.serve.content import Content
from grounding.serve.handler import is_own_host
from grounding.serve.server import Server, open_server, serve

SECRET = b"not for the world"
Ask = Callable[..., tuple[HTTPResponse, bytes]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An artifacts folder and built pages, with secrets around them."""
    tmp_path = tmp_path_factory.mktemp("served")
    artifacts, pages = tmp_path / "artifacts", tmp_path / "package"
    (artifacts / "sub").mkdir(parents=True)
    (pages / "web" / "dist").mkdir(parents=True)
    (pages / "web" / "src").mkdir()
    for path in (
        tmp_path / "secret.txt",
        artifacts / ".hidden.json",
        pages / "__init__.py",
        pages / "other.html",
        pages / "web" / "package.json",
        pages / "web" / "src" / "viewer.js",
        pages / "web" / "dist" / ".hidden.js",
    ):
        path.write_bytes(SECRET)
    (artifacts / "out.txt").symlink_to(tmp_path / "secret.txt")
    (artifacts / "up").symlink_to(tmp_path)
    (pages / "web" / "dist" / "out.js").symlink_to(pages / "__init__.py")
    (artifacts / "in.txt").symlink_to("sub/inner.txt")
    for name in ("a.json", "a.bin", "a.onnx", "a.txt", "a.html", "a.js", "a.svg", "A B%41é.json"):
        (artifacts / name).write_bytes(name.encode())
    (artifacts / "sub" / "inner.txt").write_bytes(b"inner")
    for name in (*SCRIPTS, "m.mjs", "s.css", "o.wasm", "x.map"):
        (pages / "web" / "dist" / name).write_bytes(name.encode())
    for name in ("latent_space_viewer.html", "interactive_latent_playground.html"):
        (pages / name).write_bytes(name.encode())
    return artifacts, pages


@contextlib.contextmanager
def listening(server: Server) -> Iterator[Server]:
    """Answer requests in the background."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def running(folders: tuple[Path, Path]) -> Iterator[Server]:
    """A server on a free port."""
    with listening(open_server(0, Content(*folders))) as server:
        yield server


@pytest.fixture
def ask(running: Server) -> Ask:
    """Send one request as an ordinary client does."""

    def send(
        path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", running.server_port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    return send


def raw(port: int, request: bytes) -> bytes:
    """Everything that the server answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def get(port: int, target: str, version: str = "HTTP/1.1") -> bytes:
    line = f"GET {target} {version}\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    return raw(port, line.encode("latin-1"))


def is_closed(client: socket.socket) -> bool:
    """Whether the server closes a connection without an answer."""
    try:
        return client.recv(100) == b""
    except ConnectionError:
        return True


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:100]
    return int(found[1])


@pytest.mark.parametrize(
    ("path", "mime"),
    [
        ("/grounding/latent_space_viewer.html", "text/html; charset=utf-8"),
        ("/grounding/interactive_latent_playground.html", "text/html; charset=utf-8"),
        ("/grounding/web/dist/viewer.js", "text/javascript; charset=utf-8"),
        ("/grounding/web/dist/m.mjs", "text/javascript; charset=utf-8"),
        ("/grounding/web/dist/s.css", "text/css; charset=utf-8"),
        ("/grounding/web/dist/o.wasm", "application/wasm"),
        ("/grounding/web/dist/x.map", "application/octet-stream"),
        ("/artifacts/a.json", "application/json"),
        ("/artifacts/a.bin", "application/octet-stream"),
        ("/artifacts/a.onnx", "application/octet-stream"),
        ("/artifacts/a.txt", "text/plain; charset=utf-8"),
        ("/artifacts/a.json?v=1", "application/json"),
        ("/artifacts/A%20B%2541%C3%A9.json", "application/json"),
        # Files of others are never a page or a script.
        ("/artifacts/a.html", "application/octet-stream"),
        ("/artifacts/a.js", "application/octet-stream"),
        ("/artifacts/a.svg", "application/octet-stream"),
    ],
)
def test_files_have_their_type_and_content(ask: Ask, path: str, mime: str) -> None:
    response, body = ask(path)
    assert response.status == 200
    assert response.headers["Content-Type"] == mime
    name = path.rpartition("/")[2].partition("?")[0]
    assert body.decode() == unquote(name)
    assert response.headers["Content-Length"] == str(len(body))


def test_links_inside_of_the_folder_are_followed(ask: Ask) -> None:
    assert ask("/artifacts/in.txt")[1] == b"inner"
    assert ask("/artifacts/sub/inner.txt")[1] == b"inner"


def test_the_style_sheet_of_the_index_is_served(ask: Ask) -> None:
    response, body = ask("/grounding/index.css")
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert b".picture" in body


def test_a_file_may_be_named_by_its_config(ask: Ask) -> None:
    assert ask("/artifacts/5_a.json")[1] == ask("/artifacts/a.json")[1]
    assert ask("/artifacts/sub/12_inner.txt")[1] == b"inner"
    for other in ("/artifacts/5a.json", "/artifacts/x_a.json", "/5_artifacts/a.json"):
        assert ask(other)[0].status == 404


@pytest.mark.parametrize("path", ["/", "/index.html", "/artifacts/a.json", "/none", "/%zz"])
def test_every_answer_is_locked_down(ask: Ask, path: str) -> None:
    response, _ = ask(path)
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Connection"] == "close"
    assert headers["Server"] == "grounding"
    directives = dict(d.split(" ", 1) for d in headers["Content-Security-Policy"].split("; "))
    assert directives == {
        "default-src": "'self'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "worker-src": "'self'",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }


TRAVERSALS = [
    "/artifacts/../secret.txt",
    "/artifacts/../../secret.txt",
    "/artifacts/%2e%2e/secret.txt",
    "/artifacts/%2E%2E/secret.txt",
    "/artifacts/.%2e/secret.txt",
    "/artifacts/..%2fsecret.txt",
    "/artifacts/%2e%2e%2fsecret.txt",
    "/artifacts/%252e%252e/secret.txt",
    "/artifacts/%252e%252e%252fsecret.txt",
    "/artifacts/..%5csecret.txt",
    "/artifacts/..\\secret.txt",
    "/artifacts\\..\\secret.txt",
    "/artifacts/%c0%ae%c0%ae/secret.txt",
    "/artifacts/%e0%80%ae%e0%80%ae/secret.txt",
    "/artifacts/%uff0e%uff0e/secret.txt",
    "/artifacts/\xef\xbc\x8e\xef\xbc\x8e/secret.txt",
    "/artifacts/a.json%00.txt",
    "/artifacts/%00",
    "/artifacts/a.json\x00",
    "/artifacts/a.json/../../secret.txt",
    "/artifacts/sub/../../secret.txt",
    "/artifacts/sub/../a.json",
    "/artifacts/./a.json",
    "/artifacts//a.json",
    "/artifacts/a.json/",
    "/artifacts/..;/secret.txt",
    "/artifacts/~root/.profile",
    "/artifacts/out.txt",
    "/artifacts/up/secret.txt",
    "/artifacts/up/package/__init__.py",
    "/artifacts/.hidden.json",
    "/artifacts/%2ehidden.json",
    "/artifacts",
    "/artifacts/",
    "/artifacts/sub",
    "/artifacts/sub/",
    "/ARTIFACTS/a.json",
    "/grounding",
    "/grounding/",
    "/grounding/__init__.py",
    "/grounding/other.html",
    "/grounding/web/",
    "/grounding/web/package.json",
    "/grounding/web/src/viewer.js",
    "/grounding/web/dist",
    "/grounding/web/dist/",
    "/grounding/web/dist/.hidden.js",
    "/grounding/web/dist/out.js",
    "/grounding/web/dist/../../__init__.py",
    "/grounding/web/dist/..%2f..%2f__init__.py",
    "/grounding/serve/server.py",
    "/secret.txt",
    "/../secret.txt",
    "//secret.txt",
    "//127.0.0.1/artifacts/../secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "/artifacts//etc/passwd",
    "/artifacts/%2fetc%2fpasswd",
    "/artifacts/file:///etc/passwd",
    "http://127.0.0.1/artifacts/../secret.txt",
    "file:///etc/passwd",
    "artifacts/a.json",
    "../secret.txt",
    "*",
    "?",
    "/artifacts/" + "a" * 4000,
    "/artifacts" + "/a" * 4000,
    "/artifacts/%",
    "/artifacts/%2",
    "/artifacts/%zz",
    "/artifacts/%ff",
    "/favicon.ico",
]


@pytest.mark.parametrize("target", TRAVERSALS)
def test_nothing_else_is_served(running: Server, target: str) -> None:
    answer = get(running.server_port, target)
    assert status(answer) in (400, 404)
    assert SECRET not in answer
    assert b"root:" not in answer


def test_an_absolute_path_of_a_file_is_not_served(
    running: Server, folders: tuple[Path, Path]
) -> None:
    secret = folders[0].parent / "secret.txt"
    for prefix in ("", "/", "/artifacts/", "/artifacts"):
        answer = get(running.server_port, f"{prefix}{secret}")
        assert status(answer) in (400, 404)
        assert SECRET not in answer


def test_pipes_are_not_opened(running: Server, folders: tuple[Path, Path]) -> None:
    os.mkfifo(folders[0] / "pipe.json")
    assert status(get(running.server_port, "/artifacts/pipe.json")) == 404
    assert status(get(running.server_port, "/")) == 200


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:{}", "localhost:{}", "LocalHost:{}", "[::1]:{}", " 127.0.0.1:{} "],
)
def test_this_machine_s_names_are_answered(running: Server, host: str) -> None:
    port = running.server_port
    answer = raw(port, f"GET / HTTP/1.1\r\nHost: {host.format(port)}\r\n\r\n".encode())
    assert status(answer) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{}",
        "localhost.evil.example:{}",
        "evil.example@127.0.0.1:{}",
        "127.0.0.1:{}@evil.example",
        "localhost.:{}",
        "0.0.0.0:{}",
        "[::]:{}",
        "::1:{}",
        "127.1:{}",
        "2130706433:{}",
        "127.0.0.1:0{}",
        "127.0.0.1:{}, evil.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/artifacts/a.json"])
def test_other_names_are_not_answered(running: Server, host: str, path: str) -> None:
    port = running.server_port
    answer = raw(port, f"GET {path} HTTP/1.1\r\nHost: {host.format(port)}\r\n\r\n".encode())
    assert status(answer) == 421
    assert b"a.json" not in answer


def test_one_host_header_is_needed(running: Server) -> None:
    port = running.server_port
    own = f"Host: 127.0.0.1:{port}\r\n"
    assert status(raw(port, b"GET / HTTP/1.1\r\n\r\n")) == 400
    assert status(raw(port, b"GET / HTTP/1.0\r\n\r\n")) == 400
    two = f"GET / HTTP/1.1\r\n{own}Host: evil.example\r\n\r\n"
    assert status(raw(port, two.encode())) == 400
    assert status(raw(port, f"GET / HTTP/1.0\r\n{own}\r\n".encode())) == 200


def test_only_port_80_needs_no_port_in_the_name() -> None:
    assert is_own_host("localhost", 80)
    assert is_own_host("[::1]", 80)
    assert not is_own_host("localhost", 8000)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"]
)
def test_only_get_and_head(running: Server, folders: tuple[Path, Path], method: str) -> None:
    port = running.server_port
    before = sorted(folders[0].iterdir())
    body = b"x" * 300_000
    head = f"{method} /artifacts/a.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    answer = raw(port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert status(answer) == 405
    assert b"\r\nAllow: GET, HEAD\r\n" in answer
    assert b"a.json" not in answer
    assert sorted(folders[0].iterdir()) == before


@pytest.mark.parametrize("path", ["/", "/artifacts/a.json", "/none", "/grounding/web/dist/o.wasm"])
def test_head_is_get_without_the_body(ask: Ask, path: str) -> None:
    (get_response, body), (head_response, nothing) = ask(path), ask(path, "HEAD")
    assert nothing == b""
    assert head_response.status == get_response.status
    assert head_response.headers["Content-Length"] == str(len(body))
    for name in ("Content-Type", "ETag", "Last-Modified"):
        assert head_response.headers[name] == get_response.headers[name]


def test_a_client_that_has_a_file_is_told_so(ask: Ask, folders: tuple[Path, Path]) -> None:
    path = folders[0] / "b.json"
    path.write_bytes(b"old")
    first, _ = ask("/artifacts/b.json")
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for condition in (
        {"If_None_Match": tag},
        {"If_None_Match": f'"other", W/{tag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_None_Match": tag, "If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        response, body = ask("/artifacts/b.json", **condition)
        assert (response.status, body) == (304, b"")
        assert response.headers["ETag"] == tag
    for condition in (
        {"If_None_Match": '"other"'},
        {"If_None_Match": '"other"', "If_Modified_Since": modified},
        {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If_Modified_Since": "nonsense"},
        {"If_Modified_Since": "Thu, 01 Jan 99999 00:00:00 GMT"},
    ):
        assert ask("/artifacts/b.json", **condition)[0].status == 200
    path.write_bytes(b"new and longer")
    response, body = ask("/artifacts/b.json", If_None_Match=tag)
    assert (response.status, body) == (200, b"new and longer")


def test_a_large_file_arrives_whole(ask: Ask, folders: tuple[Path, Path]) -> None:
    data = os.urandom(3_000_000)
    (folders[0] / "large.bin").write_bytes(data)
    assert ask("/artifacts/large.bin")[1] == data


@pytest.mark.parametrize(
    "head",
    [
        "GET /" + "a" * 100_000 + " HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nX: " + "a" * 100_000,
        "GET / HTTP/1.1\r\n" + "X: a\r\n" * 10_000,
    ],
)
def test_a_huge_head_is_refused(running: Server, head: str) -> None:
    answer = raw(running.server_port, head.encode() + b"\r\n\r\n")
    assert status(answer) == 431


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0",
        b"GET / HTTP/9",
        b"GET /",
        b"GET / / HTTP/1.1",
        b"nonsense",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 150,
    ],
)
def test_what_is_no_request_is_refused(running: Server, head: bytes) -> None:
    answer = raw(running.server_port, head + b"\r\n\r\n")
    assert status(answer) in (400, 431, 505)
    assert b"Content-Security-Policy" in answer
    assert b"nonsense" not in answer


def test_one_connection_one_request(running: Server) -> None:
    port = running.server_port
    one = f"GET /artifacts/a.txt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    answer = raw(port, (one * 2).encode())
    assert answer.count(b"HTTP/1.1 200") == 1


def test_slow_and_silent_clients_do_not_keep_others_waiting(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "HEAD_SECONDS", 0.6)
    port = running.server_port
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(10)]
    try:
        for client in slow[5:]:
            client.sendall(b"GET / HTTP/1.1\r\n")
        assert status(get(port, "/artifacts/a.json")) == 200
        while not select.select(slow[:5], [], [], 0.05)[0]:
            with contextlib.suppress(ConnectionError):
                slow[-1].sendall(b"x")  # each byte comes in time, the whole never does
        assert all(is_closed(client) for client in slow)
    finally:
        for client in slow:
            client.close()


def test_too_many_clients_are_turned_away_and_later_answered(folders: tuple[Path, Path]) -> None:
    with listening(Server(0, Content(*folders), threads=2)) as server:
        port = server.server_port
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
        try:
            assert status(raw(port, b"")) == 503
        finally:
            for client in silent:
                client.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionError):
                if status(get(port, "/artifacts/a.json")) == 200:
                    return
    pytest.fail("the threads did not become free")


def test_a_client_that_goes_away_leaves_no_trace(
    running: Server, folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    (folders[0] / "large.bin").write_bytes(bytes(20_000_000))
    port = running.server_port
    for _ in range(3):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        request = f"GET /artifacts/large.bin HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        client.sendall(request.encode())
        client.recv(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert status(get(port, "/artifacts/a.json")) == 200
    assert capfd.readouterr() == ("", "")


def test_the_index_follows_the_folder(ask: Ask, folders: tuple[Path, Path]) -> None:
    score = {"experiment": "first_run", "metrics": {}, "manifold_score": 50}
    assert b"first_run" not in ask("/")[1]
    path = folders[0] / "m.json"
    path.write_text(json.dumps(score))
    response, page = ask("/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"first_run" in page
    assert b"a.json (not JSON)" in page
    path.unlink()
    assert b"first_run" not in ask("/")[1]


def test_the_index_says_whether_the_pages_are_built(ask: Ask, folders: tuple[Path, Path]) -> None:
    assert b"not built" not in ask("/")[1]
    script = folders[1] / "web" / "dist" / "viewer.js"
    moved = script.rename(script.with_name("moved.js"))
    assert b"not built: install Node" in ask("/")[1]
    moved.rename(script)


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    content = Content(tmp_path / "missing")
    assert b"grounding run --config 4" in content.index()
    assert content.find(["artifacts", "a.json"]) is None


def test_a_taken_port_gives_the_next_one(folders: tuple[Path, Path]) -> None:
    with open_server(0, Content(*folders)) as first:
        with open_server(first.server_port, Content(*folders)) as second:
            assert second.server_port != first.server_port
        assert first.server_address[0] == "127.0.0.1"


def test_bad_ports_get_one_line(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for port in (-1, 65536):
        with pytest.raises(UserError, match=f"--port {port} is not in 0 to 65535"):
            open_server(port, Content(*folders))

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(server_module, "Server", forbidden)
    with pytest.raises(UserError, match="cannot listen on port 80: Permission denied"):
        open_server(80, Content(*folders))


def test_a_file_is_no_artifacts_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a folder"):
        serve(0, tmp_path / "file")


def test_it_says_where_it_is_opens_the_browser_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    code = (
        "import sys, webbrowser\n"
        "from pathlib import Path\n"
        "from grounding.serve.server import serve\n"
        "webbrowser.open = lambda url: print('browser', url, flush=True)\n"
        "serve(0, Path('artifacts'), open_browser=True)\n"
        "assert not {'torch', 'onnx', 'pydantic'} & set(sys.modules)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("browser"):
        lines.append(process.stdout.readline())
        assert lines[-1], process.communicate()
    url = lines[-1].split()[1]
    with urllib.request.urlopen(url, timeout=10) as response:
        assert b"Latent spaces" in response.read()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert rest.strip() == "stopped"
    assert errors == ""
    assert any(line.startswith(f"serving artifacts at {url} (Ctrl-C") for line in lines)
    assert any("artifacts does not exist yet" in line for line in lines)
