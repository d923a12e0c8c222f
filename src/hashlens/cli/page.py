"""What is done with a page of pictures once it is made."""

import tempfile
from pathlib import Path

import typer


def save_page(page: str, html: Path | None, name: str) -> Path:
    """Write a page; to a file of this name in a new folder where no path is given."""
    if html is None:
        html = Path(tempfile.mkdtemp(prefix="hashlens-")) / name
    html.write_text(page, "utf-8")
    return html


def show_page(page: Path, *, in_browser: bool) -> None:
    """Say where a page is, and show it in the browser if that is wished."""
    from hashlens.cli.output import note

    note(f"pictures in {page}")
    if in_browser:
        typer.launch(page.resolve().as_uri())
