"""Whether a search looked at all items, or only at those in reach.

While a part of a cluster that was lost is put together again, Milvus gives answers without an
error in which whole shards are missing, and says of itself that all is loaded. What gives it away
is that it also counts too few rows. So the rows are counted before a search and after it, and
compared with how many there are at least: a number that writers lower before they remove items,
and raise after they have added some.
"""

from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.meta import Meta
from hashlens.errors import HashlensError, UnreachableError

QUICK = "Session"
"""Consistency of reads beside the search itself: what this process wrote is seen, and nothing is
waited for, which takes Milvus 0.2 s and more."""

_COUNTS_BY_REPLICAS = 3  # a count may fall to a replica that is whole, and the search to another


def check_whole(connection: Connection) -> None:
    """See to it that what was not found is not there; to be called where that matters.

    Raises
    ------
    UnreachableError
        If some items are out of reach.
    """
    looked = Reach(connection, 1, QUICK)
    if looked.n_counted < looked.n_items:
        raise UnreachableError(
            f"{connection.place} must have all of its {looked.n_items:,} items in reach. "
            f"Got {looked.n_counted:,}. Try again once the server has the others back."
        )


class Reach:
    """What is in reach of a search: asked once before it, and then after it.

    Parameters
    ----------
    connection : Connection
    n_replicas : int
    quick : str
        Consistency of reads that are not to wait.

    Attributes
    ----------
    revision : int
        Number of the last commit.
    n_items : int
        How many items there are, be they in reach or not.
    n_counted : int
        How many of them were in reach.
    """

    def __init__(self, connection: Connection, n_replicas: int, quick: str) -> None:
        self._connection = connection
        self._meta = Meta(connection)
        self._n_counts = 1 if n_replicas == 1 else _COUNTS_BY_REPLICAS
        self._quick = quick
        self.revision, self._least, self.n_counted = self._looked(quick)
        if self.n_counted < self._least:  # rows that were just written come late, too
            self.revision, self._least, self.n_counted = self._looked("Strong")
        self.n_items = max(self.n_counted, self._least)

    def _looked(self, consistency: str) -> tuple[int, int, int]:
        revision, least = self._meta.numbers("revision", "n_items", consistency=consistency)
        return revision, least, self._count(consistency)

    def _count(self, consistency: str) -> int:
        return self._connection.count(self._connection.items, consistency=consistency)

    def is_whole(self) -> bool:
        """Tell whether all items were in reach all the time; False where it cannot be told."""
        try:
            counted = min(
                self.n_counted, *(self._count(self._quick) for _ in range(self._n_counts))
            )
            if counted >= self._least:
                return True
            # Items may have been removed since; of those the writer has taken account before.
            (least,) = self._meta.numbers("n_items", consistency="Strong")
        except HashlensError:
            return False
        return counted >= least
