"""The uncoded control row and the relevance of labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hashlens.errors import InputError
from hashlens.evaluation import (
    average_precision,
    feature_histograms,
    precision_at,
    rank_features,
    relevance,
)
from hashlens.evaluation.features import _sort_keys


def distances_of(queries: np.ndarray, database: np.ndarray, metric: str) -> np.ndarray:
    if metric == "euclidean":
        return np.linalg.norm(queries[:, None] - database, axis=2)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, database)]
    return 1 - unit[0] @ unit[1].T


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_it_is_scikit_learns_figure_without_ties(metric):
    rng = np.random.default_rng(0)
    queries, database = rng.normal(size=(20, 8)) + 3, rng.normal(size=(300, 8)) + 3
    wanted, items = rng.integers(0, 4, 20), rng.integers(0, 4, 300)
    got = rank_features(queries, database, relevance(wanted, items), metric=metric)
    distances = distances_of(queries, database, metric)
    for query in range(20):
        score = average_precision_score(items == wanted[query], -distances[query])
        assert got[query] == pytest.approx(score, rel=1e-4)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_rows_are_ties_whatever_their_order(metric):
    rng = np.random.default_rng(1)
    centres = rng.integers(-3, 4, (6, 4)).astype(float) + 0.5
    labels = np.sort(rng.integers(0, 3, 200))
    database, queries = centres[rng.integers(0, 6, 200)], centres
    shuffle = rng.permutation(200)
    in_order = rank_features(queries, database, relevance(np.arange(6) % 3, labels), metric=metric)
    mixed = rank_features(
        queries, database[shuffle], relevance(np.arange(6) % 3, labels[shuffle]), metric=metric
    )
    assert in_order == pytest.approx(mixed, rel=1e-9)


def test_leaving_a_query_out_is_searching_without_it():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(40, 5)), rng.integers(0, 3, 40)
    got = rank_features(
        features,
        features,
        relevance(labels, labels),
        exclude=np.arange(40),
        k=10,
        denominator="min",
    )
    for query in range(40):
        rest = np.delete(np.arange(40), query)
        part = relevance(labels[query : query + 1], labels[rest])
        alone = rank_features(features[[query]], features[rest], part, k=10, denominator="min")
        assert got[query] == pytest.approx(alone[0], rel=1e-6)


def test_other_figures_take_the_same_blocks(monkeypatch):
    monkeypatch.setattr("hashlens.evaluation.features._BLOCK_ITEMS", 250)
    rng = np.random.default_rng(3)
    features, labels = rng.normal(size=(100, 5)).astype(np.float32), rng.integers(0, 3, 100)
    marks = relevance(labels, labels)
    blocks = list(feature_histograms(features, features, marks))
    assert [len(block) for block in blocks] == [2] * 50
    first = np.concatenate([precision_at(block, [1]) for block in blocks])
    assert (first == 1).all()  # every query finds itself
    together = np.concatenate([average_precision(block) for block in blocks])
    assert together == pytest.approx(rank_features(features, features, marks))


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1e25, 1e300])
def test_scale_changes_nothing(scale):
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(30, 4)), rng.integers(0, 2, 30)
    for metric in ("cosine", "euclidean"):
        plain = rank_features(features, features, relevance(labels, labels), metric=metric)
        scaled = rank_features(
            features * scale, features * scale, relevance(labels, labels), metric=metric
        )
        assert scaled == pytest.approx(plain, rel=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_keys_sort_as_the_floats_do(values):
    floats = np.array(values, np.float32)
    keys = _sort_keys(floats)
    assert ((keys[:, None] < keys) == (floats[:, None] < floats)).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 30), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_relevance_of_single_and_several_labels(n_queries, n_items, n_classes, seed):
    rng = np.random.default_rng(seed)
    wanted, items = rng.integers(-5, n_classes, n_queries), rng.integers(-5, n_classes, n_items)
    block = relevance(wanted, items)(1, n_queries)
    assert block.dtype == np.uint8
    assert (block == (wanted[1:, None] == items)).all()
    many, some = rng.random((n_queries, 5)) < 0.3, rng.random((n_items, 5)) < 0.3
    shared = np.array([[(a & b).any() for b in some] for a in many])
    assert (relevance(many, some)(0, n_queries) == shared).all()


def same(start: int, stop: int) -> np.ndarray:
    return np.ones((stop - start, 3), np.uint8)


X = np.ones((3, 2))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: rank_features(X * np.nan, X, same), "queries"),
        (lambda: rank_features(X, X * np.inf, same), "database"),
        (lambda: rank_features(X[:, :1], X, same), "queries"),
        (lambda: rank_features(X, X[0], same), "database"),
        (lambda: rank_features(X[:0], X, same), "queries"),
        (lambda: rank_features(X, X.astype(str), same), "database"),
        (lambda: rank_features(X, X, same, metric="manhattan"), "metric"),
        (lambda: rank_features(X, X, same, exclude=[0, 1, 3]), "exclude"),
        (lambda: rank_features(X, X, same, exclude=[0.0, 1.0, 2.0]), "exclude"),
        (lambda: rank_features(X, X, same, k=0), "k"),
        (lambda: rank_features(X, X, lambda a, b: same(a, b).astype(int)), "relevance"),
        (lambda: rank_features(X, X, lambda a, b: same(a, b)[:, :2]), "relevance"),
        (lambda: rank_features(X, X, lambda a, b: 2 * same(a, b)), "relevance"),
        (lambda: relevance([1.0], [1]), "query_labels"),
        (lambda: relevance([[0, 2]], [[1, 1]]), "query_labels"),
        (lambda: relevance([1], [[1, 1]]), "query_labels and database_labels"),
        (lambda: relevance([[1]], [[1, 1]]), "query_labels and database_labels"),
    ],
)
def test_wrong_input_is_refused(call, name):
    with pytest.raises(InputError, match=rf"^{name} must be .+\. Got .+"):
        call()
