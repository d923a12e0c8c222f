"""Items, read from the catalogue."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.folder.catalogue import Meta
from hashlens.collection.folder.pictures import PictureFile, kept_picture
from hashlens.collection.folder.records import as_text
from hashlens.collection.items import Item, check_item_id, no_item
from hashlens.collection.sorting import is_gone
from hashlens.errors import ImageError

_COLUMNS = "id, path, label, metadata, added, content_hash"


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
