"""Making an index, writing it, opening it, and building its tables."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hashlens.bench.answers import check_answers, check_exact, smallest_distances
from hashlens.bench.bench import Bench, Row, figures, row_of
from hashlens.bench.case import Case
from hashlens.bench.made_codes import Sample
from hashlens.bench.own import OURS, HashlensTables
from hashlens.bench.peer import imported
from hashlens.bench.timing import Timed, interleaved
from hashlens.search import HammingIndex

Steps = dict[str, Callable[[], Any]]

_K = 10


def measure(bench: Bench, work: str, cases: Sequence[Case]) -> Iterator[Row]:
    """Time each step, faiss beside it where it has such a step: a row a step."""
    for case in bench.cases(cases):
        if bench.fits(case, HashlensTables.bytes_per_code(case.n_bits)):
            sample = bench.sample(case)
            for step, tasks in _steps(bench, case, sample):
                bench.watcher.note(f"{work}, {step}: {case}")
                runs = bench.plan.batch_runs
                timed = {n: Timed(task, runs) for n, task in tasks.items()}
                seconds = interleaved(timed)
                engines = {name: figures(values) for name, values in seconds.items()}
                yield row_of(work, case, engines, step=step)


def _steps(bench: Bench, case: Case, sample: Sample) -> Iterator[tuple[str, Steps]]:
    faiss: Any = imported("faiss", "faiss-cpu") if "faiss-flat" in bench.peers else None

    def make() -> HammingIndex:
        return HammingIndex(sample.codes, case.n_bits, threads=case.threads)

    def make_faiss() -> Any:
        index = faiss.IndexBinaryFlat(8 * sample.codes.shape[1])
        index.add(sample.codes)
        return index

    def both(ours: Callable[[], Any], theirs: Callable[[], Any]) -> Steps:
        return {OURS: ours} | ({} if faiss is None else {"faiss": theirs})

    index = make()
    yield "make", both(make, make_faiss)
    with TemporaryDirectory() as folder:
        ours, other, theirs = (str(Path(folder) / name) for name in ("1.hlx", "2.hlx", "faiss"))
        places = cycle((other, ours))  # to the file it was saved to last, nothing is written
        made = None if faiss is None else make_faiss()
        yield (
            "save",
            both(
                lambda: index.save(next(places)),
                lambda: faiss.write_index_binary(made, theirs),
            ),
        )
        yield (
            "load, mapped, not verified",
            both(
                lambda: HammingIndex.load(ours, verify=False, threads=case.threads),
                lambda: faiss.read_index_binary(theirs),
            ),
        )
        _check(bench, case, sample, HammingIndex.load(ours, verify=False, threads=case.threads))
    yield "build tables", {OURS: index.build_tables}


def _check(bench: Bench, case: Case, sample: Sample, index: HammingIndex) -> None:
    """Refuse an index that does not find the nearest codes once it was saved and loaded."""
    nearest = smallest_distances(bench.counts(case, sample)[:8], _K)
    found = index.search(sample.queries[:8], _K)
    answer = np.asarray(found.distances), found.ids
    told = check_answers(OURS, answer, sample.codes, sample.queries[:8], nearest)
    check_exact(OURS, told, nearest, case)
