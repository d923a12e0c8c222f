"""Raginsky & Lazebnik 2009: the expected share of differing bits is a series in the kernel."""

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.hashers import SKLSH


@pytest.mark.parametrize("distance", [0.2, 0.7, 1.5, 6.0])
def test_differing_bits_are_expected_by_the_series_of_the_kernel(distance):
    X = np.random.default_rng(0).normal(5, 2, (60, 8))
    n_bits, n_seeds = 4096, 8
    width = SKLSH(1).fit(X).width_
    pair = np.zeros((2, 8))
    pair[1, 2], pair[1, 5] = 0.6 * distance * width, 0.8 * distance * width
    differ = 0
    for seed in range(n_seeds):
        codes = SKLSH(n_bits, seed=seed).fit(X).transform(pair)
        differ += int(hamming(codes[:1], codes[1:], n_bits)[0, 0])
    m = np.arange(1, 2000)
    kernel = np.exp(-((m * distance) ** 2) / 2)  # K(mx - my), in units of the width
    expected = 8 / np.pi**2 * ((1 - kernel) / (4 * m**2 - 1)).sum()
    deviation = np.sqrt(expected * (1 - expected) / (n_bits * n_seeds))
    # 4e-4: what is left out of the series
    assert abs(differ / (n_bits * n_seeds) - expected) < 4 * deviation + 4e-4


@pytest.mark.parametrize(("n", "n_neighbors"), [(70, 50), (30, 50), (30, 4)])
def test_width_is_the_mean_distance_to_the_fiftieth_neighbour(n, n_neighbors):
    X = np.random.default_rng(1).normal(3, 1, (n, 5)).astype(np.float32)
    farthest = []
    for x in X.astype(np.float64):
        distances = sorted(np.sqrt(((row - x) ** 2).sum()) for row in X.astype(np.float64))
        farthest.append(distances[min(n_neighbors, n - 1)])  # distances[0] is the row itself
    hasher = SKLSH(3, n_neighbors=n_neighbors).fit(X)
    assert hasher.width_ == pytest.approx(np.mean(farthest), rel=1e-6)


def test_width_is_close_where_rows_are_sampled_and_come_in_blocks():
    X = np.random.default_rng(2).normal(size=(9000, 3))
    order = np.argsort(X[:, 0])
    brute = [np.sort(np.sqrt(((X - x) ** 2).sum(axis=1)))[50] for x in X[:200]]
    assert SKLSH(1).fit(X[order]).width_ == pytest.approx(np.mean(brute), rel=0.1)


def test_copies_and_constant_rows_have_a_width():
    X = np.repeat(np.array([[0.1, 0.0], [0.1, 2.0]]), 60, axis=0)  # every 50th neighbour a copy
    hasher = SKLSH(64).fit(X)
    assert hasher.width_ == pytest.approx(np.sqrt(2))  # half of the pairs are at 0, half at 2
    assert len(np.unique(hasher.transform(X), axis=0)) == 2
    constant = SKLSH(64).fit(X * [1, 0])
    assert constant.width_ == 1
    assert np.isfinite(constant.project(X)).all()


def test_width_of_near_copies_is_not_the_rounding_of_float32():
    rng = np.random.default_rng(9)
    X = np.repeat(rng.normal(size=(20, 8)) * 10, 60, axis=0)
    X = (X + rng.normal(scale=1e-3, size=X.shape)).astype(np.float32)
    of_both = [SKLSH(1).fit(X.astype(dtype)).width_ for dtype in (np.float32, np.float64)]
    assert of_both[0] == pytest.approx(of_both[1], rel=0.02)
    assert of_both[0] < 0.1


def test_width_in_float32_is_that_in_float64():
    X = np.random.default_rng(10).normal(3, 1, size=(9000, 8)).astype(np.float32)
    of_both = [SKLSH(1).fit(X.astype(dtype)).width_ for dtype in (np.float32, np.float64)]
    assert of_both[0] == pytest.approx(of_both[1], rel=1e-5)
