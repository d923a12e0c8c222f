"""The table of works: a function and a line here is all that one more costs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from hashlens.bench import figure_work, join_work, nearest, ranking_work, storing_work
from hashlens.bench.bench import Bench, Row
from hashlens.bench.case import Case, grid
from hashlens.bench.made_codes import DATA, N_QUERIES
from hashlens.bench.own import Hashlens, HashlensTables
from hashlens.bench.peers import NOT_SCANS, SCANS
from hashlens.cpus import available_cpus

Measure = Callable[[Bench, str, Sequence[Case]], Iterator[Row]]


class Work(NamedTuple):
    """What is measured.

    Attributes
    ----------
    about : str
    cases : tuple of Case
    measure : callable
        ``measure(bench, name, cases)`` gives rows.
    """

    about: str
    cases: tuple[Case, ...]
    measure: Measure


def _by_length(n_queries: int) -> tuple[Case, ...]:
    """Cases of k = 10 at each length, and of larger k at 64 bits."""
    lengths = grid(n_bits=(32, 64, 128, 256), n_queries=(n_queries,))
    return lengths[:2] + grid(k=(100, 1000), n_queries=(n_queries,)) + lengths[2:]


_SCAN: Measure = partial(nearest.measure, own=Hashlens, suited=SCANS)
_INDEXES: Measure = partial(nearest.measure, own=HashlensTables, suited=("faiss-flat", *NOT_SCANS))
_CHOICE: Measure = partial(nearest.measure, own=HashlensTables, suited=())

_MILLIONS = (1_000_000, 10_000_000, 100_000_000)
_ASKED = {"k": (10, 100), "n_queries": (1, N_QUERIES)}

WORKS: dict[str, Work] = {
    "one-query": Work("nearest codes of one query, by a scan", _by_length(1), _SCAN),
    "small": Work(
        "one query of few codes, all that Python adds included",
        grid(n_codes=(60_000,), n_bits=(48,)),
        _SCAN,
    ),
    "batch": Work(
        "nearest codes of 1,000 queries at once, by a scan", _by_length(N_QUERIES), _SCAN
    ),
    "large": Work(
        "nearest codes of one query among many, with one thread and with all",
        grid(
            n_codes=_MILLIONS[1:],
            n_bits=(64, 128),
            threads=tuple(sorted({1, available_cpus()})),
        ),
        _SCAN,
    ),
    "multi-index": Work(
        "tables and graphs beside the scan; recall by distance",
        grid(data=tuple(DATA), n_codes=_MILLIONS, n_bits=(64, 128), **_ASKED),
        _INDEXES,
    ),
    "choice": Work(
        "the index's own choice beside the better of its two ways",
        grid(data=tuple(DATA), n_codes=(100_000, *_MILLIONS[:2]), n_bits=(64, 128), **_ASKED),
        _CHOICE,
    ),
    "precision": Work(
        "mean average precision, exact over ties",
        grid(data=("clustered-10",), n_codes=(50_000,), k=(None,), n_queries=(10_000,)),
        figure_work.measure,
    ),
    "ranking": Work(
        "the whole database ranked for one query", grid(k=(None,)), ranking_work.measure
    ),
    "storing": Work(
        "an index made, saved, loaded, and its tables built",
        grid(n_codes=(10_000_000,), k=(None,), n_queries=(None,)),
        storing_work.measure,
    ),
    "join": Work(
        f"all pairs of a set within {join_work.RADIUS} bits",
        grid(data=("clustered-05",), n_codes=(100_000, 1_000_000), k=(None,), n_queries=(None,)),
        join_work.measure,
    ),
}
DEFAULT = ("one-query", "small", "batch", "ranking")
