"""The report on a comparison: one page that stands alone; also as Markdown, CSV and JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hashlens.reproduce.comparing import Compared
from hashlens.reproduce.comparison import Comparison
from hashlens.reproduce.comparison_plots import drawings
from hashlens.reproduce.gallery import gallery
from hashlens.reproduce.lines import Line, row_of_line, shown_figure
from hashlens.reproduce.paper_tables import PaperTable, paper_tables
from hashlens.reproduce.plan import Task
from hashlens.reproduce.report import machine_facts, render, replace_file

N_QUERIES, N_HITS = 5, 10
SHOWN = 40  # differences on the page; all of them are in the JSON


def write_comparison(comparison: Comparison, compared: Sequence[Compared], out: Path) -> Path:
    """Write ``report.html``, ``report.md``, ``cells.csv`` and ``report.json`` into a folder.

    Parameters
    ----------
    comparison : Comparison
    compared : sequence of Compared
        What it was made of: they know where the pictures are.
    out : Path

    Returns
    -------
    page : Path
        Of ``report.html``.
    """
    result = comparison.to_dict()
    lines = comparison.lines()
    papers = paper_tables(lines)
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / "report.json", json.dumps(result, indent=1) + "\n")
    replace_file(out / "cells.csv", _csv(lines))
    replace_file(out / "report.md", _markdown(result, papers, lines))
    page = render(
        "comparison.html",
        heading=result["title"],
        subtitle=_subtitle(lines),
        tiles=_tiles(papers, lines),
        papers=papers,
        tables=[*_tables(lines)],
        plots=[*_plots(lines)],
        galleries=[*_galleries(compared, lines)],
        differences=_neighbours(comparison, result["differences"])[:SHOWN],
        disorder=[told_pair(pair) for pair in result["disorder"]],
        facts=_facts(result),
    )
    return replace_file(out / "report.html", page)


def _subtitle(lines: Sequence[Line]) -> str:
    first = lines[0].first
    queries = f"{first['n_queries']:,} queries" if "n_queries" in first else "no queries"
    return f"{queries}, {first.get('n_database', 0):,} images searched, {len(lines)} cells"


def _tiles(papers: Sequence[PaperTable], lines: Sequence[Line]) -> list[tuple[str, str]]:
    measured = [line for line in lines if line.mean("map") is not None]
    best = max(measured, key=lambda line: line.mean("map") or 0.0, default=None)
    reached = [table.tally for table in papers]
    tiles = []
    if best is not None:
        name = f"best mAP: {best.name}, {best.first['n_bits']} bits"
        tiles.append((name, f"{best.mean('map'):.3f}"))
    if reached:
        share = f"{sum(r for r, _ in reached)} of {sum(n for _, n in reached)}"
        tiles.append(("published figures reached", share))
    # Cells of several protocols, and lengths that share a training, count once.
    trainings = {c.get("training"): c.get("fit_seconds", 0.0) for line in lines for c in line.cells}
    tiles.append(("hours of training", f"{sum(trainings.values()) / 3600:.1f}"))
    return tiles


def _groups(lines: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.first["data"], line.first["protocol"]), []).append(line)
    return groups


def _tables(lines: Sequence[Line]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give each data set and protocol its flat table, without columns that are empty."""
    for (data, protocol), chosen in _groups(lines).items():
        rows = [_flat(line) for line in chosen]
        used = [name for name in rows[0] if any(row[name] != "–" for row in rows)]
        digest = chosen[0].first["arrangement"]
        title = f"{data}, {protocol} (protocol and images: {digest})"
        yield title, [{name: row[name] for name in used} for row in rows]


def _flat(line: Line) -> dict[str, str]:
    row = row_of_line(line)
    worst, best = row["of ties"]
    return {
        "method": line.name,
        "features": line.first["features"] or "–",
        "bits": str(line.first["n_bits"]),
        "mAP": "–" if row["mAP"] is None else shown_figure(line),
        "published": str(line.published or "–"),
        "of ties": "–" if best is None else f"{worst:.3f}-{best:.3f}",
        **{name: _short(row[name]) for name in ("uncoded", "one-hot", "P r<=2", "empty", "nDCG")},
        "error": "–" if row["error"] is None else f"{100 * row['error']:.2f} %",
        "fit s": _short(row["fit seconds"], 1),
        "fit MiB": _short(row["fit peak MiB"], 0),
        "encode s": _short(row["encode seconds"], 1),
        "refused": row["refused"] or "–",
    }


def _short(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _plots(lines: Sequence[Line]) -> Iterator[tuple[str, list[tuple[str, Markup]]]]:
    for (data, protocol), chosen in _groups(lines).items():
        measured = [line for line in chosen if line.mean("map") is not None]
        if measured:
            found = [(name, Markup(svg)) for name, svg in drawings(measured)]
            yield f"Curves: {data}, {protocol}", found


def _galleries(
    compared: Sequence[Compared], lines: Sequence[Line]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Show what the best method finds at each of its code lengths."""
    by_name = {one.name: one for one in compared}
    for (data, protocol), chosen in _groups(lines).items():
        measured = [line for line in chosen if line.mean("map") is not None]
        if not measured:
            continue
        best = max(measured, key=lambda line: line.mean("map") or 0.0).first
        alike = ("method", "features", "cut")
        for line in measured:
            if all(line.first[name] == best[name] for name in alike):
                task = Task(*(line.first[name] for name in Task._fields))
                stages = by_name[data].stages(protocol)
                coded = stages.codes(task)
                sides = (coded.query, coded.database)
                rows = gallery(stages.arrangement, sides, task.n_bits, N_QUERIES, N_HITS)
                yield f"{data}, {protocol}: {task}", rows


def _neighbours(comparison: Comparison, found: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Of the differences, those between methods that follow each other in a column."""
    ranked: dict[tuple[str, str, int], list[str]] = {}
    for line in sorted(comparison.lines(), key=lambda line: -(line.mean("map") or 0.0)):
        first = line.first
        key = (first["data"], first["protocol"], first["n_bits"])
        ranked.setdefault(key, []).append(line.full_name)
    rows = []
    for pair in found:
        names = ranked[(pair["data"], pair["protocol"], pair["n_bits"])]
        if abs(names.index(pair["better"]) - names.index(pair["worse"])) == 1:
            rows.append(
                {
                    "better": pair["better"],
                    "worse": pair["worse"],
                    "where": f"{pair['data']}, {pair['protocol']}, {pair['n_bits']} bits",
                    "difference": f"{pair['difference']:.4f}",
                    "95 % interval": f"{pair['low']:.4f} to {pair['high']:.4f}",
                    "clear": "yes" if pair["clear"] else "no",
                }
            )
    return rows


def told_pair(pair: dict[str, Any]) -> str:
    """Say in a sentence that two methods came out in another order than in the paper."""
    where = f"{pair['data']}, {pair['protocol']}, {pair['features'] or 'images'}"
    better, worse = pair["published"]
    one, other = pair["measured"]
    return (
        f"{where}, {pair['n_bits']} bits: the paper has {pair['published_better']} "
        f"({better:.3f}) above {pair['published_worse']} ({worse:.3f}); "
        f"here {one:.3f} and {other:.3f}"
    )


def _facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    plan = result["plan"]
    facts = {
        **{
            name: ", ".join(f"{k}: {v}" for k, v in rules.items())
            for name, rules in result["protocols"].items()
        },
        "recipe": f"{plan['recipe']}, epochs: {plan['epochs'] or 'as the recipe has them'}",
        "settings": ", ".join(f"{k} = {v}" for k, v in plan["settings"].items()) or "defaults",
        "seeds": ", ".join(map(str, plan["seeds"])),
    }
    return [*facts.items(), *machine_facts(result["environment"])]


def _csv(lines: Sequence[Line]) -> str:
    text = io.StringIO()
    rows = [row_of_line(line) for line in lines]
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        worst, best = row["of ties"]
        writer.writerow(row | {"of ties": "" if best is None else f"{worst} to {best}"})
    return text.getvalue()


def _markdown(result: dict[str, Any], papers: Sequence[PaperTable], lines: Sequence[Line]) -> str:
    parts = [f"# {result['title']}\n", f"```sh\n{result['command']}\n```\n"]
    for table in papers:
        head = ["method", *(f"{n} bits" for n in table.lengths)]
        body = [
            [
                method,
                *(f"{_short(entry.measured)} / {entry.published or '–'}" for entry in entries),
            ]
            for method, entries in table.rows
        ]
        parts += [f"## {table.title}\n", "Measured / published.\n", _grid(head, body)]
    for title, rows in _tables(lines):
        parts += [f"## {title}\n", _grid(list(rows[0]), [[*row.values()] for row in rows])]
    parts += [f"- **{name}**: {value}" for name, value in _facts(result)]
    return "\n".join(parts) + "\n"


def _grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
