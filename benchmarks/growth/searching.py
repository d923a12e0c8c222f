"""Works of searching: codes in memory, with and without tables, and a collection in a folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.growth.made import N_BITS, clustered_codes, random_codes
from benchmarks.growth.storing import collection_at
from benchmarks.growth.timing import Seconds, clocked, median_of

K = 10


def scan(n: int, threads: int, scratch: Path) -> Seconds:
    """Lay codes out in memory, and compare a query with all of them."""
    del scratch
    from hashlens.search import HammingIndex

    def ready(codes: np.ndarray) -> tuple[float, Callable[[], object]]:
        seconds, index = clocked(lambda: HammingIndex(codes, N_BITS, threads=threads))
        query = random_codes(1, seed=1)
        return seconds, lambda: index.search(query, K)

    ready(random_codes(1000))[1]()
    layout, search = ready(random_codes(n))
    return {"layout": layout, "query": median_of(search)}


def tables(n: int, threads: int, scratch: Path) -> Seconds:
    """Build tables over codes, and search by them."""
    del scratch
    from hashlens.search import HammingIndex

    def ready(n_codes: int) -> tuple[float, Callable[[], object], int]:
        codes, queries = clustered_codes(n_codes)
        index = HammingIndex(codes, N_BITS, threads=threads)
        seconds, _ = clocked(index.build_tables)
        return seconds, lambda: index.search(queries, K, method="multi-index"), len(queries)

    ready(1000)[1]()
    build, search, n_queries = ready(n)
    return {"tables": build, "query": median_of(search) / n_queries}


def folder(n: int, threads: int, scratch: Path) -> Seconds:
    """Open a collection in a folder and search it: at first, again, and after a change."""
    del threads
    from hashlens.collection import Collection

    path = collection_at(n, scratch)
    first = [clocked(lambda: Collection.open(path).search(1, K))[0] for _ in range(3)]
    photos = Collection.open(path)
    photos.search(1, K)
    query = median_of(lambda: photos.search(2, K))
    filtered = median_of(lambda: photos.search(2, K, where="id % 2 = 0"))
    changed = []
    for _ in range(3):
        photos.remove(len(photos))  # ids are from 1 on: the last one
        changed.append(clocked(lambda: photos.search(2, K))[0])
    return {
        "first": float(np.median(first)),
        "query": query,
        "filtered": filtered,
        "after a removal": float(np.median(changed)),
    }
