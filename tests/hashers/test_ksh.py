"""Liu et al. 2012: implicit products, the greedy objective by slow loops, start and ascent."""

import numpy as np
import pytest
from scipy.linalg import eigh

from hashlens.errors import InputError
from hashlens.hashers import KSH, similarity
from hashlens.hashers.anchors import AnchorKernel
from hashlens.hashers.ksh import Residue
from hashlens.hashers.ksh_ascent import ascend
from hashlens.hashers.labels import label_matrix
from hashlens.hashers.similarity import LabelSimilarity


def several_labels(n=60, n_classes=5, seed=0):
    return (np.random.default_rng(seed).random((n, n_classes)) < 0.3).astype(int)


def one_label(n=60, n_classes=5, seed=0):
    return np.random.default_rng(seed).integers(0, n_classes, n)


def explicit(Y):
    Y = Y.toarray()
    n = len(Y)
    shares = [
        [any(a and b for a, b in zip(Y[i], Y[j], strict=True)) for j in range(n)] for i in range(n)
    ]
    return np.where(shares, 1.0, -1.0)


def rings(n=400, seed=0):
    """Three classes that no hyperplane parts: rings around one centre."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    angle, radius = rng.uniform(0, 2 * np.pi, n), y + 1 + 0.1 * rng.normal(size=n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), y


@pytest.mark.parametrize("labels", [one_label, several_labels])
def test_products_equal_those_of_the_explicit_matrices(labels):
    Y = label_matrix(labels(), 60)
    rng = np.random.default_rng(1)
    S, V = explicit(Y), rng.normal(size=(60, 3))
    np.testing.assert_allclose(LabelSimilarity(Y).times(V), S @ V, atol=1e-12)
    residue, R = Residue(LabelSimilarity(Y), 4), 4 * S
    for k in range(4):
        values = rng.normal(size=60)
        h = np.where(values >= 0, 1.0, -1.0)
        assert residue.gain(values) == pytest.approx(h @ R @ h)
        assert np.array_equal(residue.subtract(values), h)
        R = R - np.outer(h, h)
        np.testing.assert_allclose(residue.times(V), R @ V, atol=1e-10)
        np.testing.assert_allclose(residue.times(V[:, 0]), R @ V[:, 0], atol=1e-10)
        assert residue.loss[k] == pytest.approx(np.square(R).mean() / 16)


@pytest.mark.parametrize("several", [False, True])
def test_objective_falls_with_each_bit_and_equals_slow_loops(several):
    X, y = rings(90)
    y = (
        np.eye(3, dtype=int)[y] | np.eye(3, dtype=int)[(y + 1) % 3] * (X[:, :1] > 1)
        if several
        else y
    )
    hasher = KSH(6, n_anchors=30).fit(X, y)
    H = np.where(hasher.project(X) >= 0, 1, -1)
    S = explicit(label_matrix(y, 90))
    slow = []
    for bits in range(1, 7):
        total = 0.0
        for i in range(90):
            for j in range(90):
                total += (sum(H[i, k] * H[j, k] for k in range(bits)) / 6 - S[i, j]) ** 2
        slow.append(total / 90**2)
    np.testing.assert_allclose(hasher.loss_, slow)
    assert (np.diff([1.0, *hasher.loss_]) < 0).all()


def test_the_start_is_the_generalised_eigenvector():
    X, y = rings(90)
    hasher = KSH(1, n_anchors=20, n_iterations=0, regularization=0.1).fit(X, y)
    K = AnchorKernel(hasher.anchors_, hasher.width_, hasher.kernel_mean_).features(X)
    G = K.T @ K
    _, vectors = eigh(
        K.T @ explicit(label_matrix(y, 90)) @ K, G + 0.1 * np.trace(G) / 20 * np.eye(20)
    )
    a, leading = hasher.weights_[:, 0], vectors[:, -1]
    assert np.abs(a @ leading) == pytest.approx(np.linalg.norm(a) * np.linalg.norm(leading))
    assert np.linalg.norm(K @ a) ** 2 == pytest.approx(90)


def test_ascent_follows_the_gradient_to_a_maximum():
    rng = np.random.default_rng(2)
    K, R = rng.normal(size=(25, 4)), rng.normal(size=(25, 25))
    R += R.T

    def value(a):
        b = 2 / (1 + np.exp(-K @ a)) - 1
        return b @ R @ b

    start = 0.3 * rng.normal(size=4)
    first = ascend(K, R.dot, start, 1) - start
    steps = 1e-6 * np.eye(4)
    slope = np.array([value(start + step) - value(start - step) for step in steps]) / 2e-6
    assert first @ slope == pytest.approx(np.linalg.norm(first) * np.linalg.norm(slope))
    values = [value(ascend(K, R.dot, start, n)) for n in (0, 1, 10, 100)]
    assert values[0] < values[1] < values[2] <= values[3] * (1 + 1e-9)


def test_ascent_keeps_codes_at_least_as_good_as_the_spectral_start():
    X, y = rings()
    losses = [KSH(1, n_anchors=50, n_iterations=n).fit(X, y).loss_[0] for n in (0, 500)]
    assert losses[1] <= losses[0]
    hasher = KSH(24, n_anchors=50).fit(X[:300], y[:300])
    # Three unit vectors have inner products of -1/3 at best: 2/3 (1 - 1/3)^2 = 0.296 must remain.
    assert 0.296 < hasher.loss_[-1] < 0.35
    codes = hasher.project(X[300:]) >= 0
    distances = (codes[:, None] != codes).mean(axis=2)
    same = y[300:, None] == y[300:]
    assert distances[same].mean() < 0.1 < 0.6 < distances[~same].mean()


def test_labelled_rows_are_drawn_by_the_seed():
    X, y = rings()
    few = [KSH(4, n_anchors=10, n_labelled=30, seed=seed).fit(X, y) for seed in (0, 0, 1)]
    assert np.array_equal(few[0].weights_, few[1].weights_)
    assert not np.array_equal(few[0].weights_, few[2].weights_)
    again = [KSH(4, n_anchors=10, n_labelled=n).fit(X, y).weights_ for n in (400, 5000)]
    assert np.array_equal(*again)


def test_more_bits_and_anchors_than_rows_and_rows_that_are_equal():
    X, y = rings(12)
    hasher = KSH(40, n_anchors=50).fit(np.repeat(X, 2, axis=0), np.repeat(y, 2))
    assert hasher.anchors_.shape == (50, 2)
    assert np.isfinite(hasher.weights_).all()
    assert hasher.loss_[-1] < 0.4
    constant = KSH(5, n_anchors=4).fit(np.ones((12, 2)), y)
    assert np.isfinite(constant.weights_).all()
    assert not constant.project(np.ones((1, 2))).any()


def test_labels_that_cannot_be_learnt_are_refused(monkeypatch):
    X, _ = rings(60)
    with pytest.raises(InputError, match="differ between rows"):
        KSH(4).fit(X, np.zeros(60, int))
    monkeypatch.setattr(similarity, "MOST_PAIRS", 100)
    KSH(2, n_anchors=5).fit(X, np.arange(60))  # 60 sets, none shares with another
    with pytest.raises(InputError, match=r"at most 100 pairs .* fit on fewer rows"):
        KSH(2, n_anchors=5).fit(X, several_labels())
