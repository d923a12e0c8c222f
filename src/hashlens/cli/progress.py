"""Bars on a terminal's stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from hashlens.cli.output import figures_in
from hashlens.watcher import Watcher


class ProgressWatcher(Watcher):
    """Draws a bar for each stage on stderr, with its speed and the time left."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task: TaskID | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a bar; the one before is finished."""
        self._finish()
        self.task = self.progress.add_task(name, total=total, note="")

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Move the bar."""
        if self.task is None:
            self.stage("working", total)
        if self.task is not None:
            self.progress.update(self.task, completed=done, total=total, note=note)

    def row(self, figures: dict[str, float]) -> None:
        """Print an epoch's figures above the bar."""
        self.progress.console.print(f"  {figures_in(figures)}", highlight=False)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self.progress.console.print(f"  {text}", highlight=False)

    def _finish(self) -> None:
        if self.task is not None:
            total = self.progress.tasks[-1].total
            if total is None:
                self.progress.update(self.task, total=1, completed=1)
            self.progress.stop_task(self.task)


@contextmanager
def drawing() -> Iterator[Watcher]:
    """Give a watcher that draws bars as long as the block lasts."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield ProgressWatcher(progress)
