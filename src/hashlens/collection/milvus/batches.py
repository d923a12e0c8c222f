"""Rows, cut into what a server takes in one call."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MOST_ROWS = 8192
_MOST_BYTES = 16 << 20  # a server takes 64 MB

Row = dict[str, Any]


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into what a server takes in one call.

    Examples
    --------
    >>> [len(batch) for batch in batches({"value": "x" * (6 << 20)} for _ in range(5))]
    [2, 2, 1]
    """
    batch: list[Row] = []
    n_bytes = 0
    for row in rows:
        size = _n_bytes(row)
        if batch and (n_bytes + size > _MOST_BYTES or len(batch) == MOST_ROWS):
            yield batch
            batch, n_bytes = [], 0
        batch.append(row)
        n_bytes += size
    if batch:
        yield batch


def _n_bytes(row: Mapping[str, Any]) -> int:
    return 16 * len(row) + sum(_size(value) for value in row.values())


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return len(json.dumps(value, ensure_ascii=False).encode())
    return int(getattr(value, "nbytes", 0)) or (len(value) if isinstance(value, bytes) else 8)
