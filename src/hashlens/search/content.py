"""What an index holds: codes under ids, added to and removed from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_n_bits, refuse, words
from hashlens.codes import Codes, check_codes, code_size
from hashlens.search.blocks import as_rows
from hashlens.search.ids import check_ids
from hashlens.search.segment import Segment, read_only, with_room
from hashlens.search.threads import check_threads

Ids = NDArray[np.int64]


@dataclass
class Changes:
    """What was done since the index was last in step with its file.

    Attributes
    ----------
    removed : list of int64 arrays
        Positions.
    laid_out : bool
        Whether codes have moved: the file must be written anew.
    tables : bool
        Whether tables were built.
    """

    removed: list[NDArray[np.int64]] = field(default_factory=list)
    laid_out: bool = False
    tables: bool = False


class IndexContent:
    """Codes by ascending id, so that order by position is order by id.

    They lie in segments: what is read from a file stays there, what is added grows in memory.
    """

    def __init__(
        self, codes: object, n_bits: int, *, ids: object = None, threads: int | None = None
    ) -> None:
        self._n_bits = check_n_bits(n_bits)
        packed = check_codes("codes", codes, self._n_bits)
        self._threads = check_threads(threads)
        self._ids: Ids | None = None  # of all positions; None where ids are positions
        if ids is not None:
            given = check_ids(ids, len(packed))
            order = np.argsort(given, kind="stable")
            packed = packed[order]
            self._set_ids(given[order])
        self._segments = [Segment.of_codes(packed, self._n_bits)]
        self._changes = Changes()

    @property
    def n_bits(self) -> int:
        """Length of the codes in bits."""
        return self._n_bits

    @property
    def n_items(self) -> int:
        """Number of codes, without those that were removed."""
        return sum(segment.n_live for segment in self._segments)

    def __len__(self) -> int:
        return self.n_items

    @property
    def ids(self) -> Ids:
        """Ids in ascending order, int64 (n_items,)."""
        live = self._live_positions()
        if self._ids is None:
            return np.arange(self._n_positions) if live is None else live
        return self._ids if live is None else self._ids[live]

    def codes(self) -> Codes:
        """Packed codes in the order of :attr:`ids`: uint8 (n_items, ceil(n_bits / 8))."""
        packed = self._packed(0)
        live = self._live_positions()
        return packed if live is None else packed[live]

    def add(self, codes: object, ids: object = None) -> Ids:
        """Add codes.

        Those whose ids are above all others are written behind the others; where they are not,
        the codes are laid out anew.

        Parameters
        ----------
        codes : uint8 array of shape (n, ceil(n_bits / 8))
        ids : int array of shape (n,), optional
            Distinct ids >= 0 that are not in the index; the next ones where None.

        Returns
        -------
        ids : int64 array of shape (n,)

        Raises
        ------
        InputError
            If the codes are not packed codes of `n_bits` bits, or an id is there already. The
            index is then as before.

        Examples
        --------
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.array([[1], [2]], np.uint8), 3)
        >>> index.add(np.array([[7]], np.uint8)), index.search(np.array([[7]], np.uint8), 1).ids
        (array([2]), array([[2]]))
        """
        packed = check_codes("codes", codes, self._n_bits)
        top = self._top_id()
        if ids is None:
            given = np.arange(top + 1, top + 1 + len(packed))
        else:
            given = check_ids(ids, len(packed))
            self._refuse_known(given)
        if len(given):
            self._insert(packed, given, top)
        return given

    def remove(self, ids: object) -> None:
        """Remove codes by their ids.

        Parameters
        ----------
        ids : int array of shape (n,)

        Raises
        ------
        InputError
            If an id is not in the index. Nothing is removed then.

        Examples
        --------
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.array([[1], [2], [3]], np.uint8), 3)
        >>> index.remove([1])
        >>> index.ids
        array([0, 2])
        """
        wanted = np.asarray(ids)
        if wanted.dtype.kind not in "iu" or wanted.ndim != 1:
            raise refuse("ids", "ints of shape (n,)", wanted)
        positions, known = self._find(wanted)
        if not known.all():
            raise refuse("ids", "ids that are in the index", words(f"{wanted[~known][0]}"))
        self._remove_positions(positions)

    def _remove_positions(self, positions: NDArray[np.int64]) -> None:
        self._changes.removed.append(positions)
        for segment, first in self._placed():
            here = positions[(positions >= first) & (positions < first + segment.n_items)]
            segment.remove(here - first)

    def _packed(self, start: int) -> Codes:
        """Packed codes of all positions from `start` on."""
        parts = [np.empty((0, code_size(self._n_bits)), np.uint8)]
        for segment, first in self._placed():
            parts.append(segment.codes(max(0, min(start - first, segment.n_items))))
        return np.concatenate(parts)

    def _placed(self) -> Iterator[tuple[Segment, int]]:
        """Segments, each with the position of its first code."""
        first = 0
        for segment in self._segments:
            yield segment, first
            first += segment.n_items

    @property
    def _n_positions(self) -> int:
        return sum(segment.n_items for segment in self._segments)

    def _top_id(self) -> int:
        if self._ids is None:
            return self._n_positions - 1
        return int(self._ids[-1]) if len(self._ids) else -1

    def _refuse_known(self, given: Ids) -> None:
        known = given[self._find(given)[1]]
        if len(known):
            raise refuse("ids", "ids that are not in the index", words(f"{known[0]}, there"))

    def _find(self, ids: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Positions of ids, and whether each is in the index."""
        last = self._n_positions - 1
        if self._ids is None:
            positions = ids.astype(np.int64)
            known = (ids >= 0) & (positions >= 0) & (positions <= last)
        else:
            positions = np.minimum(np.searchsorted(self._ids, ids), last)
            known = self._ids[positions] == ids if last >= 0 else np.zeros(len(ids), bool)
        for segment, first in self._placed():
            here = known & (positions >= first) & (positions < first + segment.n_items)
            known[here] = segment.is_live(positions[here] - first)
        return positions, known

    def _insert(self, packed: Codes, given: Ids, top: int) -> None:
        order = np.argsort(given, kind="stable")
        packed, ordered = packed[order], given[order]
        if ordered[0] <= top:  # between the others: lay out anew, without what was removed
            codes, ids = np.concatenate([self.codes(), packed]), np.concatenate([self.ids, ordered])
            order = np.argsort(ids, kind="stable")
            self._lay_out(codes[order], ids[order])
            return
        consecutive = ordered[0] == top + 1 and ordered[-1] == top + len(ordered)
        if self._ids is not None or not consecutive:
            self._append_ids(ordered)
        if not self._segments[-1].grows:
            empty = np.empty((0, code_size(self._n_bits)), np.uint8)
            self._segments.append(Segment.of_codes(empty, self._n_bits))
        self._segments[-1].append(packed)

    def _lay_out(self, codes: Codes, ids: Ids) -> None:
        """Lay codes out anew, by ascending id."""
        self._segments = [Segment.of_codes(codes, self._n_bits)]
        self._set_ids(ids)
        self._changes = Changes(laid_out=True)

    def _forget_changes(self) -> None:
        self._changes = Changes()

    def _append_ids(self, ids: Ids) -> None:
        n, stop = self._n_positions, self._n_positions + len(ids)
        if self._ids is None:
            self._id_room = np.arange(n)
        self._id_room = with_room(self._id_room, stop)
        self._id_room[n:stop] = ids
        self._ids = read_only(self._id_room[:stop])

    def _set_ids(self, ids: Ids) -> None:
        self._id_room, self._ids = ids, read_only(ids)

    def _live_positions(self) -> NDArray[np.int64] | None:
        """Positions that may be found; None where that is all."""
        if self.n_items == self._n_positions:
            return None
        return np.concatenate([run.live_positions() + first for run, first in self._placed()])

    def _query_words(self, queries: object) -> NDArray[Any]:
        return as_rows(check_codes("queries", queries, self._n_bits), self._n_bits)
