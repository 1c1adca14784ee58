"""Lines over logarithmic axes, as SVG."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from harness.question import series

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000000", "#56b4e9", "#999999")


def line_chart(rows: Sequence[Mapping[str, Any]], curve: Mapping[str, Any], title: str) -> str:
    """The picture of one curve of a document, or "" if no line of it has a point."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    lines = series(rows, curve)
    if not lines:
        return ""
    with mpl.rc_context({"svg.hashsalt": curve["name"], "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 4.8), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log", xlabel=curve["x"])
        for (label, (xs, ys)), color in zip(lines.items(), cycle(COLORS), strict=False):
            axes.plot(xs, ys, "o-", color=color, label=label)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axis.set_minor_locator(NullLocator())
        axes.grid(color="#ddd")
        figure.legend(loc="outside lower left", frameon=False)
        told = f"{title}: {', '.join(lines)} over {curve['x']}"
        picture = io.StringIO()
        figure.savefig(
            picture, format="svg", metadata={"Date": None, "Title": title, "Description": told}
        )
    return picture.getvalue()
