"""Changing what a collection on Milvus has: labels and metadata, and items that go."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hashlens.checks import refuse, words
from hashlens.collection.items import no_item
from hashlens.collection.metadata import Metadata, as_json
from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.connection import quoted
from hashlens.collection.milvus.health import check_whole
from hashlens.collection.milvus.holding import why_not
from hashlens.collection.milvus.reading import (
    ALL_FIELDS,
    code_of,
    rows_by_id,
    rows_where,
    stream,
)
from hashlens.collection.milvus.target import Target
from hashlens.collection.sorting import is_gone
from hashlens.collection.updating import Found, Place, Said, UpdateReport, plan_update

_AT_ONCE = 1024


def update_rows(target: Target, metadata: Metadata) -> UpdateReport:
    """Write metadata; where nothing changes, nothing is written.

    All rows are checked before the first one is written. An update that is interrupted may have
    reached some items; the same one again makes it whole.

    Raises
    ------
    InputError
        If an item would have too much metadata, or what Milvus cannot hold.
    """
    plan = plan_update(metadata, lambda wanted: _find(target, wanted))
    changed = plan.changed()
    for item_id, said in changed:
        why = why_not("", said.label, json.loads(said.metadata))
        if why is not None:
            raise refuse(f"item {item_id}", "one that Milvus can hold", words(why))
    for start in range(0, len(changed), _AT_ONCE):
        _write(target, dict(changed[start : start + _AT_ONCE]))
    return plan.report()


def _write(target: Target, changed: dict[int, Said]) -> None:
    # A whole row, with its code: there are no updates of single fields before server 2.6.
    rows = rows_by_id(
        target.connection, target.connection.items, changed, ALL_FIELDS, consistency="Strong"
    )
    for item_id, said in changed.items():
        more = {"label": said.label or "", "metadata": json.loads(said.metadata)}
        rows[item_id] |= {"code": code_of(rows[item_id]), **more}
    target.write_items([rows[item_id] for item_id in changed])
    target.commit()


def _find(target: Target, wanted: Iterable[int | Place]) -> Found:
    listed = list(wanted)
    fields = ("id", "path", "has_file", "label", "metadata")
    ids = [each for each in listed if isinstance(each, int)]
    paths = [each.path for each in listed if isinstance(each, Place) and _is_text(each.path)]
    found: dict[int | Place, tuple[int, Said]] = {}
    for field, values in (("id", [each for each in ids if each < 2**63]), ("path", paths)):
        rows = rows_where(
            target.connection, target.connection.items, field, values, fields, consistency="Strong"
        )
        for row in rows:
            said = Said(row["label"] or None, as_json(row["metadata"]))
            place = Place(row["path"], bool(row["has_file"]))
            found[int(row["id"]) if field == "id" else place] = int(row["id"]), said
    if len(found) < len(listed):
        check_whole(target.connection)
    return {each: found[each] for each in listed if each in found}


def _is_text(path: str) -> bool:
    return path.encode("utf-8", "ignore").decode() == path


def remove(target: Target, ids: Sequence[int]) -> int:
    """Remove items; none if an id is not that of one.

    A removal that is interrupted may have reached some of them.
    """
    if not ids:
        return 0
    fields = ("content_hash", "has_file")
    known = [item_id for item_id in ids if item_id < 2**63]
    rows = rows_by_id(
        target.connection, target.connection.items, known, fields, consistency="Strong"
    )
    for item_id in ids:
        if item_id not in rows:
            check_whole(target.connection)
            raise no_item(item_id)
    target.delete(ids)
    target.commit()
    target.forget_pictures(_without_file(rows.values()))
    return len(ids)


def _without_file(rows: Iterable[Row]) -> list[str]:
    return [row["content_hash"] for row in rows if not row["has_file"]]


def prune(target: Target, folder: Path) -> int:
    """Remove the items whose path is below a folder, and whose file is gone."""
    start = os.path.join(os.path.abspath(folder), "")  # noqa: PTH100, PTH118 - as in `look_at`; ends with a slash
    if not _is_text(start):
        return 0  # nothing below it can be stored
    # All that begins with "a/" is at least "a/" and below "a0", 0 being next after the slash.
    where = f"has_file == true and path >= {quoted(start)} and path < {quoted(f'{start[:-1]}0')}"
    gone = [
        int(row["id"])
        for rows in stream(target.connection, target.connection.items, ["id", "path"], where)
        for row in rows
        if is_gone(row["path"])
    ]
    check_whole(target.connection)
    return remove(target, gone)
