"""Telling what a collection knows from what is new to it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from hashlens.collection.catalogue import item_at, row_of_content
from hashlens.collection.sources import Candidate


@dataclass
class Sorted:
    """Candidates by what has to be done for them.

    Attributes
    ----------
    already : int
        Nothing to do: an item with this path and this content is there.
    relabelled : list of (Candidate, row)
        There too, but under another label.
    known : list of (Candidate, row)
        New items, or items whose file has changed, whose content is stored in this row.
    new : dict of content hash to list of Candidate
        New or changed items that must be encoded, once for each content.
    clashing : list of Candidate
        They have the path of a candidate before them, and another content.
    """

    already: int = 0
    relabelled: list[tuple[Candidate, int]] = field(default_factory=list)
    known: list[tuple[Candidate, int]] = field(default_factory=list)
    new: dict[bytes, list[Candidate]] = field(default_factory=dict)
    clashing: list[Candidate] = field(default_factory=list)


def sort_out(db: sqlite3.Connection, candidates: Sequence[Candidate]) -> Sorted:
    """Sort candidates by what the catalogue says of their path and their content."""
    result = Sorted()
    seen: dict[str, bytes] = {}
    for candidate in candidates:
        before = seen.setdefault(candidate.path, candidate.content_hash)
        if before is candidate.content_hash:
            _sort_one(db, candidate, result)
        elif before == candidate.content_hash:
            result.already += 1
        else:
            result.clashing.append(candidate)
    return result


def _sort_one(db: sqlite3.Connection, candidate: Candidate, result: Sorted) -> None:
    item = item_at(db, candidate.path)
    if item is not None and item.content_hash == candidate.content_hash:
        if candidate.label in (None, item.label):
            result.already += 1
        else:
            result.relabelled.append((candidate, item.row))
        return
    row = row_of_content(db, candidate.content_hash)
    if row is None:
        result.new.setdefault(candidate.content_hash, []).append(candidate)
    else:
        result.known.append((candidate, row))
