"""Labels and metadata, brought to the items they are of."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hashlens.collection.metadata import Metadata, MetadataRow, as_json
from hashlens.errors import InputError


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


class Said(NamedTuple):
    """What an item's label and metadata (JSON) are."""

    label: str | None
    metadata: str


class Place(NamedTuple):
    """Where an item is: its absolute path, or its name where it has no file."""

    path: str
    has_file: bool


Found = Mapping[int | Place, tuple[int, Said]]
"""The id of an item, and what is said of it, by its id or its place."""


@dataclass
class Plan:
    """Items that rows are about: as they are, and as they are to be.

    Attributes
    ----------
    before, after : dict of int to Said
        By id.
    unknown : list of str
        Place and item of each row whose item is not there.
    """

    before: dict[int, Said] = field(default_factory=dict)
    after: dict[int, Said] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def changed(self) -> list[tuple[int, Said]]:
        """List the items that are to be other than they are."""
        return [(i, said) for i, said in self.after.items() if said != self.before[i]]

    def report(self) -> UpdateReport:
        """Say what becomes of the rows."""
        n_changed = len(self.changed())
        return UpdateReport(n_changed, len(self.after) - n_changed, tuple(self.unknown))


def plan_update(metadata: Metadata, find: Callable[[Iterable[int | Place]], Found]) -> Plan:
    """Work out what is to be written; of two rows about one item, the later one counts.

    Parameters
    ----------
    metadata : Metadata
    find : callable
        Looks items up by id or place; what is not there is left out.

    Raises
    ------
    InputError
        If an item would have too much metadata.
    """
    plan = Plan()
    places = [list(_places(row.item, metadata.folders)) for row in metadata.rows]
    known = find({place for tried in places for place in tried})
    for row, tried in zip(metadata.rows, places, strict=True):
        found = next((known[place] for place in tried if place in known), None)
        if found is None:
            plan.unknown.append(f"{row.place}: {row.item!r}")
            continue
        item_id, said = found
        before = plan.before.setdefault(item_id, said)
        plan.after[item_id] = _changed(plan.after.get(item_id, before), row)
    return plan


def _places(item: int | str, folders: Iterable[Path]) -> Iterator[int | Place]:
    if isinstance(item, int):
        yield item
        return
    for folder in folders:
        yield Place(os.path.abspath(folder / item), True)  # noqa: PTH100 - as the paths of items are made
    yield Place(item, False)  # the name of an image that has no file


def _changed(said: Said, row: MetadataRow) -> Said:
    label, values = said.label, json.loads(said.metadata)
    for key, value in row.values.items():
        if key == "label":
            label = value
        elif value is None:
            values.pop(key, None)
        else:
            values[key] = value
    try:
        return Said(label, as_json(values))
    except InputError as error:
        raise InputError(f"{row.place}: {error}") from None
