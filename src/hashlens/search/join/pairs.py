"""All pairs of codes within a radius: of one set (duplicates), or between two.

Two ways give the same pairs. *Tiles* compare every code with every other. *Buckets* cut the codes
into radius + 1 substrings: two codes within the radius differ in at most radius bits, so they
agree in a substring, and only codes that agree in one are compared. The way that costs less on
these codes is taken: learned codes are not uniform, so the buckets are built and measured.

Equal codes of the set that is searched are one, however many they are. Pairs come ordered by
(first, second), some at a time, and as many of them as there may be are never held. Memory: the
codes three times and 40 bytes an item; for buckets radius + 1 times the codes and 8 bytes a code;
and for the pairs under way 60 MB, and for each thread 40 MB and 16 bytes an item.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, check_n_bits, refuse
from hashlens.codes import Codes, check_codes
from hashlens.search.join import kernels
from hashlens.search.join.distinct import Distinct
from hashlens.search.join.search import JoinSearch, Tell
from hashlens.search.threads import check_threads

CHUNK = 1 << 20  # pairs of a chunk: 20 MB
_LARGEST_SET = 2**31 - 1


@dataclass(frozen=True)
class Pairs:
    """Some of the pairs of a join, ordered by (first, second).

    Attributes
    ----------
    first, second : int64 (n,)
        Positions of the two codes. In a join of one set, ``first < second``.
    distances : int32 (n,), bits
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distances: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Counts:
    """How many pairs a join has.

    Attributes
    ----------
    items : int64 (n,)
        Pairs that each item of the (first) set is in.
    total : int
        Pairs in all.
    """

    items: NDArray[np.int64]
    total: int


def self_join(
    codes: object, n_bits: int, radius: int, *, threads: int | None = None, tell: Tell | None = None
) -> Iterator[Pairs]:
    """Find all pairs i < j of one set whose codes lie within a radius.

    Parameters
    ----------
    codes : uint8 array of shape (n, ceil(n_bits / 8))
    n_bits : int, 1 to 4096
    radius : int, 0 to n_bits, in bits
    threads : int >= 1, optional
        Default: the processors this process may use. The pairs do not depend on it.
    tell : callable of (done, total), optional
        Progress, in estimated nanoseconds of work on one thread.

    Yields
    ------
    pairs : Pairs
        ``CHUNK`` pairs, in the last chunk those that are left; ordered by (first, second)
        overall. Pairs are found as they are asked for.

    Raises
    ------
    InputError
        If an argument is not as above: at the call, not at the first pair.

    Examples
    --------
    >>> codes = np.array([[0], [7], [1], [0]], np.uint8)
    >>> [pairs] = self_join(codes, 3, 1)
    >>> pairs.first, pairs.second, pairs.distances
    (array([0, 0, 2]), array([2, 3, 3]), array([1, 0, 1], dtype=int32))
    """
    packed = _checked("codes", codes, n_bits, radius)
    n_threads, equal = check_threads(threads), Distinct.of(packed, n_bits)
    floors = np.arange(len(packed))
    return _chunks(JoinSearch(packed, equal, floors, n_bits, radius).run(n_threads, tell, _decode))


def join(
    a: object,
    b: object,
    n_bits: int,
    radius: int,
    *,
    threads: int | None = None,
    tell: Tell | None = None,
) -> Iterator[Pairs]:
    """Find all pairs of a code of `a` and a code of `b` within a radius.

    Parameters and pairs are those of :func:`self_join`; ``first`` are positions in `a`,
    ``second`` in `b`.

    Examples
    --------
    >>> a, b = np.array([[0], [7]], np.uint8), np.array([[6], [1], [7]], np.uint8)
    >>> [pairs] = join(a, b, 3, 1)
    >>> pairs.first, pairs.second, pairs.distances
    (array([0, 1, 1]), array([1, 0, 2]), array([1, 1, 0], dtype=int32))
    """
    left, right = (_checked(n, v, n_bits, radius) for n, v in (("a", a), ("b", b)))
    n_threads, equal = check_threads(threads), Distinct.of(right, n_bits)
    floors = np.full(len(left), -1)
    return _chunks(JoinSearch(left, equal, floors, n_bits, radius).run(n_threads, tell, _decode))


def count_self_join(
    codes: object, n_bits: int, radius: int, *, threads: int | None = None, tell: Tell | None = None
) -> Counts:
    """Count the pairs of :func:`self_join`, in all and of each item, without listing them.

    Examples
    --------
    >>> count_self_join(np.array([[0], [7], [1], [0]], np.uint8), 3, 1)
    Counts(items=array([2, 0, 2, 2]), total=3)
    """
    packed = _checked("codes", codes, n_bits, radius)
    equal = Distinct.of(packed, n_bits)
    sizes = equal.sizes()
    search = JoinSearch(equal.codes, equal.alone(), np.arange(len(sizes)), n_bits, radius)
    degrees = sizes - 1  # those with its own code
    for start, found in search.run(check_threads(threads), tell, _found):
        kernels.add_degrees(found, start, sizes, True, degrees)
    items = degrees[equal.labels]
    return Counts(items, int(items.sum()) // 2)


def count_join(
    a: object,
    b: object,
    n_bits: int,
    radius: int,
    *,
    threads: int | None = None,
    tell: Tell | None = None,
) -> Counts:
    """Count the pairs of :func:`join`, in all and of each item of `a`, without listing them.

    Examples
    --------
    >>> a, b = np.array([[0], [7]], np.uint8), np.array([[6], [1], [7]], np.uint8)
    >>> count_join(a, b, 3, 1)
    Counts(items=array([1, 2]), total=3)
    """
    left, right = (_checked(n, v, n_bits, radius) for n, v in (("a", a), ("b", b)))
    mine, others = Distinct.of(left, n_bits), Distinct.of(right, n_bits)
    floors, sizes = np.full(len(mine.codes), -1), others.sizes()
    search = JoinSearch(mine.codes, others.alone(), floors, n_bits, radius)
    degrees = np.zeros(len(mine.codes), np.int64)
    for start, found in search.run(check_threads(threads), tell, _found):
        kernels.add_degrees(found, start, sizes, False, degrees)
    items = degrees[mine.labels]
    return Counts(items, int(items.sum()))


def groups(n: int, pairs: Iterable[Pairs]) -> NDArray[np.int64]:
    """Group items that a chain of pairs connects; the pairs are read once and not kept.

    Returns
    -------
    labels : int64 (n,)
        The smallest member of the group of each item.

    Examples
    --------
    >>> groups(4, self_join(np.array([[0], [7], [1], [0]], np.uint8), 3, 1))
    array([0, 1, 0, 0])
    """
    labels = np.arange(check_int("n", n, 0))
    for chunk in pairs:
        ends = chunk.first, chunk.second
        if any(len(end) and not 0 <= end.min() <= end.max() < n for end in ends):
            raise refuse("pairs", f"of positions from 0 to {n - 1}", chunk)
        kernels.merge(*ends, labels)
    kernels.flatten(labels)
    return labels


def _checked(name: str, codes: object, n_bits: int, radius: int) -> Codes:
    check_int("radius", radius, 0, check_n_bits(n_bits))
    packed = check_codes(name, codes, n_bits)
    if len(packed) > _LARGEST_SET:
        raise refuse(name, f"at most {_LARGEST_SET} codes", packed)
    return packed


def _found(start: int, found: NDArray[np.uint64]) -> tuple[int, NDArray[np.uint64]]:
    return start, found


def _decode(start: int, found: NDArray[np.uint64]) -> Pairs:
    found.sort()
    return Pairs(
        (found >> (kernels.POSITION_BITS + kernels.DISTANCE_BITS)).astype(np.int64) + start,
        (found >> kernels.DISTANCE_BITS & (1 << kernels.POSITION_BITS) - 1).astype(np.int64),
        (found & (1 << kernels.DISTANCE_BITS) - 1).astype(np.int32),
    )


def _chunks(parts: Iterable[Pairs]) -> Iterator[Pairs]:
    """Cut parts of any size into chunks of one size, so that they do not depend on the batches."""
    waiting: list[Pairs] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= CHUNK:
            whole = _together(waiting)
            for start in range(0, len(whole) - CHUNK + 1, CHUNK):
                yield _cut(whole, start, start + CHUNK)
            waiting = [_cut(whole, len(whole) - len(whole) % CHUNK, len(whole))]
    if any(map(len, waiting)):
        yield _together(waiting)


def _together(parts: list[Pairs]) -> Pairs:
    names = "first", "second", "distances"
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _cut(pairs: Pairs, start: int, stop: int) -> Pairs:
    here = slice(start, stop)
    return Pairs(pairs.first[here], pairs.second[here], pairs.distances[here])
