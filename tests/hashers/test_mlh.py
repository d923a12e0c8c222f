"""Norouzi & Fleet 2011: inference equals brute force, the bound bounds, the loss falls."""

import itertools

import numpy as np
import pytest
from scipy.sparse import csr_array

from hashlens.errors import InputError
from hashlens.hashers import LSH, MLH
from hashlens.hashers.labels import label_matrix
from hashlens.hashers.mlh_bound import augmented_codes, bound_gradient, pair_losses
from hashlens.hashers.mlh_pairs import LabelPairs


def slow_loss(m, similar, rho, dissimilar_weight):
    return max(m - rho + 1, 0) if similar else dissimilar_weight * max(rho - m + 1, 0)


@pytest.mark.parametrize("p", [1, 2, 3, 4])
@pytest.mark.parametrize("similar", [0, 1])
def test_inference_equals_brute_force_over_all_pairs_of_codes(p, similar):
    rng = np.random.default_rng(p)
    rho, weight, scale = max(1, p - 1), 0.7, 0.6
    u, v = rng.normal(size=(20, p)), rng.normal(size=(20, p))
    losses = scale * pair_losses(p, rho, weight)[[similar] * 20]
    g, h, value = augmented_codes(u, v, losses)
    codes = [np.array(code) for code in itertools.product([-1, 1], repeat=p)]
    for i in range(20):
        best = max(
            scale * slow_loss((a != b).sum(), similar, rho, weight) + a @ u[i] + b @ v[i]
            for a in codes
            for b in codes
        )
        m = (g[i] != h[i]).sum()
        assert value[i] == pytest.approx(best)
        assert losses[i, m] + g[i] @ u[i] + h[i] @ v[i] == pytest.approx(best)


def test_the_bound_bounds_the_loss_and_its_gradient_is_its_slope():
    rng = np.random.default_rng(0)
    W, first, second = rng.normal(size=(6, 3)), rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    similar = np.arange(9) % 2
    losses = pair_losses(6, 2, 1.5)[similar]
    gradient, bound, loss = bound_gradient(W, first, second, losses)
    hamming = [((W @ a >= 0) != (W @ b >= 0)).sum() for a, b in zip(first, second, strict=True)]
    pairs = zip(hamming, similar, strict=True)
    assert loss == pytest.approx(sum(slow_loss(m, s, 2, 1.5) for m, s in pairs))
    assert bound > loss
    for k, j in itertools.product(range(6), range(3)):  # piecewise linear: exact within a piece
        moved = W.copy()
        moved[k, j] += 1e-7
        slope = (bound_gradient(moved, first, second, losses)[1] - bound) / 1e-7
        assert slope == pytest.approx(gradient[k, j], abs=1e-5)
    for i in range(9):
        one = slice(i, i + 1)
        _, bound, loss = bound_gradient(W, first[one], second[one], losses[one])
        assert bound >= loss - 1e-12


def test_the_loss_falls_below_the_start_and_the_bound_stays_above_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 10))
    y = (X[:, :3] > 0) @ [1, 2, 4]
    hasher = MLH(12, n_epochs=6, n_pairs=5000).fit(X, y)
    drawn, similar = LabelPairs(label_matrix(y, 600)).draw(4000, rng)

    def loss(bits):
        hamming = (bits[drawn[0]] != bits[drawn[1]]).sum(axis=1)
        return pair_losses(12, 3, 1.0)[similar, hamming].mean()

    learnt = loss(hasher.project(X) >= 0)
    assert learnt < 0.6 * loss(LSH(12).fit(X).project(X) >= 0)
    assert learnt < hasher.loss_[-1] + 0.1
    assert hasher.loss_[-1] < 0.7 * hasher.loss_[0]
    assert (hasher.bound_ >= hasher.loss_).all()
    np.testing.assert_allclose(np.linalg.norm(hasher.weights_, axis=0), 1)


def test_half_of_the_pairs_share_a_label_and_all_are_told_truly():
    rng = np.random.default_rng(0)
    y = np.r_[np.zeros(500, int), np.arange(1, 11).repeat(5), 11]  # one large, ten small, a lone
    drawn, similar = LabelPairs(label_matrix(y, 551)).draw(20_000, rng)
    np.testing.assert_array_equal(similar, y[drawn[0]] == y[drawn[1]])
    assert (drawn[0] != drawn[1]).all()
    assert 0.49 < similar[:500].mean() < 0.75  # in random order; the large class has few others
    assert set(drawn[:, similar == 0].ravel()) == set(drawn.ravel()) == set(range(551))
    assert set(y[drawn[:, similar == 1]].ravel()) == set(range(11))


def test_several_labels_a_row_or_none():
    Y = np.zeros((40, 3), int)
    Y[:20, 0] = Y[10:30, 1] = 1  # rows 10 to 19 have two labels, 30 and on none
    drawn, similar = LabelPairs(csr_array(Y)).draw(4000, np.random.default_rng(0))
    np.testing.assert_array_equal(similar, (Y[drawn[0]] * Y[drawn[1]]).any(axis=1))
    assert similar.mean() == pytest.approx(0.5, abs=0.02)
    X = np.random.default_rng(0).normal(size=(40, 3))
    assert np.isfinite(MLH(4, n_epochs=1, n_pairs=500).fit(X, Y).weights_).all()


@pytest.mark.parametrize(("y", "share"), [(np.zeros(6), 1), (np.arange(6), 0)])
def test_one_class_and_as_many_classes_as_rows(y, share):
    drawn, similar = LabelPairs(label_matrix(y, 6)).draw(300, np.random.default_rng(0))
    assert similar.mean() == share
    assert drawn.shape == (2, 300)
    for X in np.full((6, 2), 0.1), np.eye(6):
        hasher = MLH(70, n_epochs=2, n_pairs=250).fit(X, y)
        assert np.isfinite(hasher.project(X)).all()
        assert (hasher.bound_ >= hasher.loss_ - 1e-9).all()


def test_rho_follows_the_code_length_and_stays_within_it():
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    for n_bits, rho in (1, 1), (12, 3), (64, 16):
        default = MLH(n_bits, n_epochs=1, n_pairs=200).fit(X, y)
        given = MLH(n_bits, rho=rho, n_epochs=1, n_pairs=200).fit(X, y)
        np.testing.assert_array_equal(default.weights_, given.weights_)
    with pytest.raises(InputError, match=r"rho must be an int from 1 to 8\. Got 9\."):
        MLH(8, rho=9).fit(X, y)
