"""More than tests/test_serve.py asks of the server: every traversal, crowds, files that change."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from parsers import SECRET, Wire

from grounding.serve import handler
from grounding.serve.content import Content
from grounding.serve.handler import Handler
from grounding.serve.server import Server

UP = (
    *("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..%00", "..%20", "%20.."),
    *("..;", "..;a=b", "...", "....", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%uff0e%uff0e"),
    *("%ef%bc%8e%ef%bc%8e", "%e2%80%a5", "..%0d", "..%09", "..%ff", "~", "%2e%2e%2e", "&#46;."),
)
BETWEEN = ("/", "//", "/./", "%2f", "%252f", "%5c", "\\", "%255c", "%c0%af", "%e2%88%95", "/%00/")
BELOW = ("/artifacts", "/artifacts/sub", "/grounding", "/grounding/web/dist", "")
WANTED = ("secret.txt", "etc/passwd", "artifacts/.hidden", "grounding/_errors.py")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """A folder to serve, with secrets inside, beside and above."""
    folder = tmp_path_factory.mktemp("requests")
    artifacts, pages = folder / "artifacts", folder / "grounding"
    (artifacts / "sub").mkdir(parents=True)
    (pages / "web" / "dist").mkdir(parents=True)
    (pages / "core").mkdir()
    places = (folder / "secret.txt", folder.parent / "secret.txt", artifacts / ".hidden")
    for path in (*places, pages / "core" / "errors.py"):
        path.write_bytes(SECRET)
    (artifacts / "a.json").write_bytes(b"{}")
    (artifacts / "chain.json").symlink_to("link.json")
    (artifacts / "link.json").symlink_to("../secret.txt")
    (artifacts / "loop.json").symlink_to("loop.json")
    (artifacts / "dangling.json").symlink_to("nothing")
    (artifacts / "hidden.json").symlink_to(".hidden")
    (artifacts / "all").symlink_to("/")
    return Content(artifacts, pages)


def answer(content: Content, request: bytes) -> bytes:
    """What the server answers, without a network."""
    wire = Wire(request)
    Handler(wire, ("127.0.0.1", 1), None, content=content)
    return wire.answer


def get(content: Content, target: str, more: str = "") -> bytes:
    head = f"GET {target} HTTP/1.1\r\nHost: localhost:8000\r\n{more}\r\n"
    return answer(content, head.encode("latin-1"))


def test_no_way_up_leads_out(content: Content) -> None:
    asked = 0
    for below, up, between, times, wanted in itertools.product(BELOW, UP, BETWEEN, (1, 3), WANTED):
        target = f"{below}/{(up + between) * times}{wanted}"
        said = get(content, target)
        assert said.startswith(b"HTTP/1.1 4"), target
        assert SECRET not in said, target
        asked += 1
    print(f"{asked:,} ways up, all answered 4xx")


@pytest.mark.parametrize(
    "target",
    [
        *("http://localhost:8000/artifacts/a.json", "http://evil.example/", "https://localhost/"),
        *(
            "//localhost:8000/artifacts/a.json",
            "localhost:8000",
            "ftp://localhost/artifacts/a.json",
        ),
        *("/artifacts/a.json#x", "/artifacts/a.json;x", "/artifacts/a.json%3fx", "#", "/#"),
        *("/artifacts/chain.json", "/artifacts/link.json", "/artifacts/loop.json"),
        *("/artifacts/dangling.json", "/artifacts/hidden.json", "/artifacts/all/etc/passwd"),
        *("/artifacts/a.json%0d%0aX-Injected:%20yes", "/artifacts/%0aX", "/artifacts/a.json%20"),
        *("/artifacts/A.JSON", "/artifacts/a.json::$DATA", "/artifacts/a.json.", "/artifacts/con"),
    ],
)
def test_other_forms_of_a_target_are_refused(content: Content, target: str) -> None:
    said = get(content, target)
    assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert SECRET not in said
    assert b"X-Injected" not in said


@pytest.mark.parametrize(
    "more",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Range: bytes=0-0\r\n",
        "X-Original-URL: /secret.txt\r\nX-Rewrite-URL: /secret.txt\r\n",
        "Forwarded: host=evil.example\r\nX-Forwarded-Host: evil.example\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Connection: keep-alive\r\n",
        "Origin: http://evil.example\r\nCookie: a=b\r\n",
    ],
)
def test_other_headers_change_nothing(content: Content, more: str) -> None:
    plain = get(content, "/artifacts/a.json").split(b"\r\n")
    found = get(content, "/artifacts/a.json", more).split(b"\r\n")
    assert [line for line in found if not line.startswith(b"Date:")] == [
        line for line in plain if not line.startswith(b"Date:")
    ]


def test_a_file_that_becomes_a_link_meanwhile_is_not_followed(
    content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = content.artifacts / "swapped.json"
    path.write_bytes(b"{}")
    find = content.find

    def find_then_swap(parts: list[str]) -> object:
        found = find(parts)
        path.unlink()
        path.symlink_to(content.artifacts.parent / "secret.txt")
        return found

    monkeypatch.setattr(content, "find", find_then_swap)
    said = get(content, "/artifacts/swapped.json")
    assert said.startswith(b"HTTP/1.1 404")
    assert SECRET not in said


@contextlib.contextmanager
def listening(server: Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    with server:
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def connected(port: int, request: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(request)
    return client


def everything(client: socket.socket) -> bytes:
    with client, contextlib.suppress(ConnectionError):
        said = b""
        while piece := client.recv(65536):
            said += piece
        return said
    return b""


@pytest.mark.parametrize("kind", ["silent", "slow to ask", "slow to read"])
def test_a_crowd_of_slow_clients_only_delays_others(
    content: Content, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(handler, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(handler, "SEND_SECONDS", 0.3)
    (content.artifacts / "large.bin").write_bytes(bytes(20_000_000))
    with listening(Server(0, content, threads=4)) as port:
        whole = f"GET /artifacts/large.bin HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
        sent = {"silent": b"", "slow to ask": whole[:30], "slow to read": whole}[kind]
        crowd = [connected(port, sent) for _ in range(60)]
        small = f"GET /artifacts/a.json HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
        deadline = time.monotonic() + 20
        said = b""
        while not said.startswith(b"HTTP/1.1 200") and time.monotonic() < deadline:
            said = everything(connected(port, small))
            assert said == b"" or said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
            time.sleep(0.02)
        assert said.endswith(b"{}")
        for client in crowd:
            client.close()


def test_many_clients_at_once_get_a_whole_answer_or_are_told_to_come_back(
    content: Content,
) -> None:
    (content.artifacts / "b.bin").write_bytes(b"b" * 300_000)
    with listening(Server(0, content)) as port:
        whole = f"GET /artifacts/b.bin HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
        answers = [everything(client) for client in [connected(port, whole) for _ in range(200)]]
    served = [said for said in answers if said.startswith(b"HTTP/1.1 200")]
    turned_away = [said for said in answers if not said or said.startswith(b"HTTP/1.1 503")]
    assert len(served) + len(turned_away) == 200
    assert len(served) >= 32
    assert all(said.endswith(b"\r\n\r\n" + b"b" * 300_000) for said in served)
