"""Blocks of stored results inside pages that are written by hand.

A block stands between ``<!-- results: NAME -->`` and ``<!-- end of results -->``. NAME is one of
`BLOCKS`, or the place of rows in a stored result, ``file.key``, and then the columns that are
wanted, with commas; all of them where none is named.
"""

import re
from collections.abc import Callable
from pathlib import Path

from written.capacity import capacity, slopes
from written.collections import indexing, photos, serving
from written.comparisons import best_lines
from written.growth import growth_left_out, growth_memory, growth_times
from written.searches import has_faiss, search_line
from written.tables import stored_results, table_of

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?P<start><!-- results: (?P<name>[^\n]*?) -->\n).*?(?P<end><!-- end of results -->)", re.S
)


def pages_with_blocks() -> list[Path]:
    """README.md and the pages of docs/ that have blocks."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in pages if BLOCK.search(page.read_text("utf-8"))]


def with_blocks(page: Path) -> str:
    """Text of a page with its blocks written anew."""
    text = page.read_text("utf-8")
    return BLOCK.sub(lambda m: f"{m['start']}{_block(m['name'])}{m['end']}", text)


def _block(name: str) -> str:
    if name in BLOCKS:
        return BLOCKS[name]()
    place, _, columns = name.partition(" ")
    file, _, key = place.partition(".")
    (result,) = stored_results(f"{file}.json")
    rows = result[key]
    if columns:
        rows = [{column: row.get(column) for column in columns.split(",")} for row in rows]
    return "\n".join([*table_of(rows), ""])


def _readme() -> str:
    """The best trainings beside the papers, and the search beside faiss."""
    best = stored_results("best-*.json")
    search = [
        search_line(row)
        for result in stored_results()
        if "works" in result
        for row in result["rows"]
        if row["work"] in ("one-query", "batch") and has_faiss(row) and row["data"] == "random"
    ]
    parts = []
    if best:
        lengths = best[0]["plan"]["lengths"]
        head = ["data, protocol, figure", *(f"{n} bits" for n in lengths), "training"]
        parts += [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
        parts += [line for result in best for line in best_lines(result)]
        parts += [""]
    if search:
        head = "| exact search, one thread | faiss IndexBinaryFlat | hashlens | ratio |"
        parts += [head, "|" + " --- |" * 4, *search, ""]
    return "\n".join(parts)


BLOCKS: dict[str, Callable[[], str]] = {
    "readme": _readme,
    "capacity": capacity,
    "slopes": slopes,
    "growth times": growth_times,
    "growth memory": growth_memory,
    "growth left out": growth_left_out,
    "indexing": indexing,
    "photos": photos,
    "serving": serving,
}
