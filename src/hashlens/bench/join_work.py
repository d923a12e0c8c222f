"""All pairs of a set within a radius."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.bench.answers import distance_counts
from hashlens.bench.bench import Bench, Row, figures, row_of
from hashlens.bench.case import Case
from hashlens.bench.own import OURS
from hashlens.bench.peer import imported
from hashlens.bench.timing import Timed, interleaved
from hashlens.checks import refuse, words
from hashlens.codes import Codes, as_words
from hashlens.search.join.pairs import self_join

RADIUS = 2
_BYTES_PER_CODE = 200
_CHECKED = 20

Counted = NDArray[np.int64]  # codes within the radius of each of the first codes, without itself
Scan = Callable[[int], Counted]  # of the first n codes


def measure(bench: Bench, work: str, cases: Sequence[Case]) -> Iterator[Row]:
    """Time ours whole; peers, which compare all with all, on some of the codes."""
    for case in bench.cases(cases):
        if bench.fits(case, _BYTES_PER_CODE):
            bench.watcher.note(f"{work}: {case}")
            yield _row(bench, work, case, bench.sample(case).codes)


def _row(bench: Bench, work: str, case: Case, codes: Codes) -> Row:
    def ours() -> list[tuple[Counted, Counted]]:
        pairs = self_join(codes, case.n_bits, RADIUS, threads=case.threads)
        return [(chunk.first, chunk.second) for chunk in pairs]

    found = ours()
    n_pairs = sum(len(first) for first, _ in found)
    ends = [np.bincount(end, minlength=len(codes)) for pair in found for end in pair]
    degrees = np.sum(ends, axis=0)[:_CHECKED] if ends else np.zeros(_CHECKED, np.int64)
    truth = distance_counts(codes, codes[:_CHECKED], case.n_bits)[:, : RADIUS + 1].sum(axis=1) - 1
    _check(OURS, degrees[: len(truth)], truth)
    tasks = {OURS: Timed(ours, bench.plan.batch_runs)}
    for name, make in _SCANS.items():
        if any(peer in bench.peers for peer in (name, f"{name}-flat")):
            scan = make(codes, case.threads)
            _check(name, scan(len(truth)), truth)
            tasks[name] = bench.some_of(scan, len(codes))
    seconds = interleaved(tasks)
    engines = {OURS: figures(seconds[OURS])}
    for name in list(tasks)[1:]:  # seconds of a code: the whole takes as many times as much
        n_timed = tasks[name].n_done
        whole = [value * len(codes) for value in seconds[name]]
        engines[name] = figures(whole, n_timed, f"{n_timed:,} of {len(codes):,} timed, scaled")
    return row_of(work, case, engines, radius=RADIUS, n_pairs=n_pairs)


def _by_numpy(codes: Codes, threads: int) -> Scan:
    del threads
    rows = as_words(codes)

    def scan(n: int) -> Counted:
        near = [
            np.count_nonzero(np.bitwise_count(rows ^ row).sum(axis=1, dtype=np.uint16) <= RADIUS)
            for row in rows[:n]
        ]
        return np.array(near) - 1

    return scan


def _by_faiss(codes: Codes, threads: int) -> Scan:
    faiss = imported("faiss", "faiss-cpu")
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)

    def scan(n: int) -> Counted:
        offsets = index.range_search(codes[:n], RADIUS + 1)[0]  # it gives distances below that
        ends = np.asarray(offsets, np.int64)
        return ends[1:] - ends[:-1] - 1

    return scan


_SCANS: dict[str, Callable[[Codes, int], Scan]] = {"numpy": _by_numpy, "faiss": _by_faiss}


def _check(name: str, found: Counted, truth: Counted) -> None:
    if not np.array_equal(found, truth):
        wanted = f"the {int(truth.sum())} of a brute-force scan"
        raise refuse(f"pairs of {name}", wanted, words(f"{int(found.sum())}"))
