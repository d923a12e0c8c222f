"""Where a writer writes: the rows of the three collections, and the numbers it counts on."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.health import check_whole
from hashlens.collection.milvus.layout import Facts
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.reading import rows_where
from hashlens.collection.milvus.right import Right, right_to_write
from hashlens.collection.records import Record


class Target:
    """What a writer holds.

    Features are written before their item, and deleted after it: what is not among the items
    does not exist.

    Parameters
    ----------
    connection : Connection
    facts : Facts
    right : Right
        Held.

    Attributes
    ----------
    next_id : int
        No item has it, or a greater one, or ever had.
    """

    def __init__(self, connection: Connection, facts: Facts, right: Right) -> None:
        self.connection = connection
        self.facts = facts
        self.meta = Meta(connection)
        self._right = right
        self._revision, self.next_id, self._n_items = self.meta.numbers(
            "revision", "next_id", "n_items"
        )
        self._keys = {name for names in self.meta.known_keys().values() for name in names}
        check_whole(connection)  # or what is there would be added as new
        self.count_anew()  # a writer that was killed may have left changes without a number

    def commit(self, n_new: int = 0) -> None:
        """Give the state that was reached a number of its own; `n_new` items are new."""
        self._revision += 1
        self._n_items += n_new
        self.meta.put_numbers(revision=self._revision, n_items=self._n_items)

    def count_anew(self) -> None:
        """Note how many items there are; a count may be too low, and is never too high."""
        counted = self.connection.count(self.connection.items)
        self.commit(max(counted - self._n_items, 0))

    def reserve(self, n: int) -> range:
        """Take ids that are given to no other item, come what may."""
        return self.reserve_up_to(self.next_id + n)

    def reserve_up_to(self, stop: int) -> range:
        """Take all ids below `stop` that nobody has taken."""
        self._right.check()
        ids = range(self.next_id, max(stop, self.next_id))
        if ids:
            self.meta.put_numbers(next_id=ids.stop)
            self.next_id = ids.stop
        return ids

    def write_features(self, ids: Iterable[int], vectors: Iterable[NDArray[np.float16]]) -> None:
        """Write feature vectors, exact: float16 is a part of float32."""
        self._right.check()
        rows = (
            {"id": item_id, "vector": vector.astype(np.float32)}
            for item_id, vector in zip(ids, vectors, strict=True)
        )
        self.connection.upsert(self.connection.features, rows)

    def write_items(self, rows: Sequence[Row]) -> None:
        """Write items, and the names of what they say."""
        new = {key for row in rows for key in row["metadata"]} - self._keys
        if new:
            self.meta.add_keys(new)
            self._keys |= new
        self._right.check()
        self.connection.upsert(self.connection.items, rows)

    def others_at(self, records: Sequence[Record]) -> list[int]:
        """Find the items that are where items were just written, and are others."""
        written = {(each.path, each.has_file): each.id for each in records}
        found = rows_where(
            self.connection,
            self.connection.items,
            "path",
            (each.path for each in records),
            ["id", "path", "has_file"],
            consistency="Strong",
        )
        at = ((int(row["id"]), (row["path"], bool(row["has_file"]))) for row in found)
        return [item_id for item_id, place in at if written.get(place, item_id) != item_id]

    def forget_pictures(self, contents: Iterable[str]) -> None:
        """Delete the kept pictures of contents (hex digits) that no item without a file has."""
        wanted = set(contents)
        still = rows_where(
            self.connection,
            self.connection.items,
            "content_hash",
            wanted,
            ["content_hash", "has_file"],
            consistency="Strong",
        )
        wanted -= {row["content_hash"] for row in still if not row["has_file"]}
        self._right.check()
        self.meta.drop_pictures(bytes.fromhex(content) for content in wanted)

    def delete(self, ids: Sequence[int]) -> None:
        """Delete items, and their features; `n_items` never says more than there are."""
        if not ids:
            return
        self._right.check()
        self._n_items = max(self._n_items - len(ids), 0)
        self.meta.put_numbers(n_items=self._n_items)
        self.connection.delete(self.connection.items, ids)
        if self.facts.n_features:
            self.connection.delete(self.connection.features, ids)


@contextmanager
def writing_to(connection: Connection, facts: Facts) -> Iterator[Target]:
    """Hold the right to write to a collection; BusyError if someone else does."""
    with right_to_write(Meta(connection), connection.place) as right:
        yield Target(connection, facts, right)


def item_row(record: Record, code: bytes) -> Row:
    """Give the row of an item, as it is written."""
    return {
        "id": record.id,
        "code": code,
        "path": record.path,
        "name": name_of(record.path),
        "has_file": record.has_file,
        "content_hash": record.content_hash.hex(),
        "label": record.label or "",
        "metadata": dict(record.metadata),
        "added": record.added or "",
    }


def name_of(path: str) -> str:
    """Give what is behind the last slash, as filters call it ``name``.

    Examples
    --------
    >>> name_of("/photos/owl.jpg"), name_of("digits[7]"), name_of("a/")
    ('owl.jpg', 'digits[7]', '')
    """
    return path.rpartition("/")[2]
