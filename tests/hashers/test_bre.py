"""Kulis & Darrell 2009, equation 1: slow loops give the objective, and each step is the best."""

import itertools

import numpy as np
import pytest

from hashlens.hashers import BRE
from hashlens.hashers.bre import by_row, random_pairs
from hashlens.hashers.bre_kernels import sweep

MANY = 400  # partners: on ten rows, all pairs are drawn


def slow_objective(H, wanted):
    """Equation 1 from its formula, over all pairs: H bool (n, B), wanted (n, n)."""
    terms = []
    for i, j in itertools.combinations(range(len(H)), 2):
        hamming = sum(H[i, k] != H[j, k] for k in range(H.shape[1]))
        terms.append((wanted[i, j] - hamming / H.shape[1]) ** 2)
    return sum(terms) / len(terms)


def quarter_distances(X):
    Z = X - X.mean(axis=0)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    return np.array([[((a - b) ** 2).sum() / 4 for b in Z] for a in Z])


@pytest.mark.parametrize("labelled", [False, True])
def test_the_objective_equals_slow_loops_and_never_rises(labelled):
    X = np.random.default_rng(0).normal(size=(10, 6)) + 2
    y = np.arange(10) % 3
    wanted = (y[:, None] != y).astype(float) if labelled else quarter_distances(X)
    hasher = BRE(5, n_partners=MANY, n_iterations=40).fit(X, y if labelled else None)
    assert hasher.loss_[-1] == pytest.approx(slow_objective(hasher.project(X) >= 0, wanted))
    assert (np.diff(hasher.loss_) <= 1e-12).all()
    assert hasher.loss_[-1] < 0.8 * hasher.loss_[0]


@pytest.mark.parametrize("seed", range(8))
def test_a_step_equals_brute_force_over_all_intervals(seed):
    rng = np.random.default_rng(seed)
    n, B = 9, 3
    scores, columns, weights = rng.normal(size=(B, n)), rng.normal(size=(B, n)), rng.normal(size=B)
    columns[:, 0] = 0  # this row never flips
    columns[1, 2:4], scores[1, 2:4] = columns[1, 2], scores[1, 2]  # these two flip together
    wanted = rng.random((n, n))
    pairs = random_pairs(n, MANY, rng)
    rowwise, d = by_row(pairs, wanted[tuple(pairs.T)], n)
    hamming = (scores[:, np.repeat(np.arange(n), n - 1)] >= 0) != (scores[:, rowwise.partners] >= 0)
    residuals = B * d - hamming.sum(axis=0)
    for k in range(B):
        rest = scores[k] - weights[k] * columns[k]
        breaks = np.sort(-rest[1:] / columns[k, 1:])
        tried = []
        for w in [breaks[0] - 1, *(breaks[1:] + breaks[:-1]) / 2, breaks[-1] + 1]:
            H = scores >= 0
            H[k] = rest + w * columns[k] >= 0
            tried.append(slow_objective(H.T, wanted))
        one = slice(k, k + 1)
        sweep(rowwise, residuals, columns[one], scores[one], weights[one])  # in place
        assert slow_objective((scores >= 0).T, wanted) == pytest.approx(min(tried))
        assert np.square(residuals / B).mean() == pytest.approx(min(tried))


def test_pairs_are_distinct_and_never_a_row_with_itself():
    pairs = random_pairs(50, 5, np.random.default_rng(0))
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs) > 200
    assert len(random_pairs(10, MANY, np.random.default_rng(0))) == 45


def test_labels_are_learnt_where_distances_mislead():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)) * [6, 6, 6, 6, 1, 1, 1, 1]
    y = (X[:, 4] > 0).astype(int)

    def bit_of_the_label(hasher):
        return np.abs(np.corrcoef((hasher.project(X) >= 0).T, y)[-1, :-1]).mean()

    labelled = bit_of_the_label(BRE(8, n_iterations=20).fit(X, y))
    assert labelled > 2 * bit_of_the_label(BRE(8, n_iterations=20).fit(X))


def test_any_row_may_lack_a_label():
    X = np.random.default_rng(0).normal(size=(30, 3))
    Y = np.zeros((30, 2), int)
    Y[:10, 0] = Y[5:15, 1] = 1
    hasher = BRE(4, n_iterations=5).fit(X, Y)
    assert hasher.loss_[-1] < hasher.loss_[0]


@pytest.mark.parametrize("X", [np.full((6, 3), 0.1), np.repeat(np.eye(2), 3, axis=0)])
def test_constant_and_repeated_rows(X):
    hasher = BRE(40, n_iterations=3).fit(X)
    assert np.isfinite(hasher.weights_).all()
    codes = hasher.transform(X)
    assert (codes[:3] == codes[0]).all()


def test_rows_in_two_opposite_groups_are_reconstructed_exactly():
    X = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 5, axis=0)
    hasher = BRE(6, n_iterations=20).fit(X)
    np.testing.assert_array_equal(hasher.loss_[-1], 0)


def test_more_bits_than_rows_and_features():
    X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    hasher = BRE(300, n_anchors=50, n_iterations=1).fit(X)
    assert len(np.unique(hasher.weights_, axis=1).T) == 300
    assert hasher.weights_.dtype == np.float32
