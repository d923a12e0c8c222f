"""What is measured: each work, its sizes, and how its time is expected to grow."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.growth import evaluating, joining, learning, made, searching, storing
from benchmarks.growth.timing import Seconds

HASHERS = ("itq", "itq-cca", "sh", "sph", "ksh", "bre", "dsh", "sklsh")
_START = 1.2  # seconds of a process before it works, about


class Work(NamedTuple):
    """A program that is run at several sizes.

    Attributes
    ----------
    group : str
        The picture it belongs to.
    name : str
    of : str
        What there are n of.
    measure : callable
        ``measure(n, threads, scratch)`` runs it and gives the seconds of its figures.
    sizes : tuple of int, ascending
    cost : float
        Seconds that the largest size takes, about, with all that is made ready for it.
    growth : dict
        Figure to the exponent of its time that is expected, at most.
    threads : int
    prepare : callable, optional
        ``prepare(n, scratch)`` makes ready, in a process of its own, what a size needs.
    """

    group: str
    name: str
    of: str
    measure: Callable[[int, int, Path], Seconds]
    sizes: tuple[int, ...]
    cost: float
    growth: dict[str, float]
    threads: int = 2
    prepare: Callable[[int, Path], object] | None = None

    def expected_seconds(self, n: int) -> float:
        """Give the seconds that the process takes for n, about."""
        ready = _START if self.prepare is None else 2 * _START
        return ready + self.cost * (n / self.sizes[-1]) ** max(self.growth.values())


def powers(first: int, n: int, factor: int = 4) -> tuple[int, ...]:
    """Give n sizes, each so many times the one before.

    Examples
    --------
    >>> powers(100, 3)
    (100, 400, 1600)
    """
    return tuple(first * factor**i for i in range(n))


def works() -> tuple[Work, ...]:
    """List all works."""
    return (*_searching(), *_storing(), *_evaluating(), *_joining(), *_learning())


def _searching() -> list[Work]:
    group, scan, sizes = "searching", searching.scan, powers(100_000, 7)
    linear, tables = {"layout": 1.0, "query": 1.0}, {"tables": 1.0, "query": 1.0}
    folder = dict.fromkeys(("first", "query", "filtered", "after a removal"), 1.0)
    kept = storing.collection_at
    return [
        Work(group, "scan, one thread", "codes", scan, sizes, 18, linear, 1),
        Work(group, "scan, two threads", "codes", scan, sizes, 18, linear),
        Work(group, "tables", "codes", searching.tables, powers(25_000, 6), 20, tables),
        Work(group, "folder", "items", searching.folder, powers(4096, 6), 130, folder, 2, kept),
    ]


def _storing() -> list[Work]:
    group, add, encode = "storing", {"add": 1.0}, {"encode": 1.0}
    codes, codes_ready = storing.codes_in, storing.codes_ready
    images, images_ready = storing.images_in, storing.images_ready
    into, sizes, both = "images into a folder", powers(250, 5, 2), {"add": 1.0, "verify": 1.0}
    some, shards, made_ready = powers(1024, 6, 2), storing.encoded, made.files_ready
    return [
        Work(group, "codes into a folder", "items", codes, some, 12, both, 2, codes_ready),
        Work(group, into, "images", images, sizes, 20, add, 2, images_ready),
        Work(group, "images into shards", "images", shards, sizes, 20, encode, 2, made_ready),
    ]


def _evaluating() -> list[Work]:
    group, score, square = "evaluating", {"score": 1.0}, {"score": 2.0}
    codes, queries, every = evaluating.over_codes, evaluating.over_queries, evaluating.leave_one_out
    rule, sizes, model = evaluating.protocol, powers(500, 5, 2), made.model_ready
    return [
        Work(group, "1,000 queries", "codes", codes, powers(10_000, 6), 15, score),
        Work(group, "100,000 codes", "queries", queries, powers(200, 5), 8, score),
        Work(group, "leave-one-out", "codes", every, powers(3125, 6, 2), 12, square),
        Work(group, "ritq-loo", "images", rule, sizes, 25, {"evaluate": 2.0}, 2, model),
    ]


def _joining() -> list[Work]:
    group, kept, found = "joining", storing.collection_at, {"duplicates": 2.0}
    pairs, chained = {"pairs": 2.0}, {"groups": 2.0}
    even, tight, double = joining.spread_evenly, joining.clustered, joining.duplicates
    return [
        Work(group, "codes at random", "codes", even, powers(8000, 5), 15, pairs),
        Work(group, "clustered codes", "codes", tight, powers(4000, 5), 10, chained),
        Work(group, "duplicates", "items", double, powers(1024, 5), 25, found, 2, kept),
    ]


def _learning() -> list[Work]:
    group, sizes, both = "learning", powers(3125, 6, 2), {"fit": 1.0, "encode": 1.0}
    hashers = [
        Work(group, name, "vectors", learning.fitting(name), sizes, 5, both) for name in HASHERS
    ]
    network, epoch = powers(100, 5, 2), {"epoch": 1.0}
    return [*hashers, Work(group, "hashnet", "images", learning.training, network, 25, epoch)]
