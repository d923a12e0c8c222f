"""Pictures of how cost grows, from the stored result: one for each group of works.

    python -m benchmarks.growth_pictures [--result FILE] [--out docs/pictures] [--format svg]

Above, the seconds of each figure of a work, with the line that was fitted; below, the most memory
that the process had. Sizes and seconds on logarithms, memory from zero on.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from benchmarks._record import RESULTS
from benchmarks.growth.slopes import RANGE
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator

COLUMNS, WIDTH, HEIGHT = 4, 3.1, 4.6
MARKERS = "osD^"
COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47")  # apart also as greys and in markers
NEEDED = {"svg.hashsalt": "hashlens", "font.size": 9, "axes.spines.top": False}
NEEDED |= {"axes.spines.right": False, "svg.fonttype": "path"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--result", type=Path, default=RESULTS / "growth.json")
    pictures = RESULTS.parents[1] / "docs" / "pictures"
    parser.add_argument("--out", type=Path, default=pictures)
    parser.add_argument("--format", choices=["svg", "png"], default="svg")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    result = json.loads(asked.result.read_text("utf-8"))
    for group in dict.fromkeys(row["group"] for row in result["memory"]):
        path = asked.out / f"growth-{group}.{asked.format}"
        with mpl.rc_context(NEEDED):
            draw(result, group, path)
        print(path)


def draw(result: dict[str, Any], group: str, path: Path) -> None:
    """Draw the works of a group, a column of two panels for each."""
    memory = [row for row in result["memory"] if row["group"] == group]
    n_columns = min(COLUMNS, len(memory))
    n_rows = -(-len(memory) // n_columns)
    size = (WIDTH * n_columns, HEIGHT * n_rows)
    figure, axes = plt.subplots(2 * n_rows, n_columns, figsize=size, squeeze=False)
    for panel in axes.flat:
        panel.set_visible(False)
    for i, row in enumerate(memory):
        above, below = axes[2 * (i // n_columns) :, i % n_columns][:2]
        times = [each for each in result["time"] if each["work"] == row["work"]]
        draw_time(above, times)
        draw_memory(below, row)
        above.set_title(row["work"], fontweight="bold", fontsize=10)
    figure.tight_layout()
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=150, metadata=metadata)
    plt.close(figure)


def draw_time(axes: Axes, rows: list[dict[str, Any]]) -> None:
    axes.set_visible(True)
    for row, marker, colour in zip(rows, MARKERS, COLOURS, strict=False):
        n, seconds = (np.array([p[key] for p in row["points"]]) for key in ("n", "seconds"))
        slope = row["exponent"]["slope"]
        label = f"{row['figure']}: $n^{{{slope:.2f}}}$"
        axes.plot(n, seconds, marker, color=colour, markersize=5, label=label)
        upper = n * RANGE >= n[-1]
        level = np.exp(np.mean(np.log(seconds[upper]) - slope * np.log(n[upper])))
        axes.plot(n[upper], level * n[upper].astype(float) ** slope, color=colour, linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (0.12 + 0.16 * len(rows)))  # room for the words
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    axes.yaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
    mark_sizes(axes, n)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.legend(loc="upper left", fontsize=8, frameon=False, handletextpad=0.2)
    axes.set_ylabel("time")
    axes.set_xlabel(rows[0]["of"])


def draw_memory(axes: Axes, row: dict[str, Any]) -> None:
    axes.set_visible(True)
    n, mib = (np.array([p[key] for p in row["points"]]) for key in ("n", "mib"))
    axes.plot(n, mib, "o-", color="#444444", markersize=5, linewidth=1)
    slope = row["bytes each"]
    half = slope["high"] - slope["slope"]
    words = f"{short(slope['slope'])} ± {short(half)} B each"
    axes.text(0.03, 0.95, words, transform=axes.transAxes, va="top", fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.25 * mib.max())
    mark_sizes(axes, n)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_ylabel("peak memory, MiB")
    axes.set_xlabel(row["of"])


def mark_sizes(axes: Axes, n: np.ndarray) -> None:
    """Write every second size below its point, the largest too."""
    axes.set_xticks(
        n[::-1][::2], [EngFormatter(sep="", places=None)(round_to(v)) for v in n[::-1][::2]]
    )
    axes.minorticks_off()


def short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def round_to(value: float, digits: int = 3) -> float:
    return float(f"{value:.{digits}g}")


if __name__ == "__main__":
    main()
