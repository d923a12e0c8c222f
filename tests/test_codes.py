"""Distances of packed codes, against slow loops over their bits."""

import numpy as np
import pytest

from hashlens.codes import hamming, pack, spherical_hamming
from hashlens.errors import InputError


@pytest.mark.parametrize("n_bits", [1, 7, 8, 13, 200])
def test_distances_equal_slow_loops(n_bits):
    rng = np.random.default_rng(n_bits)
    a, b = (rng.random((n, n_bits)) < 0.4 for n in (6, 9))
    a[0], b[1] = False, a[1]
    plain, spherical = np.empty((6, 9)), np.empty((6, 9))
    for i in range(6):
        for j in range(9):
            differing = sum(a[i, k] != b[j, k] for k in range(n_bits))
            common = sum(a[i, k] and b[j, k] for k in range(n_bits))
            plain[i, j] = differing
            spherical[i, j] = differing / common if common else (np.inf if differing else 0)
    codes = pack(a), pack(b)
    np.testing.assert_array_equal(hamming(*codes, n_bits), plain)
    np.testing.assert_array_equal(spherical_hamming(*codes, n_bits), spherical)


def test_spherical_distance_without_a_common_bit():
    codes = pack([[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    distances = spherical_hamming(codes, codes, 3)
    assert distances.dtype == np.float64
    expected = np.where(np.eye(3, dtype=bool), 0.0, np.inf)
    np.testing.assert_array_equal(distances, expected)


def test_more_common_bits_make_two_rows_nearer():
    far, near = pack([[1, 0, 1, 0, 0, 0]]), pack([[1, 0, 1, 1, 1, 1]])
    other_far, other_near = pack([[1, 1, 0, 0, 0, 0]]), pack([[1, 1, 0, 1, 1, 1]])
    assert hamming(far, other_far, 6) == hamming(near, other_near, 6)
    assert spherical_hamming(far, other_far, 6) > spherical_hamming(near, other_near, 6)


def test_spherical_distance_of_no_rows():
    codes = pack([[1, 0, 1]])
    assert spherical_hamming(codes[:0], codes, 3).shape == (0, 1)


@pytest.mark.parametrize("distance", [hamming, spherical_hamming])
def test_distances_refuse_what_is_no_code(distance):
    codes = pack([[1, 0, 1]])
    for a, b in (codes + 8, codes), (codes, codes.astype(float)), (codes, np.hstack([codes] * 2)):
        with pytest.raises(InputError, match=r"^[ab] must be .* Got "):
            distance(a, b, 3)
