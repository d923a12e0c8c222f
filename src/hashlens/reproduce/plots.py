"""Plots as SVG text, drawn for a light and a dark page alike."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, ACCENT, FAINT = "#64748b", "#2563eb", "#94a3b8"
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def precision_recall_svg(precision: Sequence[float], recall: Sequence[float]) -> str:
    """Draw precision against recall, one point a Hamming radius."""
    figure, axes = _axes("recall", "precision")
    axes.plot(recall, precision, color=ACCENT, marker="o", markersize=3, linewidth=1.5)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    return _svg(figure)


def history_svg(history: Sequence[dict[str, float]]) -> str:
    """Draw the loss and, where it was measured, the validation accuracy of each epoch."""
    figure, axes = _axes("epoch", "loss")
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
        _plain(right)
        right.set_ylabel("validation accuracy", color=ACCENT)
        right.set_ylim(0, 1.02)
    return _svg(figure)


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 2.9), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    _plain(axes)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "hashlens", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    drawing = text.getvalue()
    return drawing[drawing.index("<svg") :]
