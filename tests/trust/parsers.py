"""Everything that reads bytes of other people, as functions that raise if a promise is broken.

The promise: a result, or a `UserError` of one printable line; no other exception. `fuzz.py` and
`test_fuzz_parsers.py` feed these functions.
"""

import asyncio
import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import torch
from conftest import inside
from folders import built_pages, resealed
from seeds import (
    CONFIG,
    MANIFEST_FILES,
    PICKLES,
    WORDS,
    YAML_BOMBS,
    archive_of,
    idx_files,
    safetensors,
    saved,
)

import grounding
from grounding._errors import LONGEST, UserError
from grounding.cli import main
from grounding.data import Augmentations
from grounding.data.cache import augmented_set
from grounding.experiment import experiment_from_dict
from grounding.experiment.load import load_experiment
from grounding.export.arrays import browser_files, read_arrays
from grounding.runs.manifest import manifest_bytes, manifests_in, read_manifest
from grounding.runs.verify import verify
from grounding.serve import layout
from grounding.serve.index import index_page
from grounding.serve.server import App
from grounding.serve.site import LIST, check_site, is_site, publish
from grounding.training.checkpoint import read_checkpoint

SECRET = b"not for the world"
FILES = tuple(
    f"{split}-{values}" for split in ("train", "t10k")
    for values in ("images-idx3-ubyte", "labels-idx1-ubyte")
)  # fmt: skip


class Parser(NamedTuple):
    """A reader of bytes.

    Attributes:
        read: raises if a promise is broken.
        seeds: inputs to start from, good and bad ones.
        words: what such inputs are made of.
    """

    read: Callable[[bytes], object]
    seeds: Sequence[bytes]
    words: Sequence[bytes]


Made = tuple[Callable[[bytes], object], Sequence[bytes]]


def parser(name: str, folder: Path) -> Parser:
    """One of `NAMES`; it keeps its files in `folder`, which need not exist."""
    folder.mkdir(parents=True)
    os.environ.setdefault("XDG_CACHE_HOME", str(folder / "cache"))
    return Parser(*_MAKERS[name](folder), WORDS[name])


def attempt(read: Callable[[], Any]) -> Any:
    """The result of `read`, or None if it refuses as it should."""
    try:
        return read()
    except UserError as error:
        message = str(error)
        assert message.isprintable()  # so it is one line, too
        assert 0 < len(message) <= 8 * LONGEST
        return None


def _data_folder(folder: Path) -> Made:
    images, labels = idx_files()[:2]
    good = dict(zip(FILES, (images, labels, images, labels), strict=True))

    def read(data: bytes) -> None:
        """The first byte says which of the four files the rest is."""
        for name, content in good.items():
            (folder / name).write_bytes(content)
        (folder / FILES[data[0] % 4 if data else 0]).write_bytes(data[1:])
        found = attempt(lambda: grounding.datasets.load(folder))
        if found is not None:
            assert found.train_images.nbytes <= 64 << 20  # whatever is claimed
            assert len(found.train_images) == len(found.train_labels)
            assert found.train_images.shape[1:] == found.test_images.shape[1:]

    return read, [bytes([at]) + data for at in range(4) for data in idx_files()]


def _bounded(folder: Path) -> None:
    """Read a data set; whatever it claims, what is made of it is not large."""
    found = attempt(lambda: grounding.datasets.load(folder))
    assert found is None or found.train_images.nbytes <= 64 << 20


def _picture(folder: Path) -> Made:
    from PIL import Image

    image = Image.fromarray(np.arange(120, dtype=np.uint8).reshape(5, 8, 3))
    seeds = []
    for form in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
        content = io.BytesIO()
        image.save(content, form)
        seeds.append(content.getvalue())

    def read(data: bytes) -> None:
        (folder / "a.png").write_bytes(data)
        _bounded(folder)

    return read, [*seeds, b"", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"P6 9 9 9\n"]


def _numpy(folder: Path) -> Made:
    seeds = []
    for array in (np.zeros((3, 5, 5), np.uint8), np.zeros((3, 5, 5), "<f4"), np.array(["a"])):
        content = io.BytesIO()
        np.save(content, array)
        seeds.append(content.getvalue())
    for save in (np.savez, np.savez_compressed):
        content = io.BytesIO()
        save(content, images=np.zeros((3, 5, 5), np.uint8), labels=np.arange(3))
        seeds.append(content.getvalue())

    def read(data: bytes) -> None:
        (folder / "images.npy").write_bytes(data)
        _bounded(folder)

    return read, [*seeds, b""]


def _table(folder: Path) -> Made:
    """A parquet file, or else the stream that `save_to_disk` writes."""
    written = Path(__file__).parents[1] / "data" / "hugging_face"
    parquet = (written / "parquet" / "train-00000-of-00001.parquet").read_bytes()
    stream = (written / "saved" / "train" / "data-00000-of-00001.arrow").read_bytes()
    (folder / "saved").mkdir()
    state = '{"_data_files": [{"filename": "x.arrow"}]}'
    (folder / "saved" / "state.json").write_text(state)

    def read(data: bytes) -> None:
        (folder / "a.parquet").write_bytes(data)
        _bounded(folder / "a.parquet")
        (folder / "saved" / "x.arrow").write_bytes(data)
        _bounded(folder / "saved")

    return read, [parquet, stream, b"", b"PAR1PAR1"]


def _check_experiment(experiment: Any) -> None:
    if experiment is None:
        return
    assert Path(experiment.name).name == experiment.name
    assert len(experiment.artifact("x").parts) == 2
    assert experiment_from_dict(experiment.as_dict(), "again") == experiment
    json.dumps(experiment.as_dict(), allow_nan=False).encode()


def _config(folder: Path) -> Made:
    path = folder / "x.yaml"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        _check_experiment(attempt(lambda: load_experiment(path)))

    return read, [CONFIG, *YAML_BOMBS]


def _checkpoint(folder: Path) -> Made:
    path, config = folder / "x.pt", folder / "small.yaml"
    config.write_bytes(CONFIG.replace(b", data_dir: none", b""))
    with inside(folder), redirect_stdout(io.StringIO()):
        assert main("train", ["--config", "small.yaml", "--output", "good.pt"]) == 0
    good = (folder / "good.pt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        pickled = next(archive.read(n) for n in archive.namelist() if n.endswith("data.pkl"))

    def read(data: bytes) -> None:
        """An archive, or the pickle in an archive; then all that is made of a checkpoint."""
        path.write_bytes(data if data.startswith(b"PK") else archive_of(data, good))
        held = attempt(lambda: read_checkpoint(path))
        if held is not None:
            _check_experiment(attempt(lambda: experiment_from_dict(held.config, str(path))))
            with inside(folder):
                attempt(lambda: grounding.load("x.pt"))

    return read, [good, pickled, *PICKLES]


def _kept_set(folder: Path) -> Made:
    images = torch.zeros((2, 1, 4, 4), dtype=torch.uint8)
    augmentations = Augmentations({})

    def kept() -> torch.Tensor:
        return augmented_set(images, augmentations, each=2, seed=1, path=folder / "s")

    kept()
    (path,) = folder.glob("s-*")
    good = path.read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        held = attempt(kept)
        assert held is None or held.shape == (4, 1, 4, 4)

    return read, [good, saved({}), b"", good[:50], safetensors({}), safetensors(b"[" * 3000)]


def _manifest(folder: Path) -> Made:
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    (artifacts / "a.json").write_bytes(b"{}")
    (folder / "outside.txt").write_bytes(SECRET)
    path = artifacts / "a.run.json"

    def read(data: bytes) -> None:
        """What is not sealed is sealed, as somebody could who knows how; then all its readers."""
        for content in (data, resealed(data)):
            path.write_bytes(content)
            held = attempt(lambda: read_manifest(path))
            if held is not None:
                assert read_manifest(path) == held
                manifest_bytes(held)
            runs, problems = manifests_in(artifacts)
            assert len(runs) + len(problems) == 1
            page = attempt(lambda: index_page(runs, artifacts, problems))  # noqa: B023
            _check_page((page or b"").decode())
            with redirect_stdout(io.StringIO()) as said:
                attempt(lambda: verify([str(artifacts)], artifacts))
            assert all(line.isprintable() for line in said.getvalue().splitlines())
            with inside(folder):
                attempt(lambda: grounding.load("a"))

    return read, MANIFEST_FILES


def _check_page(page: str) -> None:
    """Nothing of others runs in it, and all its links lead to the site itself."""
    held = _Elements()
    held.feed(page)
    for tag, attributes in held.found:
        assert tag not in ("iframe", "object", "embed", "base", "img")
        if tag == "script":
            assert attributes == {"type": "module", "src": layout.SCRIPT}
        if tag == "form":
            assert attributes["action"] == layout.VIEWER
        assert not any(name.startswith("on") for name in attributes)
        href = attributes.get("href", "")
        assert href.startswith(("grounding/", "artifacts/")) or href in ("", "data:,")


class _Elements(HTMLParser):
    """The elements of a page, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def _arrays(folder: Path) -> Made:
    path = folder / "points.safetensors"
    document = {"experiment": "a", "points": [[0.0, 1, 2]] * 3, "labels": [0, 1, 2]}
    _, good = browser_files(path.with_suffix(".json"), document).values()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        held = attempt(lambda: read_arrays(path))
        if held is not None:
            assert all(np.isfinite(array).all() for array in held[1].values())
        attempt(lambda: read_arrays(path, ("points",)))

    def claiming(shape: str, dtype: str = "F32", end: int = 0, size: int = 0) -> bytes:
        entry = f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}'
        return safetensors(f'{{"__metadata__":{{"meta":"{{}}"}},"points":{entry}}}'.encode(), size)

    shapes = (f"[0,{'9' * 19}]", f"[{'1,' * 70}0]", "[[]]", '"00"', f"[{'9' * 4000}]", "[-1]")
    return read, [
        *(good, b"", good[:20], safetensors({}), safetensors(b"[" * 3000)),
        *(claiming(shape) for shape in shapes),
        *(claiming("[1]", kind, 4, 4) for kind in ("F32", "BF16", "F8_E4M3", "X")),
        *(safetensors({"__metadata__": {"meta": x}}) for x in ("[" * 3000, "1", "NaN", "{}")),
    ]


def _site_list(folder: Path) -> Made:
    artifacts, site, pages = folder / "artifacts", folder / "site", built_pages(folder / "pages")
    artifacts.mkdir()
    (artifacts / "a.json").write_bytes(b"{}")
    (artifacts / "a.run.json").write_bytes(MANIFEST_FILES[1])
    publish(site, artifacts, pages=pages)
    good = (site / LIST).read_bytes()
    outside = folder / "outside.txt"
    outside.write_bytes(SECRET)

    def read(data: bytes) -> None:
        for content in (data, resealed(data)):
            (site / LIST).write_bytes(content)
            (site / "kept.txt").write_bytes(SECRET)
            assert is_site(site)
            attempt(lambda: list(check_site(site)))
            if attempt(lambda: publish(site, artifacts, pages=pages)) is None:
                assert (site / "kept.txt").read_bytes() == SECRET
            assert outside.read_bytes() == SECRET

    start = b'"files": {'
    entry = b': {"sha256": "' + b"0" * 64 + b'", "bytes": 17}, '
    foreign = (b"kept.txt", b"../outside.txt", str(outside).encode(), b"", b"a\\u0000")
    return read, [
        good,
        *(good.replace(start, start + b'"' + name + b'"' + entry) for name in foreign),
        good.replace(start, start + b'"x": [], "y": {}, "z": null, "": 1, '),
        b'{"files": ' + b"[" * 3000,
    ]


def _request(folder: Path) -> Made:
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    (artifacts / "a.json").write_bytes(b"{}")
    (artifacts / ".hidden").write_bytes(SECRET)
    (folder / "secret.txt").write_bytes(SECRET)
    (artifacts / "link.txt").symlink_to(folder / "secret.txt")
    apps = [App(artifacts, folder / "pages", token) for token in ("", "secret")]

    def read(data: bytes) -> None:
        """The head of a request as uvicorn hands it on; a mistake of ours would be a 500."""
        first, *rest = data.split(b"\r\n")
        method, _, target = first.partition(b" ")
        pairs = (line.partition(b":") for line in rest if b":" in line)
        headers = [(k.lower(), v.strip()) for k, _, v in pairs]
        target = target.rpartition(b" ")[0]
        for app in apps:
            status, body = asyncio.run(answer(app, method, target, headers))
            # Without a slash in front, starlette sends the client to where one is.
            odd = () if target.startswith(b"/") else (307,)
            assert status in (200, 206, 304, 400, 403, 404, 405, 416, 421, *odd), status
            assert SECRET not in body

    lines = [
        b"GET /%s HTTP/1.1\r\nHost: localhost:8000\r\n%s\r\n" % (path, more)
        for path, more in (
            (b"", b""),
            (b"artifacts/a.json", b'If-None-Match: "a", W/"b"\r\n'),
            (b"artifacts/a.json", b"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 -0000\r\n"),
            (b"artifacts/%2e%2e/secret.txt", b"Cookie: grounding_8000=secret\r\n"),
            (b"artifacts/link.txt?x=../..", b"Range: bytes=0-\r\n"),
            (b"grounding/web/dist/viewer.js?token=secret", b"Range: bytes=5-1,9-\r\n"),
        )
    ]
    return read, [*lines, b"HEAD / HTTP/1.0\nHost: [::1]:8000\n\n", b"GET /\r\n\r\n", b"\r\n\r\n"]


async def answer(
    app: App, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    """Status and body of a request that is handed on as uvicorn does it."""
    said: list[Any] = []
    path, _, query = target.partition(b"?")
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "root_path": "", "headers": headers}
    scope |= {"method": method.decode("latin-1"), "path": unquote(path.decode("latin-1"))}
    scope |= {"raw_path": path, "query_string": query}
    scope |= {"server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1)}

    async def receive() -> None:
        await asyncio.sleep(3600)  # the client stays until it has its answer

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:])


_MAKERS: dict[str, Callable[[Path], Made]] = {
    "data folder": _data_folder,
    "picture": _picture,
    "numpy": _numpy,
    "table": _table,
    "config": _config,
    "checkpoint": _checkpoint,
    "kept set": _kept_set,
    "manifest": _manifest,
    "arrays": _arrays,
    "site list": _site_list,
    "request": _request,
}
NAMES = list(_MAKERS)
