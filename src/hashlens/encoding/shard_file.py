"""The file of a shard: codes of some images in Parquet, with what they were made of and from.

Columns
-------
``name``
    The absolute path of an image, or its name where it has no file.
``has_file``
    Whether `name` is a path.
``content_hash``
    SHA-256 of the file: 32 bytes.
``label``
    Its class in words, several with ``|`` between them; null for none.
``code``
    The packed code: ``ceil(n_bits / 8)`` bytes.
``feature``
    float16, a row of length 1. Not there where features were not wanted.

The metadata of the schema holds, under ``hashlens``, JSON: see `Header`. There is no time and no
place in a file: who encodes the same images with the same model writes the same bytes.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes, check_codes, code_size
from hashlens.encoding.shard_header import (
    Header,
    header_text,
    not_whole,
    read_header,
    shard_numbers,
)
from hashlens.errors import FormatError
from hashlens.whole_file import whole_file

_KEY = b"hashlens"
_ROWS_AT_ONCE = 1024  # Parquet takes several times their size to decode them


class CodeRows(NamedTuple):
    """Images and their codes; row i of each is the same image.

    Attributes
    ----------
    names : list of str
        Absolute paths, or names of images without a file.
    has_file : bool (n,)
        Whether a name is a path.
    content_hashes : list of bytes
        SHA-256 of each file.
    labels : list of str or None
    codes : uint8 (n, ceil(n_bits / 8))
    features : float16 (n, d), rows of length 1; None where they were not kept
    """

    names: list[str]
    has_file: NDArray[np.bool_]
    content_hashes: list[bytes]
    labels: list[str | None]
    codes: Codes
    features: NDArray[np.float16] | None


class Footer(NamedTuple):
    """What is known of a shard without its rows.

    Attributes
    ----------
    header : Header
    n_rows : int
    n_features : int
        Length of a feature vector; 0 where none were kept.
    rows_sha256 : str
        Of what the rows say, in hex.
    """

    header: Header
    n_rows: int
    n_features: int
    rows_sha256: str


def write_shard(path: Path, header: Header, rows: CodeRows) -> None:
    """Write a shard; under its name there is all of it, or nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = _fields(header.n_bits, 0 if rows.features is None else rows.features.shape[1])
    metadata = {_KEY: header_text(header, _digest(rows))}
    columns = [
        pa.array(rows.names, pa.string()),
        pa.array(rows.has_file, pa.bool_()),
        _fixed(rows.content_hashes),
        pa.array(rows.labels, pa.string()),
        _fixed(rows.codes),
    ]
    if rows.features is not None:
        flat = pa.array(np.ascontiguousarray(rows.features, np.float16).ravel())
        columns.append(pa.FixedSizeListArray.from_arrays(flat, type=fields[-1].type))
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))
    with whole_file(path) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            use_dictionary=["label"],
            write_statistics=False,
        )


def read_footer(path: Path) -> Footer:
    """Read what a shard says of itself, and check that its columns are those of a shard.

    Raises
    ------
    FormatError
        If it is no shard, damaged, or of a newer version; the message names the file.
    """
    import pyarrow.parquet as pq

    with _reading(path), pq.ParquetFile(path) as file:
        return _footer(path, file)


def read_shard(path: Path) -> tuple[Footer, CodeRows]:
    """Read a shard with its rows; a changed byte is an error.

    Raises
    ------
    FormatError
        As for `read_footer`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _reading(path), pq.ParquetFile(path) as file:
        footer = _footer(path, file)
        table = pa.Table.from_batches(file.iter_batches(_ROWS_AT_ONCE), file.schema_arrow)
        rows = _rows(table.combine_chunks(), footer)
        if _digest(rows) != footer.rows_sha256:
            raise not_whole(path, "changed rows")
    pa.default_memory_pool().release_unused()
    return footer, rows


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever Parquet raises on a damaged file into FormatError."""
    import pyarrow as pa

    try:
        yield
    except FormatError:
        raise
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise not_whole(path, str(error)) from None


def _fields(n_bits: int, n_features: int) -> list[Any]:
    import pyarrow as pa

    fields = [
        pa.field("name", pa.string(), nullable=False),
        pa.field("has_file", pa.bool_(), nullable=False),
        pa.field("content_hash", pa.binary(32), nullable=False),
        pa.field("label", pa.string()),
        pa.field("code", pa.binary(code_size(n_bits)), nullable=False),
    ]
    if n_features:
        number = pa.field("item", pa.float16(), nullable=False)
        fields.append(pa.field("feature", pa.list_(number, n_features), nullable=False))
    return fields


def _fixed(rows: Codes | Sequence[bytes]) -> Any:
    """Give rows of bytes, all of one size, as a column."""
    import pyarrow as pa

    if not isinstance(rows, np.ndarray):
        return pa.array(rows, pa.binary(32))
    buffers = [None, pa.py_buffer(np.ascontiguousarray(rows))]
    return pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), buffers)


def _footer(path: Path, file: Any) -> Footer:
    schema = file.schema_arrow
    header, rows_sha256 = read_header(path, (schema.metadata or {}).get(_KEY, b"{}"))
    n_features = schema.field("feature").type.list_size if "feature" in schema.names else 0
    if [(f.name, f.type) for f in schema] != [
        (f.name, f.type) for f in _fields(header.n_bits, n_features)
    ]:
        raise not_whole(path, f"the columns {', '.join(f'{f.name} {f.type}' for f in schema)}")
    footer = Footer(header, file.metadata.num_rows, n_features, rows_sha256)
    if footer.n_rows + len(header.skipped) != header.n_images:
        raise not_whole(path, f"{footer.n_rows} rows of {header.n_images} images")
    if shard_numbers(path.name) != (header.shard, header.n_shards):
        raise not_whole(path, f"shard {header.shard} of {header.n_shards} under that name")
    return footer


def _digest(rows: CodeRows) -> str:
    """Digest what rows say, however a file has it: a changed byte is found by this."""
    words = json.dumps([rows.names, rows.has_file.tolist(), rows.labels])
    digest = hashlib.sha256(words.encode())
    digest.update(b"".join(rows.content_hashes))
    digest.update(np.ascontiguousarray(rows.codes).data)
    if rows.features is not None:
        digest.update(np.ascontiguousarray(rows.features).view(np.uint8).data)
    return digest.hexdigest()


def _rows(table: Any, footer: Footer) -> CodeRows:
    n, size = footer.n_rows, code_size(footer.header.n_bits)
    if any(table[name].null_count for name in table.column_names if name != "label"):
        raise ValueError("an empty cell")
    codes = np.frombuffer(b"".join(table["code"].to_pylist()), np.uint8).reshape(n, size)
    features = None
    if footer.n_features:
        flat = table["feature"].combine_chunks().flatten()
        features = flat.to_numpy(zero_copy_only=False).reshape(n, footer.n_features)
    return CodeRows(
        table["name"].to_pylist(),
        table["has_file"].to_numpy(),
        table["content_hash"].to_pylist(),
        table["label"].to_pylist(),
        check_codes("code", codes, footer.header.n_bits),
        features,
    )
