"""Candidates of a code search in a finer order, against the definitions in float64."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit, types
from numba.extending import intrinsic

from hashlens.codes import hamming, pack, unpack
from hashlens.errors import InputError
from hashlens.neighbors import MISSING_DISTANCE, Neighbors
from hashlens.search import threads as threads_module
from hashlens.search.rerank import feature_distances, kernels, page_ahead, rerank
from hashlens.search.rerank.bit_weights import label_weights, projection_weights
from hashlens.search.rerank.by_bits import by_projections, by_weights
from hashlens.search.rerank.order import nearest_first

HALVES = np.arange(1 << 16, dtype=np.uint16)


def candidates(n_queries: int, m: int, n: int, seed: int = 0, missing: int = 0) -> Neighbors:
    """Candidates as a code search gives them, the last ones missing."""
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.permutation(n)[:m] for _ in range(n_queries)]).astype(np.int64)
    distances = np.sort(rng.integers(0, 6, (n_queries, m)).astype(np.int32), axis=1)
    ids[:, m - missing :], distances[:, m - missing :] = -1, MISSING_DISTANCE
    return Neighbors(distances, ids)


def exact(queries, features, rows, metric):
    """Distances (n_queries, m) in float64."""
    found = features[rows].astype(np.float64)
    if metric == "euclidean":
        return np.linalg.norm(found - queries[:, None], axis=2)
    lengths = np.linalg.norm(found, axis=2) * np.linalg.norm(queries, axis=1)[:, None]
    product = np.einsum("qmd,qd->qm", found, queries)
    return 1 - np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("d", [1, 7, 64, 130])
def test_features_order_the_candidates(dtype, metric, d):
    rng = np.random.default_rng(d)
    features = rng.standard_normal((200, d)).astype(dtype)
    features[17] = 0
    queries = rng.standard_normal((3, d)).astype(np.float32)
    near = candidates(3, 40, 200)
    wanted = exact(queries, features, near.ids, metric)
    given_order = feature_distances(near, queries, features, metric=metric)
    assert given_order.dtype == np.float32
    np.testing.assert_allclose(given_order, wanted, rtol=1e-5, atol=1e-6)
    got = rerank(near, queries, features, k=25, metric=metric)
    order = np.lexsort((near.ids, given_order))[:, :25]
    assert (got.ids == np.take_along_axis(near.ids, order, 1)).all()
    assert (got.distances == np.take_along_axis(given_order, order, 1)).all()


def test_missing_candidates_and_broken_rows_are_last():
    features = np.array([[0, 1], [np.nan, 0], [3, 0], [np.inf, 0]], np.float16)
    ids = np.array([[3, -1, 1, 2, 0]])
    near = Neighbors(np.array([[0, 1, 1, 2, 2]], np.int32), ids)
    got = rerank(near, [[0.0, 0.0]], features, k=7)
    assert got.ids.tolist() == [[0, 2, 1, 3, -1, -1, -1]]
    assert got.distances.tolist() == [[1.0, 3.0] + 5 * [np.inf]]


def test_equal_rows_are_in_the_order_of_their_ids():
    features = np.ones((50, 33), np.float16)
    near = candidates(4, 50, 50)
    assert (rerank(near, np.zeros((4, 33)), features, k=9).ids == np.arange(9)).all()


def test_positions_are_the_rows_and_ids_stay():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((30, 5)).astype(np.float16)
    queries = rng.standard_normal((2, 5)).astype(np.float32)
    near = candidates(2, 20, 30, missing=2)
    moved = Neighbors(near.distances, np.where(near.found, near.ids + 1000, -1))
    plain = rerank(near, queries, features, k=18)
    rows = np.where(near.found, near.ids, 3)
    mapped = rerank(moved, queries, features, k=18, positions=rows)
    assert (mapped.ids == plain.ids + 1000).all()
    assert (mapped.distances == plain.distances).all()
    compared = feature_distances(moved, queries, features, positions=rows)
    assert (np.isinf(compared) == ~near.found).all()


def test_a_mapped_file_and_threads_change_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((500, 48)).astype(np.float16)
    features.tofile(tmp_path / "features.f16")
    mapped = np.memmap(tmp_path / "features.f16", np.float16, "r", shape=(500, 48))
    queries = rng.standard_normal((7, 48)).astype(np.float32)
    near = candidates(7, 100, 500)
    plain = rerank(near, queries, features, k=10, threads=1)
    monkeypatch.setattr(threads_module, "_WORDS_PER_THREAD", 1)
    parted = rerank(near, queries, mapped, k=10, threads=3)
    assert (plain.ids == parted.ids).all()
    assert (plain.distances == parted.distances).all()
    assert features.flags.writeable


def test_cold_rows_are_asked_for(tmp_path, monkeypatch):
    width = page_ahead.mmap.PAGESIZE // 4
    np.zeros((64, width), np.float32).tofile(tmp_path / "features.f32")
    mapped = np.memmap(tmp_path / "features.f32", np.float32, "r", shape=(64, width))
    asked = []

    def note(start, length, _advice):
        asked.append(((start - mapped.ctypes.data) // (4 * width), length // (4 * width)))

    library = SimpleNamespace(mincore=lambda *_: 0, madvise=note)  # nothing is in memory
    monkeypatch.setattr(page_ahead, "_library", lambda: library)
    page_ahead.ask_for_rows(mapped[:], np.array([[9, 3, -1], [8, 60, 5]]))
    assert asked == [(3, 1), (5, 1), (8, 2), (60, 1)]
    page_ahead.ask_for_rows(np.zeros((64, width), np.float32), np.array([1]))
    assert len(asked) == 4


def compiled(generate):
    """Compile code for one uint16 to float32, and run it on every float16 there is."""
    widen = intrinsic(lambda _context, half: (types.float32(half), generate))

    @njit
    def run(halves, out):
        for i in range(len(halves)):
            out[i] = widen(halves[i])

    out = np.empty(len(HALVES), np.float32)
    run(HALVES, out)
    return out


def test_every_float16_is_widened_exactly_without_an_instruction_for_it():
    got = compiled(lambda _, builder, __, values: kernels.widen_bits(builder, values[0]))
    wanted = HALVES.view(np.float16).astype(np.float32)
    assert np.array_equal(got, wanted, equal_nan=True)
    assert (np.signbit(got) == np.signbit(wanted)).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 70))
def test_selection_is_that_of_a_sort(seed, m, k):
    rng = np.random.default_rng(seed)
    distances = rng.integers(0, 5, (2, m)).astype(np.float32)
    distances[rng.random((2, m)) < 0.1] = np.inf
    ids = np.stack([rng.permutation(200)[:m] for _ in range(2)]).astype(np.int64)
    ids[rng.random((2, m)) < 0.2] = -1
    got = nearest_first(Neighbors(np.zeros((2, m), np.int32), ids), distances, k)
    for row in range(2):
        pairs = sorted((d, i) for d, i in zip(distances[row], ids[row], strict=True) if i >= 0)
        pairs = (pairs + k * [(np.inf, -1)])[:k]
        assert list(zip(*(part[row] for part in got), strict=True)) == pairs


@pytest.mark.parametrize("n_bits", [1, 12, 48, 100])
@pytest.mark.parametrize("each", [False, True])
def test_weights_of_the_differing_bits_are_added(n_bits, each):
    rng = np.random.default_rng(n_bits)
    codes, queries = (pack(rng.random((n, n_bits)) < 0.5) for n in (90, 3))
    weights = rng.random((3, n_bits) if each else n_bits)
    near = candidates(3, 50, 90, missing=4)
    got = by_weights(near, queries, codes, weights, shells="over")
    differ = unpack(queries, n_bits)[:, None] != unpack(codes, n_bits)[got.ids]
    wanted = (differ * (weights[:, None] if each else weights)).sum(2)
    np.testing.assert_allclose(got.distances[got.found], wanted[got.found], rtol=1e-5)
    assert (np.sort(got.ids) == np.sort(near.ids)).all()
    assert (np.diff(got.distances[:, :46]) >= 0).all()
    assert not got.found[:, 46:].any()


@pytest.mark.parametrize("n_bits", [6, 40, 4096])
def test_within_shells_the_hamming_distance_comes_first(n_bits):
    rng = np.random.default_rng(0)
    projections = rng.standard_normal((3, n_bits))
    bits = (projections >= 0)[np.arange(120) % 3] ^ (rng.random((120, n_bits)) < 0.5)
    bits[0] = projections[0] < 0  # all bits differ
    codes = pack(bits)
    far = hamming(pack(projections >= 0), codes, n_bits)
    ids = np.argsort(far, axis=1, kind="stable")
    near = Neighbors(np.take_along_axis(far, ids, 1), ids)
    got = by_projections(near, projections, codes)
    over = by_projections(near, projections, codes, shells="over")
    assert (np.floor(got.distances) == near.distances).all()
    for row in range(3):
        finer = dict(zip(over.ids[row].tolist(), over.distances[row].tolist(), strict=True))
        pairs = [(far[row, i], finer[i]) for i in got.ids[row].tolist()]
        shells, sums = np.array(pairs).T
        falls = np.diff(sums)[np.diff(shells) == 0]
        assert (falls >= -2e-3 * sums.max()).all()  # a share of 4,096 bits keeps 12 bits


def test_projections_rank_as_the_product_with_the_signs_does():
    rng = np.random.default_rng(1)
    projections = rng.standard_normal((4, 30))
    codes = pack(rng.random((80, 30)) < 0.5)
    near = candidates(4, 80, 80)
    got = by_projections(near, projections, codes, shells="over")
    signs = np.where(unpack(codes, 30), 1.0, -1.0)
    assert (got.ids == np.argsort(-projections @ signs.T, axis=1)).all()


def test_projection_weights_are_the_gaps_of_the_means():
    values = np.array([[1.0, 0.0, 2.0], [3.0, -1.0, 4.0], [-2.0, -5.0, 6.0]])
    assert projection_weights(values).tolist() == [4.0, 3.0, 0.0]


def test_label_weights_are_the_odds_over_all_pairs():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 40)
    bits = rng.random((40, 9)) < np.linspace(0.1, 0.9, 3)[labels][:, None]
    bits[:, 8] = rng.random(40) < 0.5
    first, second = np.triu_indices(40, 1)
    same, differ = labels[first] == labels[second], bits[first] != bits[second]

    def log_odds(pairs):
        return np.log((pairs.sum(0) + 0.5) / ((~pairs).sum(0) + 0.5))

    wanted = np.maximum(log_odds(differ[~same]) - log_odds(differ[same]), 0)
    np.testing.assert_allclose(label_weights(pack(bits), labels, 9), wanted, rtol=1e-5)
    assert wanted[8] < wanted[:8].min()


NEAR = candidates(2, 3, 4)
FEATURES = np.zeros((4, 5), np.float16)
QUERIES = np.zeros((2, 5), np.float32)
CODES = np.zeros((4, 1), np.uint8)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: rerank(NEAR, QUERIES, FEATURES, k=0), "k"),
        (lambda: rerank(NEAR, QUERIES, FEATURES, k=1, metric="l2"), "metric"),
        (lambda: rerank(NEAR, QUERIES[:1], FEATURES, k=1), "neighbors"),
        (lambda: rerank(NEAR, QUERIES[:, :4], FEATURES, k=1), "queries"),
        (lambda: rerank(NEAR, QUERIES, FEATURES[:2], k=1), "ids of neighbors"),
        (lambda: rerank(NEAR, QUERIES, FEATURES.astype(float), k=1), "features"),
        (lambda: rerank(NEAR, QUERIES, FEATURES.astype(">f2"), k=1), "features"),
        (lambda: rerank(NEAR, QUERIES, np.zeros((5, 4), np.float16).T, k=1), "features"),
        (lambda: rerank(NEAR, QUERIES, FEATURES, k=1, positions=NEAR.ids[:1]), "positions"),
        (lambda: rerank(NEAR, QUERIES, FEATURES, k=1, positions=NEAR.ids + 4), "positions"),
        (lambda: rerank(NEAR.ids, QUERIES, FEATURES, k=1), "neighbors"),
        (lambda: nearest_first(NEAR, np.full((2, 3), -1, np.float32)), "distances"),
        (lambda: nearest_first(NEAR, np.zeros((2, 3))), "distances"),
        (lambda: nearest_first(NEAR, np.zeros((2, 3), np.float32), shells="in"), "shells"),
        (lambda: by_weights(NEAR, CODES[:2], CODES, -np.ones(8)), "weights"),
        (lambda: by_weights(NEAR, CODES[:2], CODES, np.ones((3, 8))), "weights"),
        (lambda: by_weights(NEAR, CODES[:2], CODES, np.ones(9)), "codes"),
        (lambda: label_weights(CODES, [1, 1, 1, 1], 8), "labels"),
        (lambda: label_weights(CODES, np.eye(4, dtype=int), 8), "labels"),
    ],
)
def test_refuses(call, name):
    with pytest.raises(InputError, match=f"^{name} must be"):
        call()


def test_re_ranked_neighbours_have_no_shells():
    again = rerank(NEAR, QUERIES, FEATURES, k=3)
    with pytest.raises(InputError, match="Hamming distances"):
        by_weights(again, CODES[:2], CODES, np.ones(8))
