"""Whom long work tells how far it is. The command line draws bars; the default says nothing."""


class Watcher:
    """Listens to long work and says nothing; subclasses show it."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of `total` items."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` items of the stage are done."""

    def row(self, figures: dict[str, float]) -> None:
        """Report an epoch's figures."""

    def note(self, text: str) -> None:
        """Report something worth a line."""
