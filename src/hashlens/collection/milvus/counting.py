"""Counting what a collection on Milvus holds, and drawing from it."""

from collections import Counter

import numpy as np

from hashlens.codes import Codes
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.health import check_whole
from hashlens.collection.milvus.layout import Facts
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.reading import codes_of, rows_by_id, stream
from hashlens.collection.stats import Stats


def count(connection: Connection, facts: Facts) -> Stats:
    """Count what the collection holds.

    Each item has its own row, a removed one has none, and Milvus does not tell how many bytes it
    uses: 0 stands for that.
    """
    labels: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    n_items = 0
    for rows in stream(connection, connection.items, ["id", "label", "metadata"]):
        n_items += len(rows)
        labels.update(row["label"] for row in rows if row["label"])
        for row in rows:
            keys.update(row["metadata"].keys())
    check_whole(connection)
    return Stats(
        n_items=n_items,
        n_removed=0,
        n_rows=n_items,
        n_bits=facts.n_bits,
        n_features=facts.n_features,
        n_pictures=Meta(connection).n_pictures(),
        size_bytes=0,
        labels=dict(sorted(labels.items())),
        metadata=dict(sorted(keys.items())),
    )


def sample_codes(connection: Connection, facts: Facts, n: int) -> Codes:
    """Codes of all items, by ascending id; of n drawn among them where there are more."""
    ids = [
        np.fromiter((row["id"] for row in rows), np.int64, len(rows))
        for rows in stream(connection, connection.items, ["id"])
    ]
    drawn = np.concatenate(ids) if ids else np.empty(0, np.int64)
    if len(drawn) > n:
        drawn = np.sort(np.random.default_rng(0).choice(drawn, n, replace=False))
    rows = rows_by_id(connection, connection.items, drawn.tolist(), ["code"])
    return codes_of([rows[i] for i in drawn.tolist() if i in rows], facts)
