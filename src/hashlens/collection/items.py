"""Items as a user sees them, read from the catalogue."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

from hashlens.collection.catalogue import Meta
from hashlens.collection.pictures import PictureFile, kept_picture
from hashlens.collection.records import as_text, check_item_id, no_item
from hashlens.collection.sorting import is_gone
from hashlens.errors import ImageError

_COLUMNS = "id, path, label, metadata, added, content_hash"


class Item(NamedTuple):
    """One image of a collection.

    Attributes
    ----------
    id : int
        Never that of another item, not even after this one is removed.
    path : str
        Absolute, or the name of an image that has no file.
    label : str or None
    metadata : dict
    added : str or None
        When: ISO 8601, UTC. None for items from before version 2 of the format.
    content_hash : str
        SHA-256 of its bytes, as hex digits.
    """

    id: int
    path: str
    label: str | None
    metadata: Mapping[str, Any]
    added: str | None
    content_hash: str


def read_item(db: Connection, item_id: object) -> Item:
    """Read a live item; InputError if there is none of that id."""
    wanted = check_item_id(item_id)
    for item in read_items(db, [wanted]):
        return item
    raise no_item(wanted)


def read_items(db: Connection, ids: Iterable[int]) -> Iterator[Item]:
    """Read live items by id, in the order asked; an unknown id is left out."""
    query = f"SELECT {_COLUMNS} FROM items WHERE id = ? AND state = 'live'"
    for item_id in ids:
        for row in db.execute(query, (int(item_id),)):
            found, path, label, metadata, added, content_hash = row
            label = label and as_text(label)
            yield Item(found, as_text(path), label, json.loads(metadata), added, content_hash.hex())


def picture_of_item(folder: Path, db: Connection, item_id: object, meta: Meta) -> Path | bytes:
    """Find the picture of a live item: its file, or the bytes that are kept.

    Raises
    ------
    InputError
        If there is no item of that id.
    ImageError
        If the file is gone, or nothing is kept.
    """
    wanted = check_item_id(item_id)
    query = "SELECT path, has_file, content_hash FROM items WHERE id = ? AND state = 'live'"
    found = db.execute(query, (wanted,)).fetchone()
    if found is None:
        raise no_item(wanted)
    path, has_file, content_hash = as_text(found[0]), found[1], found[2]
    if has_file and not is_gone(path):
        return Path(path)
    kept = kept_picture(db, content_hash)
    if kept is not None:
        return PictureFile(folder, meta.generation).read(kept)
    raise ImageError(path, "is gone" if has_file else "has no file, and no copy of it is kept")
