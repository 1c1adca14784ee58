"""What the fuzzers start from: good files of every kind, and the bad ones that people know."""

import gzip
import io
import json
import struct
import zipfile
from typing import Any

import torch

from grounding.runs.manifest import sealed_json

CONFIG = b"""\
experiment: {name: small, seed: 1}
data: {train_samples: 20, val_samples: 5, test_samples: 10, data_dir: none}
model: {architecture: vanilla_fc, hidden_dims: [4], latent_dim: 2}
training: {epochs: 1, batch_size: 10, learning_rate: 1e-3, device: cpu}
output: {save_every_n_epochs: 0}
"""

YAML_BOMBS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"<<: {a: 1}\n",
    b"a: !!python/object/apply:os.system [ls]\n",
    b"[" * 300,
    b"? " * 100,
    b"a: " + b"9" * 5000 + b"\n",
    b"a: .nan\nb: .inf\nc: 1e999\n",
    b"a: 1\na: 2\n",
    b'"\\ud800": "\\U99999999"\n',
    b'experiment: {name: "\\0\\e[2J\\u202e"}\n',
    b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1\n",
    b"%TAG ! tag:x,1:\n---\na: !x 1\n",
    b"\xef\xbb\xbfexperiment:\r\n  name: a\r\n",
    "a:\u2028 b\u0085c\ufeff\n".encode(),
    b"\xff\xfea\x00:\x00 \x001\x00",
    b"a: |1-\n   x\n  y\n",
)

# Pickles of protocol 2: what a checkpoint must not be able to ask for.
PICKLES = (
    b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
    b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    b"\x80\x02}q\x00X\x06\x00\x00\x00formatK\x01s.",
    b"\x80\x02" + b"]" * 900 + b"a" * 899 + b".",
    b"\x80\x02S'\\G'\n.",  # an escape that Python warns of
    b"\x80\x02}X\x06\x00\x00\x00formatccollections\nOrderedDict\n)Rs.",
)

_FILES = {"a.json": {"sha256": "0" * 64, "bytes": 2}}
_ARTIFACT = {"kind": "points", "files": _FILES, "made_from": {}, "results": {}, "seconds": 0.5}
_MANIFEST = {"format": 1, "name": "a", "config": {}, "data": {}, "code": {}}
_ODD_FILES: tuple[Any, ...] = (
    *({"../outside.txt": {"sha256": "0" * 64, "bytes": 1}}, {"": {"sha256": 1, "bytes": "x"}}),
    *({"a.json": {"sha256": "\ud800", "bytes": -1}}, {"a\0": _FILES["a.json"]}, [], None),
    *({"a.json": {"sha256": "0" * 64, "bytes": 2, "x": 1}}, {"/etc/passwd": _FILES["a.json"]}),
)
MANIFESTS = (
    *({**_MANIFEST, "artifacts": {"a.json": _ARTIFACT}}, {**_MANIFEST, "artifacts": {}}),
    *({**_MANIFEST, "artifacts": {"a.json": {**_ARTIFACT, "files": x}}} for x in _ODD_FILES),
    *({**_MANIFEST, "artifacts": {"x": {**_ARTIFACT, "kind": x}}} for x in (1, None, [], "seeds")),
    *(
        {**_MANIFEST, "artifacts": {"a.json": {**_ARTIFACT, "results": {"r": x}}}}
        for x in (1, {"value": 1e308, "tables": ["index"]}, {"value": "x", "title": "<script>"})
    ),
    *({**_MANIFEST, "name": x, "artifacts": {}} for x in ("../x", "<script>", "\x1b[2J", 1, {})),
    *({**_MANIFEST, "config": {"model": x}, "artifacts": {}} for x in (1, [], {"a": [{}]})),
)
MANIFEST_FILES = (
    *(sealed_json(one) for one in MANIFESTS),
    sealed_json(MANIFESTS[0]).replace(b"0.5", b"2e308"),
    *(sealed_json({"a": 1}), b"{}", b"", b"[" * 3000, b'{"a":' * 3000, b"1" * 5000, b"\xff"),
)

WORDS = {
    "data folder": (b"\x1f\x8b\x08\x00", bytes(4), b"\xff\xff\xff\xff", b"\0\0\x0c\x01"),
    "picture": (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"\xff\xd8\xff\xe1"),
    "numpy": (
        b"\x93NUMPY\x01\x00",
        b"'descr'",
        b"'|O'",
        b"(9999999999,",
        b"PK\x01\x02",
        b"PK\x05\x06",
    ),
    "table": (
        b"PAR1",
        b"ARROW1",
        b"\xff\xff\xff\xff",
        bytes(4),
        b"\x15\x00\x15",
        b"huggingface",
        b"{",
    ),
    "config": (
        *(b"&a ", b"*a", b"!!str ", b"<<: ", b"---\n", b"...\n", b"\\0", b"\\U00110000", b"- "),
        *(b"? ", b": ", b"|\n", b">-\n", b"\r", "\u2028".encode(), b"\xff", b"1e999", b"9" * 300),
        *(b"%YAML 1.1\n", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"\t", b"data_dir: ", b"null"),
        *(b"experiment: ", b"name: ", b"seed: ", b"model: ", b"output: ", b"cache_path: "),
    ),
    "checkpoint": (b"PK\x01\x02", b"PK\x05\x06", b"cos\nsystem\n", b"K\x01", b"R", b"\x85", b"h\0"),
    "kept set": (b'"images"', b'"dtype":"U8"', b'"shape":', b'"data_offsets":', b"[", b"9999999"),
    "manifest": (
        *(b'"artifacts":', b'"files":', b'"kind":', b'"results":', b'"value":', b'"bytes":', b","),
        *(b"1e999", b"NaN", b"null", b"[", b"]", b"{", b"}", b'"', b"\\ud800", b"-", b"9" * 400),
        *(b"../", b"<script>", b"true", b'"tables":["index"]', b'"checkpoint"'),
    ),
    "arrays": (
        b'"__metadata__":',
        b'"shape":',
        b'"data_offsets":',
        b"99999999",
        b"[",
        b"-1",
        b"{}",
    ),
    "site list": (b'"files":', b'"before":', b"../", b"kept.txt", b"null", b"[", b"{", b"\\ud800"),
    "request": (
        *(b"GET ", b"HEAD ", b" HTTP/1.1\r\n", b"\r\n\r\n", b"%2e%2e%2f", b"%00", b"../", b"\r\n "),
        *(b"Host: localhost:8000\r\n", b"If-Modified-Since: ", b"If-None-Match: ", b"-9999", b":"),
        *(b"Range: bytes=", b"Cookie: ", b"http://", b"\xff", b"\0", b"Jan", b"?token="),
    ),
}


def idx_files() -> list[bytes]:
    """IDX files; the first holds images and the second their labels."""
    images = struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 2, 2) + bytes(range(8))
    labels = struct.pack(">BBBBI", 0, 0, 8, 1, 2) + b"\0\1"
    types = [
        bytes([0, 0, code, 1, 0, 0, 0, 1]) + bytes(size)
        for code, size in ((9, 1), (11, 2), (12, 4), (13, 4), (14, 8))
    ]
    return [
        images,
        labels,
        *types,
        gzip.compress(images, mtime=0),
        gzip.compress(images[:9], mtime=0) + gzip.compress(images[9:], mtime=0),
        gzip.compress(images, mtime=0) + b"\0\0rest",
        gzip.compress(b"", mtime=0) * 20 + gzip.compress(labels, mtime=0),
        gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 9) + bytes(1 << 20), mtime=0),
        struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1),
        bytes([0, 0, 8, 8]) + b"\xff\xff\xff\xff" * 8,
    ]


def archive_of(pickled: bytes, like: bytes) -> bytes:
    """An archive of `torch.save` with another pickle in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(like)) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            is_pickle = entry.filename.endswith("/data.pkl")
            new.writestr(entry.filename, pickled if is_pickle else old.read(entry))
    return made.getvalue()


def saved(values: object) -> bytes:
    """What `torch.save` writes."""
    made = io.BytesIO()
    torch.save(values, made)
    return made.getvalue()


def safetensors(header: Any, size: int = 0) -> bytes:
    """A safetensors file with any header, and zeros behind it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)
