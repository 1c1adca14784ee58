"""The figure of a comparison: what it shows, and that the same values give the same bytes."""

import socket
from xml.etree.ElementTree import fromstring

import pytest

from grounding.studies.figure import FigureRow, numbers, spread_figure

ROWS = [
    FigureRow("a <b> & c", {0: 0.9, 1: 0.94}),
    FigureRow("raw pixels", {0: 0.7, 3: 0.7}, is_control=True),
    FigureRow("one", {7: 0.5}),
]


def test_the_same_rows_give_the_same_bytes(monkeypatch):
    first = spread_figure(ROWS, "kNN accuracy")
    assert spread_figure(ROWS, "kNN accuracy") == first
    other = [*ROWS[:2], FigureRow("one", {7: 0.6})]
    assert spread_figure(other, "kNN accuracy") != first


def test_names_numbers_and_what_is_measured_are_text_in_it():
    svg = fromstring(spread_figure(ROWS, "kNN accuracy"))
    texts = {"".join(e.itertext()).strip() for e in svg.iter() if e.tag.endswith("}text")}
    assert {"a <b> & c", "raw pixels", "one"} <= texts
    assert numbers(ROWS[0]) == "0.9200 ± 0.0283"  # the root of 0.0008
    assert numbers(ROWS[2]) == "0.5000"
    assert {"0.9200 ± 0.0283", "0.7000 ± 0.0000", "0.5000"} <= texts
    assert any(text.startswith("kNN accuracy") for text in texts)
    data = spread_figure(ROWS, "kNN accuracy").decode()
    assert "raw pixels 0.7000 ± 0.0000" in data  # for those who hear it
    assert "#0072b2" in data


def test_it_opens_no_connection_and_links_to_nothing(monkeypatch):
    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    data = spread_figure(ROWS, "kNN accuracy").decode()
    assert "<script" not in data
    assert "@import" not in data
