"""A figure of values that were measured several times: every one, their mean and their spread."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from grounding.metrics import Spread, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's blue, which colour-blind people can tell from grey; both are readable on light
# and on dark ground, as the figure's own ground is transparent.
EXPERIMENT, CONTROL, TEXT = "#0072b2", "#8a929b", "#7d858e"
ROW_INCHES, WIDTH_INCHES, MARGIN_INCHES = 0.42, 9.0, 1.0


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


def spread_figure(rows: Sequence[FigureRow], axis: str) -> bytes:
    """An SVG with a row for each measurement; the same rows give the same bytes.

    Args:
        rows: from top to bottom, at least one.
        axis: what the horizontal axis shows.
    """
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * len(rows)), layout="constrained"
    )
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        color = CONTROL if row.is_control else EXPERIMENT
        found = _spread(row)
        deviation = found.standard_deviation or 0.0
        axes.errorbar(
            found.mean, place, xerr=deviation, fmt="|", color=color, markersize=12, capsize=0
        )
        below = [place + 0.22] * len(row.values)
        axes.scatter(list(row.values.values()), below, s=14, color=color, alpha=0.6, lw=0)
        axes.annotate(
            numbers(row),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color=TEXT,
            fontsize=9,
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"{axis}\ndots: single seeds; lines: mean ± standard deviation over seeds")
    axes.grid(axis="x", color=TEXT, alpha=0.25)
    axes.tick_params(colors=TEXT, length=0)
    axes.xaxis.label.set_color(TEXT)
    for spine in axes.spines.values():
        spine.set_visible(False)
    told = f"{axis}: {'; '.join(f'{row.name} {numbers(row)}' for row in rows)}"
    return svg_bytes(figure, Title=axis, Description=told)


def svg_bytes(figure: Figure, **metadata: str) -> bytes:
    """A figure as an SVG without a date, on the ground of the page; the same gives the same bytes.

    Args:
        figure: what to draw.
        metadata: what the file says of it, such as `Title`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with mpl.rc_context({"svg.hashsalt": "grounding", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure)
        picture = io.BytesIO()
        told = {"Date": None, **metadata}
        figure.savefig(picture, format="svg", transparent=True, metadata=told)
    return picture.getvalue()


def numbers(row: FigureRow) -> str:
    """Mean and standard deviation as text."""
    found = _spread(row)
    if found.standard_deviation is None:
        return f"{found.mean:.4f}"
    return f"{found.mean:.4f} ± {found.standard_deviation:.4f}"


def _spread(row: FigureRow) -> Spread:
    found = spread(list(row.values.values()))
    assert found
    return found
