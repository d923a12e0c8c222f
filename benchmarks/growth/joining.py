"""Works of finding pairs: a join of codes with themselves, and the duplicates of a collection."""

from pathlib import Path

from benchmarks.growth.made import N_BITS, clustered_codes, random_codes
from benchmarks.growth.storing import collection_at
from benchmarks.growth.timing import Seconds, clocked

RADIUS = 6


def spread_evenly(n: int, threads: int, scratch: Path) -> Seconds:
    """Count the pairs near each other among codes at random."""
    del scratch
    from hashlens.search.join import count_self_join

    count_self_join(random_codes(1000), N_BITS, RADIUS, threads=threads)
    codes = random_codes(n)
    return {"pairs": clocked(lambda: count_self_join(codes, N_BITS, RADIUS, threads=threads))[0]}


def clustered(n: int, threads: int, scratch: Path) -> Seconds:
    """Find the pairs among codes around centres, a hundred around each, and chain them up."""
    del scratch
    from hashlens.search.join import groups, self_join

    def grouped(n_codes: int) -> float:
        codes, _ = clustered_codes(n_codes)
        search = self_join(codes, N_BITS, RADIUS, threads=threads)
        return clocked(lambda: groups(n_codes, search))[0]

    grouped(1000)
    return {"groups": grouped(n)}


def duplicates(n: int, threads: int, scratch: Path) -> Seconds:
    """Look for duplicates in a collection in a folder."""
    del threads
    from hashlens.collection import Collection

    photos = Collection.open(collection_at(n, scratch))
    photos.duplicates("similar", where="id <= 1000")
    return {"duplicates": clocked(lambda: photos.duplicates("similar"))[0]}
