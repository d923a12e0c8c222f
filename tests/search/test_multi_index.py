"""Multi-index search against the definition: every distance, then a stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.codes import hamming, pack
from hashlens.errors import FormatError, InputError
from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID
from hashlens.search.blocks import as_blocks, as_rows
from hashlens.search.multi.index import Budget, MultiIndex

LENGTHS = [1, 2, 7, 8, 16, 17, 33, 48, 64, 65, 100, 128, 256]
SIZES = [0, 1, 2, 63, 64, 65, 130, 700]


def codes_of(kind, n, n_bits, seed):
    rng = np.random.default_rng(seed)
    if kind == "constant":
        return pack(np.ones((n, n_bits), bool))
    if kind == "random":
        return pack(rng.random((n, n_bits)) < 0.5)
    bits = (np.random.default_rng(n_bits).random((3, n_bits)) < 0.5)[rng.integers(0, 3, n)]
    return pack(bits if kind == "duplicated" else bits ^ (rng.random((n, n_bits)) < 0.1))


def live_words(mask):
    """Turn booleans of positions into a word of bits for each block of 64."""
    padded = np.zeros(-(-len(mask) // 64) * 64, bool)
    padded[: len(mask)] = mask
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


KINDS = st.sampled_from(["random", "clustered", "duplicated", "constant"])


@st.composite
def problems(draw):
    """Codes, queries, which codes live, and an index of any number of tables."""
    n_bits, seed = draw(st.sampled_from(LENGTHS)), draw(st.integers(0, 2**32 - 1))
    n = draw(st.sampled_from(SIZES))
    codes = codes_of(draw(KINDS), n, n_bits, seed)
    queries = codes_of(draw(KINDS), draw(st.integers(0, 4)), n_bits, seed + 1)
    mask = np.random.default_rng(seed).random(n) < draw(st.sampled_from([0.05, 0.7, 1.0]))
    # Keys of 26 bits are allowed, but 2^26 of them are slow to lay out for a test.
    n_tables = draw(st.one_of(st.none(), st.integers(-(-n_bits // 14), n_bits)))
    threads = draw(st.integers(1, 5))
    index = MultiIndex.build(as_blocks(codes, n_bits), n, n_bits, n_tables, threads)
    return codes, queries, mask, index, threads


def answers(codes, queries, mask, n_bits):
    """Distances and positions of all live codes of each query, nearest first."""
    distances = hamming(queries, codes, n_bits)
    order = np.argsort(distances, axis=1, kind="stable")
    live = [row[mask[row]] for row in order]
    return [(row[some], some) for row, some in zip(distances, live, strict=True)]


def assert_nearest(found, expected, k):
    for distances, positions, (wanted, where) in zip(
        found.distances, found.positions, expected, strict=True
    ):
        missing = max(0, k - len(where))
        assert distances.tolist() == wanted[:k].tolist() + [MISSING_DISTANCE] * missing
        assert positions.tolist() == where[:k].tolist() + [MISSING_ID] * missing


def assert_within(found, expected, radius):
    balls = zip(found.offsets[:-1], found.offsets[1:], expected, strict=True)
    for start, stop, (wanted, where) in balls:
        near = wanted <= radius
        assert found.distances[start:stop].tolist() == wanted[near].tolist()
        assert found.positions[start:stop].tolist() == where[near].tolist()
    assert found.offsets[-1] == len(found.distances) == len(found.positions)


@settings(deadline=None, max_examples=80)
@given(problems(), st.sampled_from([1, 2, 10, 100, 800]))
def test_nearest_are_those_of_a_stable_sort(problem, k):
    codes, queries, mask, index, threads = problem
    rows = as_rows(queries, index.n_bits)
    found = index.nearest(rows, k, live_words(mask), threads)
    assert found.distances.dtype == np.int32
    assert found.positions.dtype == np.int64
    assert found.distances.shape == found.positions.shape == (len(queries), k)
    assert found.finished.all()
    assert_nearest(found, answers(codes, queries, mask, index.n_bits), k)


@settings(deadline=None, max_examples=80)
@given(problems(), st.floats(0, 1))
def test_within_are_all_codes_of_the_ball(problem, share):
    codes, queries, mask, index, threads = problem
    radius = round(share * index.n_bits)
    rows = as_rows(queries, index.n_bits)
    found = index.within(rows, radius, live_words(mask), threads)
    assert (found.offsets.dtype, found.distances.dtype) == (np.int64, np.int32)
    assert found.finished.all()
    assert_within(found, answers(codes, queries, mask, index.n_bits), radius)


@settings(deadline=None, max_examples=40)
@given(problems(), st.integers(0, 3000), st.integers(0, 5))
def test_a_query_within_its_budget_is_exact_and_others_say_so(problem, most, radius):
    codes, queries, mask, index, threads = problem
    rows, live = as_rows(queries, index.n_bits), live_words(mask)
    expected = answers(codes, queries, mask, index.n_bits)
    budget = Budget(most, 2, 1)
    nearest = index.nearest(rows, 5, live, threads, budget)
    within = index.within(rows, radius, live, threads, budget)
    for query in range(len(rows)):
        part = slice(query, query + 1)
        if nearest.finished[query]:
            one = nearest._replace(
                distances=nearest.distances[part], positions=nearest.positions[part]
            )
            assert_nearest(one, expected[part], 5)
            assert nearest.work[query] @ [2, 1] <= most
        n_found = within.offsets[query + 1] - within.offsets[query]
        n_near = int((expected[query][0] <= radius).sum())
        assert n_found == (n_near if within.finished[query] else 0)


@pytest.mark.parametrize("n_tables", [None, 512, 4096])
def test_long_codes(n_tables):
    codes, queries = codes_of("clustered", 65, 4096, 0), codes_of("clustered", 3, 4096, 1)
    mask = np.arange(65) != 7
    index = MultiIndex.build(as_blocks(codes, 4096), 65, 4096, n_tables, 2)
    expected = answers(codes, queries, mask, 4096)
    rows, live = as_rows(queries, 4096), live_words(mask)
    assert_nearest(index.nearest(rows, 70, live, 2), expected, 70)
    assert_within(index.within(rows, 800, live, 2), expected, 800)


def test_a_near_code_costs_a_probe_or_two_of_each_table():
    codes = codes_of("random", 700, 64, 0)
    index = MultiIndex.build(as_blocks(codes, 64), 700, 64, 4)
    queries = codes[:2].copy()
    queries[1, 0] ^= 1  # in the first table's key: known once the second table has been asked
    found = index.nearest(as_rows(queries, 64), 1, live_words(np.ones(700, bool)), 1)
    assert found.positions[:, 0].tolist() == [0, 1]
    assert found.work.tolist() == [[1, 1], [2, 1]]


def test_no_budget_at_all_gives_every_query_up():
    codes = codes_of("random", 700, 64, 0)
    index = MultiIndex.build(as_blocks(codes, 64), 700, 64, 4)
    rows, live = as_rows(codes[:3], 64), live_words(np.ones(700, bool))
    assert not index.nearest(rows, 1, live, 1, Budget(0)).finished.any()
    far = index.nearest(rows, 500, live, 1, Budget(1 << 60))
    assert not far.finished.any()  # a scan of 700 codes is cheaper than the keys so far away
    found = index.within(rows, 40, live, 1, Budget(0))
    assert found.offsets.tolist() == [0, 0, 0, 0]
    assert not found.finished.any()


def test_codes_in_crowds_are_given_longer_keys():
    chosen = {}
    for kind in ("random", "clustered"):
        codes = codes_of(kind, 30_000, 64, 0)
        chosen[kind] = MultiIndex.build(as_blocks(codes, 64), 30_000, 64).n_tables
    assert chosen["clustered"] < chosen["random"]


@pytest.mark.parametrize("kind", ["clustered", "constant"])
def test_threads_build_the_same_tables(kind):
    blocks = as_blocks(codes_of(kind, 100_000, 17, 0), 17)
    one, three = (MultiIndex.build(blocks, 100_000, 17, 1, threads) for threads in (1, 3))
    for name, array in one.to_arrays().items():
        assert np.array_equal(array, three.to_arrays()[name])


def test_building_tells_how_far_it_is():
    told = []
    blocks = as_blocks(codes_of("random", 100, 33, 0), 33)
    index = MultiIndex.build(blocks, 100, 33, 3, tell=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (index.n_items, index.n_tables, index.n_bits) == (100, 3, 33)


@pytest.mark.parametrize(("n_bits", "n_tables"), [(64, 2), (64, 65), (8, 0), (0, 1), (4097, 200)])
def test_impossible_numbers_are_refused(n_bits, n_tables):
    with pytest.raises(InputError, match="must be an int from"):
        MultiIndex.build(np.zeros((1, 1, 64), np.uint64), 1, n_bits, n_tables)


def test_arrays_go_out_and_come_back():
    codes = codes_of("clustered", 130, 48, 0)
    rows, live = as_rows(codes[:4], 48), live_words(np.ones(130, bool))
    index = MultiIndex.build(as_blocks(codes, 48), 130, 48, 5)
    again = MultiIndex.from_arrays(index.to_arrays(), 48)
    assert again.size_bytes == index.size_bytes == sum(a.nbytes for a in index.to_arrays().values())
    answers_of_both = (which.nearest(rows, 9, live, 1) for which in (index, again))
    for one, other in zip(*answers_of_both, strict=True):
        assert np.array_equal(one, other)


def spoil_ends(arrays):
    offsets = arrays["offsets"].copy()
    offsets[-1] += 1
    return {**arrays, "offsets": offsets}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda a: {k: v for k, v in a.items() if k != "codes"}, "codes, offsets and positions"),
        (lambda a: {**a, "more": a["codes"]}, "Got codes, more, offsets, positions"),
        (lambda a: {**a, "offsets": a["offsets"][:-1]}, "offsets must be uint32 of shape"),
        (lambda a: {**a, "positions": a["positions"][0]}, "positions must be 2 to 48 rows"),
        (lambda a: {**a, "positions": a["positions"].astype(np.int32)}, "positions must be uint32"),
        (lambda a: {**a, "codes": a["codes"][:, ::-1]}, "codes must be uint64 .* C-contiguous"),
        (spoil_ends, "offsets must go from 0 to 130"),
    ],
)
def test_other_arrays_are_refused(spoil, words):
    blocks = as_blocks(codes_of("random", 130, 48, 0), 48)
    arrays = MultiIndex.build(blocks, 130, 48, 5).to_arrays()
    with pytest.raises(FormatError, match=words):
        MultiIndex.from_arrays(spoil(arrays), 48)
