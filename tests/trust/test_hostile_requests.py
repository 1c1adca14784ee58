"""Ways to ask the server for files that it must not send, in thousands of spellings."""

import asyncio
import itertools
import os
from pathlib import Path

import pytest
from parsers import answer

from grounding.serve.server import App

UP = (
    *("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..%00", "..%20", "%20.."),
    *("..;", "..;a=b", "...", "....", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%uff0e%uff0e"),
    *("%ef%bc%8e%ef%bc%8e", "%e2%80%a5", "..%0d", "..%09", "..%ff", "~", "%2e%2e%2e", "&#46;."),
)
BETWEEN = ("/", "//", "/./", "%2f", "%252f", "%5c", "\\", "%255c", "%c0%af", "%e2%88%95", "/%00/")
BELOW = ("/artifacts", "/artifacts/sub", "/grounding", "/grounding/web/dist", "")
WANTED = ("secret.txt", "etc/passwd", "artifacts/.hidden", "grounding/_errors.py")
OTHERS = (
    *("http://localhost:8000/artifacts/a.json", "http://evil.example/", "file:///etc/passwd", "*"),
    *("//localhost:8000/artifacts/a.json", "localhost:8000", "ftp://localhost/artifacts/a.json"),
    *("/artifacts/a.json#x", "/artifacts/a.json;x", "/artifacts/a.json%3fx", "#", "/#"),
    *("/artifacts/chain.json", "/artifacts/link.json", "/artifacts/loop.json", "/favicon.ico"),
    *("/artifacts/dangling.json", "/artifacts/hidden.json", "/artifacts/all/etc/passwd"),
    *("/artifacts/a.json%0d%0aX-Injected:%20yes", "/artifacts/%0aX", "/artifacts/a.json%20"),
    *("/artifacts/A.JSON", "/artifacts/a.json::$DATA", "/artifacts/a.json.", "/artifacts/con"),
    *("/artifacts", "/artifacts/", "/artifacts/sub", "/ARTIFACTS/a.json", "/artifacts//a.json"),
    *("/artifacts/./a.json", "/artifacts/sub/../a.json", "/artifacts/a.json/", "/artifacts/%ff"),
    *("/artifacts/pipe.json", "/artifacts/%2ehidden", "/artifacts/a.json%00", "/artifacts/%z"),
    *("/artifacts/5a.json", "/artifacts/x_a.json", "/5_artifacts/a.json", "//secret.txt"),
    *("/grounding", "/grounding/", "/grounding/_errors.py", "/grounding/web/src/viewer.js"),
    *("/grounding/web/dist", "/grounding/web/dist/.hidden.js", "/grounding/web/dist/out.js"),
    *(f"/artifacts/{'a' * 4000}", f"/artifacts{'/a' * 4000}", "/artifacts//etc/passwd"),
)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.full)])
def test_no_way_leads_out(step: int, tmp_path: Path) -> None:
    """Of all spellings each third, or each one."""
    artifacts, pages = tmp_path / "folder" / "artifacts", tmp_path / "folder" / "grounding"
    for folder in (artifacts / "sub", pages / "web" / "dist", pages / "web" / "src"):
        folder.mkdir(parents=True)
    for path in (tmp_path, pages.parent, pages):
        (path / "secret.txt").touch()
    for name in ("_errors.py", "web/src/viewer.js", "web/dist/.hidden.js"):
        (pages / name).touch()
    links = {
        "chain": "link.json",
        "link": "../secret.txt",
        "loop": "loop.json",
        "hidden": ".hidden",
    }
    for name, to in {**links, "dangling": "none"}.items():
        (artifacts / f"{name}.json").symlink_to(to)
    (artifacts / "all").symlink_to("/")
    (pages / "web" / "dist" / "out.js").symlink_to(pages / "_errors.py")
    (artifacts / ".hidden").touch()
    (artifacts / "a.json").touch()
    os.mkfifo(artifacts / "pipe.json")
    app = App(artifacts, pages)
    ways = itertools.product(BELOW, UP, BETWEEN, (1, 3), WANTED)
    targets = [f"{below}/{(up + between) * n}{to}" for below, up, between, n, to in ways][::step]

    async def status(target: str) -> int:
        return (await answer(app, b"HEAD", target.encode(), [(b"host", b"localhost:8000")]))[0]

    async def ask_all() -> None:
        assert await status("/artifacts/a.json") == 200
        for target in (*targets, *OTHERS):
            assert await status(target) in ((404,) if target.startswith("/") else (307, 404)), (
                target
            )

    asyncio.run(ask_all())
    print(f"{len(targets):,} ways up, all answered 404")
