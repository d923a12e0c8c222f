"""PCAH in closed form: the right singular vectors of the centred data."""

import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone

from hashlens.errors import InputError
from hashlens.hashers import ITQ, LSH, PCAH, PCARR
from hashlens.hashers.pca import mean_and_covariance, mean_of


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


@pytest.mark.parametrize("hasher", [PCAH(4), PCARR(4), ITQ(4, n_iterations=3), LSH(4)])
def test_float16_from_a_file_is_never_copied_whole(hasher, tmp_path):
    shape = (40_000, 16)
    mapped = np.memmap(tmp_path / "x.f16", np.float16, "w+", shape=shape)
    mapped[:] = np.random.default_rng(3).normal(size=shape) * np.linspace(3, 1, 16) + 5
    before = mapped.copy()
    tracemalloc.start()
    codes = hasher.fit(mapped).transform(mapped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(mapped, before)
    if not isinstance(hasher, ITQ):  # which keeps the projections
        assert peak < 40_000 * 16 * 4 * 0.8
    assert hasher.mean_.dtype == np.float32
    np.testing.assert_array_equal(codes, clone(hasher).fit(before.astype("f4")).transform(before))


@pytest.mark.parametrize("Hasher", [PCAH, PCARR])
def test_rows_drawn_keep_the_variance_and_leave_the_file_where_it_is(Hasher, tmp_path):
    shape = (30_000, 64)
    mapped = np.memmap(tmp_path / "x.f32", np.float32, "w+", shape=shape)
    mapped[:] = np.random.default_rng(5).normal(size=shape) * np.linspace(3, 1, 64) + 5
    tracemalloc.start()
    drawn = Hasher(8, sample_rows=20_000).fit(mapped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 64 * 4  # the rows drawn
    np.testing.assert_array_equal(
        drawn.weights_, Hasher(8, sample_rows=20_000).fit(mapped).weights_
    )
    whole = Hasher(8).fit(mapped)
    assert not np.array_equal(drawn.mean_, whole.mean_)
    kept = [hasher.project(mapped).var(axis=0).sum() for hasher in (drawn, whole)]
    assert 0.998 * kept[1] < kept[0] <= kept[1]


def test_rows_drawn_may_be_fewer_than_features():
    X = np.random.default_rng(6).normal(size=(50, 40)) * np.linspace(5, 1, 40)
    weights = PCAH(8, sample_rows=20).fit(X).weights_
    np.testing.assert_allclose(weights.T @ weights, np.eye(8), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_covariance_of_data_far_from_zero(dtype):
    rng = np.random.default_rng(4)
    X = (rng.normal(size=(20_000, 6)) * np.arange(1, 7) + 1000).astype(dtype)
    mean, covariance = mean_and_covariance(X)
    exact = np.cov(X.astype(np.float64), rowvar=False, bias=True)
    np.testing.assert_allclose(mean, X.mean(axis=0, dtype=np.float64), rtol=1e-8)
    np.testing.assert_allclose(mean_of(X), mean, rtol=1e-12)
    np.testing.assert_allclose(covariance, exact, atol=1e-5 * exact.max())
