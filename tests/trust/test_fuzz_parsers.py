"""Every reader of other people's bytes: a result, or one line; see parsers.py."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsers import NAMES, Parser, parser


@cache
def known(name: str, folder: Path) -> Parser:
    return parser(name, folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parsers")


@st.composite
def damaged(draw: st.DrawFn, parser: Parser) -> bytes:
    """A seed in which some places are overwritten, cut out, doubled, or have words put in."""
    data = draw(st.sampled_from(parser.seeds))
    words = st.one_of(st.sampled_from(parser.words), st.binary(max_size=8))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 16)))
        kind = draw(st.sampled_from(["insert", "overwrite", "cut", "double", "end"]))
        if kind == "insert":
            data = data[:start] + draw(words) + data[start:]
        elif kind == "overwrite":
            word = draw(words)
            data = data[:start] + word + data[start + len(word) :]
        elif kind == "cut":
            data = data[:start] + data[stop:]
        elif kind == "double":
            data = data[:stop] + data[start:stop] * draw(st.integers(1, 40)) + data[stop:]
        else:
            data = data[:start]
    return data


@pytest.mark.parametrize("name", NAMES)
def test_anything_is_read_or_refused_in_one_line(folder: Path, name: str) -> None:
    parser = known(name, folder)
    for seed in parser.seeds:
        parser.read(seed)

    @settings(
        max_examples=60,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.one_of(damaged(parser), st.binary(max_size=64)))
    def read_or_refused(data: bytes) -> None:
        parser.read(data)

    read_or_refused()
