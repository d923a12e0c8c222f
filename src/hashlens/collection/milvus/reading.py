"""Rows of a collection on Milvus, read by id and one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.items import Item
from hashlens.collection.milvus.batches import Row
from hashlens.collection.milvus.connection import Connection, one_of
from hashlens.collection.milvus.layout import Facts
from hashlens.collection.records import Record, Records

MOST_ROWS = 16_384
"""That one answer of Milvus may have."""

ITEM_FIELDS = ("id", "path", "label", "metadata", "added", "content_hash")
ALL_FIELDS = (*ITEM_FIELDS, "name", "has_file", "code")
_LONG_ROWS_AT_ONCE = 1024  # an answer of more than 100 MB is refused
_VALUES_AT_ONCE = 4096  # in a list of an expression
_VECTORS_AT_ONCE = 2048  # 16 MB of 2,048 numbers each


def stream(
    connection: Connection,
    collection: str,
    fields: Sequence[str],
    where: str = "",
    *,
    after: int = -1,
    consistency: str = "Strong",
) -> Iterator[list[Row]]:
    """Read all rows for which an expression is true, by ascending id, in lists.

    What is written meanwhile may be among them or not.
    """
    condition = f"({where}) and " if where else ""
    at_once = _LONG_ROWS_AT_ONCE if "metadata" in fields else MOST_ROWS
    n_found = at_once
    while n_found == at_once:  # with a limit, rows come by ascending id
        rows = connection.query(
            collection,
            f"{condition}id > {after}",
            fields,
            limit=at_once,
            consistency=consistency,
        )
        n_found = len(rows)
        if rows:
            yield rows
            after = rows[-1]["id"]


def rows_where(
    connection: Connection,
    collection: str,
    field: str,
    values: Iterable[str] | Iterable[int],
    fields: Sequence[str],
    *,
    consistency: str | None = None,
) -> Iterator[Row]:
    """Read the rows of which a field is one of some values, in any order."""
    wanted: list[Any] = list(dict.fromkeys(values))
    step = _VECTORS_AT_ONCE if "vector" in fields else _VALUES_AT_ONCE
    for start in range(0, len(wanted), step):
        where = one_of(field, wanted[start : start + step])
        yield from connection.query(collection, where, fields, consistency=consistency)


def rows_by_id(
    connection: Connection,
    collection: str,
    ids: Iterable[int],
    fields: Sequence[str],
    *,
    consistency: str | None = None,
) -> dict[int, Row]:
    """Read rows by id; what is not there is left out."""
    named = ("id", *(field for field in fields if field != "id"))
    rows = rows_where(connection, collection, "id", ids, named, consistency=consistency)
    return {int(row["id"]): row for row in rows}


def as_item(row: Row) -> Item:
    """Give the item that a row of `ITEM_FIELDS` is."""
    return Item(
        id=int(row["id"]),
        path=row["path"],
        label=row["label"] or None,
        metadata=row["metadata"],
        added=row["added"] or None,
        content_hash=row["content_hash"],
    )


def as_record(row: Row) -> Record:
    """Give what a row of `ALL_FIELDS` says beside the code."""
    item = as_item(row)
    content = bytes.fromhex(item.content_hash)
    has_file = bool(row["has_file"])
    return Record(item.id, item.path, has_file, content, item.label, item.metadata, item.added)


def code_of(row: Row) -> bytes:
    """Give the code of a row, which is a list of one where it comes from a query."""
    code = row["code"]
    return bytes(code if isinstance(code, bytes) else code[0])


def codes_of(rows: Sequence[Row], facts: Facts) -> Codes:
    """Give the codes of rows: uint8 (n, ceil(n_bits / 8))."""
    width = -(-facts.n_bits // 8)
    joined = b"".join(code_of(row) for row in rows)
    return np.frombuffer(joined, np.uint8).reshape(len(rows), width).copy()


def vectors_of(
    connection: Connection,
    ids: Sequence[int],
    facts: Facts,
    *,
    consistency: str | None = None,
) -> NDArray[np.float16]:
    """Read the feature vectors of items: float16 (n, d), as they were written, bit for bit.

    Raises
    ------
    FormatError
        If an item has none.
    """
    rows = rows_by_id(connection, connection.features, ids, ["vector"], consistency=consistency)
    vectors = np.empty((len(ids), facts.n_features), np.float16)
    for i, item_id in enumerate(ids):
        if item_id not in rows:
            raise connection.damaged(f"the features of item {item_id}", "none")
        vectors[i] = np.asarray(rows[item_id]["vector"], np.float32)
    return vectors


def read_records(connection: Connection, facts: Facts, after: int) -> Iterator[Records]:
    """Read all there is of the items whose id is greater, by ascending id, in batches."""
    for rows in stream(connection, connection.items, ALL_FIELDS, after=after):
        items = [as_record(row) for row in rows]
        vectors = None
        if facts.n_features:
            ids = [item.id for item in items]
            vectors = vectors_of(connection, ids, facts, consistency="Strong")
        yield Records(items, codes_of(rows, facts), vectors)
