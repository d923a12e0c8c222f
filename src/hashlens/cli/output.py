"""What a command prints: results on stdout, everything else on stderr."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from hashlens.watcher import Watcher


def print_json(result: dict[str, Any]) -> None:
    """Print one JSON object on stdout, and nothing else."""
    json.dump(result, sys.stdout, indent=1, allow_nan=False)
    sys.stdout.write("\n")


def note(text: str) -> None:
    """Say something on stderr."""
    print(text, file=sys.stderr)


def print_table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table on stdout; the columns are the keys of the first row."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in rows[0] if rows else ():
        numbers = all(_is_number(row[column]) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    Console(highlight=False).print(table)


def _is_number(value: object) -> bool:
    return not isinstance(value, str) or not any(letter.isalpha() for letter in value)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


class LineWatcher(Watcher):
    """Prints a line now and then on stderr, where there is no terminal to draw on."""

    def __init__(self, every_seconds: float = 30.0) -> None:
        self.every_seconds = every_seconds
        self.name = ""
        self.spoke_at = self.began_at = time.monotonic()

    def stage(self, name: str, total: int | None = None) -> None:
        """Say what begins."""
        self.name = name
        self.began_at = time.monotonic()
        self._say(name if total is None else f"{name}: {total:,}")

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Say how far it is, when the last line is long ago."""
        now = time.monotonic()
        if now - self.spoke_at >= self.every_seconds:
            left = round((now - self.began_at) * (total - done) / max(done, 1))
            self._say(f"{self.name}: {done:,} of {total:,}  {timedelta(seconds=left)} left  {note}")

    def row(self, figures: dict[str, float]) -> None:
        """Print an epoch's figures."""
        self._say(figures_in(figures))

    def note(self, text: str) -> None:
        """Print a line."""
        self._say(text)

    def _say(self, text: str) -> None:
        self.spoke_at = time.monotonic()
        print(text, file=sys.stderr, flush=True)


def figures_in(figures: dict[str, float]) -> str:
    """Write an epoch's figures on one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in figures.items())


@contextmanager
def watching() -> Iterator[Watcher]:
    """Give a watcher that draws bars on a terminal's stderr, or prints lines elsewhere."""
    if not sys.stderr.isatty():
        yield LineWatcher()
        return
    from hashlens.cli.progress import drawing

    with drawing() as watcher:
        yield watcher
