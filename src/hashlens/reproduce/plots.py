"""Plots as SVG text, drawn for a light and a dark page alike, and what pictures are made of."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hashlens.reproduce.calibration import Calibration

INK, ACCENT, FAINT = "#64748b", "#2563eb", "#94a3b8"
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def precision_recall_svg(precision: Sequence[float], recall: Sequence[float]) -> str:
    """Draw precision against recall, one point a Hamming radius."""
    figure, axes = axes_of("recall", "precision")
    axes.plot(recall, precision, color=ACCENT, marker="o", markersize=3, linewidth=1.5)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    return to_svg(figure)


def calibration_svg(calibration: Calibration) -> str:
    """Draw the precision within each radius: promised, expected, and measured on test queries."""
    figure, axes = axes_of("radius in bits", "precision within it")
    draw_promise(axes, calibration.promised, calibration.expected)
    draw_measured(axes, [np.nan if share is None else share for share in calibration.measured])
    axes.set_xlim(-0.5, last_drawn(calibration.expected) + 0.5)
    return to_svg(figure)


def draw_promise(axes: Axes, promised: ArrayLike, expected: ArrayLike) -> None:
    """Draw the precision within each radius that is promised, and up to what is expected a band."""
    radii = np.arange(np.size(promised))
    axes.fill_between(radii, promised, expected, color=FAINT, alpha=0.3, linewidth=0)
    axes.plot(radii, promised, color=FAINT, linewidth=1.5, linestyle="--", label="promised")


def draw_measured(axes: Axes, shares: ArrayLike, name: str = "measured") -> None:
    """Draw the precision within each radius that was measured; NaN where nothing was found."""
    radii = np.arange(np.size(shares))
    axes.plot(radii, shares, color=ACCENT, marker="o", markersize=3, linewidth=1.5, label=name)
    axes.set_ylim(0, 1.02)


def last_drawn(shares: ArrayLike) -> int:
    """The last radius worth drawing: beyond it the precision is about what chance gives."""
    precision = np.nan_to_num(np.asarray(shares, float))
    telling = np.flatnonzero(precision > 1.05 * precision[-1])
    return min(int(telling.max(initial=0)) + 1, len(precision) - 1)


def save_picture(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG or SVG, by the name's ending; the same figure gives the same bytes."""
    kind = path.suffix.lower().removeprefix(".")
    metadata = NO_METADATA if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "hashlens"}):
        figure.savefig(path, format=kind, dpi=150, metadata=metadata)
    return path


def history_svg(history: Sequence[dict[str, float]]) -> str:
    """Draw the loss and, where it was measured, the validation accuracy of each epoch."""
    figure, axes = axes_of("epoch", "loss")
    epochs = [row["epoch"] for row in history]
    axes.plot(epochs, [row["loss"] for row in history], color=FAINT, linewidth=1.5, label="loss")
    measured = [row for row in history if "accuracy" in row]
    if measured:
        right = axes.twinx()
        right.plot(
            [row["epoch"] for row in measured],
            [row["accuracy"] for row in measured],
            color=ACCENT,
            linewidth=1.5,
        )
        plain(right)
        right.set_ylabel("validation accuracy", color=ACCENT)
        right.set_ylim(0, 1.02)
    return to_svg(figure)


def axes_of(x: str, y: str) -> tuple[Figure, Axes]:
    """Make a small figure with one pair of named axes."""
    figure = Figure(figsize=(4.4, 2.9), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    plain(axes)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    return figure, axes


def plain(axes: Axes) -> None:
    """Leave only what is read: no frame, quiet ticks, no background."""
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def to_svg(figure: Figure) -> str:
    """Give a figure as text to be set into a page; the same figure gives the same text."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "hashlens", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    drawing = text.getvalue()
    return drawing[drawing.index("<svg") :]
