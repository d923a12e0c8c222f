"""The k nearest codes: one query, or a batch; by a scan or by an index."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.bench.answers import check_answers, check_exact, recall_of, smallest_distances
from hashlens.bench.bench import Bench, Row, figures, row_of
from hashlens.bench.case import Case
from hashlens.bench.limits import comparing, reading, scanned_bytes
from hashlens.bench.made_codes import Sample
from hashlens.bench.own import OURS, Hashlens
from hashlens.bench.peer import Engine, Peer, Search
from hashlens.bench.timing import Timed, interleaved, seconds_of
from hashlens.codes import Codes

LIMIT = "limit"
_ROUNDS = 3  # that the same queries are asked, to compare the index's ways
_PILOT = 4  # queries that tell how long an engine takes


@dataclass
class _Runner:
    """An engine, its peer, and what is known of it."""

    engine: Engine
    peer: Peer
    build_seconds: float
    seconds: float = 0.0  # of one query, about
    recall: float = 1.0
    n_checked: int = 0


def measure(
    bench: Bench, work: str, cases: Sequence[Case], own: type[Hashlens], suited: Sequence[str]
) -> Iterator[Row]:
    """Measure cases; those with the same codes share what is built."""
    for some, peers in bench.groups(cases, suited, own):
        yield from _measure(bench, work, some, [own, *peers])


def _measure(
    bench: Bench, work: str, cases: list[Case], peers: Sequence[type[Peer]]
) -> Iterator[Row]:
    sample = bench.sample(cases[0])
    counts = bench.counts(cases[0], sample)
    runners = [r for peer in peers for r in _runners(bench, peer, cases[0], sample)]
    for case in cases:
        bench.watcher.note(f"{work}: {case}")
        nearest = smallest_distances(counts, case.k or 1)
        for runner in runners:
            _settle(bench, runner, case, sample, nearest)
        yield _row(bench, work, case, sample, runners)


def _runners(bench: Bench, peer: type[Peer], case: Case, sample: Sample) -> list[_Runner]:
    bench.watcher.note(f"building {peer.__name__}")
    made: list[Peer] = []
    seconds = seconds_of(lambda: made.append(peer(sample.codes, case.n_bits, case.threads)))
    return [_Runner(engine, made[0], seconds) for engine in made[0].engines()]


def _settle(
    bench: Bench, runner: _Runner, case: Case, sample: Sample, nearest: NDArray[np.int64]
) -> None:
    """Check the answers, with the first setting that finds every neighbour, or else the last."""
    for setting in runner.peer.settings:
        runner.peer.apply(setting)
        _check(bench, runner, case, sample, nearest)
        if runner.recall == 1:
            return
    if not runner.peer.settings:
        _check(bench, runner, case, sample, nearest)


def _check(
    bench: Bench, runner: _Runner, case: Case, sample: Sample, nearest: NDArray[np.int64]
) -> None:
    """Ask as the timed calls do, for as many queries as there is time; stop at a wrong answer."""
    name, search, k = runner.engine.name, runner.engine.search, case.k or 1
    queries, n = sample.queries[: len(nearest)], 1 if case.n_queries == 1 else _PILOT
    search(queries[:n], k)  # compiles, warms up
    start = time.perf_counter()
    parts = [search(queries[:n], k)]
    each = (time.perf_counter() - start) / n
    stop = min(len(queries), n + max(_PILOT, int(bench.plan.seconds_each / each)))
    step = 1 if n == 1 else stop
    parts += [search(queries[i : min(i + step, stop)], k) for i in range(n, stop, step)]
    runner.seconds = (time.perf_counter() - start) / stop
    distances, ids = (np.concatenate(part) for part in zip(*parts, strict=True))
    known = nearest[: len(ids)]
    found = check_answers(name, (distances, ids), sample.codes, queries[: len(ids)], known)
    if runner.peer.exact:
        check_exact(name, found, known, case)
    runner.recall, runner.n_checked = recall_of(found, known), len(ids)


def _row(bench: Bench, work: str, case: Case, sample: Sample, runners: list[_Runner]) -> Row:
    seconds, n_timed = _seconds(bench, case, sample, runners)
    engines = {}
    for runner in runners:
        name = runner.engine.name
        engines[name] = {
            **figures(seconds[name], n_timed[name], runner.peer.note()),
            "recall": runner.recall,
            "exact": runner.peer.exact,
            "n_checked": runner.n_checked,
            "build_seconds": runner.build_seconds,
        }
    choice = _choice(bench, runners, case, sample, seconds)
    return row_of(work, case, engines, limit=figures(seconds[LIMIT]), **choice)


def _limit(case: Case, sample: Sample) -> Callable[[], None]:
    """What the machine itself needs: to read all codes once, or to compare them with a batch."""
    if case.n_queries == 1:
        return reading(scanned_bytes(case.n_codes, case.n_bits), case.threads)
    queries = sample.queries[: case.n_queries]
    return comparing(sample.codes, queries, case.n_bits, case.threads)


def _seconds(
    bench: Bench, case: Case, sample: Sample, runners: list[_Runner]
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds of a query, and how many were asked at once, of each engine."""
    alone, budget = case.n_queries == 1, bench.plan.seconds_each
    queries = sample.queries if alone else sample.queries[: case.n_queries]
    rounds = _ROUNDS if alone and _is_choice(runners) else 1
    runs = rounds * bench.plan.single_runs if alone else bench.plan.batch_runs
    limit = _limit(case, sample)
    limit()
    tasks = {LIMIT: Timed(limit, runs, 1 if alone else len(queries), limit if alone else None)}
    for turn, runner in enumerate(runners):
        search, k = runner.engine.search, case.k or 1
        at_once = max(_PILOT, int(budget / runs / runner.seconds))
        n = 1 if alone else at_once if 2 * at_once < len(queries) else len(queries)
        fitting = int(budget / (runner.seconds * n * (2 if alone else 1)))
        most = min(runs, max(3, fitting))
        if alone:
            # All are asked the same, but not after one another: the second would find in the
            # caches what the first has brought there.
            asked, others = _apart(queries, runs // rounds)
            asked = np.roll(asked, turn * len(asked) // len(runners), axis=0)
            timed = Timed(_asking(search, asked, k), most, 1, _asking(search, others, k))
        else:
            timed = Timed(partial(search, queries[:n], k), most, n)
        tasks[runner.engine.name] = timed
    return interleaved(tasks), {name: timed.n_done for name, timed in tasks.items()}


def _apart(queries: Codes, n: int) -> tuple[Codes, Codes]:
    """Take n queries, or half of them, to be timed, and others to be asked before each."""
    n = min(n, max(1, len(queries) // 2))
    return queries[:n], queries[n:] if len(queries) > n else queries


def _asking(search: Search, queries: Codes, k: int) -> Callable[[], object]:
    """Ask for one query after another, and again for the first."""
    turns = cycle(np.split(queries, len(queries)))
    return lambda: search(next(turns), k)


def _is_choice(runners: list[_Runner]) -> bool:
    return any(runner.engine.name.startswith(f"{OURS} ") for runner in runners)


def _choice(
    bench: Bench,
    runners: list[_Runner],
    case: Case,
    sample: Sample,
    seconds: dict[str, list[float]],
) -> dict[str, Any]:
    """Which way the index chose, and how much longer it took than the better one.

    Queries that come alone differ: all ways are compared on the same ones, by what they take
    together, each by its best of some runs.
    """
    own, names = runners[0].peer, [name for name in seconds if name.startswith(OURS)]
    if not _is_choice(runners) or not isinstance(own, Hashlens):
        return {}
    if case.n_queries == 1:
        n_queries = len(_apart(sample.queries, bench.plan.single_runs)[0])
        took = {name: best_in_all(seconds[name], n_queries).mean() for name in names}
    else:
        took = {name: float(np.median(seconds[name])) for name in names}
    best = min(took[name] for name in names if name != OURS)
    return {
        "chosen": own.index.explain(sample.queries[: case.n_queries], k=case.k).method,
        "regret": float(took[OURS] / best),
    }


def best_in_all(seconds: list[float], n_queries: int) -> NDArray[np.float64]:
    """Give the best of some rounds over the same queries, for each query that was asked.

    Examples
    --------
    >>> best_in_all([3.0, 1.0, 2.0, 5.0], n_queries=2)
    array([2., 1.])
    """
    return np.array([min(seconds[i::n_queries]) for i in range(min(n_queries, len(seconds)))])
