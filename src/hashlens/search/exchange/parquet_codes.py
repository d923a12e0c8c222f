"""Codes as Parquet: a column ``code`` of fixed size, ``id`` where there are ids, and the length.

The length in bits is in the metadata of the schema, under ``hashlens.n_bits``. Read are also
columns of bytes or of lists of uint8, as other programs write them, if all are of one size.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hashlens.checks import refuse, words
from hashlens.codes import Codes
from hashlens.errors import FormatError
from hashlens.search.exchange.array_codes import PACKED
from hashlens.search.exchange.code_set import CodeSet, FileCodes, join_rows
from hashlens.watcher import Watcher

CODE, ID, LENGTH = "code", "id", b"hashlens.n_bits"
_ROW_GROUP = 1 << 20


def read_parquet(path: Path, watcher: Watcher) -> FileCodes:
    """Read codes, ids and the length, some rows at a time.

    The codes are the column ``code``, or the only column that can be codes.
    """
    import pyarrow.parquet as pq

    codes: list[Codes] = []
    ids: list[Any] = []
    with pq.ParquetFile(path) as file:
        schema, n_rows, done = file.schema_arrow, file.metadata.num_rows, 0
        columns = [_code_column(path, schema), *([ID] if ID in schema.names else [])]
        for batch in file.iter_batches(columns=columns):
            for name in columns:
                _check_full(path, name, batch.column(name), done)
            codes.append(_rows(path, batch.column(columns[0]), done))
            ids += [batch.column(name).to_numpy(zero_copy_only=False) for name in columns[1:]]
            done += len(batch)
            watcher.advance(done, n_rows)
    joined = np.concatenate(ids) if ids else np.empty(0, np.int64) if columns[1:] else None
    rows = join_rows(_equally_wide(path, codes))
    return FileCodes(rows, joined, _length(path, schema.metadata or {}))


def write_parquet(path: Path, code_set: CodeSet, watcher: Watcher) -> None:
    """Write the codes, the ids where there are any, and the length."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = code_set.codes.shape[1]
    fields = [pa.field(CODE, pa.binary(size), nullable=False)]
    if code_set.ids is not None:
        fields.insert(0, pa.field(ID, pa.int64(), nullable=False))
    schema = pa.schema(fields, metadata={LENGTH: str(code_set.n_bits)})
    # Codes hardly repeat: a dictionary of them would only be in the way.
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for codes, ids in code_set.pieces(watcher, _ROW_GROUP):
            buffers = [None, pa.py_buffer(np.ascontiguousarray(codes))]
            columns = [pa.Array.from_buffers(pa.binary(size), len(codes), buffers)]
            if ids is not None:
                columns.insert(0, pa.array(ids))
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _code_column(path: Path, schema: Any) -> str:
    fitting = [field.name for field in schema if _can_be_codes(field.type)]
    if CODE in schema.names and CODE not in fitting:
        raise refuse(f"{path}, {CODE}", PACKED, words(f"a column of {schema.field(CODE).type}"))
    if CODE in fitting:
        return CODE
    if len(fitting) != 1:
        wanted = f"a file with a column {CODE} of bytes, or only one such column"
        raise refuse(str(path), wanted, words(", ".join(fitting) or "none"))
    return str(fitting[0])


def _can_be_codes(kind: Any) -> bool:
    import pyarrow.types as types

    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if lists:
        return bool(types.is_uint8(kind.value_type))
    bytes_ = (types.is_fixed_size_binary, types.is_binary, types.is_large_binary)
    return any(is_kind(kind) for is_kind in bytes_)


def _check_full(path: Path, name: str, column: Any, first: int) -> None:
    if column.null_count:
        row = first + column.is_null().to_numpy(zero_copy_only=False).argmax()
        raise FormatError(f"{path}, row {row}, {name} must have a value. Got none.")


def _rows(path: Path, column: Any, first: int) -> Codes:
    """Turn a column of bytes or of lists of them into rows of equal size."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(column):
        return np.empty((0, 0), np.uint8)
    is_list = hasattr(column.type, "value_type")
    lengths = pc.list_value_length(column) if is_list else pc.binary_length(column)
    sizes = lengths.to_numpy(zero_copy_only=False)
    size = int(sizes[0])
    if (sizes != size).any():
        row = int((sizes != size).argmax())
        raise _other_size(path, first + row, size, int(sizes[row]))
    if is_list:
        values = column.flatten()
        if values.null_count:
            raise FormatError(f"{path}, {CODE} must have no empty byte. Got one.")
        return values.to_numpy(zero_copy_only=False).reshape(len(column), -1)  # type: ignore[no-any-return]
    fixed = column.cast(pa.binary(size))
    data = np.frombuffer(fixed.buffers()[1], np.uint8)
    return data[fixed.offset * size :][: len(fixed) * size].reshape(-1, size)


def _equally_wide(path: Path, pieces: list[Codes]) -> list[Codes]:
    row = 0
    filled = [piece for piece in pieces if len(piece)]
    for piece in filled:
        if piece.shape[1] != filled[0].shape[1]:
            raise _other_size(path, row, filled[0].shape[1], piece.shape[1])
        row += len(piece)
    return filled


def _other_size(path: Path, row: int, wanted: int, size: int) -> FormatError:
    return FormatError(
        f"{path}, row {row} must be a code of {wanted} bytes, as the first. Got {size}."
    )


def _length(path: Path, metadata: dict[bytes, bytes]) -> int | None:
    if LENGTH not in metadata:
        return None
    if not metadata[LENGTH].isdigit():
        raise refuse(f"{path}, {LENGTH.decode()}", "a number", metadata[LENGTH])
    return int(metadata[LENGTH])
