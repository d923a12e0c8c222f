"""The papers' curves: quality against code length, precision against recall and rank."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hashlens.reproduce.lines import Line
from hashlens.reproduce.plots import INK, plain, to_svg

COLOURS = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]
STYLES = ("-", "--", ":", "-.")
MARKERS = "osD^vP*X"

Curve = tuple[Sequence[float], Sequence[float]]


def drawings(lines: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Draw what the lines of one data set and one protocol say: (caption, SVG).

    Curves by rank and by recall are drawn at each code length.
    """
    lengths = sorted({line.first["n_bits"] for line in lines})
    if len(lengths) > 1:
        bits = "code length in bits"
        yield (
            "Mean average precision against code length",
            _draw(lines, (bits, "mAP"), _against_bits(lines, "map"), ticks=lengths),
        )
        yield (
            "Precision within Hamming radius 2 against code length; an empty ball counts as 0",
            _draw(
                lines,
                (bits, "precision within radius 2"),
                _against_bits(lines, "precision_within_2"),
                ticks=lengths,
            ),
        )
    for n_bits in lengths:
        chosen = [line for line in lines if line.first["n_bits"] == n_bits]
        if any(line.first.get("curve") for line in chosen):
            labels = ("recall", "precision")
            yield f"Precision and recall, {n_bits} bits", _draw(chosen, labels, _recall_curve)
            labels = ("images returned", "precision")
            yield f"Precision at k, {n_bits} bits", _draw(chosen, labels, _rank_curve)


def _against_bits(lines: Sequence[Line], key: str) -> Callable[[Line], Curve]:
    by_method: dict[tuple[str, str], dict[int, float]] = {}
    for line in lines:
        value = line.mean(key)
        if value is not None:
            by_method.setdefault(_method(line), {})[line.first["n_bits"]] = value

    def curve(line: Line) -> Curve:
        points = sorted(by_method.get(_method(line), {}).items())
        return [x for x, _ in points], [y for _, y in points]

    return curve


def _recall_curve(line: Line) -> Curve:
    curve: dict[str, Any] = line.first.get("curve") or {"recall": [], "precision": []}
    return curve["recall"], curve["precision"]


def _rank_curve(line: Line) -> Curve:
    at: dict[str, float] = line.first.get("precision_at") or {}
    ranks = sorted(int(k) for k in at)
    return ranks, [at[str(k)] for k in ranks]


def _draw(
    lines: Sequence[Line],
    labels: tuple[str, str],
    curve: Callable[[Line], Curve],
    ticks: Sequence[int] = (),
) -> str:
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    figure.patch.set_alpha(0)
    axes: Axes = figure.add_subplot()
    plain(axes)
    axes.set_xlabel(labels[0], color=INK)
    axes.set_ylabel(labels[1], color=INK)
    for number, line in enumerate({_method(line): line for line in lines}.values()):
        xs, ys = curve(line)
        axes.plot(
            xs,
            ys,
            color=COLOURS[number % 10],
            linestyle=STYLES[number // 10 % 4],
            marker=MARKERS[number % len(MARKERS)],
            markersize=3,
            linewidth=1.4,
            label=_told(line),
        )
    axes.set_ylim(0, 1.02)
    if ticks:
        axes.set_xticks(list(ticks))
    if labels[0] == "recall":
        axes.set_xlim(0, 1.02)
    axes.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, labelcolor=INK
    )
    return to_svg(figure)


def _method(line: Line) -> tuple[str, str]:
    return line.name, line.first["features"]


def _told(line: Line) -> str:
    features = line.first["features"]
    return f"{line.name} ({features})" if features else line.name
