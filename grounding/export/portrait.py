"""Figures of a phase portrait: what the steps cost, where they lead, and what they stretch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from grounding._images import Images
from grounding.dynamics import Portrait
from grounding.export.figures import BLUE, TEXT, VERMILION, Files, figure_files, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GALLERY = 24  # attractors that are drawn
COLUMNS = 6


def retention_figure(portrait: Portrait) -> Files:
    """Speed and kNN accuracy against the number of steps t; by format, "svg" and "png"."""
    title = "Speed and kNN accuracy after t steps of f = E∘D"
    with figure_files(title, (7.0, 5.0)) as (figure, files):
        speeds, kept = figure.subplots(2, 1, sharex=True)
        t = np.arange(len(portrait.flow.speeds))
        moving = portrait.flow.speeds.numpy() > 0
        speeds.plot(t[moving], portrait.flow.speeds.numpy()[moving], color=BLUE)
        speeds.set_yscale("log")
        speeds.set_ylabel("mean step\nin units of the scale")
        kept.set_xscale("symlog", linthresh=1, linscale=0.3)
        kept.set_xlim(0, len(t))
        kept.set_xlabel("steps t")
        kept.set_ylabel("kNN accuracy")
        if portrait.accuracies:
            kept.plot(portrait.times, portrait.accuracies, color=BLUE, marker=".")
            horizon = portrait.safe_horizon
            kept.axvline(horizon, color=VERMILION, lw=1)
            kept.set_title(f"safe horizon {horizon:.0f}", color=VERMILION, loc="right", fontsize=9)
        else:
            kept.set_title("no labels, no accuracy", color=TEXT, loc="right", fontsize=9)
        kept.xaxis.set_major_formatter("{x:.0f}")
        for axes in (speeds, kept):
            plain(axes)
    return files


def gallery_figure(
    portrait: Portrait, training_images: Images, names: Mapping[int, str] | None = None
) -> Files:
    """The attractors of the largest basins, each beside the nearest training image.

    Under each pair: the share of the test images in its basin, their classes, the spectral radius.

    Args:
        portrait: with at least one attractor.
        training_images: uint8 (N, C, H, W).
        names: of classes that have one.
    """
    count = min(GALLERY, len(portrait.attractors))
    columns, rows = min(COLUMNS, count), -(-count // COLUMNS)
    title = f"The {count} attractors of the largest basins, of {len(portrait.attractors)}"
    with figure_files(title, (1.9 * columns + 0.4, 1.75 * rows + 0.5)) as (figure, files):
        axes = figure.add_subplot()
        for number in range(count):
            left, top = 2.4 * (number % columns), 2.1 * (number // columns)
            pictures = [portrait.pictures[number]]
            if portrait.nearest_training is not None:
                nearest = portrait.nearest_training.indices[number]
                pictures.append(training_images[nearest].float() / 255)
            for place, picture in enumerate(pictures):
                shown, box = _pixels(picture), (left + place, left + place + 1, top + 1, top)
                axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=box, interpolation="nearest")
            said = f"{100 * float(portrait.attractors.shares[number]):.1f} %"
            if portrait.attractors.periods[number] > 1:
                said += f", period {int(portrait.attractors.periods[number])}"
            if number < len(portrait.radii_at_attractors):
                said += f", ρ {float(portrait.radii_at_attractors[number]):.2f}"
            axes.text(left, top - 0.04, said, color=TEXT, fontsize=8, va="bottom")
            if portrait.basins is not None and portrait.classes is not None:
                _histogram(axes, portrait, number, (left, top + 1.05), names or {})
        axes.set_xlim(-0.1, 2.4 * columns)
        axes.set_ylim(2.1 * rows - 0.1, -0.35)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_title(
            "left: the decoded attractor; right: the nearest training image;\n"
            "share of the test images, spectral radius ρ, classes of the basin",
            color=TEXT,
            fontsize=9,
            loc="left",
        )
    return files


def spectrum_figure(portrait: Portrait) -> Files:
    """Eigenvalues of J_f in the complex plane, at test latents and at attractors."""
    title = "Eigenvalues of the Jacobian of f = E∘D"
    with figure_files(title, (6.0, 5.4)) as (figure, files):
        axes = figure.add_subplot()
        circle = np.exp(2j * np.pi * np.linspace(0, 1, 361))
        axes.plot(circle.real, circle.imag, color=TEXT, lw=1)
        for values, color, what in (
            (portrait.at_data, BLUE, "test latents"),
            (portrait.at_attractors, VERMILION, "attractors"),
        ):
            flat = values.flatten().numpy()
            flat = flat[np.isfinite(flat)]
            label = f"at {len(values)} {what}"
            axes.scatter(flat.real, flat.imag, s=6, color=color, alpha=0.5, lw=0, label=label)
        axes.axhline(0, color=TEXT, lw=0.5)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel("real part")
        axes.set_ylabel("imaginary part")
        legend = axes.legend(frameon=False, loc="upper left", markerscale=2, labelcolor=TEXT)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1)
        plain(axes)
    return files


def _histogram(
    axes: Axes,
    portrait: Portrait,
    number: int,
    place: tuple[float, float],
    names: Mapping[int, str],
) -> None:
    """Images of each class in a basin, as bars below a pair of pictures, and the largest's name."""
    assert portrait.basins is not None
    assert portrait.classes is not None
    counts, (left, top) = portrait.basins[number].numpy(), place
    if not counts.sum():
        return
    width, most = 1.6 / len(counts), counts.max()
    heights = 0.4 * counts / most
    axes.bar(
        left + width * (np.arange(len(counts)) + 0.5),
        -heights,
        0.8 * width,
        bottom=top + 0.5,
        color=BLUE,
    )
    label = int(portrait.classes[counts.argmax()])
    axes.text(left + 1.65, top + 0.5, names.get(label, str(label)), color=TEXT, fontsize=8)


def _pixels(image: Tensor) -> npt.NDArray[np.float32]:
    """An image (C, H, W) as (H, W) or, of three channels, (H, W, 3)."""
    if len(image) == 3:
        return image.permute(1, 2, 0).clamp(0, 1).numpy()
    return torch.mean(image, dim=0).numpy()
