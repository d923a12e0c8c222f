"""A Parquet manifest whose images lie inside it, read a part at a time: it may exceed memory."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.data.dataset import Dataset
from hashlens.data.manifest import (
    IMAGE_COLUMNS,
    LABEL_COLUMNS,
    Table,
    read_images,
    read_labels,
    split_rows,
)
from hashlens.data.parquet import Columns, read_columns
from hashlens.errors import FormatError

_ROWS_AT_ONCE = 256
_FOOTER_END = 8  # bytes: the length of the footer, and Parquet's mark


@dataclass(frozen=True, eq=False)
class Sheet:
    """Rows of a Parquet manifest, their images not read yet.

    Attributes
    ----------
    path : Path
        Absolute.
    column : str
        That of the images.
    rows : int64 (n,)
        The row of each image.
    labels : array or None
        As a `Dataset` has them.
    classes : tuple of str
    """

    path: Path
    column: str
    rows: NDArray[np.int64]
    labels: NDArray[Any] | None
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> "Sheet":
        """Give the images from `start` to `stop`."""
        labels = None if self.labels is None else self.labels[start:stop]
        return replace(self, rows=self.rows[start:stop], labels=labels)

    def load(self) -> Dataset:
        """Read the images of these rows; only the row groups that hold one are read.

        Raises
        ------
        FormatError
            If the file cannot be read, or a cell is no image.
        """
        cells: dict[int, Any] = {}
        with _opened(self.path) as file:
            ends = np.cumsum(
                [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            )
            wanted = set(self.rows.tolist())
            for group in np.unique(np.searchsorted(ends, self.rows, side="right")).tolist():
                row = int(ends[group - 1]) if group else 0
                for batch in file.iter_batches(_ROWS_AT_ONCE, [group], [self.column]):
                    numbers = range(row, row + len(batch))
                    cells |= {
                        n: batch.column(0)[i].as_py() for i, n in enumerate(numbers) if n in wanted
                    }
                    row = numbers.stop
        found = [cells[row] for row in self.rows.tolist()]
        images = read_images(Table(self.path, 1, Columns({self.column: found}, {}), self.rows))
        return Dataset(self.path.stem, images, self.labels, self.classes)

    def fingerprint(self) -> bytes:
        """SHA-256 of the file's size and footer, which has the size of every column: 32 bytes."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(0, size - _FOOTER_END))
            length = int.from_bytes(file.read(4), "little")
            file.seek(max(0, size - _FOOTER_END - length))
            return hashlib.sha256(size.to_bytes(8, "little") + file.read()).digest()


def read_sheet(path: Path) -> Sheet | None:
    """Open a Parquet manifest with images inside; None if it has paths only.

    Labels are read, images are not. They are in the order that ``load_dataset`` has them in: those
    to train on first, where there is a column ``split``.

    Raises
    ------
    FormatError
        As for ``read_manifest``.
    """
    with _opened(path) as file:
        schema, n_rows = file.schema_arrow, file.metadata.num_rows
    table = Table(path, 1, read_columns(path, (*LABEL_COLUMNS, "split")))
    columns = [name for name in IMAGE_COLUMNS if name in schema.names]
    if len(columns) != 1 or not n_rows or not _holds_bytes(schema.field(columns[0]).type):
        return None
    labels, classes = read_labels(table)
    split = split_rows(table)
    rows = np.arange(n_rows) if split is None else np.array([*split[0], *split[1]], np.int64)
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - as data/candidates.py has it
    return Sheet(whole, columns[0], rows, None if labels is None else labels[rows], classes)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FormatError(f"{path}: is not a readable Parquet file ({error})") from None


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _holds_bytes(kind.field(place).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))
