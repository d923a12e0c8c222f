"""Jin et al. 2014: planes half-way between adjacent groups, against slow loops."""

import numpy as np
import pytest

from hashlens.codes import unpack
from hashlens.hashers import DSH


def rows_at(centres, n_each):
    """Put `n_each[i]` equal rows at each centre: k-means finds them whatever its start."""
    return np.repeat(np.asarray(centres, float), n_each, axis=0)


def slow_planes(centres, sizes, r):
    """Entropy and pair of every adjacent pair of groups, highest entropy first."""
    k, pairs, planes = len(centres), set(), []
    for i in range(k):
        others = [(((centres[i] - centres[j]) ** 2).sum(), j) for j in range(k) if j != i]
        pairs |= {tuple(sorted((i, j))) for _, j in sorted(others)[:r]}
    for i, j in pairs:
        w, middle = centres[i] - centres[j], (centres[i] + centres[j]) / 2
        above = sum(n for c, n in zip(centres, sizes, strict=True) if w @ (c - middle) >= 0)
        p = above / sum(sizes)
        planes.append((-sum(q * np.log(q) for q in (p, 1 - p) if q > 0), i, j))
    return sorted(planes, reverse=True)


def margin(X, one, other):
    """Half the difference of the squared distances: the nearer centre decides the bit."""
    return (((X - other) ** 2).sum(axis=1) - ((X - one) ** 2).sum(axis=1)) / 2


@pytest.mark.parametrize(("r", "n_bits"), [(1, 3), (2, 5), (3, 9)])
def test_equals_slow_loops_from_the_formula(r, n_bits):
    rng = np.random.default_rng(r)
    centres = rng.normal(size=(12, 4)) * 3 + 1
    sizes = rng.integers(3, 40, 12)
    X = rows_at(centres, sizes)
    hasher = DSH(n_bits, groups_per_bit=20, n_adjacent=r).fit(X)
    planes = slow_planes(centres, sizes, r)
    entropies = [entropy for entropy, _, _ in planes]
    np.testing.assert_allclose(hasher.entropy_, entropies[:n_bits])
    assert n_bits < len(planes)
    used = set()
    for value, entropy in zip(hasher.project(X).T, hasher.entropy_, strict=True):
        used |= {
            (i, j)
            for tied, i, j in planes
            if np.isclose(tied, entropy)
            and np.allclose(np.abs(value), np.abs(margin(X, centres[i], centres[j])))
        }
    assert len(used) == n_bits


def test_groups_are_those_of_three_rounds_of_k_means():
    X = np.random.default_rng(0).normal(size=(9000, 2))
    hasher = DSH(3, groups_per_bit=1, seed=5).fit(X)  # three groups, three planes, all kept
    centres = X[np.random.default_rng(5).permutation(9000)[:3]]
    for _ in range(3):
        nearest = np.array([((centres - x) ** 2).sum(axis=1).argmin() for x in X])
        centres = np.array([X[nearest == g].mean(axis=0) for g in range(3)])
    planes = slow_planes(centres, np.bincount(nearest), 2)
    np.testing.assert_allclose(hasher.entropy_, [entropy for entropy, _, _ in planes])
    expected = [np.abs(margin(X, centres[i], centres[j])) for _, i, j in planes]
    found = np.abs(hasher.project(X)).T
    np.testing.assert_allclose(sorted(found.tolist()), sorted(np.array(expected).tolist()))


def test_more_neighbours_are_taken_where_planes_are_too_few():
    X = rows_at(np.random.default_rng(0).normal(size=(10, 3)), [4] * 10)
    hasher = DSH(40, n_adjacent=1).fit(X)  # 45 pairs in all
    assert len(np.unique(hasher.weights_, axis=1).T) == 40


def test_surplus_bits_repeat_the_planes_from_the_first_on():
    X = rows_at([[0.0], [1.0], [5.0]], [5, 6, 7])
    values = DSH(8).fit(X).project(X)
    np.testing.assert_array_equal(values[:, 3:6], values[:, :3])
    np.testing.assert_array_equal(values[:, 6:], values[:, :2])
    assert len(np.unique(values[:, :3], axis=1).T) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rows_have_all_bits_set(dtype):
    X = np.full((30, 3), 0.1, dtype)
    assert unpack(DSH(11).fit(X).transform(X), 11).all()


def test_linear_form_is_the_projection():
    X = np.random.default_rng(0).normal(4, 1, (80, 5))
    hasher = DSH(16).fit(X)
    weights, offset = hasher.linear_form()
    np.testing.assert_allclose(X @ weights + offset, hasher.project(X), atol=1e-9)
