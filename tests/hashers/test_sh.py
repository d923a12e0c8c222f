"""Weiss et al. 2008: the smoothest sinusoids, against slow loops and against a uniform box."""

import numpy as np
import pytest

from hashlens.hashers import PCAH, SH


@pytest.mark.parametrize(("d", "n_bits"), [(5, 3), (5, 17), (2, 40)])
def test_equals_slow_loops_from_the_formula(d, n_bits):
    X = np.random.default_rng(d).normal(size=(9000 if d == 2 else 50, d)) * np.arange(d, 0, -1)
    p = min(n_bits, d)
    V = PCAH(p).fit(X).project(X)
    a, b = V.min(axis=0), V.max(axis=0)
    found = []
    for i in range(p):
        for m in range(1, n_bits + 1):
            found.append((m * np.pi / (b[i] - a[i]), i))
    smallest = sorted(found)[:n_bits]
    expected = np.empty((50, n_bits))
    for row in range(50):
        for k, (omega, i) in enumerate(smallest):
            expected[row, k] = np.sin(np.pi / 2 + omega * (V[row, i] - a[i]))
    hasher = SH(n_bits).fit(X)
    assert hasher.directions_.tolist() == [i for _, i in smallest]
    np.testing.assert_allclose(hasher.project(X[:50]), expected, atol=1e-9)


def test_codes_of_a_uniform_line_are_a_cosine_at_each_frequency():
    X = np.linspace(0, 1, 1001)[:, None]
    hasher = SH(3).fit(X)
    x = X if hasher.weights_[0, 0] > 0 else 1 - X
    np.testing.assert_allclose(hasher.project(X), np.cos(np.pi * x * [1, 2, 3]), atol=1e-9)


def test_one_feature_carries_all_4096_bits():
    X = np.random.default_rng(0).uniform(size=(300, 1)).astype(np.float32)
    hasher = SH(4096).fit(X)
    np.testing.assert_array_equal(hasher.modes_, np.arange(1, 4097))
    assert len(np.unique(hasher.transform(X), axis=0)) == 300


def test_a_direction_without_spread_has_no_bits():
    X = np.random.default_rng(0).normal(size=(40, 3)) * [1, 0, 0] + 0.1
    hasher = SH(64).fit(X)
    assert set(hasher.directions_) == {0}


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_equal_rows_have_all_bits_set(value):
    X = np.full((20, 3), value)
    assert (SH(16).fit(X).transform(X) == 255).all()
