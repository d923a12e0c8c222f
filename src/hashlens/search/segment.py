"""A run of codes of consecutive positions, in blocks, with a bit for each that may be found."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.search.blocks import LANES, Blocks, as_blocks, packed_codes, write_codes

Live = NDArray[np.uint64]  # (n_blocks,)


class Segment:
    """Codes that lie together in memory or in a mapped file.

    Parameters
    ----------
    blocks : unsigned integers (ceil(n_items / 64), n_words, 64)
    n_items : int
    n_bits : int

    Attributes
    ----------
    n_items : int
        Positions, those of removed codes included.
    """

    def __init__(self, blocks: Blocks, n_items: int, n_bits: int) -> None:
        self.n_items = n_items
        self._n_bits = n_bits
        self._room = blocks
        self._live = live_bits(np.ones(n_items, bool))

    @classmethod
    def of_codes(cls, codes: Codes, n_bits: int) -> "Segment":
        """Lay packed codes out as blocks."""
        return cls(as_blocks(codes, n_bits), len(codes), n_bits)

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks, read-only: kernels are compiled for one kind of array only."""
        return read_only(self._room[: -(-self.n_items // LANES)])

    @cached_property
    def live(self) -> Live:
        """uint64 (n_blocks,): a bit for each code that may be found."""
        return read_only(self._live[: -(-self.n_items // LANES)])

    @property
    def grows(self) -> bool:
        """Tell whether codes can be appended: not to what is mapped from a file."""
        return bool(self._room.flags.writeable)

    @cached_property
    def n_live(self) -> int:
        """Codes that may be found."""
        return int(np.bitwise_count(self.live).sum(dtype=np.int64))

    def is_live(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which positions may be found."""
        bits = self.live[positions // LANES] >> (positions % LANES).astype(np.uint64)
        live: NDArray[np.bool_] = (bits & np.uint64(1)).astype(np.bool_)
        return live

    def live_positions(self) -> NDArray[np.int64]:
        """Positions of the codes that may be found, ascending."""
        bits = np.unpackbits(self.live.view(np.uint8), count=self.n_items, bitorder="little")
        return np.flatnonzero(bits)

    def codes(self, start: int = 0, stop: int | None = None) -> Codes:
        """Packed codes of the positions from `start` on, to the last or to `stop`."""
        last = self.n_items if stop is None else stop
        return packed_codes(self.blocks, start, last, self._n_bits)

    def append(self, codes: Codes) -> None:
        """Write codes behind those that are there; the room is doubled when it is full."""
        start, stop = self.n_items, self.n_items + len(codes)
        n_blocks = -(-stop // LANES)
        self._room = with_room(self._room, n_blocks)
        self._live = with_room(self._live, n_blocks)
        write_codes(self._room, start, codes, self._n_bits)
        added = live_bits(np.arange(start - start % LANES, stop) >= start)
        self._live[start // LANES : n_blocks] |= added
        self.n_items = stop
        self._forget()

    def remove(self, positions: NDArray[np.int64]) -> None:
        """Let positions be found no more."""
        gone = np.zeros(LANES * len(self._live), bool)
        gone[positions] = True
        self._live &= ~live_bits(gone)
        self._forget()

    def _forget(self) -> None:
        for name in ("blocks", "live", "n_live"):
            self.__dict__.pop(name, None)


def live_bits(found: NDArray[Any]) -> Live:
    """Pack booleans (n,) into uint64 words: bit j of word b is that of position 64 b + j.

    Examples
    --------
    >>> live_bits(np.array([True, False, True]))
    array([5], dtype=uint64)
    """
    packed = np.packbits(found, bitorder="little")
    padded = np.zeros(8 * -(-len(found) // LANES), np.uint8)
    padded[: len(packed)] = packed
    words: NDArray[np.uint64] = padded.view("<u8").astype(np.uint64, copy=False)
    return words


def with_room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """Give an array of at least `n` rows that begins with `array`; doubled where it is too small.

    Examples
    --------
    >>> len(with_room(np.zeros(4), 4)), len(with_room(np.zeros(4), 5))
    (4, 8)
    """
    if n <= len(array):
        return array
    larger = np.zeros((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Read-only view."""
    view = array.view()
    view.flags.writeable = False
    return view
