"""Searches without kernels give what the kernels give: ids, order, distances, similarities."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hashlens.codes import code_size, pack
from hashlens.neighbors import Neighbors
from hashlens.search import HammingIndex, small
from hashlens.search.rerank import feature_distances
from hashlens.search.rerank.exact import cosine_distances

QUICK = settings(max_examples=40, deadline=None)
NUMBERS = st.floats(-1, 1, width=16)


@QUICK
@given(
    n_bits=st.sampled_from([3, 16, 20, 33, 64, 100, 200]),
    n=st.integers(0, 150),
    k=st.integers(1, 40),
    filtered=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_codes_are_found_as_by_the_index(
    n_bits: int, n: int, k: int, filtered: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 2, (4, n_bits))  # many ties, many equal codes
    codes = pack(few[rng.integers(0, 4, n)] ^ (rng.random((n, n_bits)) < 0.05))
    ids = np.sort(rng.choice(10 * n + 1, n, replace=False))
    queries = pack(rng.integers(0, 2, (3, n_bits)))
    where = rng.random(n) < 0.5 if filtered else None
    wanted = HammingIndex(codes.reshape(n, code_size(n_bits)), n_bits, ids=ids).search(
        queries, k, where=where
    )
    found = small.nearest(codes, ids, queries, k, n_bits, where)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def compared(queries: np.ndarray, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """By the kernels."""
    near = Neighbors(np.zeros_like(wanted, np.int32), wanted)
    return feature_distances(near, queries, rows, metric="cosine")


@QUICK
@given(
    rows=arrays.arrays(np.float16, st.tuples(st.integers(1, 12), st.just(37)), elements=NUMBERS),
    seed=st.integers(0, 2**32 - 1),
)
def test_cosines_are_those_of_the_kernel_bit_for_bit(rows: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rows * np.float16(0.25)  # of length 4 at most
    queries = rows[rng.integers(0, len(rows), 3)].astype(np.float32)
    wanted = rng.integers(-1, len(rows), (3, 20))
    found = cosine_distances(queries, rows, wanted)
    assert found is not None
    assert found.tobytes() == compared(queries, rows, wanted).tobytes()


@pytest.mark.parametrize("width", [1, 256, 1280])
def test_cosines_of_stored_features_are_the_same_bit_for_bit(width: int) -> None:
    rng = np.random.default_rng(width)
    reals = rng.standard_normal((3000, width)) * 10.0 ** rng.integers(-3, 1, width)
    rows = (reals / np.linalg.norm(reals, axis=1, keepdims=True)).astype(np.float16)
    queries, wanted = rows[:2].astype(np.float32), rng.integers(0, 3000, (2, 2500))
    found = cosine_distances(queries, rows, wanted)
    assert found is not None
    assert found.tobytes() == compared(queries, rows, wanted).tobytes()


@pytest.mark.parametrize("wrong", [np.float32(0.1), np.float32(5), np.float32(1e30)])
def test_what_may_not_be_exact_is_left_to_the_kernels(wrong: np.float32) -> None:
    rows, wanted = np.ones((2, 3), np.float16), np.array([[0, 1]])
    assert cosine_distances(np.full((1, 3), wrong), rows, wanted) is None
    one = np.ones((1, 3), np.float32)
    assert cosine_distances(one, rows * np.float16(9), wanted) is None
    assert cosine_distances(one, rows * np.float16(np.nan), wanted) is None
    assert cosine_distances(one, rows.astype(np.float32), wanted) is None


COUNTING = """
import sys
from hashlens.search import small
half = small.MOST_WORDS // 2
assert [small.suffices(half), small.suffices(half + 1), small.suffices(half)] == [True, False, True]
assert not small.suffices(1)
import hashlens.search.compiled
small._Tally.words = 0
assert not small.suffices(1)
"""


def test_kernels_load_once_much_is_compared_and_are_used_from_then_on() -> None:
    subprocess.run([sys.executable, "-c", COUNTING], check=True, timeout=60)
