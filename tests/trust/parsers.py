"""Everything that reads bytes of strangers, as functions that raise only if a promise is broken.

The promise: a result, or a `UserError` of one printable line; no other exception. `fuzz.py` and
`test_fuzz_parsers.py` feed these functions.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from seeds import (
    CONFIG,
    EMPTY,
    OUTPUTS,
    PICKLES,
    WORDS,
    YAML_BOMBS,
    archive_of,
    idx_files,
    onnx_model,
    train_small,
)

from grounding._errors import LONGEST, UserError
from grounding.data.augmented import TrainingInputs
from grounding.data.catalog import FILES, load
from grounding.data.idx import read_idx_file
from grounding.experiment.load import experiment_from_dict, load_experiment
from grounding.export.companion import companion_of, write_with_companion
from grounding.export.companion_file import read_companion
from grounding.export.index import index_page
from grounding.export.layout import SCRIPTS
from grounding.export.onnx_file import ONNX_TRAILER
from grounding.export.outputs import find_runs
from grounding.export.site import MARKER, publish
from grounding.runs.artefacts import Status, inspect
from grounding.runs.steps import Step
from grounding.serve.content import Content
from grounding.serve.handler import Handler
from grounding.training.checkpoint import hash_path, load_checkpoint

SECRET = b"not for the world"
IDX_LIMIT = 1 << 20


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


def parsers(folder: Path, names: Sequence[str]) -> dict[str, Parser]:
    """Parsers by name, of those in `NAMES`; they keep their files in `folder`, which is empty."""
    found = {}
    for name in names:
        place = folder / name.replace(" ", "_")
        place.mkdir()
        read, seeds = _MAKERS[name](place)
        found[name] = Parser(read, seeds, WORDS[name.split()[0]])
    return found


def attempt(read: Callable[[], Any]) -> Any:
    """The result of `read`, or None if it refuses as it should."""
    try:
        return read()
    except UserError as error:
        message = str(error)
        assert message.isprintable()  # so it is one line, too
        assert 0 < len(message) <= 8 * LONGEST
        return None


def _is_current(name: str, path: Path, *, has_companion: bool = False) -> None:
    """Ask what `grounding run` asks of an output that it finds: whether it has to be made again."""
    Step(name, path, {}, lambda _: "", has_companion).reason_to_make()


Made = tuple[Callable[[bytes], object], Sequence[bytes]]


def _idx(folder: Path) -> Made:
    path = folder / "file"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        held = attempt(lambda: read_idx_file(path, max_bytes=IDX_LIMIT))
        assert held is None or held.array.nbytes <= IDX_LIMIT

    return read, idx_files()


def _data_folder(folder: Path) -> Made:
    images, labels = idx_files()[:2]
    good = dict(zip(FILES, (images, labels, images, labels), strict=True))

    def read(data: bytes) -> None:
        """The first byte says which of the four files the rest is."""
        for name, content in good.items():
            (folder / name).write_bytes(content)
        (folder / FILES[data[0] % 4 if data else 0]).write_bytes(data[1:])
        found = attempt(lambda: load("mnist", folder))
        if found is not None:
            assert len(found.train_images) == len(found.train_labels)
            assert found.train_images.shape[1:] == found.test_images.shape[1:]
            assert not found.is_standard

    return read, [bytes([at]) + data for at in range(4) for data in idx_files()]


def _config(folder: Path) -> Made:
    path = folder / "x.yaml"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        _check_experiment(attempt(lambda: load_experiment(path)))

    return read, [CONFIG, *YAML_BOMBS]


def _override(folder: Path) -> Made:
    path = folder / "x.yaml"
    path.write_bytes(CONFIG)

    def read(data: bytes) -> None:
        """Each line is one --set; bytes that are no text come as Python's argv has them."""
        overrides = data.decode("utf-8", "surrogateescape").split("\n")
        _check_experiment(attempt(lambda: load_experiment(path, overrides)))

    seeds = [b"training.epochs=3", b"model.hidden_dims=[8, 16]\ndata.data_dir=/x", b"a.b.c={d: 1}"]
    return read, [*seeds, *(b"output.checkpoint_path=" + bomb for bomb in YAML_BOMBS)]


def _check_experiment(experiment: Any) -> None:
    if experiment is None:
        return
    assert Path(experiment.name).name == experiment.name
    assert len(experiment.artifact("x").parts) == 2
    assert experiment_from_dict(experiment.as_dict(), "again") == experiment
    json.dumps(experiment.as_dict(), allow_nan=False).encode()


def _checkpoint(folder: Path) -> Made:
    path = folder / "x.pt"
    good = train_small(folder / "trained")
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        pickled = next(archive.read(n) for n in archive.namelist() if n.endswith("data.pkl"))

    def read(data: bytes) -> None:
        """An archive, or the pickle in an archive; its SHA-256 is always right."""
        whole = data if data.startswith(b"PK") else archive_of(data, good)
        path.write_bytes(whole)
        digest = hashlib.sha256(whole).hexdigest()
        hash_path(path).write_text(f"{digest}  {path.name}\n")
        held = attempt(lambda: load_checkpoint(path))
        if held is not None:
            _check_experiment(held[0].experiment)

    return read, [good, pickled, *PICKLES]


def _checksum(folder: Path) -> Made:
    path = folder / "x.pt"
    path.write_bytes(b"no checkpoint")
    digest = hashlib.sha256(b"no checkpoint").hexdigest().encode()

    def read(data: bytes) -> None:
        hash_path(path).write_bytes(data)
        assert attempt(lambda: load_checkpoint(path)) is None

    return read, [digest + b"  x.pt\n", digest + b" *x.pt\n" + b"0" * 64 + b"  x.pt", b"", b"\xff"]


def _augmented_set(folder: Path) -> Made:
    settings = [
        f"self_supervised.cache_path={folder}/set.pt",
        "self_supervised.precompute=true",
        "self_supervised.refresh_each_epoch=false",
        "self_supervised.augmentations_per_sample=2",
    ]
    experiment = load_experiment("4", settings)
    images = torch.zeros((2, 1, 4, 4), dtype=torch.uint8)
    TrainingInputs(images, experiment, "fingerprint")
    (path,) = folder.glob("set-*.pt")
    good = path.read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        held = attempt(lambda: TrainingInputs(images, experiment, "fingerprint"))
        if held is not None:
            assert sum(len(batch.inputs) for batch in held.epoch(1)) == 4

    return read, [good, *(archive_of(pickled, EMPTY) for pickled in PICKLES), b"", good[:50]]


def _points_files(folder: Path) -> tuple[Path, Path]:
    document = {"experiment": "a", "points": [[0.0, 1, 2]] * 3, "labels": [0, 1, 2]}
    path = folder / "points.json"
    write_with_companion(path, document, np.zeros((3, 1, 2, 2), np.uint8))
    return path, path.with_suffix(".bin")


def _companion(folder: Path) -> Made:
    path, companion = _points_files(folder)
    good = companion.read_bytes()

    def read(data: bytes) -> None:
        companion.write_bytes(data)
        attempt(lambda: read_companion(companion))
        attempt(lambda: companion_of(path))

    def claiming(shape: str, size: int = 0) -> bytes:
        """A companion whose only array claims a shape."""
        start = len(b"GRNDBIN1") + 8
        for _ in range(4):  # until the offset's digits no longer change it
            entry = f'{{"dtype":"float32","shape":{shape},"offset":{start},"bytes":{size}}}'
            header = f'{{"id":"{"0" * 64}","meta":{{}},"arrays":{{"points":{entry}}}}}'
            start = -(-(16 + len(header)) // 8) * 8
        return _with_header(header.encode(), size)

    return read, [
        good,
        _with_header(b'{"id":"","meta":{},"arrays":{}}', 0),
        _with_header(b'{"id":' + b"[" * 3000, 0),
        *(claiming(shape) for shape in (f"[0,{'9' * 30}]", f"[{'1,' * 70}0]", "[[]]", '"00"')),
        claiming("[1,1,1]", 4),
        claiming(f"[{','.join(['9' * 4000] * 40)}]"),
    ]


def _with_header(header: bytes, size: int) -> bytes:
    """A companion with any header, and zeros behind it."""
    prefix = b"GRNDBIN1" + len(header).to_bytes(4, "little") + bytes(4)
    return prefix + header + bytes(-len(prefix + header) % 8) + bytes(size + -size % 8)


def _companion_entry(folder: Path) -> Made:
    path, companion = _points_files(folder)
    good = path.read_bytes()
    (folder.parent / "outside.bin").write_bytes(companion.read_bytes())

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = attempt(lambda: companion_of(path))
        assert found is None or found.parent == folder
        _is_current("points", path, has_companion=True)

    return read, [good, good.replace(b"points.bin", b"../outside.bin"), *OUTPUTS]


def _output(folder: Path) -> Made:
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    _points_files(artifacts)
    good = (artifacts / "points.json").read_bytes()

    def read(data: bytes) -> None:
        """The JSON of an output, in a folder with a companion; shown by the index."""
        (artifacts / "points.json").write_bytes(data)
        runs, skipped = find_runs(artifacts)
        page = index_page(runs, skipped, pages_built=True)
        _check_page(page.decode())
        assert all(file.parent == artifacts for run in runs for file in run.files())
        _is_current("points", artifacts / "points.json")

    return read, [good, *OUTPUTS]


def _check_page(page: str) -> None:
    """Nothing in it runs, and all its links lead to the site itself."""
    held = Elements()
    held.feed(page)
    for tag, attributes in held.found:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form", "img")
        assert not any(name.startswith("on") for name in attributes)
        href = attributes.get("href", "")
        assert href.startswith(("grounding/", "artifacts/")) or href in ("", "data:,")


class Elements(HTMLParser):
    """The elements of a page, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def _onnx_metadata(folder: Path) -> Made:
    path = folder / "x.onnx"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        _is_current("encoder", path)

    return read, [onnx_model(text) for text in ("{}", "[]", '{"a":', "[" * 3000, "1" * 5000)]


def _site_marker(folder: Path) -> Made:
    artifacts, pages, site = folder / "artifacts", folder / "pages", folder / "site"
    (pages / "web" / "dist").mkdir(parents=True)
    for name in ("latent_space_viewer.html", "interactive_latent_playground.html"):
        (pages / name).touch()
    for name in SCRIPTS:
        (pages / "web" / "dist" / name).touch()
    artifacts.mkdir()
    _points_files(artifacts)
    publish(site, artifacts, pages=pages)
    good = (site / MARKER).read_bytes()
    outside = folder / "outside.txt"
    outside.write_bytes(SECRET)

    def read(data: bytes) -> None:
        (site / MARKER).write_bytes(data)
        (site / "kept.txt").write_bytes(SECRET)
        if attempt(lambda: publish(site, artifacts, pages=pages)) is None:
            assert (site / "kept.txt").read_bytes() == SECRET
        assert outside.read_bytes() == SECRET

    foreign = [b"kept.txt", b"../outside.txt", str(outside).encode()]
    return read, [
        good,
        *(good.replace(b'"files": {', b'"files": {"' + name + b'": "", ') for name in foreign),
        good.replace(b'"files": {', b'"files": {"x": [], "y": {}, "z": null, "": 1, '),
        b'{"made_by": "grounding publish", "files": ' + b"[" * 3000,
    ]


def _request(folder: Path) -> Made:
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    (artifacts / "a.json").write_bytes(b"{}")
    (artifacts / ".hidden").write_bytes(SECRET)
    (folder / "secret.txt").write_bytes(SECRET)
    (artifacts / "link.txt").symlink_to(folder / "secret.txt")
    content = Content(artifacts, folder / "pages")

    def read(data: bytes) -> None:
        wire = Wire(data)
        Handler(wire, ("127.0.0.1", 1), None, content=content)
        assert SECRET not in wire.answer
        if wire.answer:
            words = wire.answer.split(b" ", 2)
            assert words[0] == b"HTTP/1.1"
            assert words[1] in b"200 304 400 404 405 408 414 421 431 501 505".split() or (
                words[1] == b"100"
            )
            assert b"\r\nContent-Security-Policy: " in wire.answer

    lines = [
        b"GET /%s HTTP/1.1\r\nHost: localhost:8000\r\n%s\r\n" % (path, more)
        for path, more in (
            (b"", b""),
            (b"artifacts/a.json", b'If-None-Match: "a", W/"b"\r\n'),
            (b"artifacts/a.json", b"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 -0000\r\n"),
            (b"artifacts/%2e%2e/secret.txt", b"Expect: 100-continue\r\n"),
            (b"artifacts/link.txt?x=../..", b"Range: bytes=0-\r\n"),
            (b"grounding/web/dist/viewer.js", b"Transfer-Encoding: chunked\r\n"),
        )
    ]
    return read, [*lines, b"HEAD / HTTP/1.0\nHost: [::1]:8000\n\n", b"GET /\r\n\r\n", b"\r\n\r\n"]


def _verified(folder: Path) -> Made:
    """`grounding verify` of one file of every kind that it knows, its neighbours beside it."""
    train_small(folder / "trained")
    kinds = [folder / "trained" / name for name in ("small.pt", "small.pt.sha256")]
    kinds += [*(folder / "trained").glob("*.jsonl"), *_points_files(folder)]
    _augmented_set(folder)
    kinds += folder.glob("set-*.pt")
    kinds += [folder / name for name in ("a.onnx", "a.txt", "a-idx3-ubyte", "a-idx1-ubyte.gz")]
    model = onnx_model("{}")
    sealed = model + ONNX_TRAILER.of(model)
    for path, content in zip(kinds[-4:], (sealed, b"", *idx_files()[:2]), strict=True):
        path.write_bytes(content)
    written = [path.read_bytes() for path in kinds]

    def read(data: bytes) -> None:
        """The first byte says which of the files the rest is."""
        at = data[0] % len(kinds) if data else 0
        path = kinds[at]
        path.write_bytes(data[1:])
        found = inspect(path)
        path.write_bytes(written[at])
        assert found.status in get_args(Status)
        assert 0 < len(found.detail) <= 8 * LONGEST
        assert found.detail.isprintable()
        # No byte can change unseen; data files are known by the SHA-256 of what they unpack to.
        assert found.status != "ok" or data[1:] == written[at]

    good = [bytes([at]) + content for at, content in enumerate(written)]
    foreign = (*OUTPUTS, *PICKLES, *idx_files())
    return read, [*good, *(bytes([at]) + x for at in range(len(kinds)) for x in foreign)]


class Wire:
    """A connection on which all has been sent, as far as the handler uses one."""

    def __init__(self, data: bytes) -> None:
        self.data, self.answer = data, b""

    def recv(self, size: int) -> bytes:
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def sendall(self, data: bytes) -> None:
        self.answer += bytes(data)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 8000

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO()

    def settimeout(self, seconds: float) -> None: ...

    def shutdown(self, how: int) -> None: ...


_MAKERS: dict[str, Callable[[Path], Made]] = {
    "idx": _idx,
    "data folder": _data_folder,
    "config": _config,
    "override": _override,
    "checkpoint": _checkpoint,
    "checksum": _checksum,
    "augmented set": _augmented_set,
    "companion": _companion,
    "companion entry": _companion_entry,
    "output": _output,
    "onnx metadata": _onnx_metadata,
    "site marker": _site_marker,
    "request": _request,
    "verified": _verified,
}
NAMES = list(_MAKERS)
