"""Writes what follows from the code and from stored results: pages, and blocks inside pages.

Run ``python docs/generate.py`` after a change to a command, to METHODS or to a stored result.
A test compares the pages with what this writes.
"""

from collections.abc import Callable
from pathlib import Path

from written.blocks import pages_with_blocks, with_blocks
from written.code_pages import commands_page, methods_page
from written.results import results_page

DOCS = Path(__file__).parent
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "methods.md": methods_page,
    "results.md": results_page,
}


if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
        print(f"docs/{name}")
    for page in pages_with_blocks():
        page.write_text(with_blocks(page), encoding="utf-8")
        print(page.relative_to(DOCS.parent))
