"""PCAH in closed form: the right singular vectors of the centred data."""

import numpy as np
import pytest

from hashlens.errors import InputError
from hashlens.hashers import PCAH


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-9), (np.float32, 2e-4)])
def test_projections_are_those_of_the_svd(dtype, atol):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(9000, 12)) @ np.diag(np.arange(12, 0, -1.0)) + 7).astype(dtype)
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    right = np.linalg.svd(centred, full_matrices=False)[2][:5].T
    right *= np.sign(right[np.abs(right).argmax(axis=0), range(5)])
    hasher = PCAH(5).fit(X)
    np.testing.assert_allclose(hasher.weights_, right, atol=atol)
    np.testing.assert_allclose(hasher.project(X), centred @ right, atol=100 * atol)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-9), (np.float32, 2e-4)])
def test_fewer_rows_than_features_give_the_same_directions(dtype, atol):
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(40, 60)) @ np.diag(np.arange(60, 0, -1.0)) + 7).astype(dtype)
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    right = np.linalg.svd(centred, full_matrices=False)[2][:20].T
    right *= np.sign(right[np.abs(right).argmax(axis=0), range(20)])
    np.testing.assert_allclose(PCAH(20).fit(X).weights_, right, atol=atol)


@pytest.mark.parametrize("n_bits", [3, 39, 40, 60])
def test_directions_without_variance_are_orthonormal_too(n_bits):
    rng = np.random.default_rng(2)
    X = np.repeat(rng.normal(size=(4, 60)), 10, axis=0)  # 3 dimensions
    weights = PCAH(n_bits).fit(X).weights_
    np.testing.assert_allclose(weights.T @ weights, np.eye(n_bits), atol=1e-9)
    largest = np.linalg.svd(X - X.mean(axis=0))[1][:3]
    found = np.linalg.norm((X - X.mean(axis=0)) @ weights, axis=0)[:3]
    np.testing.assert_allclose(found, largest)


def test_more_bits_than_features_is_refused():
    with pytest.raises(InputError, match=r"n_bits must be at most n_features=3\. Got 4\."):
        PCAH(4).fit(np.eye(3))
