"""A collection on Milvus, as searches see it."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.items import Item, no_item
from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.health import QUICK, Reach, check_whole
from hashlens.collection.milvus.layout import Facts
from hashlens.collection.milvus.nearest import CodeSearch
from hashlens.collection.milvus.reading import (
    ITEM_FIELDS,
    as_item,
    codes_of,
    rows_by_id,
    rows_where,
    stream,
)
from hashlens.collection.store import Rows, View
from hashlens.errors import UnreachableError
from hashlens.neighbors import MISSING_ID, Neighbors

_FIELDS = (*ITEM_FIELDS, "code")


class MilvusView(View):
    """The items on a server, and which of them may be found.

    Parameters
    ----------
    connection : Connection
    facts : Facts
    expression : str
        Of Milvus: the items that may be found; "" for all.
    """

    def __init__(self, connection: Connection, facts: Facts, expression: str = "") -> None:
        self._connection = connection
        self._facts = facts
        # Where there is one replica, it was brought up to date by the search before.
        again = QUICK if facts.replicas == 1 else connection.consistency
        self._search = CodeSearch(connection, expression, again)
        self._reach = Reach(connection, facts.replicas, QUICK)
        self._rows: dict[int, Row] = {}
        self.revision, self.n_items = self._reach.revision, self._reach.n_items
        self.n_bits, self.n_features = facts.n_bits, facts.n_features

    def nearest(self, codes: Codes, k: int) -> Neighbors:
        """Find the k nearest of the items that may be found."""
        return self._search.nearest(codes, k)

    def rows_of_items(self, ids: Sequence[int]) -> Rows:
        """Read what is stored of items; InputError if one is not there."""
        self._read(ids)
        for item_id in ids:
            if item_id not in self._rows:
                check_whole(self._connection)
                raise no_item(item_id)
        return self._stored(ids)

    def rows_of_contents(self, hashes: Sequence[bytes]) -> tuple[Rows, NDArray[np.int64]]:
        """Read what is stored of images, by the first item of each.

        An image that another process added a moment ago may not be found. It is encoded then.
        """
        wanted = [content_hash.hex() for content_hash in hashes]
        found = rows_where(
            self._connection,
            self._connection.items,
            "content_hash",
            wanted,
            _FIELDS,
            consistency=QUICK,
        )
        first: dict[str, int] = {}
        for row in sorted(found, key=lambda row: int(row["id"])):
            if first.setdefault(row["content_hash"], row["id"]) == row["id"]:
                self._rows[row["id"]] = row
        places = {content: place for place, content in enumerate(first)}
        at = np.array([places.get(content, -1) for content in wanted], np.int64)
        return self._stored(list(first.values())), at

    def _stored(self, ids: Sequence[int]) -> Rows:
        codes = codes_of([self._rows[item_id] for item_id in ids], self._facts)
        if not self.n_features:
            return Rows(codes, None)
        return Rows(codes, self._vectors(ids).astype(np.float32))

    def features(self, near: Neighbors) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """Read the feature vectors of items that were found, each once."""
        ids, places = np.unique(near.ids[near.found], return_inverse=True)
        at = np.full(near.ids.shape, MISSING_ID, np.int64)
        at[near.found] = places
        return self._vectors(ids.tolist()), at

    def _vectors(self, ids: Sequence[int]) -> NDArray[np.float16]:
        """The vectors of items; of zeros where an item was removed a moment ago."""
        features = self._connection.features
        rows = _at_hand(self._connection, features, ids, ["vector"])
        missing = [item_id for item_id in ids if item_id not in rows]
        there = rows_by_id(self._connection, self._connection.items, missing, ["id"])
        if there:
            raise UnreachableError(
                f"{self._connection.place} must give the features of items. Got none of "
                f"{len(there)}: a part of it is out of reach, or they are lost."
            )
        vectors = np.zeros((len(ids), self.n_features), np.float16)
        for i, item_id in enumerate(ids):
            if item_id in rows:
                vectors[i] = np.asarray(rows[item_id]["vector"], np.float32)
        return vectors

    def codes_of(self, ids: NDArray[np.int64]) -> Codes:
        """Read the codes of items that were found."""
        wanted = ids.tolist()
        self._read(wanted)
        return codes_of([self._rows[item_id] for item_id in wanted], self._facts)

    def items(self, ids: Sequence[int]) -> list[Item]:
        """Read items in the order asked; what is no item is left out."""
        self._read(ids)
        return [as_item(self._rows[item_id]) for item_id in ids if item_id in self._rows]

    def is_whole(self) -> bool:
        """Tell whether all shards answered, as far as it can be told; see `health`."""
        return self._reach.is_whole()

    def _read(self, ids: Iterable[int]) -> None:
        """Read the rows of items that this view has not seen yet."""
        wanted = [item_id for item_id in ids if item_id not in self._rows]
        self._rows |= _at_hand(self._connection, self._connection.items, wanted, _FIELDS)


def select_ids(
    connection: Connection, expression: str, first: int = 0, n: int | None = None
) -> NDArray[np.int64]:
    """Ids of the items for which an expression of Milvus is true, ascending.

    Parameters
    ----------
    connection : Connection
    expression : str
        "" for all.
    first : int
        How many of them to pass over.
    n : int, optional
        How many to give; all that are left unless given.
    """
    stop = None if n is None else first + n
    found: list[int] = []
    if stop == 0:
        return np.empty(0, np.int64)
    for rows in stream(
        connection, connection.items, ["id"], expression, consistency=connection.consistency
    ):
        found += [int(row["id"]) for row in rows]
        if stop is not None and len(found) >= stop:
            break
    return np.array(found[first:stop], np.int64)


def _at_hand(
    connection: Connection, collection: str, ids: Sequence[int], fields: Sequence[str]
) -> dict[int, Row]:
    """Read rows by id without waiting; then those that were not there, and may have come since."""
    rows = rows_by_id(connection, collection, ids, fields, consistency=QUICK)
    missing = [item_id for item_id in ids if item_id not in rows]
    if missing:
        rows |= rows_by_id(connection, collection, missing, fields, consistency="Strong")
    return rows
