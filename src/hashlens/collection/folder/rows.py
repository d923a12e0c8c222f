"""Append-only files of rows of one width, read through memory maps."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hashlens.errors import FormatError, HashlensError
from hashlens.whole_file import sync_folder


class RowFile:
    """Rows of one width, one behind the other, without a header.

    How many of them count is written in the catalogue, not here: what lies behind the last
    committed row is the rest of an interrupted write, is never read, and is cut off by the next
    writer.

    Parameters
    ----------
    path : Path
    dtype : dtype
        Of one number.
    width : int >= 1
        Numbers in a row.
    """

    def __init__(self, path: Path, dtype: DTypeLike, width: int) -> None:
        self.path = path
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.width = width

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.width * self.dtype.itemsize

    def create(self) -> None:
        """Make the file, empty."""
        append_bytes(self.path, (), 0)

    def check(self, n_rows: int) -> None:
        """Raise FormatError unless the file is there and holds at least `n_rows` rows."""
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise FormatError(
                f"{self.path} must be a file of the collection. Got {error.strerror}."
            ) from None
        if size < n_rows * self.row_bytes:
            raise FormatError(
                f"{self.path} must hold {n_rows} rows of {self.row_bytes} bytes. "
                f"Got only {size} bytes."
            )

    def read(self, n_rows: int) -> NDArray[Any]:
        """Map the first `n_rows` rows: a read-only array of shape (n_rows, width)."""
        self.check(n_rows)
        if n_rows == 0:
            return np.empty((0, self.width), self.dtype)
        return np.memmap(self.path, self.dtype, mode="r", shape=(n_rows, self.width))

    def append(self, rows: NDArray[Any], n_rows: int) -> bytes:
        """Write `rows` behind the first `n_rows`, cutting off what lay there, down to the disk.

        Gives the SHA-256 of the bytes that were written.
        """
        self.check(n_rows)
        content = np.ascontiguousarray(rows, self.dtype)
        append_bytes(self.path, [content.data], n_rows * self.row_bytes)
        return hashlib.sha256(content.data).digest()


def append_bytes(path: Path, parts: Iterable[bytes | memoryview], at: int) -> None:
    """Write `parts` behind the first `at` bytes of a file, in place of what lay there, to the disk.

    Raises
    ------
    HashlensError
        If the disk is full or the file cannot be written; its first `at` bytes are as before.
    """
    is_new = not path.exists()
    try:
        with path.open("ab") as file:
            file.truncate(at)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise HashlensError(
            f"{path} must be writable. Got {error.strerror or error}. "
            f"The collection is as it was before."
        ) from error
