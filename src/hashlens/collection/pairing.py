"""Two collections side by side: which items one has and the other not, and what differs."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np

from hashlens.collection.records import Record, Records
from hashlens.collection.store import Reading, Store

_SHOWN = {"has_file": "file", "content_hash": "content", "added": "time"}


class Row(NamedTuple):
    """One of several records.

    Attributes
    ----------
    records : Records
    at : int
    """

    records: Records
    at: int

    @property
    def item(self) -> Record:
        """What is known of it."""
        return self.records.items[self.at]

    @property
    def code(self) -> bytes:
        """Its code."""
        return bytes(self.records.codes[self.at])

    @property
    def vector(self) -> bytes:
        """Its features; nothing where they are not stored."""
        vectors = self.records.vectors
        return b"" if vectors is None else vectors[self.at].tobytes()


def gathered(rows: Sequence[Row]) -> Records:
    """Put rows, at least one, together again."""
    vectors = [row.records.vectors[row.at] for row in rows if row.records.vectors is not None]
    codes = np.stack([row.records.codes[row.at] for row in rows])
    return Records([row.item for row in rows], codes, np.stack(vectors) if vectors else None)


def joined(reading: Reading, to: Store) -> Generator[tuple[Row | None, Row | None]]:
    """Go through the items of both by ascending id; None where one has not what the other has."""
    with closing(_rows(reading.records())) as left, closing(_rows(to.records())) as right:
        row, there = next(left, None), next(right, None)
        while row is not None or there is not None:
            if there is None or (row is not None and row.item.id < there.item.id):
                yield row, None
                row = next(left, None)
            elif row is None or there.item.id < row.item.id:
                yield None, there
                there = next(right, None)
            else:
                yield row, there
                row, there = next(left, None), next(right, None)


def _rows(parts: Iterator[Records]) -> Generator[Row]:
    for records in parts:
        for at in range(len(records.items)):
            yield Row(records, at)


def difference(row: Row, there: Row) -> str | None:
    """Name what differs between an item and its copy."""
    item, other = row.item, there.item
    for what in "path", "has_file", "content_hash", "label", "added":
        # An empty text is none: not every engine tells the two apart.
        if (getattr(item, what) or None) != (getattr(other, what) or None):
            return _SHOWN.get(what, what)
    if as_text(item.metadata) != as_text(other.metadata):
        return "metadata"
    if row.code != there.code:
        return "code"
    return "feature vector" if row.vector != there.vector else None


def as_text(value: object) -> str:
    """JSON in one spelling: 1, 1.0 and true are equal in Python, and different here."""
    return json.dumps(value, sort_keys=True)
