"""Packed codes with their ids: what goes from one program to another."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_n_bits
from hashlens.codes import Codes, check_codes
from hashlens.errors import FormatError
from hashlens.search.ids import check_ids
from hashlens.watcher import Watcher

Ids = NDArray[np.int64]

PIECE_ROWS = 1 << 16
_PIECE_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class CodeSet:
    """Packed codes, their length and their ids.

    Parameters
    ----------
    codes : uint8 array of shape (n, ceil(n_bits / 8))
        Packed codes (see :mod:`hashlens.codes`); n may be 0.
    n_bits : int, 1 to 4096
    ids : int array of shape (n,), optional
        A distinct id >= 0 for each code; its position where None.

    Raises
    ------
    InputError
        If the codes are not packed codes of `n_bits` bits, or the ids not distinct.

    Examples
    --------
    >>> codes = CodeSet(np.array([[5], [1]], np.uint8), 3, [7, 2])
    >>> len(codes), codes.ids
    (2, array([7, 2]))
    """

    codes: Codes
    n_bits: int
    ids: Ids | None = None

    def __post_init__(self) -> None:
        check_codes("codes", self.codes, check_n_bits(self.n_bits))
        if self.ids is not None:
            object.__setattr__(self, "ids", check_ids(self.ids, len(self.codes)))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def numbers(self) -> Ids:
        """The ids, or the positions where there are none: int64 (n,)."""
        return np.arange(len(self)) if self.ids is None else self.ids

    def pieces(
        self, watcher: Watcher, n_rows: int = PIECE_ROWS
    ) -> Iterator[tuple[Codes, Ids | None]]:
        """Go through the codes, and the ids where there are any, some rows at a time.

        Parameters
        ----------
        watcher : Watcher
            Told of the rows that are done.
        n_rows : int
            Most rows of a piece.

        Yields
        ------
        codes : uint8 array of shape (n_rows, ceil(n_bits / 8))
        ids : int64 array of shape (n_rows,), or None
        """
        for start in range(0, len(self), n_rows):
            part = slice(start, min(start + n_rows, len(self)))
            yield self.codes[part], None if self.ids is None else self.ids[part]
            watcher.advance(part.stop, len(self))


class FileCodes(NamedTuple):
    """What a file holds, before it is checked.

    Attributes
    ----------
    codes : uint8 array of shape (n, n_bytes); n_bytes is 0 where an empty file does not tell it
    ids : int array of shape (n,), or None
    n_bits : int, or None where the file does not tell it
    """

    codes: Codes
    ids: NDArray[Any] | None = None
    n_bits: int | None = None


def join_rows(pieces: list[Codes]) -> Codes:
    """Make one matrix of the pieces of a file; of no pieces one of shape (0, 0)."""
    return np.concatenate(pieces) if pieces else np.empty((0, 0), np.uint8)


def read_bytes(path: Path, file: IO[bytes], n_bytes: int, watcher: Watcher) -> Codes:
    """Read so many bytes, some at a time, into one array, or raise FormatError.

    The caller has checked that the file is as long as that: a header may claim anything.
    """
    data = np.empty(n_bytes, np.uint8)
    for start in range(0, n_bytes, _PIECE_BYTES):
        part = data[start : start + _PIECE_BYTES]
        piece = file.read(len(part))
        if len(piece) != len(part):
            raise FormatError(f"{path} must have {n_bytes} bytes of codes. Got a cut-off file.")
        part[:] = np.frombuffer(piece, np.uint8)
        watcher.advance(start + len(part), n_bytes)
    return data
