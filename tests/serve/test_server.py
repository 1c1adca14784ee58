import contextlib
import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from folders import built_pages, new_run, whole_run

from grounding._errors import UserError
from grounding.serve import layout
from grounding.serve import server as server_module
from grounding.serve.server import App, listener, serve, server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder and built pages."""
    place = tmp_path_factory.mktemp("served")
    artifacts, _ = place / "artifacts", built_pages(place / "package")
    (whole_run(artifacts).path.parent / "sub").mkdir()
    for name in ("a.json", "a.bin", "a.html", "a.svg", "A B%41é.json", "sub/in.txt"):
        (artifacts / name).write_text(Path(name).name)
    (artifacts / "in.txt").symlink_to("sub/in.txt")
    return place


@contextlib.contextmanager
def listening(app: App) -> Iterator[int]:
    """Answer requests in the background; gives the port."""
    with listener("127.0.0.1", 0) as place:
        one = server(app)
        thread = threading.Thread(target=one.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            yield place.getsockname()[1]
        finally:
            one.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Where a server listens."""
    with listening(App(folder / "artifacts", folder / "package")) as found:
        yield found


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    """Send one request as an ordinary client does."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, None, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response, response.read()


@pytest.mark.parametrize(
    ("path", "mime"),
    {
        f"/{layout.VIEWER}": "text/html; charset=utf-8",
        f"/{layout.BUILT}/viewer.js": "javascript",
        f"/{layout.BUILT}/deep/runtime.wasm": "application/wasm",
        "/artifacts/a.json?v=1": "application/json",
        "/artifacts/A%20B%2541%C3%A9.json": "application/json",
        "/artifacts/in.txt": "text/plain; charset=utf-8",
        # A file may be named by its config.
        "/artifacts/5_a.json": "application/json",
        "/artifacts/sub/12_in.txt": "text/plain; charset=utf-8",
        # Files of others are never a page or a script.
        **{f"/artifacts/a.{end}": "application/octet-stream" for end in ("bin", "html", "svg")},
    }.items(),
)
def test_files_have_their_type_and_content(port: int, path: str, mime: str) -> None:
    response, body = ask(port, path)
    assert response.status == 200
    assert mime in response.headers["Content-Type"]
    assert unquote(urlsplit(path).path).endswith(body.decode())


def test_text_and_arrays_are_packed_for_those_who_take_that(port: int, folder: Path) -> None:
    plain = b"0123456789" * 5000
    for name, is_packed in {
        "long.json": True,
        "long.safetensors": True,
        "long.onnx": False,
    }.items():
        (folder / "artifacts" / name).write_bytes(plain)
        response, body = ask(port, f"/artifacts/{name}", Accept_Encoding="br, gzip")
        assert (response.headers["Content-Encoding"] == "gzip") == is_packed
        assert int(response.headers["Content-Length"]) == len(body)
        assert (len(body) < 1000) == is_packed
        assert (gzip.decompress(body) if is_packed else body) == plain
        assert response.headers["ETag"] == ask(port, f"/artifacts/{name}")[0].headers["ETag"]
        for headers in ({}, {"Accept_Encoding": "gzip", "Range": "bytes=0-49999"}):
            response, body = ask(port, f"/artifacts/{name}", **headers)
            assert body == plain
            assert "Content-Encoding" not in response.headers
        (folder / "artifacts" / name).unlink()


@pytest.mark.parametrize("path", ["/", "/index.html", "/artifacts/a.json", "/none", "/%zz"])
def test_every_answer_is_locked_down(port: int, path: str) -> None:
    headers = ask(port, path)[0].headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"
    assert {"Server", "Set-Cookie"}.isdisjoint(headers)
    policy, frames = headers["Content-Security-Policy"].split("; frame-ancestors ")
    assert frames == "'self' http://localhost:* http://127.0.0.1:*"
    assert policy == layout.POLICY


def test_the_host_must_be_this_machine_s_at_any_port(port: int) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST:9000", f"[::1]:{port}", "localhost:1"):
        assert ask(port, "/", Host=host)[0].status == 200
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "a.localhost", ""):
        assert ask(port, "/", Host=host, X_Forwarded_Host="localhost")[0].status == 421


def test_only_get_and_head_are_answered_and_nothing_twice(port: int, folder: Path) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X"):
        assert ask(port, "/artifacts/a.json", method)[0].status == 405
    for path in ("/", "/artifacts/a.json", "/none"):
        (plain, _), (head, body) = ask(port, path), ask(port, path, "HEAD")
        assert body == b""
        for name in ("Content-Length", "Content-Type", "ETag"):
            assert head.headers[name] == plain.headers[name]
    tag = ask(port, "/artifacts/a.bin")[0].headers["ETag"]
    assert ask(port, "/artifacts/a.bin", If_None_Match=tag)[0].status == 304
    os.utime(folder / "artifacts" / "a.bin", (1, 1))
    assert ask(port, "/artifacts/a.bin", If_None_Match=tag)[0].status == 200


def test_clients_that_are_slow_go_away_or_are_too_many_disturb_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 60)
    (folder / "artifacts" / "slow.bin").write_bytes(bytes(20_000_000))
    whole = b"GET /artifacts/slow.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for count, status in ((58, 200), (60, 503)):  # more than there are threads
        # A server for each: one that still counts those who left would send some of these away.
        with listening(App(folder / "artifacts")) as port, contextlib.ExitStack() as clients:
            for number in range(count):
                client = socket.create_connection(("127.0.0.1", port))
                clients.enter_context(client)
                client.sendall((whole, whole, whole, whole[:20], b"nonsense")[number % 5])
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            assert ask(port, "/artifacts/a.json")[0].status == status
            clients.close()
            for _ in range(100):  # it notices one by one that they went
                if (found := ask(port, "/artifacts/a.json")[0].status) == 200:
                    break
            assert found == 200
    assert capfd.readouterr() == ("", "")


def test_many_who_ask_for_the_index_keep_nobody_from_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, ready = [], threading.Event()

    def slow(*_: object) -> bytes:
        made.append(ready.wait(10))
        return b""

    monkeypatch.setattr(server_module, "index_page", slow)
    with listening(App(folder / "artifacts")) as port:
        waiting = [threading.Thread(target=ask, args=(port, "/")) for _ in range(45)]
        for thread in waiting:
            thread.start()
        assert ask(port, "/artifacts/a.json")[1] == b"a.json"
        assert made == []  # the first is still at it
        ready.set()
        for thread in waiting:
            thread.join()
    assert made == [True] * 45


def test_a_mistake_of_ours_is_told_at_the_terminal(
    port: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "file_inside", lambda *_: {}["\x1b[31mred"])
    response, body = ask(port, "/artifacts/a.json")
    assert (response.status, body) == (500, b"see the server's terminal")
    assert capfd.readouterr().err.endswith("KeyError: '\\x1b[31mred'\n")


def test_the_index_follows_the_folder(port: int, folder: Path) -> None:
    path = new_run(folder / "artifacts", "second").path
    assert b"second" in ask(port, "/")[1]
    path.unlink()
    assert b"second" not in ask(port, "/")[1]


def test_other_machines_need_the_token(folder: Path) -> None:
    with listening(App(folder / "artifacts", token="sesame")) as port:
        for path in ("/", "/?token=", "/?token=other", "/?token=%C3%A9", "/artifacts/a.json"):
            response, body = ask(port, path, Cookie=f"grounding_{port}=other")
            assert response.status == 403
            assert b"sesame" not in body + bytes(response.headers)
        response, _ = ask(port, "/?token=sesame", Host="my-machine:8000")
        assert response.status == 200
        cookie, *flags = response.headers["Set-Cookie"].split("; ")
        assert {"HttpOnly", "SameSite=strict"} <= set(flags)
        assert ask(port, "/artifacts/a.json", Cookie=cookie)[1] == b"a.json"


def test_a_taken_port_gives_the_next_one_and_bad_places_one_line(tmp_path: Path) -> None:
    with listener("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listener("127.0.0.1", port) as second:
            assert second.getsockname()[1] != port
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1, port 80: .*; try --port"):
        listener("192.0.2.1", 80)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a folder"):
        serve(0, tmp_path / "file")


CODE = """
import signal, sys, webbrowser
from pathlib import Path
from grounding.serve.server import serve
signal.signal(signal.SIGTERM, signal.default_int_handler)  # as every command does
webbrowser.open = lambda url: print('browser', url, flush=True)
serve(0, Path('arti\\033facts'), open_browser=True, host=sys.argv[1])
assert not {'torch', 'onnx', 'pydantic'} & set(sys.modules)
"""


@pytest.mark.parametrize(
    ("host", "number", "url"),
    [
        ("127.0.0.1", signal.SIGINT, r"http://127\.0\.0\.1:\d+/"),
        ("0.0.0.0", signal.SIGTERM, rf"http://{socket.gethostname()}:\d+/\?token=\S{{16,}}"),
    ],
)
def test_it_says_where_it_is_opens_the_browser_and_ends_at_once(
    tmp_path: Path, host: str, number: signal.Signals, url: str
) -> None:
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", CODE, host], cwd=tmp_path, **pipes)
    missing, serving, browser = (process.stdout.readline() for _ in range(3))
    assert missing.startswith(r"arti\x1bfacts does not exist yet")
    told = browser.split()[1]
    assert re.fullmatch(url, told)
    assert serving == f"serving arti\\x1bfacts at {told} (Ctrl-C ends it)\n"
    with urllib.request.urlopen(re.sub("//[^:]*", "//127.0.0.1", told), timeout=10) as response:
        assert b"Latent spaces" in response.read()
    with socket.create_connection(("127.0.0.1", urlsplit(told).port)):
        process.send_signal(number)
        rest, errors = process.communicate(timeout=5)
    assert (process.returncode, rest.strip(), errors) == (0, "stopped", "")
