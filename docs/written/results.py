"""The page of all results."""

from collections.abc import Callable
from typing import Any

from written.code_pages import NOTE
from written.comparisons import comparison
from written.hierarchy import hierarchical
from written.searches import on_paper, searches
from written.tables import plain_table, stored_results

RESULTS_INTRODUCTION = """\
Every table here is made from a JSON file in `benchmarks/results/`. Run the command above a table
to repeat it.
"""


def results_page() -> str:
    stored = stored_results()
    tables = [
        _page_of(result)(result) for result in stored if {"title", "command", "rows"} <= set(result)
    ]
    parts = [NOTE, "# Results\n", RESULTS_INTRODUCTION]
    return "\n".join([*parts, *(tables or ["No result is stored yet.\n"]), on_paper(stored)])


def _page_of(result: dict[str, Any]) -> Callable[[dict[str, Any]], str]:
    if "rows_at_paper_size" in result:
        return hierarchical
    if "works" in result:
        return searches
    return comparison if "plan" in result else plain_table
