"""Tables beside the codes: built when asked for, used where they are faster."""

from collections.abc import Callable
from functools import cached_property

from hashlens.checks import check_choice, check_int, refuse, words
from hashlens.codes import Codes
from hashlens.search.alone import Alone
from hashlens.search.content import Ids
from hashlens.search.file.stored_index import StoredIndex, Tables
from hashlens.search.multi.index import MultiIndex
from hashlens.search.multi.tabled import METHODS, Ask, Plan, Tabled
from hashlens.search.scan import Nearest
from hashlens.search.segment import Segment
from hashlens.search.stored_content import StoredContent


class TabledContent(StoredContent):
    """Codes with the tables of multi-index hashing over them."""

    _tabled: Tabled | None = None

    @property
    def table_bytes(self) -> int:
        """Memory of the tables in bytes; 0 without."""
        return 0 if self._tabled is None else self._tabled.tables.size_bytes

    def build_tables(
        self, n_tables: int | None = None, *, tell: Callable[[int, int], None] | None = None
    ) -> None:
        """Build the tables of multi-index hashing over the codes that are there now.

        They take memory (:attr:`table_bytes`), and answer without comparing all codes
        where neighbours are near. Codes that are added later are scanned, until the tables are
        built again.

        Parameters
        ----------
        n_tables : int, optional
            Substrings of a code; by default what a sample of the codes makes cheapest.
        tell : callable, optional
            Called as ``tell(done, n_tables)``.

        Examples
        --------
        >>> import numpy as np
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.arange(100, dtype=np.uint8)[:, None], 8)
        >>> index.build_tables()
        >>> index.search(np.array([[6]], np.uint8), 1, method="multi-index").ids
        array([[6]])
        """
        if len(self._segments) > 1 or self.n_items < self._n_positions:
            self._lay_out(self.codes(), self.ids)
        segment = self._segments[0]
        tables = MultiIndex.build(
            segment.blocks, segment.n_items, self._n_bits, n_tables, self._threads, tell
        )
        self._tabled = Tabled(segment, tables, self._n_bits, self._threads)
        self._changes.tables = True

    def explain(self, queries: object, k: int | None = None, radius: int | None = None) -> Plan:
        """Tell how :meth:`search` or :meth:`radius_search` would go about these queries, and why.

        Parameters
        ----------
        queries : uint8 array of shape (n_queries, ceil(n_bits / 8))
        k, radius : int
            One of the two.

        Returns
        -------
        plan : Plan

        Examples
        --------
        >>> import numpy as np
        >>> from hashlens.search import HammingIndex
        >>> index = HammingIndex(np.arange(100, dtype=np.uint8)[:, None], 8)
        >>> index.explain(np.array([[6]], np.uint8), k=1).method
        'scan'
        """
        n_queries = len(self._query_words(queries))
        if (k is None) == (radius is None):
            raise refuse("k and radius", "one given, the other not", words(f"{k} and {radius}"))
        ask = Ask(k=check_int("k", k, 1)) if radius is None else _within(radius)
        if self._tabled is None:
            return Plan("scan", "there are no tables (build_tables makes them)")
        return self._tabled.plan(ask, n_queries)

    @cached_property
    def _alone(self) -> Alone:
        return Alone.of_length(self._n_bits)

    def _nearest_alone(self, queries: object, k: object, method: object) -> Nearest | None:
        """Scan for one well-formed query of few codes; None for any other search."""
        if type(method) is not str or len(self._segments) != 1:
            return None
        if method == "auto" and self._tabled is not None:
            if type(k) is not int or not self._tabled.scans_alone(k):
                return None
        elif method not in ("auto", "scan"):
            return None
        return self._alone.nearest(self._segments[0], queries, k, self._threads)

    def _check_method(self, method: str) -> None:
        check_choice("method", method, METHODS)
        if method == "multi-index" and self._tabled is None:
            raise refuse("method", "'scan' or 'auto': build_tables was not called", method)

    def _tabled_for(self, segment: Segment, method: str) -> Tabled | None:
        """Tables over a segment, where there are such and they may be used."""
        tabled = self._tabled
        usable = tabled is not None and tabled.segment is segment and method != "scan"
        return tabled if usable else None

    def _lay_out(self, codes: Codes, ids: Ids) -> None:
        super()._lay_out(codes, ids)
        self._tabled = None

    def _take(self, stored: StoredIndex) -> None:
        super()._take(stored)
        if stored.tables is not None:
            tables = MultiIndex.from_arrays(stored.tables.arrays, self._n_bits)
            self._tabled = Tabled(self._segments[0], tables, self._n_bits, self._threads)

    def _tables(self) -> Tables | None:
        if self._tabled is None:
            return None
        return Tables(self._tabled.tables.n_items, self._tabled.tables.to_arrays())


def _within(radius: object) -> Ask:
    return Ask(radius=check_int("radius", radius, 0))
