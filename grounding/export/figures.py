"""Figures by matplotlib, as SVG and as PNG: how they look, and those of a single run."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, which colour-blind people can tell apart; both and the grey
# are readable on light and on dark ground, as the figures' own ground is transparent.
BLUE, VERMILION, TEXT = "#0072b2", "#d55e00", "#7d858e"
FORMATS = ("svg", "png")
NUMBERED = 26  # classes: a larger confusion matrix has no numbers in its cells

Files = dict[str, bytes]


@contextmanager
def figure_files(title: str, inches: tuple[float, float]) -> Iterator[tuple[Figure, Files]]:
    """A figure, and a dictionary that has its bytes in every format after the block."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    files: Files = {}
    with mpl.rc_context({"svg.hashsalt": "grounding", "svg.fonttype": "none"}):
        figure = Figure(figsize=inches, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, files
        # Once for all formats: it takes longer than to draw one.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for kind in FORMATS:
            file = io.BytesIO()
            metadata: dict[str, Any] = {"Title": title}
            metadata |= {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(file, format=kind, dpi=110, transparent=True, metadata=metadata)
            files[kind] = file.getvalue()


def plain(axes: Axes) -> None:
    """Grey ticks and labels, a faint grid, no frame."""
    axes.tick_params(which="both", colors=TEXT, length=0)
    axes.yaxis.set_minor_formatter("")
    axes.grid(color=TEXT, alpha=0.25)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(TEXT)
    for spine in axes.spines.values():
        spine.set_visible(False)


def curves_figure(curves: Mapping[str, Sequence[float | None]]) -> Files:
    """Losses and accuracies against the epoch, from 1.

    Args:
        curves: by name; of each epoch a value, or None where none was measured.
    """
    with figure_files("Training, epoch by epoch", (7.0, 2.2 * len(curves))) as (figure, files):
        below = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, values) in zip(below, curves.items(), strict=True):
            known = [(n, v) for n, v in enumerate(values, 1) if v is not None]
            axes.plot(*zip(*known, strict=True), color=BLUE, marker=".")
            axes.set_ylabel(name)
            axes.xaxis.get_major_locator().set_params(integer=True)
            plain(axes)
        below[-1].set_xlabel("epoch")
    return files


def confusion_figure(counts: npt.NDArray[np.int64], names: Sequence[str]) -> Files:
    """Images by their class, a row each, and by the class that they are taken for.

    Args:
        counts: (K, K).
        names: of the classes.
    """
    side = min(12.0, 2.0 + 0.42 * len(names))
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    with figure_files("Confusion of classes", (side, side)) as (figure, files):
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        ticks = range(0, len(names), -(-len(names) // 40))
        shown = [names[n] for n in ticks]
        axes.set_xticks(ticks, shown, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(ticks, shown)
        axes.set_xlabel("taken for")
        axes.set_ylabel("is")
        for row, column in np.argwhere(counts) if len(names) <= NUMBERED else ():
            dark = "white" if shares[row, column] > 0.5 else "black"
            text = str(counts[row, column])
            axes.text(column, row, text, ha="center", va="center", color=dark, fontsize=7)
        plain(axes)
        axes.grid(visible=False)
    return files
