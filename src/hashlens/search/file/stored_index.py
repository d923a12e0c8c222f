"""What an index file holds, as values, and how they follow from its sections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.errors import FormatError
from hashlens.search.blocks import LANES, Blocks, word_type, words_of
from hashlens.search.file.sections import Section

Positions = NDArray[np.int64]
NOTHING: Positions = np.empty(0, np.int64)


@dataclass(frozen=True)
class StoredSegment:
    """Codes that were added at once.

    Attributes
    ----------
    blocks : unsigned ints (ceil(n_items / 64), n_words, 64)
    n_items : int
    ids : int64 (n_items,), ascending, or None where ids are positions in the whole index
    """

    blocks: Blocks
    n_items: int
    ids: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Tables:
    """Arrays that a faster search keeps, of the first `n_items` items.

    Attributes
    ----------
    n_items : int
    arrays : dict of str to int array
    """

    n_items: int
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FileState:
    """Which content of a file was read or written: what an append is made to.

    Attributes
    ----------
    n_bits : int
    n_items : int
        Removed ones included.
    last_id : int
        -1 where there are no items.
    digest : bytes
    """

    n_bits: int
    n_items: int
    last_id: int
    digest: bytes


@dataclass(frozen=True)
class StoredIndex:
    """What an index file holds. Arrays that were read are read-only.

    Attributes
    ----------
    n_bits : int
    segments : sequence of StoredSegment
    removed : int64 (n_removed,)
        Positions, ascending and distinct where they were read.
    tables : Tables or None
    state : FileState or None
        None where it was not read from a file.
    """

    n_bits: int
    segments: tuple[StoredSegment, ...] = ()
    removed: Positions = field(default_factory=NOTHING.copy)
    tables: Tables | None = None
    state: FileState | None = None


class Replay:
    """The index as the sections so far give it; refuses what does not fit."""

    def __init__(self, path: Path, n_bits: int, n_items: int = 0, last_id: int = -1) -> None:
        self._path, self._n_bits = path, n_bits
        self._n_items, self._last_id = n_items, last_id
        self.segments: list[StoredSegment] = []
        self.removed: list[Positions] = []
        self.tables: Tables | None = None

    def state(self, digest: bytes) -> FileState:
        """State of the file that holds the sections so far, and no others."""
        return FileState(self._n_bits, self._n_items, self._last_id, digest)

    def take_all(self, sections: Iterable[Section], *, verify: bool) -> None:
        """Take sections in the order of the file; `verify` reads all of their arrays.

        Raises
        ------
        FormatError
            If one does not fit those before it.
        """
        for section in sections:
            match section.kind, section.facts, section.arrays:
                case "codes", {"n_items": n_items}, {"blocks": blocks}:
                    segment = StoredSegment(blocks, n_items, section.arrays.get("ids"))
                    self._take_codes(segment, verify=verify)
                case "removed", _, {"positions": positions}:
                    self._take_removed(positions)
                case "tables", {"n_items": n_items}, arrays:
                    self._require(0 <= n_items <= self._n_items, "tables of codes that are there")
                    self.tables = Tables(n_items, arrays)
                case _:
                    self._require(False, "sections of codes, removed items and tables")

    def _take_codes(self, segment: StoredSegment, *, verify: bool) -> None:
        n_items, ids = segment.n_items, segment.ids
        self._require(n_items >= 0, "0 codes or more")
        shape = (-(-n_items // LANES), words_of(self._n_bits), LANES)
        self._require(segment.blocks.shape == shape, f"blocks of shape {shape}")
        words = word_type(self._n_bits)
        self._require(segment.blocks.dtype == words, f"blocks of {words}")
        if ids is not None:
            fits = ids.shape == (n_items,) and ids.dtype == np.int64
            self._require(fits, f"int64 ids of shape ({n_items},)")
        if verify:
            ascend = ids is None or bool((ids[1:] > ids[:-1]).all())
            self._require(ascend, "ids that ascend")
            self._require(_rest_is_zero(segment, self._n_bits), "zero where no code is")
        if n_items:
            first, last = self._n_items, self._n_items + n_items - 1
            if ids is not None:
                first, last = int(ids[0]), int(ids[-1])
            self._require(self._last_id < first <= last, "ids that ascend")
            self._last_id = last
        self._n_items += n_items
        self.segments.append(segment)

    def _take_removed(self, positions: Positions) -> None:
        self._require(positions.dtype == np.int64 and positions.ndim == 1, "int64 positions")
        inside = not len(positions) or (
            int(positions.min()) >= 0 and int(positions.max()) < self._n_items
        )
        self._require(inside, f"removed positions from 0 to {self._n_items - 1}")
        self.removed.append(positions)

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise FormatError(f"{self._path} must hold {what}. Got others.")


def _rest_is_zero(segment: StoredSegment, n_bits: int) -> bool:
    """Whether the lanes behind the last code and the bits behind the last bit are zero."""
    if not segment.n_items:
        return True
    last = segment.blocks[:, -1]
    used = (n_bits - 1) % (8 * last.itemsize) + 1
    lanes = segment.blocks[-1, :, (segment.n_items - 1) % LANES + 1 :]
    return not lanes.any() and int(last.max()) >> used == 0
