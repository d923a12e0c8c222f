"""Gong & Lazebnik 2011, section 4: correlations in closed form, ITQ's loss, the surplus bits."""

import numpy as np
import pytest
from scipy.linalg import eig, null_space
from scipy.sparse import csr_array
from sklearn.cross_decomposition import CCA

from hashlens.codes import hamming
from hashlens.errors import InputError
from hashlens.hashers import ITQCCA
from hashlens.hashers.itq_cca import canonical_directions
from hashlens.hashers.labels import label_matrix
from hashlens.hashers.pca_rr import haar_rotation


def classes(n=300, n_classes=5, d=8, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % n_classes)
    return rng.normal(size=(n_classes, d))[y] + noise * rng.normal(size=(n, d)) + 2, y


def several_labels(n=200, n_classes=6, d=8, seed=1):
    rng = np.random.default_rng(seed)
    Y = (rng.random((n, n_classes)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.4][:n_classes]).astype(int)
    return Y @ rng.normal(size=(n_classes, d)) + rng.normal(size=(n, d)), Y


@pytest.mark.parametrize("several", [False, True])
def test_equals_the_generalised_eigenproblem(several):
    X, y = several_labels() if several else classes()
    Y = label_matrix(y, len(X))
    W, correlations = canonical_directions(X, Y, 8, 1e-4)
    Xc, Yc = X - X.mean(axis=0), Y.toarray() - Y.toarray().mean(axis=0, dtype=float)
    Sxx, Syy, Sxy = Xc.T @ Xc / len(X), Yc.T @ Yc / len(X), Xc.T @ Yc / len(X)
    Sxx += 1e-4 * np.trace(Sxx) / 8 * np.eye(8)
    Syy += 1e-4 * np.trace(Syy) / len(Syy) * np.eye(len(Syy))
    M = Sxy @ np.linalg.solve(Syy, Sxy.T)
    squares = np.sort(eig(M, Sxx, right=False).real)[::-1]
    assert len(correlations) == (6 if several else 4)
    np.testing.assert_allclose(correlations**2, squares[: len(correlations)], atol=1e-8)
    np.testing.assert_allclose(M @ W, Sxx @ W * correlations**2, atol=1e-8)
    np.testing.assert_allclose(W.T @ Sxx @ W, np.eye(len(correlations)), atol=1e-8)


def test_correlations_are_those_of_scikit_learn():
    X, Y = several_labels(n_classes=3)
    _, correlations = canonical_directions(X, label_matrix(Y, len(X)), 3, 1e-9)
    x, y = CCA(n_components=3, max_iter=5000, tol=1e-10).fit_transform(X, Y)
    theirs = [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(3)]
    np.testing.assert_allclose(correlations, theirs, atol=1e-5)


@pytest.mark.parametrize("n_bits", [3, 4, 12])
def test_loss_never_rises_and_equals_itq_with_columns_of_zeros(n_bits):
    X, y = classes()
    hasher = ITQCCA(n_bits, n_iterations=30, momentum=0, seed=2).fit(X, y)
    assert (np.diff(hasher.loss_) <= 1e-12 * hasher.loss_[0]).all()
    W, correlations = canonical_directions(X, label_matrix(y, len(X)), n_bits, 1e-4)
    V = (X - X.mean(axis=0)) @ W * correlations
    V = np.pad(V, ((0, 0), (0, n_bits - len(correlations))))  # the paper's V of B columns
    R = haar_rotation(n_bits, 2, len(correlations)).T
    R, losses = np.vstack([R, null_space(R).T]), []
    for _ in range(30):
        C = np.where(V @ R >= 0, 1.0, -1.0)
        losses.append(np.square(C - V @ R).sum())
        S, _, Zt = np.linalg.svd(C.T @ V)
        R = Zt.T @ S.T
    np.testing.assert_allclose(hasher.loss_, losses)
    np.testing.assert_allclose(hasher.project(X), V @ R, atol=1e-9)


def mean_rank(codes, y, n_bits):
    """Probability that a row of the same class is nearer than one of another."""
    distances, same = hamming(codes, codes, n_bits), y[:, None] == y
    near, far = np.sort(distances[same]), np.sort(distances[~same])
    left, right = (np.searchsorted(near, far, side) for side in ("left", "right"))
    return (left + right).mean() / 2 / len(near)


def test_surplus_bits_do_not_hurt_unseen_rows():
    X, y = classes(n=1200, d=40, noise=2.0)
    figures = []
    for n_bits in 4, 16, 64, 256:
        hasher = ITQCCA(n_bits).fit(X[:600], y[:600])
        assert np.count_nonzero(hasher.correlations_) == 4
        assert np.linalg.matrix_rank(hasher.weights_) == 4
        figures.append(mean_rank(hasher.transform(X[600:]), y[600:], n_bits))
    assert (np.diff(figures) > -0.002).all()
    assert figures[-1] > figures[0] + 0.01


def test_more_classes_than_features_and_rows_in_any_unit():
    X, y = classes(n=400, n_classes=150, d=5, noise=0.1)
    hasher = ITQCCA(16).fit(X, y)
    assert np.count_nonzero(hasher.correlations_) == 5
    again = ITQCCA(16).fit(1024 * X, y)
    assert np.array_equal(again.transform(1024 * X), hasher.transform(X))


def test_what_is_degenerate():
    X, y = classes(n=40)
    with pytest.raises(InputError, match=r"y must be labels that differ between rows\."):
        ITQCCA(4).fit(X, np.zeros(40, int))
    X[:, 1:3] = 7, 7
    X[:, 3] = X[:, 0]
    assert np.isfinite(ITQCCA(12).fit(X, y).weights_).all()
    constant = ITQCCA(12).fit(np.ones((40, 3)), y)
    assert not constant.project(np.ones((1, 3))).any()  # rows without difference: equal codes
    assert not constant.correlations_.any()


def test_columns_of_labels_that_say_the_same():
    X, Y = several_labels()
    W, correlations = canonical_directions(X, csr_array(np.hstack([Y, Y[:, :3], 0 * Y])), 9, 1e-4)
    _, plain = canonical_directions(X, label_matrix(Y, len(X)), 9, 1e-4)
    assert W.shape == (8, len(correlations))
    np.testing.assert_allclose(correlations[:6], plain, atol=1e-3)
