"""The nearest codes that Milvus finds, in the order of distance and then id.

Milvus orders by distance alone: ids of equal distance come in any order, and which of them are cut
off at the k-th place is left to chance. So it is asked for more than k, and where the last of them
are still as near as the k-th, for the smallest ids at that distance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Codes
from hashlens.collection.milvus.connection import CALL_SECONDS, Connection
from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID, Neighbors

MOST_HITS = 16_384
"""That Milvus gives for one query."""

_SPARE_HITS = 100  # beside k, so that ties at the k-th place are seldom cut
_HITS_AT_ONCE = 200_000  # of all queries of one call, which is 2 MB
_QUERIES_AT_ONCE = 256
_LAST_ID = 2**63 - 1

Hit = tuple[int, int]
"""Distance and id."""


@dataclass(frozen=True)
class CodeSearch:
    """Searches of the codes that an expression allows.

    Parameters
    ----------
    connection : Connection
    expression : str
        Of Milvus; "" for all.
    consistency_again : str
        Of what is asked a second time, after an answer of the connection's own consistency.
    """

    connection: Connection
    expression: str
    consistency_again: str

    def nearest(self, codes: Codes, k: int) -> Neighbors:
        """Find the k nearest items of each query.

        Raises
        ------
        InputError
            If they are more than Milvus gives.
        """
        if k > MOST_HITS:
            most = (
                f"at most {MOST_HITS:,} on Milvus, or {MOST_HITS // 10:,} where hits are re-ranked"
            )
            raise refuse("k", most, k)
        limit = min(2 * k + _SPARE_HITS, MOST_HITS)
        step = max(1, min(_QUERIES_AT_ONCE, _HITS_AT_ONCE // limit))
        ids = np.full((len(codes), k), MISSING_ID, np.int64)
        distances = np.full((len(codes), k), MISSING_DISTANCE, np.int32)
        for start in range(0, len(codes), step):
            part = codes[start : start + step]
            for i, found in enumerate(self._found(part, limit), start):
                first = self._first(codes[i], sorted(found), k, limit)
                distances[i, : len(first)] = [distance for distance, _ in first]
                ids[i, : len(first)] = [item_id for _, item_id in first]
        return Neighbors(distances, ids)

    def _first(self, code: NDArray[np.uint8], found: list[Hit], k: int, limit: int) -> list[Hit]:
        """The first k of what was found; with all that are as near as the last of these."""
        if len(found) < limit or found[k - 1][0] < found[-1][0]:
            return found[:k]
        distance = found[-1][0]
        nearer = [hit for hit in found if hit[0] < distance]
        ties = self._smallest(code, distance, k - len(nearer), (0, _LAST_ID))
        return nearer + [(distance, item_id) for item_id in ties]

    def _smallest(
        self, code: NDArray[np.uint8], distance: int, n: int, ids: tuple[int, int]
    ) -> list[int]:
        """The n smallest ids at a distance, from one id to another."""
        first, last = ids
        at_distance = sorted(self._at(code, distance, first, last))
        if len(at_distance) < MOST_HITS:
            return at_distance[:n]
        # There may be more. The n smallest of all are not beyond the n-th of these.
        middle = (first + min(last, at_distance[n - 1])) // 2
        lower = self._smallest(code, distance, n, (first, middle))
        if len(lower) == n:
            return lower
        return lower + self._smallest(
            code, distance, n - len(lower), (middle + 1, at_distance[n - 1])
        )

    def _at(self, code: NDArray[np.uint8], distance: int, first: int, last: int) -> list[int]:
        """Ids at just this distance, as many as Milvus gives."""
        within = f"id >= {first} and id <= {last}"
        expression = f"({self.expression}) and {within}" if self.expression else within
        # From `range_filter` on, and less than `radius`.
        ring = {"radius": distance + 1, "range_filter": distance}
        (found,) = self._searched(code[None], MOST_HITS, expression, ring, self.consistency_again)
        return [item_id for _, item_id in found]

    def _found(self, codes: Codes, limit: int) -> Iterator[list[Hit]]:
        yield from self._searched(codes, limit, self.expression, {}, self.connection.consistency)

    def _searched(
        self, codes: Codes, limit: int, expression: str, params: dict[str, int], consistency: str
    ) -> list[list[Hit]]:
        connection = self.connection
        with connection.calling("searching"):
            answers = connection.client.search(
                connection.items,
                data=[row.tobytes() for row in codes],
                anns_field="code",
                limit=limit,
                filter=expression,
                search_params={"metric_type": "HAMMING", "params": params},
                consistency_level=consistency,
                timeout=CALL_SECONDS,
            )
        return [[(round(hit["distance"]), int(hit["id"])) for hit in hits] for hits in answers]
