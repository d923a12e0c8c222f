"""Hadamard matrices and hash centres: orthogonal, far apart, distinct, good in every prefix."""

import time
import tracemalloc

import numpy as np
import pytest

from hashlens.codes import hamming, pack
from hashlens.deep.centres import build_centres, min_distance
from hashlens.deep.hadamard import hadamard
from hashlens.errors import InputError


def distances(centres):
    """All distances between two centres, by brute force."""
    first, second = np.triu_indices(len(centres), 1)
    return (centres[first] != centres[second]).sum(1)


def known_orders(n):
    return [order for order in range(1, n + 1) if hadamard(order) is not None]


def test_every_order_to_100_but_three_is_built():
    wanted = {1, 2, *range(4, 101, 4)} - {52, 92, 100}
    assert set(known_orders(100)) == wanted


@pytest.mark.parametrize("order", [*known_orders(100), 256, 512])
def test_rows_of_a_hadamard_matrix_are_orthogonal(order):
    matrix = hadamard(order)
    assert matrix.dtype == np.int8
    assert set(np.unique(matrix)) <= {-1, 1}
    np.testing.assert_array_equal(matrix @ matrix.T.astype(np.int64), order * np.eye(order))


@pytest.mark.parametrize(("n_classes", "n_bits"), [(10, 48), (24, 12), (100, 64), (7, 20)])
def test_centres_of_hadamard_rows_differ_in_half_of_the_bits_or_in_all(n_classes, n_bits):
    found = distances(build_centres(n_classes, (n_bits,), 0))
    assert set(found) <= {n_bits // 2, n_bits}
    assert (found == n_bits).sum() == n_classes // 2


@pytest.mark.parametrize(
    ("n_classes", "n_bits"), [(2, 1), (4, 2), (10, 4), (10, 7), (16, 4), (100, 12), (300, 33)]
)
def test_the_distance_is_exact_and_no_two_centres_coincide(n_classes, n_bits):
    centres = build_centres(n_classes, (n_bits,), 3)
    assert centres.shape == (n_classes, n_bits)
    assert min_distance(centres) == distances(centres).min() >= 1
    assert abs(centres.sum(0)).max() == n_classes % 2  # every bit splits the classes in half


@pytest.mark.parametrize(
    ("n_classes", "n_bits", "reached"),
    [(100, 48, 21), (1000, 32, 10), (1000, 64, 25), (5000, 64, 22)],
)
def test_greedy_centres_are_farther_apart_than_random_ones(n_classes, n_bits, reached):
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.array([-1, 1], np.int8), (n_classes, n_bits))
    distance = min_distance(build_centres(n_classes, (n_bits,), 0))
    assert distance >= reached
    assert distance >= 1.5 * min_distance(drawn)


@pytest.mark.parametrize(
    ("n_classes", "lengths", "wanted"),
    [
        (10, (12, 24, 32, 48), (6, 12, 16, 24)),
        (100, (16, 32, 64), (6, 13, 32)),
        (1000, (16, 32, 64), (4, 10, 25)),
    ],
)
def test_every_prefix_is_a_set_of_centres(n_classes, lengths, wanted):
    centres = build_centres(n_classes, lengths, 0)
    for length, distance in zip(lengths, wanted, strict=True):
        assert min_distance(centres[:, :length]) >= distance


@pytest.mark.parametrize(("n_classes", "n_bits"), [(3, 1), (10, 1), (10, 3), (300, 5), (1000, 8)])
def test_too_few_bits_are_shared_evenly(n_classes, n_bits):
    centres = build_centres(n_classes, (n_bits,), 0)
    loads = np.unique(centres, axis=0, return_counts=True)[1]
    assert len(loads) == 2**n_bits
    assert loads.max() - loads.min() <= 1
    assert min_distance(centres) == 0


def test_a_short_prefix_is_shared_evenly():
    prefix = build_centres(1000, (4, 32), 0)[:, :4]
    loads = np.unique(prefix, axis=0, return_counts=True)[1]
    assert len(loads) == 16
    assert loads.max() - loads.min() <= 1


def test_the_seed_decides():
    first, again, other = (build_centres(10, (16,), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_class_is_refused():
    with pytest.raises(InputError, match=r"n_classes must be an int >= 2. Got 1"):
        build_centres(1, (8,), 0)


def test_forty_thousand_classes_are_quick_and_small():
    tracemalloc.start()
    began = time.process_time()
    centres = build_centres(40_000, (64,), 0)
    distance = min_distance(centres)
    seconds = time.process_time() - began
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 30
    assert peak_bytes < 100e6
    assert distance >= 18
    nearest = hamming(pack(centres[:100] > 0), pack(centres > 0), 64)
    assert np.sort(nearest, axis=1)[:, 1].min() >= distance
