"""Columns of Parquet files, with the class names that Hugging Face writes beside them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from hashlens.errors import FormatError


class Columns(NamedTuple):
    """Columns of a table as lists, and for label columns the names of the classes."""

    values: dict[str, list[Any]]
    class_names: dict[str, tuple[str, ...]]


def read_columns(path: Path, wanted: Collection[str]) -> Columns:
    """Read those of the `wanted` columns that a Parquet file has.

    Parameters
    ----------
    path : Path
    wanted : collection of str

    Returns
    -------
    columns : Columns

    Raises
    ------
    FormatError
        If the file is not Parquet, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = [name for name in schema.names if name in wanted]
            table = file.read(columns=names)
            values = {name: table.column(name).to_pylist() for name in names}
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: is not a readable Parquet file ({error})") from None
    return Columns(values, _class_names(schema.metadata or {}))


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: tuple(map(str, feature["names"]))
            for column, feature in features.items()
            if isinstance(feature, dict) and "names" in feature
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        # The block is optional and foreign: without it classes take their names from the values.
        return {}


def image_source(value: object) -> bytes | str | None:
    """Return the bytes or else the path in a cell: bytes, text, or ``{"bytes", "path"}``.

    Examples
    --------
    >>> image_source({"bytes": None, "path": "a.jpg"}), image_source(b"x"), image_source("")
    ('a.jpg', b'x', None)
    """
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    return value if isinstance(value, bytes | str) and value else None
