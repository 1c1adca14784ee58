"""What the fuzzers start from: good files of every kind, and the bad ones that people know."""

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path

import onnx
import torch

from grounding.cli.commands import main

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

_NAMES = ("../x", "/etc/x", "<script>alert(1)</script>", "\x1b[2J", "\u202ex", "a" * 5000, "", 1)
_PLAIN = {"points": [[0, 1, 2]], "labels": [1]}
OUTPUTS = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *(json.dumps({"experiment": name, **_PLAIN}) for name in _NAMES),
        '{"experiment":"\\ud800","points":[[1e999,0,0]],"labels":[1e20]}',
        '{"experiment":"a","points":[[%s,0,0]],"labels":[0]}' % ("9" * 400),
        '{"experiment":"a","points":[[[0]],{},null],"labels":"abc"}',
        '{"experiment":"a","manifold_score":NaN,"metrics":{"silhouette":[1]},"config":{"data":1}}',
        '{"experiment":"a","manifold_score":1e308,"metrics":[],"checkpoint_sha256":%s}'
        % ("[" * 970 + "]" * 970),
        '{"experiment":"a","knn_accuracy":true,"classes":{},"split":["x"],"total_parameters":1e299}',
        '{"companion":{"file":"points.bin","id":1,"bytes":[]},"experiment":"a"}',
        '{"companion":{"file":"%s.bin","id":"","bytes":1},"experiment":"a"}' % ("\ufffd" * 90),
        '{"companion":{"file":"\\ud800.bin","id":"","bytes":1},"experiment":"a"}',
        '{"checkpoint_sha256":1,"options":[],"versions":null}',
        "[" * 3000,
        '{"a":' * 3000,
        "1" * 5000,
        "",
    )
)  # fmt: skip

# Pickles of protocol 2: what a checkpoint must not be able to ask for.
PICKLES = (
    b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
    b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
    b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    b"\x80\x02}q\x00X\x06\x00\x00\x00formatK\x01s.",
    b"\x80\x02]q\x00" + b"]h\x00ah\x00aq\x00" * 40 + b"h\x00.",
    b"\x80\x02]q\x00" + b"]h\x00ah\x00aq\x00" * 40 + b"h\x00)R.",  # is shown in an error
    b"\x80\x02" + b"]" * 900 + b"a" * 899 + b".",
    b"\x80\x02S'\\G'\n.",  # an escape that Python warns of
    b"\x80\x02}X\x06\x00\x00\x00formatccollections\nOrderedDict\n)Rs.",
)

WORDS = {
    "idx": (b"\x1f\x8b\x08\x00", bytes(4), b"\xff\xff\xff\xff", b"\0\0\x08\x03", b"\x03\x00"),
    "data": (b"\x1f\x8b\x08\x00", bytes(4), b"\xff\xff\xff\xff", b"\0\0\x0c\x01", b"\0\0\0\1"),
    "config": (
        *(b"&a ", b"*a", b"!!str ", b"<<: ", b"---\n", b"...\n", b"\\0", b"\\U00110000", b"- "),
        *(b"? ", b": ", b"|\n", b">-\n", b"\r", "\u2028".encode(), b"\xff", b"1e999", b"9" * 300),
        *(b"%YAML 1.1\n", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"\t", b"data_dir: ", b"null"),
        *(b"experiment: ", b"name: ", b"seed: ", b"model: ", b"output: ", b"cache_path: "),
    ),
    "override": (b"=", b".", b"\n", b'"\\ud800"', b"\xff", b"\0", b"training.epochs=", b"[", b"{"),
    "checkpoint": (b"PK\x01\x02", b"PK\x05\x06", b"cos\nsystem\n", b"K\x01", b"R", b"\x85", b"h\0"),
    "checksum": (b"  ", b"\n", b"0" * 64, b"\xff", b"x.pt"),
    "augmented": (
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"cos\nsystem\n",
        b"K\x01",
        b"R",
        b"images",
        b"h\0",
    ),
    "companion": (b"GRNDBIN1", b'"shape":', b'"offset":', b"99999999", b"null", b"[", b"-1", b"{}"),
    "output": (
        *(b"1e999", b"NaN", b"null", b"[", b"]", b"{", b"}", b'"', b"\\ud800", b"-", b"9" * 400),
        *(b'"experiment":', b'"points":', b'"labels":', b'"metrics":', b'"manifold_score":', b","),
        *(b'"config":', b'"split":', b'"companion":', b"../", b"<script>", b"true"),
    ),
    "onnx": (b"made_from", b"\xff\xff\xff\xff\x0f", b"[", b"{", b"\x72", b"\x3a", b"\x12"),
    "site": (b'"files"', b'"made_by"', b"../", b"kept.txt", b"null", b"[", b"{", b"\\ud800", b","),
    "request": (
        *(b"GET ", b"HEAD ", b" HTTP/1.1\r\n", b"\r\n\r\n", b"%2e%2e%2f", b"%00", b"../", b"\r\n "),
        *(b"Host: localhost:8000\r\n", b"If-Modified-Since: ", b"If-None-Match: ", b"-9999", b":"),
        *(b"Content-Length: ", b"Expect: 100-continue\r\n", b"http://", b"\xff", b"\0", b"Jan"),
    ),
    "verified": (
        *(b"PK\x05\x06", b"GRNDBIN1", b"grounding augmented set 2\n", b"\nsha256 ", b"0" * 64),
        *(b"\x1f\x8b\x08\x00", b'"sha256":', b'"companion":', b"[", b"{", b"\n", b"  ", b"\xff"),
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


def train_small(folder: Path) -> bytes:
    """A checkpoint of two small layers."""
    folder.mkdir()
    config, path = folder / "small.yaml", folder / "small.pt"
    config.write_bytes(CONFIG)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main("train", ["--config", str(config), "--output", str(path)]) == 0
    finally:
        os.chdir(before)
    return path.read_bytes()


def archive_of(pickled: bytes, like: bytes) -> bytes:
    """An archive of `torch.save` with another pickle in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(like)) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            is_pickle = entry.filename.endswith("/data.pkl")
            new.writestr(entry.filename, pickled if is_pickle else old.read(entry))
    return made.getvalue()


def onnx_model(made_from: str) -> bytes:
    """The smallest model that says what it was made from."""
    kind = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [kind], [other]))
    model.metadata_props.add(key="made_from", value=made_from)
    return model.SerializeToString()


def _empty_archive() -> bytes:
    made = io.BytesIO()
    torch.save({}, made)
    return made.getvalue()


EMPTY = _empty_archive()
