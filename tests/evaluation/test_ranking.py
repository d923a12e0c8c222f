"""Each figure against brute force over every order of the ties."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hashlens.errors import InputError
from hashlens.evaluation import (
    average_precision,
    mean_average_precision,
    precision_at,
    precision_recall_curve,
    precision_within,
    recall_at,
)
from hashlens.evaluation.shells import harmonic_span
from hashlens.neighbors import DistanceHistograms

# A shell is its items' relevance; at most 5 items a shell and 3 shells: 120 ** 3 orders at most,
# and far fewer distinct ones.
shells = st.lists(st.lists(st.integers(0, 1), max_size=5), min_size=1, max_size=3)


def histograms_of(layout: list[list[int]]) -> DistanceHistograms:
    total = np.array([[len(shell) for shell in layout]])
    return DistanceHistograms(total, np.array([[sum(shell) for shell in layout]]))


def rankings(layout: list[list[int]]) -> np.ndarray:
    """All rankings, equally likely: every order of each shell's items, as relevance."""
    choices = [list(permutations(shell)) for shell in layout if shell]
    rows = [[mark for part in parts for mark in part] for parts in product(*_thinned(choices))]
    return np.array(rows, float).reshape(len(rows), -1)


def _thinned(choices: list[list[tuple[int, ...]]]) -> list[list[tuple[int, ...]]]:
    """Each distinct order once: equal marks make each equally frequent among permutations."""
    return [sorted(set(choice)) for choice in choices]


def ap_of(marks: np.ndarray, k: int | None, denominator: str) -> np.ndarray:
    """Average precision of whole rankings, one a row, straight from its definition."""
    n_relevant = marks.sum(axis=1)
    kept = marks if k is None else marks[:, :k]
    precision = np.cumsum(kept, axis=1) / np.arange(1, kept.shape[1] + 1)
    sums = (precision * kept).sum(axis=1)
    cut = n_relevant if k is None else np.minimum(n_relevant, k)
    by = {"relevant": n_relevant, "retrieved": kept.sum(axis=1), "min": cut}[denominator]
    return np.divide(sums, by, out=np.zeros_like(sums), where=by > 0)


def over_orders(values: np.ndarray) -> dict[str, float]:
    return {"expected": values.mean(), "best": values.max(), "worst": values.min()}


@settings(deadline=None, max_examples=60)
@given(shells, st.sampled_from(["relevant", "retrieved", "min"]))
def test_average_precision_is_exact_over_all_orders_and_cuts(layout, denominator):
    marks = rankings(layout)
    for k in [None, *range(1, marks.shape[1] + 3)]:
        for order, wanted in over_orders(ap_of(marks, k, denominator)).items():
            got = average_precision(
                histograms_of(layout), k=k, denominator=denominator, order=order
            )
            assert got == pytest.approx([wanted], abs=1e-12), (k, order)


@settings(deadline=None, max_examples=60)
@given(shells)
def test_precision_and_recall_are_exact_over_all_orders(layout):
    marks, counts = rankings(layout), histograms_of(layout)
    for k in range(1, marks.shape[1] + 3):
        found = marks[:, :k].sum(axis=1)
        for order, wanted in over_orders(found).items():
            n_relevant = max(marks[0].sum(), 1)
            assert precision_at(counts, [k], order)[0, 0] == pytest.approx(wanted / k)
            assert recall_at(counts, [k], order)[0, 0] == pytest.approx(wanted / n_relevant)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_without_ties_it_is_scikit_learns_figure(n_items, seed):
    marks = np.random.default_rng(seed).random(n_items) < 0.3
    marks[0] = True
    counts = DistanceHistograms(np.ones((1, n_items), int), marks[None].astype(int))
    wanted = average_precision_score(marks, -np.arange(n_items))
    for order in ("expected", "best", "worst"):
        assert average_precision(counts, order=order) == pytest.approx([wanted], rel=1e-12)


def test_long_rankings_keep_their_digits():
    marks = np.random.default_rng(0).random(200_000) < 0.1
    counts = DistanceHistograms(np.ones((1, len(marks)), int), marks[None].astype(int))
    assert average_precision(counts) == pytest.approx(ap_of(marks[None], None, "relevant"))


def test_retrieved_denominator_with_a_large_split_shell():
    """A shell of 5,000 cut at 1,000: the mean over drawn orders is within its standard error."""
    total, relevant = np.array([[3, 5000]]), np.array([[1, 700]])
    rng, values = np.random.default_rng(0), []
    for _ in range(2000):
        first, second = rng.permutation(3) < 1, rng.permutation(5000) < 700
        values.append(ap_of(np.r_[first, second][None].astype(float), 1000, "retrieved")[0])
    got = average_precision(DistanceHistograms(total, relevant), k=1000, denominator="retrieved")
    assert abs(got[0] - np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**7), st.integers(0, 3000))
def test_harmonic_span_sums_reciprocals(before, count):
    wanted = np.sum(1.0 / np.arange(before + 1, before + count + 1, dtype=np.longdouble))
    assert harmonic_span(np.array([before]), np.array([count]))[0] == pytest.approx(
        float(wanted), rel=1e-13, abs=1e-15
    )


def test_mean_reports_queries_without_relevant_items():
    counts = DistanceHistograms(np.array([[1, 2], [2, 1]]), np.array([[1, 0], [0, 0]]))
    figure = mean_average_precision(counts, k=2, denominator="min")
    assert (figure.expected, figure.best, figure.worst) == (0.5, 0.5, 0.5)
    assert (figure.n_queries, figure.n_without_relevant, figure.denominator) == (2, 1, "min")


def test_precision_within_counts_empty_balls_as_zero():
    counts = DistanceHistograms(
        np.array([[0, 0, 0, 5], [0, 2, 2, 0]]), np.array([[0] * 4, [0, 2, 1, 0]])
    )
    precision, empty = precision_within(counts)
    assert precision.tolist() == [0.0, 0.75]
    assert empty == 0.5
    assert precision_within(counts, 90)[1] == 0.0


def test_curve_pools_the_queries():
    counts = DistanceHistograms(np.array([[0, 1, 1], [0, 3, 0]]), np.array([[0, 1, 1], [0, 0, 0]]))
    curve = precision_recall_curve(counts)
    assert curve.radius.tolist() == [1, 2]
    assert curve.precision.tolist() == [0.25, 0.4]
    assert curve.recall.tolist() == [0.5, 1.0]


GOOD = DistanceHistograms(np.array([[2, 1]]), np.array([[1, 1]]))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: average_precision(GOOD, k=0), "k"),
        (lambda: average_precision(GOOD, denominator="all"), "denominator"),
        (lambda: average_precision(GOOD, order="random"), "order"),
        (lambda: average_precision(np.ones((1, 2))), "histograms"),
        (lambda: average_precision(DistanceHistograms(GOOD.relevant, GOOD.total)), "histograms"),
        (lambda: average_precision(DistanceHistograms(GOOD.total, GOOD.total[0])), "histograms"),
        (lambda: average_precision(DistanceHistograms(GOOD.total / 1, GOOD.total)), "histograms"),
        (
            lambda: mean_average_precision(DistanceHistograms(GOOD.total[:0], GOOD.total[:0])),
            "histograms",
        ),
        (lambda: precision_at(GOOD, []), "ks"),
        (lambda: precision_at(GOOD, 5), "ks"),
        (lambda: recall_at(GOOD, [1, 0]), "ks"),
        (lambda: precision_within(GOOD, -1), "radius"),
        (
            lambda: precision_within(DistanceHistograms(GOOD.total[:0], GOOD.total[:0])),
            "histograms",
        ),
    ],
)
def test_wrong_input_is_refused(call, name):
    with pytest.raises(InputError, match=rf"^{name} must be .+\. Got .+"):
        call()
