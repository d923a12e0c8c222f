"""A collection with all that a copy must keep, and whether two hold the same."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.opened import open_store
from hashlens.data import ArrayImages, BytesImages
from small_collections import small_model, write_photos

PIXELS = np.random.default_rng(7).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
BLOB = b"P6 2 1 255 " + bytes(range(6))


def rich_collection(folder: Path, *, odd_paths: bool = True) -> Collection:
    """Make one of files, arrays and bytes: shared rows, metadata; the last id is removed."""
    photos = write_photos(folder / "photos", 8)
    shutil.copy(photos / "owl" / "0000.png", photos / "cat" / "again.png")
    odd = os.fsdecode(os.fsencode(photos / "cat") + b"/\xff.png")
    shutil.copy(photos / "cat" / "0001.png", odd if odd_paths else photos / "cat" / "\u00ff.png")
    collection = Collection.create(folder / "rich.hl", small_model(24))
    collection.add(photos)
    collection.add(ArrayImages(PIXELS, "array"))
    collection.add(BytesImages([BLOB, BLOB, b"P5 1 1 255 A"], ["a", "b", "last"]))
    Image.new("RGB", (8, 8), "red").save(collection.item(2).path)
    collection.add(photos)
    values = {"n": 1, "x": [1.0, True], "\u00fc": {"b": None, "a": 2**53 + 1}, "share": 0.1}
    collection.update([{"id": 1, **values}, {"id": 3, "label": "\u00dc"}])
    collection.remove([4, ids_of(collection)[-1]])
    return collection


def ids_of(collection: Collection) -> list[int]:
    """Ids of all items."""
    return [item.id for item in collection.items(n=10**6)]


def stored(collection: Collection) -> dict[int, tuple[object, ...]]:
    """Read all there is of the items, but kept pictures, by id."""
    found = {}
    for records in open_store(collection.place).records():
        for i, item in enumerate(records.items):
            vector = None if records.vectors is None else records.vectors[i].tobytes()
            plain = item._replace(metadata={})
            metadata = json.dumps(item.metadata, sort_keys=True)
            found[item.id] = *plain, metadata, records.codes[i].tobytes(), vector
    return found


def everything(collection: Collection) -> dict[str, Any]:
    """Read all that a collection holds, and what the files of its model are."""
    store = open_store(collection.place)
    nameless = [item for item in collection.items(n=10**6) if not Path(item.path).is_absolute()]
    return {
        "keeps": store.keeps_pictures,
        "items": stored(collection),
        "pictures": {i.id: store.kept_picture(bytes.fromhex(i.content_hash)) for i in nameless},
        "model": {file.name: file.read_bytes() for file in store.saved_model.iterdir()},
    }


def answers(collection: Collection) -> list[tuple[object, ...]]:
    """Search for every item, by codes alone, by features, and through a filter."""
    ids = ids_of(collection)
    found = []
    for wish in {"rerank": False}, {"rerank": True}, {"where": "label = 'owl'"}:
        for hits in collection.search_many(ids, 5, **wish) if ids else ():
            similar = None if hits.similarities is None else hits.similarities.tolist()
            found.append((hits.ids.tolist(), hits.distances.tolist(), similar))
    return found


def check_same(source: Collection, place: str | Path) -> Collection:
    """Check that two collections hold the same, and answer alike; give the one at `place`."""
    copied = Collection.open(place)
    assert everything(copied) == everything(source)
    assert answers(copied) == answers(source)
    assert copied._store.next_id >= source._store.next_id
    for each in source, copied:
        if "://" not in each.place:
            assert each.verify().problems == ()
    return copied
