"""Mean average precision of many queries over a whole database."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from hashlens.bench.answers import distance_counts
from hashlens.bench.bench import Bench, Row, figures, row_of
from hashlens.bench.case import Case
from hashlens.bench.limits import comparing
from hashlens.bench.made_codes import SEED, Sample
from hashlens.bench.nearest import LIMIT
from hashlens.bench.own import OURS
from hashlens.bench.peer import imported
from hashlens.bench.peers import PEERS, first_word
from hashlens.bench.timing import Timed, interleaved
from hashlens.checks import refuse, words
from hashlens.codes import as_words
from hashlens.evaluation import average_precision, mean_average_precision, relevance
from hashlens.search import HammingIndex

N_CLASSES = 10
_CHECKED = 20
_BYTES_PER_CODE = 40
_TOLERANCE = 1e-5  # some of the peers count in float32

Labels = NDArray[np.int64]
Precision = Callable[[int], list[float]]  # average precision of the first n queries


class Labelled:
    """Codes and queries with labels; queries come again where there are too few."""

    def __init__(self, sample: Sample, n_queries: int, n_bits: int) -> None:
        rng = np.random.default_rng(SEED)
        self.codes, self.n_bits = sample.codes, n_bits
        self.queries = np.resize(sample.queries, (n_queries, sample.queries.shape[1]))
        self.labels = rng.integers(0, N_CLASSES, len(self.codes))
        self.asked = rng.integers(0, N_CLASSES, n_queries)

    def relevant(self, query: int) -> NDArray[np.bool_]:
        """Mark the codes with the label of a query."""
        found: NDArray[np.bool_] = self.labels == self.asked[query]
        return found


def by_numpy(data: Labelled, threads: int) -> Precision:
    """Sort the distances of each query."""
    del threads
    rows, asked = as_words(data.codes), as_words(data.queries)

    def precision(n: int) -> list[float]:
        found = []
        for query in range(n):
            distances = np.bitwise_count(rows ^ asked[query]).sum(axis=1, dtype=np.uint16)
            order = np.argsort(distances, kind="stable")
            found.append(_of_ranking(data.relevant(query)[order]))
        return found

    return precision


def by_faiss(data: Labelled, threads: int) -> Precision:
    """Let faiss sort the whole database for each query."""
    faiss = imported("faiss", "faiss-cpu")
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexBinaryFlat(8 * data.codes.shape[1])
    index.add(data.codes)

    def precision(n: int) -> list[float]:
        _, ids = index.search(data.queries[:n], len(data.codes))
        return [_of_ranking(data.relevant(query)[row]) for query, row in enumerate(ids)]

    return precision


def by_torchmetrics(data: Labelled, threads: int) -> Precision:
    """Let torchmetrics sort by the bits that agree."""
    import torch

    metrics = imported("torchmetrics.functional.retrieval", "torchmetrics")
    torch.set_num_threads(threads)
    rows, asked = as_words(data.codes), as_words(data.queries)

    def precision(n: int) -> list[float]:
        found = []
        for query in range(n):
            distances = np.bitwise_count(rows ^ asked[query]).sum(axis=1, dtype=np.float32)
            target = torch.from_numpy(data.relevant(query))
            scores = torch.from_numpy(data.n_bits + 1 - distances)  # it drops what is not above 0
            found.append(float(metrics.retrieval_average_precision(scores, target)))
        return found

    return precision


PRECISIONS: dict[str, tuple[str, Callable[[Labelled, int], Precision]]] = {
    "numpy": ("", by_numpy),
    "faiss": ("faiss", by_faiss),
    "torchmetrics": ("torchmetrics", by_torchmetrics),
}


def measure(bench: Bench, work: str, cases: Sequence[Case]) -> Iterator[Row]:
    """Time the figure: ours of all queries, those of peers on some of them."""
    for case in bench.cases(cases):
        if bench.fits(case, _BYTES_PER_CODE):
            bench.watcher.note(f"{work}: {case}")
            data = Labelled(bench.sample(case), case.n_queries or 1, case.n_bits)
            yield _row(bench, work, case, data)


def _row(bench: Bench, work: str, case: Case, data: Labelled) -> Row:
    index = HammingIndex(data.codes, case.n_bits, threads=case.threads)
    marks = relevance(data.asked, data.labels)
    counts = index.histograms(data.queries[:_CHECKED], marks)
    truth = distance_counts(data.codes, data.queries[:_CHECKED], case.n_bits)
    if not np.array_equal(counts.total, truth):
        raise refuse(f"the counts of {OURS}", "those of a brute-force scan", words("others"))
    ours = Timed(
        lambda: mean_average_precision(index.histograms(data.queries, marks)),
        bench.plan.batch_runs,
        len(data.queries),
    )
    limit = comparing(data.codes, data.queries, case.n_bits, case.threads)
    limit()
    tasks = {OURS: ours, LIMIT: Timed(limit, ours.runs, len(data.queries))}
    bounds = [average_precision(counts, order=order) for order in ("worst", "best")]
    for name, (package, make) in PRECISIONS.items():
        if is_chosen(name, package, bench.peers):
            precision = make(data, case.threads)
            _check(name, precision(len(truth)), bounds)
            tasks[name] = bench.some_of(precision, len(data.queries))
    seconds = interleaved(tasks)
    engines = {name: figures(seconds[name], tasks[name].n_done) for name in tasks if name != LIMIT}
    return row_of(work, case, engines, limit=figures(seconds[LIMIT]))


def is_chosen(name: str, package: str, peers: Sequence[str]) -> bool:
    """Tell whether a peer of this work was chosen: by the first word of its name, if it has one."""
    known = {first_word(peer) for peer in PEERS}
    chosen = {first_word(peer) for peer in peers}
    return name in chosen or (name not in known and find_spec(package) is not None)


def _of_ranking(relevant: NDArray[np.bool_]) -> float:
    """Average precision of one ranking, ties as they fell."""
    ranks = np.flatnonzero(relevant) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).mean()) if len(ranks) else 0.0


def _check(name: str, found: list[float], bounds: list[NDArray[np.float64]]) -> None:
    """Refuse figures that no order of the ties can give."""
    worst, best = bounds
    figure = np.array(found)
    wrong = (figure < worst - _TOLERANCE) | (figure > best + _TOLERANCE)
    if wrong.any():
        place = int(np.argmax(wrong))
        wanted = f"from {worst[place]:.6f} to {best[place]:.6f}, as the ties allow"
        raise refuse(f"the average precision of {name}", wanted, float(figure[place]))
