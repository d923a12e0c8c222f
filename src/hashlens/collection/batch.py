"""Items that are written together, in one commit."""

from dataclasses import dataclass, field
from typing import Protocol

from hashlens.collection.incoming import Encoded
from hashlens.collection.sorting import Place


@dataclass
class Batch:
    """Rows that wait to be written, and the items that will point to rows."""

    encoded: list[Encoded] = field(default_factory=list)
    items: list[tuple[Place, int]] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """How many rows are new."""
        return sum(len(each.codes) for each in self.encoded)


class Writer(Protocol):
    """Writes batches to a collection, under the right to do so."""

    @property
    def n_rows(self) -> int:
        """The number of the next batch's first row; what `Known` gives are smaller numbers."""

    @property
    def keep_pictures(self) -> bool:
        """Whether images without a file are kept."""

    def write(self, batch: Batch) -> None:
        """Write a batch, whole or not at all; one without items is nothing."""


def label_after(before: str | None, offered: str | None, *, stays: bool) -> str | None:
    """Give the label of an item that is written again.

    It keeps its label, which `update` may have set, unless it moves to where it gets another.

    Examples
    --------
    >>> label_after("owl", "cat", stays=True), label_after(None, "cat", stays=True)
    ('owl', 'cat')
    >>> label_after("owl", "cat", stays=False), label_after("owl", None, stays=False)
    ('cat', 'owl')
    """
    first, second = (before, offered) if stays else (offered, before)
    return second if first is None else first
