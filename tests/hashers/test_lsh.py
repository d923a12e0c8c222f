"""Charikar 2002, section 3: two rows agree in a bit with probability 1 - angle / pi."""

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.hashers import LSH


@pytest.mark.parametrize("degrees", [10, 45, 90, 150])
def test_bits_agree_with_probability_one_minus_angle_over_pi(degrees):
    angle = np.deg2rad(degrees)
    pair = np.zeros((2, 20))
    pair[0, 3], pair[1, 3], pair[1, 7] = 2.0, 5 * np.cos(angle), 5 * np.sin(angle)
    n_bits, n_seeds = 4096, 8
    training = np.vstack([pair, -pair])  # mean 0: the angle is seen from the origin
    differ = 0
    for seed in range(n_seeds):
        codes = LSH(n_bits, seed=seed).fit(training).transform(pair)
        differ += int(hamming(codes[:1], codes[1:], n_bits)[0, 0])
    expected = angle / np.pi
    deviation = np.sqrt(expected * (1 - expected) / (n_bits * n_seeds))
    assert abs(differ / (n_bits * n_seeds) - expected) < 4 * deviation


def test_bits_are_balanced_on_features_that_are_all_positive():
    X = np.random.default_rng(0).uniform(5, 6, (500, 30))
    shares = (LSH(64).fit(X).project(X) >= 0).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 0.15
