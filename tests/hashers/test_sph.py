"""Heo et al. 2012: spheres of half the rows, a quarter in common, against slow loops."""

import numpy as np
import pytest

from hashlens.codes import unpack
from hashlens.hashers import SpH


def test_equals_slow_loops_from_the_formula():
    X = np.random.default_rng(0).normal(size=(40, 3))
    pivots = SpH(5, max_iterations=0).fit(X).pivots_
    assert all((p == X).all(axis=1).any() for p in pivots)  # rows at first
    for done in range(1, 4):
        radii = [np.median([np.linalg.norm(x - p) for x in X]) for p in pivots]
        inside = [
            [np.linalg.norm(x - p) <= t for x in X] for p, t in zip(pivots, radii, strict=True)
        ]
        forces = np.zeros_like(pivots)
        for i in range(5):
            for j in range(5):
                common = sum(a and b for a, b in zip(inside[i], inside[j], strict=True))
                forces[i] += 0.5 * (common - 10) / 10 * (pivots[i] - pivots[j]) / 5
        pivots = pivots + forces
        hasher = SpH(5, max_iterations=done).fit(X)
        assert hasher.n_iterations_ == done
        np.testing.assert_allclose(hasher.pivots_, pivots)
        distances = np.linalg.norm(X[:, None] - pivots, axis=2)
        np.testing.assert_allclose(hasher.radii_, np.median(distances, axis=0))
        np.testing.assert_allclose(hasher.project(X), hasher.radii_ - distances, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spheres_hold_half_the_rows_and_a_quarter_in_common(dtype):
    X = np.random.default_rng(1).normal(2, 1, (2000, 16)).astype(dtype)
    hasher = SpH(16).fit(X)
    bits = hasher.project(X) >= 0
    np.testing.assert_array_equal(bits.sum(axis=0), 1000)
    common = np.array([(bits[:, i] & bits[:, j]).sum() for i in range(16) for j in range(i)])
    assert np.abs(common - 500).mean() == pytest.approx(500 * hasher.overlap_mean_)
    assert common.std() == pytest.approx(500 * hasher.overlap_std_)
    assert hasher.overlap_mean_ <= 0.10
    assert hasher.overlap_std_ <= 0.15
    at_first = SpH(16, max_iterations=0).fit(X)
    assert at_first.overlap_mean_ > 0.15
    assert hasher.n_iterations_ < 100


def test_the_best_round_is_kept_where_balance_never_comes():
    X = np.random.default_rng(2).normal(size=(50, 1))
    means = [SpH(32, max_iterations=n).fit(X).overlap_mean_ for n in (0, 5, 20, 400)]
    assert means == sorted(means, reverse=True)
    assert means[-1] > 0.10


def test_pivots_stay_near_enough_to_tell_rows_apart():
    X = np.random.default_rng(0).normal(size=(5, 1)).astype(np.float32)
    hasher = SpH(16, max_iterations=5000).fit(X)
    assert hasher.n_iterations_ < 5000
    assert np.isfinite(hasher.project(X)).all()


def test_one_bit_is_one_sphere_and_surplus_bits_have_pivots_of_their_own():
    X = np.repeat(np.random.default_rng(0).normal(size=(4, 2)), 10, axis=0)
    one = SpH(1).fit(X)
    assert (one.n_iterations_, one.overlap_mean_) == (0, 0)
    many = SpH(30, max_iterations=0).fit(X)
    assert len(np.unique(many.pivots_, axis=0)) == 30
    between = many.pivots_[4:]
    assert (between >= X.min(axis=0)).all()
    assert (between <= X.max(axis=0)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rows_are_on_every_sphere(dtype):
    X = np.full((30, 3), 0.1, dtype)
    hasher = SpH(11).fit(X)
    assert unpack(hasher.transform(X), 11).all()
    assert unpack(hasher.transform(X[:1]), 11).all()


def test_a_row_that_is_a_pivot_is_at_distance_zero():
    X = np.random.default_rng(0).normal(1e3, 1, (20, 50)).astype(np.float32)
    hasher = SpH(4, max_iterations=0).fit(X)
    np.testing.assert_array_equal(np.diag(hasher.project(hasher.pivots_)), hasher.radii_)
