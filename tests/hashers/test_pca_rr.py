"""PCA-RR: a Haar rotation, which keeps the distances of PCAH's projections."""

import numpy as np
from scipy.spatial.distance import pdist

from hashlens.hashers import PCAH, PCARR
from hashlens.hashers.pca_rr import haar_rotation


def test_rotation_is_orthogonal_and_has_no_preferred_direction():
    draws = np.stack([haar_rotation(3, seed) for seed in range(1000)])
    np.testing.assert_allclose(
        draws @ draws.transpose(0, 2, 1), np.tile(np.eye(3), (1000, 1, 1)), atol=1e-12
    )
    # Haar: every entry has mean 0 and variance 1/3; LAPACK's Q alone has a biased diagonal
    assert np.abs(draws.mean(axis=0)).max() < 4 / np.sqrt(3 * 1000)
    np.testing.assert_allclose((draws**2).mean(axis=0), 1 / 3, atol=0.05)
    unsigned = np.stack(
        [np.linalg.qr(np.random.default_rng(s).standard_normal((3, 3)))[0] for s in range(1000)]
    )
    assert np.abs(unsigned.mean(axis=0)).max() > 0.1


def test_distances_are_those_of_the_principal_components():
    X = np.random.default_rng(0).normal(size=(60, 10)) * np.arange(1, 11)
    before, after = PCAH(6).fit(X).project(X), PCARR(6, seed=4).fit(X).project(X)
    np.testing.assert_allclose(pdist(after), pdist(before))
    assert not np.allclose(after, before)
