"""The health of bits in one picture: balance, correlation, distances, and what they mean."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.evaluation import DistanceMeaning
from hashlens.reproduce.bit_report import BitReport
from hashlens.reproduce.plots import (
    ACCENT,
    FAINT,
    INK,
    draw_measured,
    draw_promise,
    last_drawn,
    plain,
    save_picture,
)

DARK, WARN = "#1e293b", "#dc2626"
SIGNED = LinearSegmentedColormap.from_list("signed", [WARN, "#ffffff", ACCENT])


def write_picture(
    path: Path, title: str, report: BitReport, meaning: DistanceMeaning | None
) -> Path:
    """Draw a report on bits into a ``.png`` or ``.svg`` file.

    Parameters
    ----------
    path : Path
    title : str
    report : BitReport
    meaning : DistanceMeaning or None
        What the model knows of its distances.

    Raises
    ------
    InputError
        If the name ends with something else.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise refuse("picture", "a name that ends with .png or .svg", str(path))
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
    figure = Figure(figsize=(11, 8), layout=layout, facecolor="white")
    figure.suptitle(title, color=DARK, fontsize=14, x=0.02, ha="left")
    panels = figure.subplots(2, 2, width_ratios=(1.3, 1))
    _balance(panels[0, 0], report)
    _correlation(figure, panels[0, 1], report)
    _distances(panels[1, 0], report)
    _precision(panels[1, 1], report, meaning)
    return save_picture(figure, path)


def _head(axes: Axes, title: str, what: str, x: str, y: str) -> None:
    """Name a panel, say in a line what it shows of these bits, and name its axes."""
    plain(axes)
    axes.set_title(title, color=DARK, fontsize=11, loc="left", pad=21)
    axes.text(0, 1.03, what, color=INK, fontsize=9, transform=axes.transAxes)
    axes.set_xlabel(x, color=INK, fontsize=9)
    axes.set_ylabel(y, color=INK, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _balance(axes: Axes, report: BitReport) -> None:
    health = report.health
    dead = [*health.dead_bits]
    what = f"mean balance {health.balance.mean():.2f} of 1; {len(dead) or 'no'} dead bits"
    _head(axes, "Images for which a bit is on", what, "bit", "")
    bits = np.arange(report.n_bits)
    width = 0.8 if report.n_bits <= 128 else 1.0
    axes.bar(bits, health.ones - 0.5, bottom=0.5, width=width, color=ACCENT)
    axes.axhline(0.5, color=FAINT, linewidth=0.8)
    if dead:
        axes.bar(dead, health.ones[dead] - 0.5, bottom=0.5, width=width, color=WARN)
    axes.set_xlim(-0.7, report.n_bits - 0.3)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _correlation(figure: Figure, axes: Axes, report: BitReport) -> None:
    health = report.health
    what = f"{report.n_bits} bits vary as {health.effective_bits:.1f} uncorrelated ones would"
    _head(axes, "Correlation of two bits", what, "bit", "bit")
    shown = health.correlation.copy()
    np.fill_diagonal(shown, np.nan)
    image = axes.imshow(shown, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_anchor("W")  # in line with the panel below; its colours are explained beside it
    beside = axes.inset_axes((1.04, 0, 0.04, 1))
    bar = figure.colorbar(image, cax=beside, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8)


def _distances(axes: Axes, report: BitReport) -> None:
    found = report.separation
    nearer = found.nearer
    what = "no labels: pairs of one class are not known"
    if nearer is not None:
        what = f"a pair of one class is nearer than one of two in {100 * nearer:.1f} % of cases"
    _head(axes, "Distances between two images", what, "bits", "")
    edges = np.arange(report.n_bits + 2) - 0.5
    between = "pairs of two classes" if report.n_classes else "all pairs"
    for counts, colour, name in (
        (found.between, FAINT, between),
        (found.within, ACCENT, "pairs of one class"),
    ):
        if counts.sum():
            shares = counts / counts.sum()
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.3)
            axes.stairs(shares, edges, color=colour, linewidth=1.5, label=name)
    used = np.flatnonzero(found.between + found.within)
    axes.set_xlim(int(used.min(initial=report.n_bits)) - 1, int(used.max(initial=0)) + 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if len(used):
        axes.legend(frameon=False, labelcolor=INK, fontsize=8.5)


def _precision(axes: Axes, report: BitReport, meaning: DistanceMeaning | None) -> None:
    basis = "the model promises nothing: its training kept no labelled images out"
    if meaning is not None:
        basis = f"promised from {meaning.n_queries:,} images that training kept out"
    _head(axes, "Share of the query's class within a radius", basis, "radius in bits", "")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0, 1.02)
    shares = _measured(report)
    if meaning is not None:
        draw_promise(axes, meaning.promised, meaning.within)
    if shares is not None:
        draw_measured(axes, shares, "among these images")
    drawn = shares if meaning is None else meaning.within
    if drawn is None:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "unknown", color=INK, ha="center", fontsize=11)
        return
    axes.set_xlim(-0.5, last_drawn(drawn) + 0.5)
    axes.legend(frameon=False, labelcolor=INK, fontsize=8.5)


def _measured(report: BitReport) -> NDArray[np.float64] | None:
    """Precision within each radius among the images themselves; None without classes."""
    if not report.n_classes:
        return None
    within = np.cumsum(report.separation.within)
    found = within + np.cumsum(report.separation.between)
    shares: NDArray[np.float64] = np.full(len(found), np.nan)
    return np.divide(within, found, out=shares, where=found > 0)
