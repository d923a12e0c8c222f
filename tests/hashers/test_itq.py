"""Gong & Lazebnik 2011, section 2.2: the loss never rises, and slow loops give the same."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from hashlens.hashers import ITQ, PCAH
from hashlens.hashers.pca_rr import haar_rotation
from hashlens.hashers.rotation import _Block, learn_rotation


@pytest.mark.parametrize("momentum", [0, 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_loss_never_rises_and_rotation_is_orthogonal(dtype, momentum):
    X = np.random.default_rng(1).normal(size=(9000, 16)).astype(dtype) ** 3
    hasher = ITQ(8, n_iterations=50, momentum=momentum).fit(X)
    assert (np.diff(hasher.loss_) <= 0).all()
    assert hasher.loss_[-1] < 0.995 * hasher.loss_[0]
    np.testing.assert_allclose(hasher.weights_.T @ hasher.weights_, np.eye(8), atol=1e-5)


@pytest.mark.parametrize("momentum", [0, 0.5])
def test_equals_slow_loops_from_the_formula(momentum):
    X = np.random.default_rng(2).normal(size=(30, 5))
    V = PCAH(3).fit(X).project(X)
    R, losses, before = haar_rotation(3, seed=7), [], None
    for turn in range(6):
        C = np.empty_like(V)
        for i in range(30):
            for k in range(3):
                C[i, k] = 1.0 if sum(V[i, j] * R[j, k] for j in range(3)) >= 0 else -1.0
        losses.append(sum((C[i, k] - V[i] @ R[:, k]) ** 2 for i in range(30) for k in range(3)))
        product = C.T @ V
        ahead = 0 if before is None or turn == 5 else momentum * (product - before)
        S, _, Zt = np.linalg.svd(product + ahead)
        R, before = Zt.T @ S.T, product
    assert (np.diff(losses) <= 0).all()  # no step is taken back
    hasher = ITQ(3, n_iterations=6, momentum=momentum, seed=7).fit(X)
    np.testing.assert_allclose(hasher.loss_, losses)
    np.testing.assert_allclose(hasher.project(X), V @ R, atol=1e-10)


def test_quantises_better_than_the_principal_components_themselves():
    X = np.random.default_rng(3).normal(size=(2000, 16)) * np.linspace(3, 0.2, 16)
    V = PCAH(16).fit(X).project(X)
    rotated = ITQ(16).fit(X).project(X)
    assert np.abs(rotated).sum() > 1.02 * np.abs(V).sum()  # the larger, the smaller the loss


def test_draws_rows_where_there_are_more_and_loses_little():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(20_000, 16)) * np.linspace(2, 0.5, 16)
    drawn, whole = ITQ(8, sample_rows=5000).fit(X), ITQ(8).fit(X)
    again = ITQ(8, sample_rows=5000).fit(X)
    np.testing.assert_array_equal(drawn.weights_, again.weights_)
    assert not np.array_equal(drawn.weights_, whole.weights_)
    loss = [np.square(1 - np.abs(hasher.project(X))).mean() for hasher in (drawn, whole)]
    assert loss[0] < 1.03 * loss[1]


def test_twenty_rounds_with_momentum_undercut_fifty_of_the_paper():
    rng = np.random.default_rng(8)
    falling = rng.normal(size=(5000, 40)) * np.arange(1, 41) ** -0.5
    cube = rng.uniform(-1, 1, size=(5000, 32)) @ haar_rotation(32, 1)
    for X in falling, cube, rng.normal(size=(5000, 32)):
        paper = ITQ(32, n_iterations=50, momentum=0).fit(X).loss_
        assert ITQ(32).fit(X).loss_[-1] < paper[-1] < paper[-2]


def test_a_step_that_raises_the_loss_is_taken_back():
    V = np.random.default_rng(9).normal(size=(200, 8))
    R, loss = learn_rotation(V, haar_rotation(8, 0), 60, momentum=4.0)
    assert (np.diff(loss) == 0).any()
    assert (np.diff(loss) <= 0).all()
    plain = learn_rotation(V, haar_rotation(8, 0), 60)[1]
    assert loss[-1] < plain[5]
    assert np.square(np.where(V @ R >= 0, 1, -1) - V @ R).sum() <= loss[-1] * (1 + 1e-12)


def test_changed_signs_add_up_to_the_whole_product():
    rng = np.random.default_rng(5)
    V = rng.normal(size=(300, 6))
    block, product = _Block(V), np.zeros((6, 6))
    for seed in range(5):
        R = haar_rotation(6, seed)
        product += block.turn(R)
        np.testing.assert_allclose(product, V.T @ np.where(V @ R >= 0, 1, -1), atol=1e-9)


def test_the_number_of_threads_changes_nothing():
    V = np.random.default_rng(6).normal(size=(70_000, 16)).astype(np.float32)
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            found.append(learn_rotation(V, haar_rotation(16, 0), 4)[0])
    np.testing.assert_array_equal(*found)


def test_the_loss_stays_once_no_sign_changes():
    hasher = ITQ(2, n_iterations=200).fit(np.random.default_rng(7).normal(size=(20, 4)))
    assert (hasher.loss_[-50:] == hasher.loss_[-1]).all()
