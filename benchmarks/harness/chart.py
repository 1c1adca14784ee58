"""Lines over logarithmic axes, as SVG."""

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.question import series
from harness.table import number

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 52
LEGEND_LINE = 22
# Okabe and Ito's colours, which colour-blind people can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000000", "#56b4e9", "#999999")
TICK_STEPS = (1, 2, 5)


def line_chart(rows: Sequence[Mapping[str, Any]], curve: Mapping[str, Any], title: str) -> str:
    """The picture of one curve of a document, or "" if no line of it has a point."""
    lines = series(rows, curve)  # type: ignore[arg-type]
    if not lines:
        return ""
    height = HEIGHT + LEGEND_LINE * len(lines)
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "font-family": "sans-serif",
            "font-size": "13",
            "role": "img",
            "aria-label": f"{title}: {', '.join(lines)} over {curve['x']}",
        },
    )
    SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "#fff"})
    across = Axis([x for xs, _ in lines.values() for x in xs], LEFT, WIDTH - RIGHT)
    up = Axis([y for _, ys in lines.values() for y in ys], HEIGHT - BOTTOM, TOP)
    _axes(svg, across, up, curve["x"])
    for place, (label, (xs, ys)) in enumerate(lines.items()):
        ends = across.places(xs), up.places(ys)
        _line(svg, list(zip(*ends, strict=True)), COLORS[place % len(COLORS)])
        _legend(svg, label, place)
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


class Axis:
    """A logarithmic axis around some positive values, between two pixels."""

    def __init__(self, values: Sequence[float], start: float, stop: float) -> None:
        margin = 0.04 * max(math.log10(max(values) / min(values)), 0.2)
        self.low = math.log10(min(values)) - margin
        self.high = math.log10(max(values)) + margin
        self.start, self.stop = start, stop

    def places(self, values: Sequence[float]) -> list[float]:
        """Pixels of values."""
        scale = (self.stop - self.start) / (self.high - self.low)
        return [round(self.start + (math.log10(v) - self.low) * scale, 1) for v in values]

    def ticks(self) -> list[float]:
        """1, 2 and 5 times the powers of ten that lie on the axis; on a long axis the powers."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        steps = TICK_STEPS if self.high - self.low < 3 else TICK_STEPS[:1]
        marks = [step * 10.0**power for power in powers for step in steps]
        return [mark for mark in marks if self.low <= math.log10(mark) <= self.high]


def _axes(svg: Element, across: Axis, up: Axis, name: str) -> None:
    grid = {"stroke": "#ddd", "stroke-width": "1"}
    bottom = HEIGHT - BOTTOM
    for tick, x in zip(across.ticks(), across.places(across.ticks()), strict=True):
        ends = {"x1": f"{x}", "x2": f"{x}", "y1": f"{TOP}", "y2": f"{bottom}"}
        SubElement(svg, "line", {**ends, **grid})
        _text(svg, _mark(tick), x, bottom + 18, "middle")
    for tick, y in zip(up.ticks(), up.places(up.ticks()), strict=True):
        ends = {"x1": f"{LEFT}", "x2": f"{WIDTH - RIGHT}", "y1": f"{y}", "y2": f"{y}"}
        SubElement(svg, "line", {**ends, **grid})
        _text(svg, _mark(tick), LEFT - 8, y + 4, "end")
    _text(svg, name, (LEFT + WIDTH - RIGHT) / 2, bottom + 40, "middle")


def _line(svg: Element, points: Sequence[tuple[float, float]], color: str) -> None:
    path = {"points": " ".join(f"{x},{y}" for x, y in points), "fill": "none", "stroke": color}
    SubElement(svg, "polyline", {**path, "stroke-width": "2"})
    for x, y in points:
        SubElement(svg, "circle", {"cx": f"{x}", "cy": f"{y}", "r": "4", "fill": color})


def _legend(svg: Element, label: str, place: int) -> None:
    y = HEIGHT + LEGEND_LINE * place + 4
    color = COLORS[place % len(COLORS)]
    SubElement(svg, "circle", {"cx": f"{LEFT + 8}", "cy": f"{y}", "r": "5", "fill": color})
    _text(svg, label, LEFT + 22, y + 4.5, "start")


def _text(svg: Element, words: str, x: float, y: float, anchor: str) -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor, "fill": "#222"}
    SubElement(svg, "text", place).text = words


def _mark(tick: float) -> str:
    return f"{tick:g}" if tick < 1000 else number(round(tick))
