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


def test_more_bits_than_features_is_refused():
    with pytest.raises(InputError, match=r"n_bits must be at most n_features=3\. Got 4\."):
        PCAH(4).fit(np.eye(3))
