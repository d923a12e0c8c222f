"""Ranking the whole database for one query."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle

import numpy as np

from hashlens.bench.answers import check_answers, check_exact, distance_counts, smallest_distances
from hashlens.bench.bench import Bench, Row, figures, row_of
from hashlens.bench.case import Case
from hashlens.bench.limits import reading, scanned_bytes
from hashlens.bench.nearest import LIMIT
from hashlens.bench.own import OURS
from hashlens.bench.peer import Answer
from hashlens.bench.timing import Timed, interleaved
from hashlens.checks import refuse, words
from hashlens.codes import Codes, as_words
from hashlens.search import HammingIndex

_BYTES_PER_CODE = 80  # two rankings, and what sorting takes
_QUERIES = 16
_ANSWER_BYTES = 12  # a distance and an id


def measure(bench: Bench, work: str, cases: Sequence[Case]) -> Iterator[Row]:
    """Time ours beside NumPy's stable sort, which gives the very same ranking."""
    for case in bench.cases(cases):
        if bench.fits(case, _BYTES_PER_CODE):
            bench.watcher.note(f"{work}: {case}")
            yield _row(bench, work, case)


def _row(bench: Bench, work: str, case: Case) -> Row:
    sample = bench.sample(case)
    index = HammingIndex(sample.codes, case.n_bits, threads=case.threads)
    rows = as_words(sample.codes)

    def by_numpy(query: Codes) -> Answer:
        distances = np.bitwise_count(rows ^ as_words(query)).sum(axis=1, dtype=np.uint16)
        order = np.argsort(distances, kind="stable")
        return distances[order][None], order[None]

    def ours(query: Codes) -> Answer:
        found = index.rank(query)
        return found.distances, found.ids

    searches = {OURS: ours} | ({"numpy": by_numpy} if "numpy" in bench.peers else {})
    queries = sample.queries[:_QUERIES]
    counts = distance_counts(sample.codes, queries[:1], case.n_bits)
    nearest = smallest_distances(counts, case.n_codes)
    wanted = by_numpy(queries[:1])[1]
    for name, search in searches.items():
        answer = search(queries[:1])
        check_exact(
            name, check_answers(name, answer, sample.codes, queries[:1], nearest), nearest, case
        )
        if not np.array_equal(answer[1], wanted):
            raise refuse(f"the ranking of {name}", "by distance, then id", words("another order"))
    limit = reading(
        scanned_bytes(case.n_codes, case.n_bits) + _ANSWER_BYTES * case.n_codes, case.threads
    )
    runs = bench.plan.batch_runs
    tasks = {LIMIT: Timed(limit, runs, before=limit)}
    for name, search in searches.items():
        task = partial(_next, search, cycle(np.split(queries, len(queries))))
        tasks[name] = Timed(task, runs, before=task)
    seconds = interleaved(tasks)
    engines = {name: figures(seconds[name]) for name in searches}
    return row_of(work, case, engines, limit=figures(seconds[LIMIT]))


def _next(search: Callable[[Codes], Answer], queries: Iterator[Codes]) -> None:
    search(next(queries))
