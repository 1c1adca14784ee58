"""A figure of values that were measured several times: every one, their mean and their spread."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grounding.metrics.spread import Spread, spread

PLOT, VALUE_COLUMN, MARGIN = 430.0, 144.0, 16.0
ROW_HEIGHT, TOP, BOTTOM = 40.0, 14.0, 74.0
CHARACTER = 7.4  # pixels of a character at most, at this size of type
TICKS = 6

# Okabe and Ito's blue, which colour-blind people can tell from grey, lighter on dark ground.
# Each colour is said as a plain rule, because many programs that print SVG know no variables.
LIGHT = """
.ground{fill:#fff}text{fill:#1b1f24}.quiet{fill:#57606a}.grid{stroke:#d8dee4}
.experiment{fill:#0072b2;stroke:#0072b2}.control{fill:#6e7781;stroke:#6e7781}
"""
DARK = """
.ground{fill:#14171c}text{fill:#e8eaed}.quiet{fill:#a4adb8}.grid{stroke:#343b45}
.experiment{fill:#56b4e9;stroke:#56b4e9}.control{fill:#9aa4b2;stroke:#9aa4b2}
"""
STYLE = f"""svg{{color-scheme:light dark}}{LIGHT}@media (prefers-color-scheme:dark){{{DARK}}}
.dot{{fill-opacity:.6;stroke:none}}.mean{{stroke-width:3}}.spread{{stroke-width:1.5}}
"""


class FigureRow(NamedTuple):
    """One line of the figure.

    Attributes:
        name: what was measured.
        values: by seed, at least one.
        is_control: whether it is drawn as something to compare with.
    """

    name: str
    values: Mapping[int, float]
    is_control: bool = False


def spread_figure(rows: Sequence[FigureRow], axis: str) -> str:
    """An SVG with a row for each measurement, readable on light and on dark ground.

    Args:
        rows: from top to bottom, at least one.
        axis: what the horizontal axis shows.
    """
    scale = _Scale([value for row in rows for value in (*row.values.values(), *_ends(row))])
    left = MARGIN + CHARACTER * max(len(row.name) for row in rows) + MARGIN
    width, bottom = left + PLOT + VALUE_COLUMN, TOP + ROW_HEIGHT * len(rows)
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:g} {bottom + BOTTOM:g}",
            "width": f"{width:g}",
            "height": f"{bottom + BOTTOM:g}",
            "font-family": "system-ui, sans-serif",
            "font-size": "13",
            "role": "img",
            "aria-label": f"{axis}: {'; '.join(map(_told, rows))}",
        },
    )
    SubElement(svg, "style").text = STYLE
    SubElement(svg, "rect", {"class": "ground", "width": "100%", "height": "100%"})
    for tick, text in scale.ticks():
        x = left + scale.place(tick)
        _line(svg, "grid", (x, TOP), (x, bottom))
        _text(svg, text, x, bottom + 18, "middle", "quiet")
    for place, row in enumerate(rows):
        _row(svg, row, scale, left, TOP + ROW_HEIGHT * (place + 0.5))
    _text(svg, axis, left + PLOT / 2, bottom + 40, "middle")
    note = "dots: single seeds; lines: mean ± standard deviation over seeds"
    _text(svg, note, left + PLOT / 2, bottom + 60, "middle", "quiet")
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


class _Scale:
    """A linear axis around some values, PLOT pixels long."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        margin = 0.05 * (high - low) or 0.01
        self.low, self.high = low - margin, high + margin

    def place(self, value: float) -> float:
        """Pixels from the left end."""
        return PLOT * (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values on the axis with their text, about `TICKS` of them."""
        rough = (self.high - self.low) / TICKS
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [(n * step, f"{n * step:.{digits}f}") for n in range(first, last + 1)]


def _row(svg: Element, row: FigureRow, scale: _Scale, left: float, y: float) -> None:
    """Name, mean, spread, every value and the numbers; the values lie just below the mean."""
    kind = "control" if row.is_control else "experiment"
    _text(svg, row.name, left - MARGIN, y + 4.5, "end", "quiet" if row.is_control else "")
    mean = left + scale.place(_spread(row).mean)
    low, high = (left + scale.place(end) for end in _ends(row))
    _line(svg, f"{kind} spread", (low, y - 5), (high, y - 5))
    _line(svg, f"{kind} mean", (mean, y - 11), (mean, y + 1))
    for seed, value in row.values.items():
        x = left + scale.place(value)
        circle = {"class": f"{kind} dot", "cx": f"{x:.1f}", "cy": f"{y + 8:g}", "r": "3.5"}
        SubElement(SubElement(svg, "circle", circle), "title").text = f"seed {seed}: {value:.4f}"
    _text(svg, _numbers(row), left + PLOT + MARGIN, y + 4.5, "start", "quiet")


def _told(row: FigureRow) -> str:
    return f"{row.name} {_numbers(row)}"


def _spread(row: FigureRow) -> Spread:
    found = spread(list(row.values.values()))
    assert found
    return found


def _ends(row: FigureRow) -> tuple[float, float]:
    """Mean less and plus the standard deviation; of a single value, twice itself."""
    found = _spread(row)
    deviation = found.standard_deviation or 0.0
    return found.mean - deviation, found.mean + deviation


def _numbers(row: FigureRow) -> str:
    found = _spread(row)
    if found.standard_deviation is None:
        return f"{found.mean:.4f}"
    return f"{found.mean:.4f} ± {found.standard_deviation:.4f}"


def _line(svg: Element, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    places = zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True)
    SubElement(svg, "line", {"class": kind, **{key: f"{value:.1f}" for key, value in places}})


def _text(svg: Element, words: str, x: float, y: float, anchor: str, kind: str = "") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    SubElement(svg, "text", place | ({"class": kind} if kind else {})).text = words
