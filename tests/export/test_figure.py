from xml.etree.ElementTree import fromstring

import pytest

from grounding.export.figure import FigureRow, spread_figure

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [
    FigureRow("a <b> & c", {0: 0.9, 1: 0.94}),
    FigureRow("raw pixels", {0: 0.7, 3: 0.7}, is_control=True),
]


def drawn(rows):
    return fromstring(spread_figure(rows, "kNN accuracy"))


def of_class(svg, tag, kind):
    return [e for e in svg.iter(SVG + tag) if kind in e.get("class", "").split()]


def test_every_seed_is_a_dot_where_its_value_is():
    svg = drawn(ROWS)
    dots = of_class(svg, "circle", "dot")
    assert [dot.find(f"{SVG}title").text for dot in dots] == [
        "seed 0: 0.9000", "seed 1: 0.9400", "seed 0: 0.7000", "seed 3: 0.7000",
    ]  # fmt: skip
    x = [float(dot.get("cx")) for dot in dots]
    assert x[2] == x[3]
    # Distances on the axis are those of the values: 0.24 and 0.20.
    assert (x[1] - x[2]) / (x[0] - x[2]) == pytest.approx(0.24 / 0.20, rel=1e-3)
    assert [dot.get("class").split()[0] for dot in dots] == ["experiment"] * 2 + ["control"] * 2


def test_mean_and_deviation_are_drawn_and_written():
    svg = drawn(ROWS)
    low, high = (float(dot.get("cx")) for dot in of_class(svg, "circle", "experiment"))
    mean = of_class(svg, "line", "mean")[0]
    assert float(mean.get("x1")) == pytest.approx((low + high) / 2, abs=0.11)
    spread = of_class(svg, "line", "spread")[0]
    # The deviation of two values is their distance over the root of 2.
    width = float(spread.get("x2")) - float(spread.get("x1"))
    assert width == pytest.approx(2 * (high - low) / 2**0.5, abs=0.3)
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert "0.9200 ± 0.0283" in texts
    assert "a <b> & c" in texts


def test_a_single_value_has_no_spread():
    svg = drawn([FigureRow("x", {7: 0.5})])
    line = of_class(svg, "line", "spread")[0]
    assert line.get("x1") == line.get("x2")
    assert "0.5000" in [text.text for text in svg.iter(f"{SVG}text")]


def test_all_of_it_is_on_the_picture_and_ticks_are_round():
    svg = drawn([*ROWS, FigureRow("x" * 80, {0: 0.1})])
    width = float(svg.get("width"))
    places = [float(e.get(k)) for e in svg.iter() for k in ("x", "x1", "x2", "cx") if e.get(k)]
    assert min(places) >= 0
    assert max(places) <= width
    quiet = [t.text for t in of_class(svg, "text", "quiet")]
    assert {"0.2", "0.4", "0.6", "0.8"} <= set(quiet)


def test_it_has_colours_for_light_and_dark():
    style = next(drawn(ROWS).iter(f"{SVG}style")).text
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    for kind in (".ground", "text", ".quiet", ".grid", ".experiment", ".control"):
        assert f"{kind}{{" in light
        assert f"{kind}{{" in dark
