"""Hierarchical search measured: features alone, codes alone, codes and then features."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hashlens.checks import check_int, refuse, words
from hashlens.codes import Codes
from hashlens.data import Dataset, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.evaluation import precision_at, relevance
from hashlens.model import Model
from hashlens.neighbors import Relevance
from hashlens.reproduce.enlarged import Enlarged
from hashlens.reproduce.feature_search import FeatureSearch
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

FEATURES, CODES = "features", "codes"

Ids = NDArray[np.int64]
Search = Callable[[int], object]


class Queries(NamedTuple):
    """Encoded images that are not in the database.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    features : float32 (n, d)
    labels : int64 (n,), or bool (n, n_classes)
    left_out : int
        Images that could not be queries, for the database has their very pixels.
    """

    codes: Codes
    features: NDArray[np.float32]
    labels: NDArray[Any]
    left_out: int


@dataclass(frozen=True)
class Study:
    """What is measured.

    Attributes
    ----------
    sizes : tuple of int
        The first so many items are searched.
    candidates : tuple of int
        Items m that the codes choose for the features to order.
    ks : tuple of int
        Ranks of precision@k.
    n_timed : int
        Queries that are timed, one at a time.
    timed_k : int
        Items found by a timed search.
    """

    sizes: tuple[int, ...]
    candidates: tuple[int, ...] = (100, 1_000, 10_000, 100_000)
    ks: tuple[int, ...] = (1, 10, 50, 100, 500, 1_000)
    n_timed: int = 100
    timed_k: int = 10

    def __post_init__(self) -> None:
        for name in ("sizes", "candidates", "ks"):
            if not getattr(self, name):
                raise refuse(name, "at least one int >= 1", getattr(self, name))
            for value in getattr(self, name):
                check_int(name, value, 1)
        check_int("n_timed", self.n_timed, 1)
        check_int("timed_k", self.timed_k, 1)


def unseen_queries(
    model: Model, data: Dataset, database: Enlarged, n_queries: int, seed: int = 0
) -> Queries:
    """Draw images at random that are not in the database, and encode them.

    Parameters
    ----------
    model : Model
    data : Dataset
        With labels.
    database : Enlarged
    n_queries : int, >= 1
    seed : int, >= 0

    Raises
    ------
    InputError
        If the data have no labels, or fewer such images.
    """
    check_int("n_queries", n_queries, 1)
    if data.labels is None:
        raise refuse("the queries", "labelled, to be measured on", data.name)
    loaded = load_pixels(data.images, model.preprocessing)
    free = np.flatnonzero(~np.isin(pixel_digests(loaded.pixels), database.digests))
    if len(free) < n_queries:
        wanted = f"at least {n_queries} images that the database does not have"
        raise refuse("the queries", wanted, words(f"{len(free)} in {data.name}"))
    rng = np.random.default_rng(check_int("seed", seed, 0))
    chosen = np.sort(rng.choice(free, n_queries, replace=False))
    embedded = model.embed_pixels(loaded.pixels[chosen])
    labels = np.asarray(data.labels)[loaded.kept[chosen]]
    return Queries(embedded.codes, embedded.features, labels, len(loaded.pixels) - len(free))


def measure(
    database: Enlarged, queries: Queries, study: Study, watcher: Watcher | None = None
) -> list[dict[str, Any]]:
    """Measure each way to search, at each size: precision@k, and the time of one query.

    All searches run in one thread, query after query, one way after the other, so that each finds
    the machine as the others do. Times are those of finding ``timed_k`` items with features and
    codes in memory; encoding the query is not part of them.

    Parameters
    ----------
    database : Enlarged
    queries : Queries
    study : Study
    watcher : Watcher, optional

    Returns
    -------
    rows : list of dict
        One for each size and way. Precision of codes is its expectation over the orders of items
        at equal distance; elsewhere such items are taken in their order in the database. Beyond m
        candidates there is no precision: None. The row of the codes says for which share of the
        queries ``timed_k`` items have the query's very code: there the scan ends early.

    References
    ----------
    K. Lin, H.-F. Yang, J.-H. Hsiao, C.-S. Chen, Deep learning of binary hash codes for fast image
    retrieval, CVPR workshops 2015, sections 3.2 and 4.5.
    """
    if max(study.sizes) > len(database):
        raise refuse("sizes", f"at most {len(database)}, the items", study.sizes)
    watcher = watcher or Watcher()
    with threadpool_limits(1, user_api="blas"):
        return [
            row
            for size in study.sizes
            for row in _measured(_Stand(database, queries, size), study, watcher)
        ]


class _Stand:
    """The first `size` items of a database, ready to be searched in each way."""

    def __init__(self, database: Enlarged, queries: Queries, size: int) -> None:
        self.size, self.queries = size, queries
        self.features = FeatureSearch(database.features[:size])
        self.index = HammingIndex(database.codes[:size], database.n_bits, threads=1)
        self.relevance: Relevance = relevance(queries.labels, database.labels[:size])

    def by_features(self, query: int, k: int) -> Ids:
        return self.features.nearest(self.queries.features[query], k)

    def by_codes(self, query: int, k: int) -> Ids:
        nearest = self.index.search(self.queries.codes[query : query + 1], min(k, self.size))
        ids: Ids = nearest.ids[0]
        return ids

    def hierarchical(self, query: int, k: int, m: int) -> Ids:
        return self.features.order(self.by_codes(query, m), self.queries.features[query], k)


def _measured(stand: _Stand, study: Study, watcher: Watcher) -> list[dict[str, Any]]:
    queries, k = stand.queries, study.timed_k
    candidates = [m for m in study.candidates if m <= stand.size]
    watcher.stage(f"precision among {stand.size:,}", len(queries.codes))
    hits: dict[str, list[NDArray[Any]]] = {}
    for i in range(len(queries.codes)):
        relevant = stand.relevance(i, i + 1)[0]
        found = {FEATURES: stand.by_features(i, max(study.ks))}
        found |= {_named(m): stand.hierarchical(i, max(study.ks), m) for m in candidates}
        for name, ids in found.items():
            hits.setdefault(name, []).append(relevant[ids])
        watcher.advance(i + 1, len(queries.codes))
    counts = stand.index.histograms(queries.codes, stand.relevance)
    precision = {FEATURES: _precision(hits[FEATURES], study.ks)}
    precision[CODES] = [float(p) for p in precision_at(counts, study.ks).mean(axis=0)]
    precision |= {_named(m): _precision(hits[_named(m)], study.ks) for m in candidates}
    ways: dict[str, Search] = {
        FEATURES: partial(stand.by_features, k=k),
        CODES: partial(stand.by_codes, k=k),
    }
    ways |= {_named(m): partial(stand.hierarchical, k=k, m=m) for m in candidates}
    seconds = interleaved(ways, min(study.n_timed, len(queries.codes)))
    slowest = float(np.median(seconds[FEATURES]))
    early = float((counts.total[:, 0] >= k).mean())
    return [
        {"items": stand.size, "search": name}
        | {f"precision@{rank}": p for rank, p in zip(study.ks, precision[name], strict=True)}
        | milliseconds(seconds[name])
        | {"speed-up": slowest / float(np.median(seconds[name]))}
        | ({"ends early": early} if name == CODES else {})
        for name in ways
    ]


def _named(m: int) -> str:
    return f"{m:,} by codes, then features"


def _precision(hits: list[NDArray[Any]], ks: tuple[int, ...]) -> list[float | None]:
    """Mean over the queries; None beyond what the search found."""
    marks = np.stack(hits)
    return [float(marks[:, :k].mean()) if k <= marks.shape[1] else None for k in ks]


def interleaved(searches: Mapping[str, Search], n_queries: int) -> dict[str, list[float]]:
    """Time each search on queries 0, 1, ..., the searches in turn: seconds.

    Before each timed query the same search answers the next one, so that it finds in the caches
    what it leaves there itself, as if it were alone.
    """
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for i in range(n_queries):
        for name, search in searches.items():
            search((i + 1) % n_queries)
            began = time.perf_counter()
            search(i)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def milliseconds(seconds: list[float]) -> dict[str, Any]:
    """Median and quartiles of durations, in milliseconds.

    Examples
    --------
    >>> milliseconds([0.001, 0.002, 0.004])
    {'median ms': 2.0, 'quartiles ms': [1.5, 3.0]}
    """
    low, middle, high = (float(p) for p in 1000 * np.percentile(seconds, [25, 50, 75]))
    return {"median ms": middle, "quartiles ms": [low, high]}
