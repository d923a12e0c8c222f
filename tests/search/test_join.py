"""Joins by radius against the definition: every distance, then np.nonzero."""

from contextlib import contextmanager
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import hashlens.search.join.pairs as join_module
import hashlens.search.join.search as join_search
from hashlens.codes import hamming, pack
from hashlens.errors import InputError
from hashlens.search.join.distinct import Distinct
from hashlens.search.join.pairs import Pairs, count_join, count_self_join, groups, join, self_join
from hashlens.search.join.search import JoinSearch

WAYS = {"auto": JoinSearch.way, "tiles": JoinSearch.tiles, "buckets": JoinSearch.buckets}
THREADS = st.integers(1, 3)


@contextmanager
def forced(way, **limits):
    """Take one way, wake threads for any work, and work in as small parts as asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JoinSearch, "way", WAYS[way])
        patch.setattr(join_search, "_WORTH_THREADS_NS", 0.0)
        for name, value in limits.items():
            patch.setattr(join_module if name == "CHUNK" else join_search, name, value)
        yield


def near_centres(rng, n, n_bits, n_centres, flipped):
    """Codes around centres: random ones are around as many centres as there are codes."""
    centres = rng.random((n_centres, n_bits)) < 0.5
    return pack(centres[rng.integers(0, n_centres, n)] ^ (rng.random((n, n_bits)) < flipped))


@st.composite
def problems(draw):
    """Two sets of codes, n_bits, radius: sizes around a block of 64, radii from 0 to all pairs."""
    n_bits = draw(st.one_of(st.integers(1, 130), st.just(256)))
    sizes = st.one_of(st.integers(0, 20), st.integers(63, 65), st.just(150))
    n_centres, flipped = draw(st.sampled_from([(500, 0.5), (4, 0.05), (20, 0.0), (1, 0.0)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a, b = (near_centres(rng, draw(sizes), n_bits, n_centres, flipped) for _ in range(2))
    near = st.integers(0, min(n_bits, 8))
    return a, b, n_bits, draw(st.one_of(near, st.integers(0, n_bits)))


def listed(pairs):
    """The chunks of a join as one array of (first, second, distance)."""
    chunks = [np.c_[chunk.first, chunk.second, chunk.distances] for chunk in pairs]
    return np.concatenate([np.empty((0, 3), np.int64), *chunks])


def defined(a, b, n_bits, radius, *, half):
    distances = hamming(a, b, n_bits)
    near = distances <= radius
    first, second = np.nonzero(np.triu(near, 1) if half else near)
    return np.c_[first, second, distances[first, second]]


@settings(deadline=None, max_examples=25)
@given(problems(), THREADS, st.sampled_from([3, 40, 1 << 20]))
@pytest.mark.parametrize("way", WAYS)
def test_self_join_is_every_pair_of_the_definition_in_order(way, problem, threads, room):
    codes, _, n_bits, radius = problem
    with forced(way, CHUNK=room, _PART_PAIRS=room, _FIRST_BATCH=room):
        got = list(self_join(codes, n_bits, radius, threads=threads))
    assert np.array_equal(listed(got), defined(codes, codes, n_bits, radius, half=True))
    assert all(len(chunk) == room for chunk in got[:-1])
    assert all(0 < len(chunk) <= room for chunk in got)


@settings(deadline=None, max_examples=25)
@given(problems(), THREADS, st.sampled_from([3, 40, 1 << 20]))
@pytest.mark.parametrize("way", WAYS)
def test_join_is_every_pair_of_the_definition_in_order(way, problem, threads, room):
    a, b, n_bits, radius = problem
    with forced(way, CHUNK=room, _PART_PAIRS=room, _FIRST_BATCH=room):
        got = listed(join(a, b, n_bits, radius, threads=threads))
    assert np.array_equal(got, defined(a, b, n_bits, radius, half=False))


@settings(deadline=None, max_examples=25)
@given(problems(), THREADS, st.sampled_from([*WAYS]))
def test_counts_are_those_of_the_definition(problem, threads, way):
    a, b, n_bits, radius = problem
    with forced(way, _PART_PAIRS=50):
        own, other = (
            count_self_join(a, n_bits, radius, threads=threads),
            count_join(a, b, n_bits, radius, threads=threads),
        )
    pairs = defined(a, a, n_bits, radius, half=True)
    assert own.total == len(pairs)
    assert np.array_equal(own.items, np.bincount(pairs[:, :2].ravel(), minlength=len(a)))
    near = hamming(a, b, n_bits) <= radius
    assert other.total == near.sum()
    assert np.array_equal(other.items, near.sum(axis=1))


@pytest.mark.parametrize("n_bits", [48, 100])
def test_both_ways_and_any_threads_give_the_same_over_many_batches(n_bits):
    codes = near_centres(np.random.default_rng(0), 20_000, n_bits, 3000, 0.03)
    wanted = None
    for way in ("tiles", "buckets"):
        for threads in (1, 2):
            with forced(way, _PART_PAIRS=5000):
                got = listed(self_join(codes, n_bits, 3, threads=threads))
            wanted = got if wanted is None else wanted
            assert len(got) > 10_000
            assert np.array_equal(got, wanted)


def test_equal_codes_stream_and_are_counted_without_their_pairs():
    n = 100_000  # 5 * 10**9 pairs
    codes = np.full((n, 8), 7, np.uint8)
    seen = listed(islice(self_join(codes, 64, 2), 2))
    assert len(seen) == 2 * join_module.CHUNK
    assert np.array_equal(seen[: n - 1, 1], np.arange(1, n))
    assert (np.diff(seen[:, 0] * n + seen[:, 1]) > 0).all()
    counts = count_self_join(codes, 64, 2)
    assert counts.total == n * (n - 1) // 2
    assert (counts.items == n - 1).all()


def test_the_way_follows_the_codes_and_not_their_number():
    rng = np.random.default_rng(1)
    spread = near_centres(rng, 20_000, 192, 20_000, 0.5)
    alike = spread.copy()
    alike[:, :16] = 0  # two of the three substrings of 64 bits are the same in all codes
    tables = []
    for codes in (spread, alike):
        search = JoinSearch(codes, Distinct.of(codes, 192), np.arange(len(codes)), 192, 2)
        tables.append(len(search.way().tables))
    assert tables == [3, 1]


def test_codes_that_crowd_within_the_radius_are_compared_by_tiles():
    codes = near_centres(np.random.default_rng(3), 20_000, 128, 20, 0.03)
    crowded = JoinSearch(codes, Distinct.of(codes, 128), np.arange(len(codes)), 128, 8)
    assert crowded.buckets() is not None
    assert len(crowded.way().tables) == 1


def test_progress_grows_to_the_whole_work():
    codes, told = near_centres(np.random.default_rng(2), 30_000, 64, 9000, 0.1), []
    list(self_join(codes, 64, 12, tell=lambda done, total: told.append((done, total))))
    done, totals = zip(*told, strict=True)
    assert len(told) > 1
    assert list(done) == sorted(done)
    assert set(totals) == {done[-1]}


def test_nothing_is_searched_before_the_first_pair_is_asked_for():
    told = []
    pairs = self_join(np.zeros((10, 1), np.uint8), 8, 0, tell=lambda *args: told.append(args))
    assert not told
    assert len(next(pairs)) == 45
    assert told


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_groups_are_the_connected_components(n, n_pairs, seed):
    first, second = np.random.default_rng(seed).integers(0, n, (2, n_pairs))
    chunks = [
        Pairs(first[part], second[part], np.zeros(len(part), np.int32))
        for part in np.array_split(np.arange(n_pairs), 3)
    ]
    labels = groups(n, iter(chunks))
    graph = coo_array((np.ones(n_pairs), (first, second)), shape=(n, n))
    _, components = connected_components(graph, directed=False)
    smallest = np.array([np.flatnonzero(components == c)[0] for c in components])
    assert labels.dtype == np.int64
    assert np.array_equal(labels, smallest)


@pytest.mark.parametrize("end", [-1, 3])
def test_groups_refuse_positions_that_are_not_items(end):
    pairs = Pairs(np.array([0]), np.array([end]), np.array([0], np.int32))
    with pytest.raises(InputError, match="pairs must be of positions from 0 to 2"):
        groups(3, [pairs])


CODES = np.zeros((3, 2), np.uint8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: self_join(CODES.astype(int), 16, 1),
        lambda: self_join(CODES, 17, 1),
        lambda: self_join(CODES, 16, -1),
        lambda: self_join(CODES, 16, 17),
        lambda: self_join(CODES, 16, 1.0),
        lambda: self_join(CODES, 16, 1, threads=0),
        lambda: self_join(CODES + np.uint8(255), 9, 1),
        lambda: join(CODES, CODES[:, :1], 16, 1),
        lambda: join(CODES[0], CODES, 16, 1),
        lambda: count_self_join(CODES, 0, 0),
        lambda: count_join(CODES, CODES, 16, None),
        lambda: groups(-1, []),
    ],
)
def test_wrong_input_is_refused_at_the_call(call):
    with pytest.raises(InputError, match="must be"):
        call()
