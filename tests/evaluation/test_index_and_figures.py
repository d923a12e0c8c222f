"""From codes to figures: the whole way that an evaluation takes."""

import time

import numpy as np
import pytest

from hashlens.codes import pack
from hashlens.evaluation import average_precision, mean_average_precision, relevance
from hashlens.search import HammingIndex


@pytest.mark.parametrize("denominator", ["relevant", "retrieved", "min"])
@pytest.mark.parametrize("k", [None, 1, 100])
def test_class_sorted_and_shuffled_databases_give_one_figure(denominator, k):
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, 5, 500))
    codes = pack(rng.random((500, 10)) < 0.3 + 0.1 * labels[:, None])
    order, queries = rng.permutation(500), codes[::10]
    figures = [
        mean_average_precision(
            HammingIndex(codes[rows], 10).histograms(
                queries, relevance(labels[::10], labels[rows])
            ),
            k=k,
            denominator=denominator,
        )
        for rows in (np.arange(500), order)
    ]
    assert figures[0] == figures[1]
    assert figures[0].worst < figures[0].expected < figures[0].best


def test_leave_one_out_is_the_mean_over_rest_databases():
    rng = np.random.default_rng(1)
    labels, codes = rng.integers(0, 3, 60), rng.integers(0, 256, (60, 2), dtype=np.uint8)
    whole = HammingIndex(codes, 16).histograms(
        codes, relevance(labels, labels), exclude=np.arange(60)
    )
    for query in range(60):
        rest = np.delete(np.arange(60), query)
        marks = relevance(labels[[query]], labels[rest])
        alone = HammingIndex(codes[rest], 16).histograms(codes[[query]], marks)
        assert average_precision(whole)[query] == average_precision(alone)[0]


@pytest.mark.slow
def test_ten_thousand_queries_against_fifty_thousand_codes_take_under_five_seconds():
    rng = np.random.default_rng(2)
    codes, queries = (rng.integers(0, 256, (n, 8), dtype=np.uint8) for n in (50_000, 10_000))
    items, wanted = rng.integers(0, 10, 50_000), rng.integers(0, 10, 10_000)
    index = HammingIndex(codes, 64)
    index.histograms(queries[:1], relevance(wanted[:1], items))  # compile
    start = time.perf_counter()
    counts = index.histograms(queries, relevance(wanted, items))
    figure = mean_average_precision(counts)
    cut = mean_average_precision(counts, k=1000, denominator="retrieved")
    assert time.perf_counter() - start < 5
    assert figure.expected == pytest.approx(0.1, abs=0.005)
    assert cut.expected == pytest.approx(0.1, abs=0.02)
