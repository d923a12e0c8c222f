"""Writes the pages that follow from the code: commands.md, methods.md and results.md.

Run ``python docs/generate.py`` after a change to a command, to METHODS or to a stored result.
A test compares the pages with what this writes.
"""

import inspect
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from hashlens import cli
from hashlens.bench.lines import lines_of
from hashlens.methods import METHODS, is_deep, load_method

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
WIDTH = 100
RESULTS_INTRODUCTION = """\
Every table here is made from a JSON file in `benchmarks/results/`. Run the command above a table
to repeat it.
"""
SEARCHES = """\
Milliseconds of one query, or of the whole where there are no queries: median ± distance of the
quartiles. Engines took turns, on the same codes and threads; of one query alone, each timed call
came in a stream of its like. Every exact engine gave the answers of a brute-force scan; recall is
by distance, so that ties are right. "x hashlens": as a multiple of the first line of the case.
"x limit": as a multiple of what this machine needs to read the codes once (one query), or to
compare them with the batch in registers (a batch).
"""
PAPER = ("clustered-10", 64, 10, 1, 1)  # data, bits, k, queries, threads
ON_PAPER = """\
## A billion codes, on paper

Codes of 64 bits around 10,000 centres, a tenth of the bits flipped, k = 10, one query alone, one
thread, from the runs above. The tables of a billion codes take about 36 bytes a code: 3 or 4
machines of 16 GB that have a part each, or one of 48 GB. Scans are shared by threads and by
machines as one likes: each answers for its part, and the answers are merged by (distance, id).
"""
NOTE = "<!-- Written by docs/generate.py. Change the code, then run: python docs/generate.py -->\n"


def commands() -> dict[str, Any]:
    """Every command of the command line by its full name, as click objects."""
    root = typer.main.get_command(cli.app)
    return dict(_walk("hashlens", root))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    command.rich_markup_mode = None  # plain text, the same on every terminal
    yield name, command
    for child, sub in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {child}", sub)


def commands_page() -> str:
    parts = [NOTE, "# Commands\n", "Each command prints this page's text with `--help`.\n"]
    for name, command in commands().items():
        context = command.context_class(
            command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
        )
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## {name}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def methods_page() -> str:
    groups = {
        "From images to codes": [name for name in METHODS if is_deep(name)],
        "From vectors to codes": [name for name in METHODS if not is_deep(name)],
    }
    parts = [
        NOTE,
        "# Methods\n",
        "The name is what `--method` takes. `hashlens.load_method(name)` gives the class.\n",
    ]
    for title, names in groups.items():
        parts.append(f"## {title}\n")
        parts += [_method(name) for name in sorted(names)]
    return "\n".join(parts)


def _method(name: str) -> str:
    module, _, attribute = METHODS[name].partition(":")
    document = inspect.getdoc(load_method(name)) or ""
    equations, references = _equations(document), _references(document)
    if not equations or not references:
        raise SystemExit(f"{module}.{attribute}: its docstring needs `.. math::` and References")
    lines = [f"### {name}\n", f"`{module}.{attribute}`\n", _as_myst(_first_paragraph(document)), ""]
    for equation in equations:
        lines += ["```{math}", equation, "```", ""]
    lines += [f"- {_as_myst(reference)}" for reference in references]
    return "\n".join(lines) + "\n"


def _first_paragraph(document: str) -> str:
    return " ".join(document.split("\n\n", 1)[0].split())


def _equations(document: str) -> list[str]:
    """Contents of each ``.. math::`` directive, on its line or indented below it."""
    found = []
    for match in re.finditer(r"^( *)\.\. math::(.*)\n((?:\1 +.*\n|\s*\n)*)", document + "\n", re.M):
        text = inspect.cleandoc(match[3]).strip()
        found.append("\n".join(part for part in (match[2].strip(), text) if part))
    return found


def _references(document: str) -> list[str]:
    """Entries of the References section, one text each."""
    match = re.search(r"^References\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", document, re.M | re.S)
    if not match:
        return []
    entries = re.split(r"^\.\. \[\w+\] |^[-*] |\n\n", match[1], flags=re.M)
    return [" ".join(entry.split()) for entry in entries if entry.strip()]


def _as_myst(text: str) -> str:
    text = text.replace("``", "`")
    text = re.sub(r":math:`([^`]+)`", r"{math}`\1`", text)
    return re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text)


def results_page() -> str:
    stored = [json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.rglob("*.json"))]
    tables = [
        _page_of(result)(result) for result in stored if {"title", "command", "rows"} <= set(result)
    ]
    parts = [
        NOTE,
        "# Results\n",
        RESULTS_INTRODUCTION,
    ]
    return "\n".join([*parts, *(tables or ["No result is stored yet.\n"]), _on_paper(stored)])


def _page_of(result: dict[str, Any]) -> Callable[[dict[str, Any]], str]:
    if "rows_at_paper_size" in result:
        return _hierarchical
    if "works" in result:
        return _searches
    return _comparison if "plan" in result else _table


README = DOCS.parent / "README.md"
START, END = "<!-- results:", "<!-- end of results -->"


def readme() -> str:
    """README.md with its table of results written anew between the two marks."""
    text = README.read_text("utf-8")
    head, mark, rest = text.partition(START)
    first_line, _, rest = rest.partition("\n")
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"README.md lacks {START!r} or {END!r}")
    return f"{head}{START}{first_line}\n{_readme_tables()}{END}{tail}"


def _readme_tables() -> str:
    stored = [json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.rglob("*.json"))]
    best = [json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.glob("best-*.json"))]
    search = [
        _search_line(row)
        for result in stored
        if "works" in result
        for row in result["rows"]
        if row["work"] in ("one-query", "batch") and _has_faiss(row) and row["data"] == "random"
    ]
    parts = []
    if best:
        lengths = best[0]["plan"]["lengths"]
        head = ["data, protocol, figure", *(f"{n} bits" for n in lengths), "training"]
        parts += [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
        parts += [line for result in best for line in _best_lines(result)]
        parts += [""]
    if search:
        head = "| exact search, one thread | faiss IndexBinaryFlat | hashlens | ratio |"
        parts += [head, "|" + " --- |" * 4, *search, ""]
    return "\n".join(parts)


def _best_lines(result: dict[str, Any]) -> Iterator[str]:
    """One line a protocol and method: its figure at each length, the paper's in brackets."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        if not row["method"].endswith(", cut"):
            groups.setdefault((row["data"], row["protocol"], row["method"]), []).append(row)
    for (data, protocol, method), rows in groups.items():
        k = result["protocols"][protocol].get("k")
        figure = "error" if rows[0]["mAP"] is None else f"mAP@{k}" if k else "mAP"
        cells = []
        for row in rows:
            printed = "" if row["published"] == "-" else f" ({row['published']})"
            cells.append(f"**{_figure(row)}**{printed}")
        minutes = max(row["fit seconds"] or 0 for row in rows) / 60
        what = f"{data}, {protocol}, {figure} of {method.upper()}"
        yield f"| {what} | {' | '.join(cells)} | {minutes:.0f} min |"


def _has_faiss(row: dict[str, Any]) -> bool:
    return row["threads"] == 1 and "faiss heap" in row["engines"]


def _search_line(row: dict[str, Any]) -> str:
    """faiss in the faster of its two modes, hashlens, and the ratio."""
    seconds = {name: engine["median_seconds"] for name, engine in row["engines"].items()}
    faiss, ours = min(seconds["faiss heap"], seconds["faiss counting"]), seconds["hashlens"]
    asked = "one query" if row["n_queries"] == 1 else f"batch of {row['n_queries']:,}"
    what = f"{row['n_codes']:,} x {row['n_bits']} bits, {asked}, k = {row['k']}"
    times = [f"{1000 * value:.3g} ms a query" for value in (faiss, ours)]
    return f"| {what} | {' | '.join(times)} | {faiss / ours:.1f} x |"


def _searches(result: dict[str, Any]) -> str:
    """Print a table for each work, a line for each engine of each case."""
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n", SEARCHES]
    for work, about in result["works"].items():
        rows = lines_of([row for row in result["rows"] if row["work"] == work])
        if rows:
            lines += [f"### {work}\n", f"{about[0].upper()}{about[1:]}.\n", *_rows(rows), ""]
    lines += [f"- {text}" for text in result["left_out"]]
    return "\n".join([*lines, "", _measured_on(result)])


def _on_paper(stored: list[dict[str, Any]]) -> str:
    """What was measured at growing sizes, and a billion codes from the slope of the last two."""
    sizes: dict[int, dict[str, Any]] = {}
    for row in (row for result in stored if "works" in result for row in result["rows"]):
        engines = row["engines"]
        asked = (row["data"], row["n_bits"], row["k"], row["n_queries"], row["threads"])
        if asked == PAPER and "hashlens multi-index" in engines:
            sizes[row["n_codes"]] = engines
    if len(sizes) < 2:
        return ""
    ways = ("hashlens scan", "hashlens multi-index")
    seconds = {n: [engines[way]["median_seconds"] for way in ways] for n, engines in sizes.items()}
    tables = {n: engines[ways[1]]["build_seconds"] for n, engines in sizes.items()}
    (small, large), billion = sorted(sizes)[-2:], 10**9
    steps = math.log(billion / large) / math.log(large / small)
    seconds[billion] = [
        b * (b / a) ** steps for a, b in zip(seconds[small], seconds[large], strict=True)
    ]
    tables[billion] = tables[large] * billion / large
    rows = [
        {
            "codes": f"{n:,}",
            "bytes of codes": f"{n * PAPER[1] // 8:,}",
            "scan, ms a query": f"{1e3 * seconds[n][0]:,.3g}",
            "tables, ms a query": f"{1e3 * seconds[n][1]:,.3g}",
            "made with tables, s": f"{tables[n]:,.3g}",
            "from": "the slope of the two lines above" if n == billion else "measured",
        }
        for n in sorted(seconds)
    ]
    return "\n".join([ON_PAPER, *_rows(rows), ""])


def _comparison(result: dict[str, Any]) -> str:
    """Tables of methods by code length, the published figure beside each measured one."""
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n"]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        key = (row["data"], row.get("protocol", ""), row["features"])
        groups.setdefault(key, []).append(row)
    for (data, protocol, features), chosen in groups.items():
        seen = "images to codes" if features == "-" else f"hashers on {features}"
        seen = f"{protocol}, {seen}" if protocol else seen
        control = next((r["uncoded"] for r in chosen if r["uncoded"] is not None), None)
        uncoded = "" if features == "-" or control is None else f" (uncoded: {_shown(control)})"
        lines += [f"### {data}, {seen}{uncoded}\n", *_rows(_pivot(chosen)), ""]
    if result["disorder"]:
        lines += ["Pairs of methods whose published order did not come out:\n"]
        lines += [_pair(pair) for pair in result["disorder"]]
    return "\n".join([*lines, "", _measured_on(result)])


def _hierarchical(result: dict[str, Any]) -> str:
    """Precision and time of each way to search, then the speed-up beside the paper's."""
    model, database, queries = result["model"], result["database"], result["queries"]
    encode, paper = result["encode"], result["paper"]
    loads = ", ".join(f"{value:.1f}" for value in result["load_averages"]["before"])
    facts = {
        "bits": model["n_bits"],
        "features": encode["n_features"],
        "trunk": model["settings"].get("trunk"),
        "epochs": len(model["card"].get("history", [])) or None,
        "accuracy on images kept out": model["card"].get("validation", {}).get("accuracy"),
    }
    ratio = paper["n_features"] * 4 * 8 // paper["n_bits"]
    known = {name: value for name, value in facts.items() if value is not None}
    lines = [
        f"## {result['title']}\n",
        f"```sh\n{result['command']}\n```\n",
        (
            f"Model: {model['method']} ({_shown(known)}); "
            f"{encode['images_per_second']:,.0f} images encoded a second. The first "
            f"{database['images']:,} items are the training images, the others augmented copies "
            f"of them; {queries['number']:,} test images ask. Times are of one query in one "
            f"thread for {queries['timed_k']} items, medians over {queries['timed']} queries, the "
            "ways in turn, each after a query that is not timed; encoding an image alone takes "
            f"{encode['one image']['median ms']:.3g} ms more. A scan of codes ends early for the "
            f"share of queries whose very code {queries['timed_k']} items have.\n"
        ),
        *_rows([_speeds(row) for row in result["rows"]]),
        "",
        (
            f"### Codes over features at the paper's lengths: {paper['n_features']} features, "
            f"{paper['n_bits']} bits\n"
        ),
        *_rows([_speeds(row) for row in result["rows_at_paper_size"]]),
        "",
        (
            f"{paper['reference']}: {paper['features ms']} ms by features, {paper['codes ms']} ms "
            f"by codes, {paper['speed-up']} times faster. Its conditions: {paper['conditions']} "
            f"At these lengths features take {ratio:,} times the bytes of codes.\n"
        ),
        f"The machine's load (1, 5, 15 minutes) as the searches began: {loads}.\n",
    ]
    return "\n".join([*lines, _measured_on(result)])


def _speeds(row: dict[str, Any]) -> dict[str, Any]:
    """Write the figures of a row with as many digits as they have."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        column = name.replace("precision@", "p@")
        match value:
            case int():
                shown[column] = f"{value:,}"
            case float() if column.startswith("p@"):
                shown[column] = f"{value:.3f}"
            case float():
                shown[column] = f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
            case list():
                shown[column] = " to ".join(f"{item:.3g}" for item in value)
            case _:
                shown[column] = "-" if value is None else value
    return shown


def _pivot(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a method; for each length mAP, the published figure and the control row."""
    table: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = table.setdefault(row["method"], {"method": row["method"]})
        line[f"{row['bits']} bits"] = _figure(row)
        if any(r["published"] != "-" for r in rows):
            line[f"paper, {row['bits']}"] = row["published"]
        if row["features"] == "-":
            line[f"one-hot, {row['bits']}"] = _shown(row["one-hot"]) or "-"
    longest = list(next(iter(table.values())))[1]
    return sorted(table.values(), key=lambda line: line[longest], reverse=True)


def _figure(row: dict[str, Any]) -> str:
    """The mAP, with half the width of its interval over the seeds, or the classifier's error."""
    if row["mAP"] is None:
        error = row.get("error")
        return "-" if error is None else f"{100 * error:.2f} %"
    half = row.get("mAP +-")
    return f"{row['mAP']:.3f}" + (f" ± {half:.3f}" if half is not None else "")


def _pair(pair: dict[str, Any]) -> str:
    (better, worse), (one, other) = pair["published"], pair["measured"]
    return (
        f"- {pair['data']}, {pair['features'] or 'images'}, {pair['n_bits']} bits: the paper has "
        f"{pair['published_better']} ({better:.3f}) above {pair['published_worse']} "
        f"({worse:.3f}), here {one:.3f} and {other:.3f}"
    )


def _table(result: dict[str, Any]) -> str:
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n"]
    return "\n".join([*lines, *_rows(result["rows"]), "", _measured_on(result)])


def _rows(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
        *("| " + " | ".join(_shown(row.get(column)) for column in columns) + " |" for row in rows),
    ]


def _measured_on(result: dict[str, Any]) -> str:
    environment = result.get("environment", {})
    facts = "; ".join(f"{key} {_shown(value)}" for key, value in environment.items())
    return f"Measured on: {facts or 'not recorded'}.\n"


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case list():
            return " to ".join(_shown(item) for item in value)
        case dict():
            return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return str(value).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "methods.md": methods_page,
    "results.md": results_page,
}


if __name__ == "__main__":
    for page, write in PAGES.items():
        (DOCS / page).write_text(write(), encoding="utf-8")
        print(f"docs/{page}")
    README.write_text(readme(), encoding="utf-8")
    print("README.md")
