"""Which pictures are alike, and groups of them that no chain can stretch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.collection.dedup import kernels
from hashlens.collection.dedup.sketches import most_bits, no_sketches, sketches
from hashlens.search.join import CHUNK, join
from hashlens.search.join.distinct import Distinct
from hashlens.search.segment import read_only

Tell = Callable[[int, int], None]

_NO_GREYS = kernels.Greys(np.empty((0, 0), np.int8), np.empty(0, np.int64), np.empty((0, 0), "i2"))

_FEWEST, _FIRST_BATCH, _LARGEST_BATCH = 1 << 5, 1 << 10, 1 << 15  # asks
_MANY_PAIRS = 2_000_000  # less than a second by features


class Limit(NamedTuple):
    """How near two pictures must be.

    Attributes
    ----------
    radius : int
        Bits at most.
    similarity : float
        Cosine of their features at least.
    sure : float
        Cosine from which on their pixels need not agree.
    pixels : float
        Correlation of their pixels at least; -1 compares none.
    """

    radius: int
    similarity: float
    sure: float = 1.0
    pixels: float = -1.0

    def without_pixels(self) -> Self:
        """Return the limit by features alone: as narrow as no pixels are needed for."""
        return self._replace(similarity=self.sure, pixels=-1.0)


@dataclass(frozen=True, eq=False)
class Turned:
    """Pictures encoded again, turned in one way or another.

    Attributes
    ----------
    owner : int64 (n,)
        The picture that was turned.
    turn : int8 (n,), 1 or more
    codes : uint8 (n, n_bytes)
    rows : int64 (n,)
    features : float16 (m, d), of which `rows` are used; or None
    """

    owner: NDArray[np.int64]
    turn: NDArray[np.int8]
    codes: Codes
    rows: NDArray[np.int64]
    features: NDArray[np.float16] | None

    def of(self, place: NDArray[np.int64]) -> Self:
        """Give the pictures other numbers; those at place -1 are left out."""
        kept = np.flatnonzero(place[self.owner] >= 0)
        return replace(
            self,
            owner=place[self.owner[kept]],
            turn=self.turn[kept],
            codes=self.codes[kept],
            rows=self.rows[kept],
        )


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures in the order in which they lead.

    Attributes
    ----------
    n_bits : int
    codes : uint8 (n, n_bytes)
    rows : int64 (n,)
        Of each picture's features.
    features : float16 (m, d), may be mapped, rows of length 1; or None
    turned : Turned, optional
    greys : Greys, optional
        Their pixels; without them a limit of pixels is not looked at.
    """

    n_bits: int
    codes: Codes
    rows: NDArray[np.int64]
    features: NDArray[np.float16] | None
    turned: Turned | None = None
    greys: kernels.Greys | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def subset(self, chosen: NDArray[np.int64]) -> Self:
        """Return these pictures, in this order."""
        turned = self.turned
        if turned is not None:
            place = np.full(len(self), -1)
            place[chosen] = np.arange(len(chosen))
            turned = turned.of(place)
        greys = self.greys and self.greys._replace(row=self.greys.row[chosen])
        codes, rows = self.codes[chosen], self.rows[chosen]
        return replace(self, codes=codes, rows=rows, turned=turned, greys=greys)


def linked(pictures: Pictures, limit: Limit, tell: Tell | None = None) -> NDArray[np.bool_]:
    """Tell which pictures have another one within the limit: bool (n,).

    Examples
    --------
    >>> codes = np.array([[0], [1], [30], [0]], np.uint8)
    >>> linked(Pictures(5, codes, np.arange(4), None), Limit(0, 0.0))
    array([ True, False, False,  True])
    """
    search = _Search(pictures, limit)
    alone = np.ones(len(pictures), bool)

    def wanted(owner: NDArray[np.int64], turn: NDArray[np.int8]) -> NDArray[np.bool_]:
        asking: NDArray[np.bool_] = alone[owner] | (turn != 0)
        return asking

    for near in search.near(wanted, tell):
        search.mark(near, alone)
    return ~alone


def cover(pictures: Pictures, limit: Limit, tell: Tell | None = None) -> kernels.Cover:
    """Group pictures around leaders.

    In the order given, each picture that has no leader yet becomes one, and leads all that are
    within the limit of it and have none. So each picture is within the limit of its own leader,
    however long a chain of pictures it stands in; two leaders are never within the limit; and the
    groups depend on nothing but the order of the pictures.

    Parameters
    ----------
    pictures : Pictures
        In the order in which they lead.
    limit : Limit

    Returns
    -------
    cover : Cover
        Number of the leader, itself for one that leads; distance and cosine to it; how the
        *leader* is turned to look like it.

    Examples
    --------
    A chain, each picture one bit from the next: no group is longer than the limit.

    >>> chain = np.array([[0], [1], [3], [7]], np.uint8)
    >>> found = cover(Pictures(3, chain, np.arange(4), None), Limit(1, 0.0))
    >>> found.leader, found.distance
    (array([0, 0, 2, 2]), array([0, 1, 0, 1], dtype=int32))
    """
    search, n = _Search(pictures, limit), len(pictures)
    found = kernels.Cover(
        leader=np.full(n, kernels.OPEN),
        distance=np.zeros(n, np.int32),
        similarity=np.ones(n, np.float32),
        turn=np.zeros(n, np.int8),
    )

    def wanted(owner: NDArray[np.int64], _turn: NDArray[np.int8]) -> NDArray[np.bool_]:
        leader = found.leader[owner]
        asking: NDArray[np.bool_] = (leader == kernels.OPEN) | (leader == owner)
        return asking

    for near in search.near(wanted, tell):
        search.take(near, found)
    return found


Wanted = Callable[[NDArray[np.int64], NDArray[np.int8]], NDArray[np.bool_]]


class _Search:
    """Pairs of an ask and a code within a radius, batch after batch of asks."""

    def __init__(self, pictures: Pictures, limit: Limit) -> None:
        self._n_bits, self._radius = pictures.n_bits, limit.radius
        distinct = Distinct.of(pictures.codes, pictures.n_bits)
        self._codes = distinct.codes
        n, also = len(pictures), pictures.turned or _nothing_turned(pictures)
        owner = np.concatenate([np.arange(n), also.owner])
        turn = np.concatenate([np.zeros(n, np.int8), also.turn])
        order = np.lexsort((turn, owner))
        rows = np.concatenate([pictures.rows, also.rows])
        stored, none = _bits_of(pictures.features), no_sketches(len(owner))
        self.problem = kernels.Problem(
            kernels.Asks(owner[order], turn[order], rows[order], _bits_of(also.features), none),
            kernels.Known(distinct.offsets, distinct.items, pictures.rows, stored, none[:n]),
            pictures.greys or _NO_GREYS,
            _least(limit, pictures.greys is not None),
        )
        self._to_sketch = (pictures, also, order)
        self._may_sketch = pictures.features is not None and limit.similarity > 0
        self._n_compared = 0
        self._asked = np.concatenate([pictures.codes, also.codes])[order]

    def mark(self, near: kernels.Near, alone: NDArray[np.bool_]) -> None:
        """Unmark the pictures of some pairs that are alike."""
        self._count(kernels.mark(near, self.problem, alone))

    def take(self, near: kernels.Near, found: kernels.Cover) -> None:
        """Let the first picture of some pairs lead the others."""
        self._count(kernels.take(near, self.problem, found))

    def _count(self, n_pairs: int) -> None:
        """Count pairs that were compared; where they become too many, sketches come first."""
        self._n_compared += n_pairs
        if self._may_sketch and self._n_compared > _MANY_PAIRS:
            self._may_sketch = False
            pictures, turned, order = self._to_sketch
            known = _sketches_of(pictures)
            asked = np.concatenate([known, _sketches_of(turned)])[order]
            self.problem = self.problem._replace(
                asks=self.problem.asks._replace(sketch=asked),
                known=self.problem.known._replace(sketch=known),
            )

    def near(self, wanted: Wanted, tell: Tell | None) -> Iterator[kernels.Near]:
        """Yield what is near to the asks that are wanted by the time they are reached."""
        asks, n_asks = self.problem.asks, len(self._asked)
        start, size = 0, _FIRST_BATCH
        while start < n_asks:
            stop = min(start + size, n_asks)
            batch = start + np.flatnonzero(wanted(asks.owner[start:stop], asks.turn[start:stop]))
            start, size = stop, min(2 * size, _LARGEST_BATCH)
            for pairs in join(self._asked[batch], self._codes, self._n_bits, self._radius):
                near = kernels.Near(batch[pairs.first], pairs.second, pairs.distances)
                yield near
                if len(pairs) == CHUNK and near.ask[0] < near.ask[-1] < batch[-1]:
                    # A crowd: who of the rest still asks is asked anew, before they are compared.
                    start, size = int(near.ask[-1]), max(_FEWEST, size // 8)
                    break
            if tell is not None:
                tell(start, n_asks)


def _least(limit: Limit, by_pixels: bool) -> kernels.Least:
    cosine, sure = np.float32(limit.similarity), np.float32(limit.sure)
    pixels = np.float32(limit.pixels if by_pixels else -1)
    return kernels.Least(cosine, most_bits(limit.similarity), sure, pixels)


def _sketches_of(pictures: Pictures | Turned) -> NDArray[np.uint64]:
    if pictures.features is None:
        return no_sketches(len(pictures.rows))
    return sketches(pictures.features, pictures.rows)


def _nothing_turned(pictures: Pictures) -> Turned:
    none = np.empty(0, np.int64)
    features = None if pictures.features is None else pictures.features[:0]
    return Turned(none, none.astype(np.int8), pictures.codes[:0], none, features)


def _bits_of(features: NDArray[np.float16] | None) -> NDArray[Any]:
    """Features as the kernels take them: the bits of float16, read-only as a mapped file is."""
    if features is None:
        return read_only(np.empty((0, 0), np.uint16))
    return read_only(np.ascontiguousarray(features).view(np.ndarray).view(np.uint16))
