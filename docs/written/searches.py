"""Results of ``hashlens bench search``."""

import math
from typing import Any

from hashlens.bench.lines import lines_of
from written.tables import measured_on, table_of

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


def searches(result: dict[str, Any]) -> str:
    """Print a table for each work, a line for each engine of each case."""
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n", SEARCHES]
    for work, about in result["works"].items():
        rows = lines_of([row for row in result["rows"] if row["work"] == work])
        if rows:
            lines += [f"### {work}\n", f"{about[0].upper()}{about[1:]}.\n", *table_of(rows), ""]
    lines += [f"- {text}" for text in result["left_out"]]
    return "\n".join([*lines, "", measured_on(result)])


def on_paper(stored: list[dict[str, Any]]) -> str:
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
    return "\n".join([ON_PAPER, *table_of(rows), ""])


def has_faiss(row: dict[str, Any]) -> bool:
    return row["threads"] == 1 and "faiss heap" in row["engines"]


def search_line(row: dict[str, Any]) -> str:
    """faiss in the faster of its two modes, hashlens, and the ratio."""
    seconds = {name: engine["median_seconds"] for name, engine in row["engines"].items()}
    faiss, ours = min(seconds["faiss heap"], seconds["faiss counting"]), seconds["hashlens"]
    asked = "one query" if row["n_queries"] == 1 else f"batch of {row['n_queries']:,}"
    what = f"{row['n_codes']:,} x {row['n_bits']} bits, {asked}, k = {row['k']}"
    times = [f"{1000 * value:.3g} ms a query" for value in (faiss, ours)]
    return f"| {what} | {' | '.join(times)} | {faiss / ours:.1f} x |"
