"""Writing labels and metadata to the items they are of."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

from hashlens.collection.catalogue import commit
from hashlens.collection.metadata import Metadata, MetadataRow, as_json
from hashlens.collection.records import LARGEST_ID, as_stored, as_text
from hashlens.collection.target import writing_to
from hashlens.errors import InputError

_FIND = "SELECT id, label, metadata FROM items WHERE state = 'live' AND "
_BY_ID = _FIND + "id = ?"
_BY_PATH = _FIND + "path = ? AND has_file = ?"
_WRITE = "UPDATE items SET label = ?, metadata = ?, revision = ? WHERE id = ?"


@dataclass(frozen=True)
class UpdateReport:
    """What became of the rows given to `Collection.update`.

    Attributes
    ----------
    updated : int
        Items that were changed.
    unchanged : int
        Items that had these values already.
    unknown : tuple of str
        Place and item of each row whose item is not there.
    """

    updated: int
    unchanged: int
    unknown: tuple[str, ...]


class _Said(NamedTuple):
    """What an item's label and metadata are, as the catalogue has them."""

    label: str | bytes | None
    metadata: str


@dataclass
class _Plan:
    """Items that rows are about: as they are, and as they are to be."""

    before: dict[int, _Said] = field(default_factory=dict)
    after: dict[int, _Said] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def changed(self) -> list[tuple[int, _Said]]:
        return [(i, said) for i, said in self.after.items() if said != self.before[i]]


def update_items(folder: Path, metadata: Metadata) -> UpdateReport:
    """Write metadata to the collection in `folder`, all of it or nothing.

    Raises
    ------
    BusyError
        If another process is writing to it.
    InputError
        If an item would have too much metadata.
    """
    with writing_to(folder) as target:
        return update_rows(target.db, metadata)


def update_rows(db: Connection, metadata: Metadata) -> UpdateReport:
    """Do the same on a connection that may write, under the writer lock.

    Where nothing changes there is no commit. Of two rows about one item, the later one counts.
    """
    plan = _planned(db, metadata)
    changed = plan.changed()
    if changed:
        with commit(db) as revision:
            db.executemany(_WRITE, ((*said, revision, i) for i, said in changed))
    return UpdateReport(len(changed), len(plan.after) - len(changed), tuple(plan.unknown))


def _planned(db: Connection, metadata: Metadata) -> _Plan:
    plan = _Plan()
    for row in metadata.rows:
        found = _find(db, row.item, metadata.folders)
        if found is None:
            plan.unknown.append(f"{row.place}: {row.item!r}")
            continue
        item_id, *said = found
        before = plan.before.setdefault(item_id, _Said(*said))
        plan.after[item_id] = _changed(plan.after.get(item_id, before), row)
    return plan


def _find(db: Connection, item: int | str, folders: Iterable[Path]) -> tuple[Any, ...] | None:
    """Read id, label and metadata of an item."""
    if isinstance(item, int):
        found = db.execute(_BY_ID, (min(item, LARGEST_ID),)).fetchone()
    else:
        places = ((as_stored(path), has_file) for path, has_file in _paths(item, folders))
        tried = (db.execute(_BY_PATH, place).fetchone() for place in places)
        found = next(filter(None, tried), None)
    return None if found is None else tuple(found)


def _paths(item: str, folders: Iterable[Path]) -> Iterator[tuple[str, bool]]:
    for folder in folders:
        yield os.path.abspath(folder / item), True  # noqa: PTH100 - as the paths of items are made
    yield item, False  # the name of an image that has no file


def _changed(said: _Said, row: MetadataRow) -> _Said:
    label = said.label and as_text(said.label)
    values = json.loads(said.metadata)
    for key, value in row.values.items():
        if key == "label":
            label = value
        elif value is None:
            values.pop(key, None)
        else:
            values[key] = value
    try:
        return _Said(label and as_stored(label), as_json(values))
    except InputError as error:
        raise InputError(f"{row.place}: {error}") from None
