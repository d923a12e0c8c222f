"""Distances of packed codes, against slow loops over their bits."""

import numpy as np
import pytest

from hashlens.codes import Code, hamming, pack, spherical_hamming
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


def test_a_code_by_itself_is_a_row_of_packed_codes():
    codes = pack(np.random.default_rng(0).random((3, 13)) < 0.5)
    code = Code(13, codes[1].tobytes())
    np.testing.assert_array_equal(code.row, codes[1])
    assert Code.from_hex(code.hex, 13) == code
    assert {code, Code.from_hex(code.hex.upper(), 13)} == {code}
    assert Code.from_hex("ff00").n_bits == 16
    assert not code.row.flags.writeable


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Code(12, b"a"), "code must be 2 bytes, 4 hex digits, for 12 bits. Got b'a'."),
        (lambda: Code(12, "ab"), "code must be 2 bytes, 4 hex digits, for 12 bits. Got 'ab'."),
        (lambda: Code(12, b"\xff\xff"), "code must be zero in the last 4 padding bits"),
        (lambda: Code(0, b""), "n_bits must be an int from 1 to 4096. Got 0."),
        (lambda: Code.from_hex("fg"), "code must be pairs of hex digits. Got 'fg'."),
        (lambda: Code.from_hex(7), "code must be pairs of hex digits. Got 7."),
        (lambda: Code.from_hex(""), "n_bits must be an int from 1 to 4096. Got 0."),
    ],
)
def test_what_is_no_code_is_refused(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
