"""The exact index against the definition: every distance, then a stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hashlens.search.scan as scan
import hashlens.search.threads as threads_module
from hashlens import cpus
from hashlens.codes import hamming, pack
from hashlens.errors import InputError
from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID, SameLabel
from hashlens.search import HammingIndex

LENGTHS = [1, 7, 8, 9, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 128, 200, 256, 1000, 4096]


def codes_of(kind: str, n: int, n_bits: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "constant":
        return pack(np.ones((n, n_bits), bool))
    if kind == "random":
        return pack(rng.random((n, n_bits)) < 0.5)
    centres = rng.random((3, n_bits)) < 0.5
    bits = centres[rng.integers(0, 3, n)]
    return pack(bits if kind == "duplicated" else bits ^ (rng.random((n, n_bits)) < 0.1))


KINDS = st.sampled_from(["random", "clustered", "duplicated", "constant"])


@st.composite
def problems(draw):
    """Codes, queries, ids, n_bits: sizes around the block of 256 included."""
    n_bits, seed = draw(st.sampled_from(LENGTHS)), draw(st.integers(0, 2**32 - 1))
    n = draw(st.one_of(st.integers(0, 40), st.sampled_from([255, 256, 257, 600, 1500])))
    codes = codes_of(draw(KINDS), n, n_bits, seed)
    queries = codes_of(draw(KINDS), draw(st.integers(0, 6)), n_bits, seed + 1)
    rng = np.random.default_rng(seed)
    ids = draw(st.sampled_from([None, rng.permutation(10 * n)[:n]]))
    return codes, queries, ids, n_bits


def ranked(codes, queries, ids, n_bits):
    """All items of each query by distance, then id: distances and ids."""
    names = np.arange(len(codes)) if ids is None else ids
    by_id = np.argsort(names)
    distances = hamming(queries, codes[by_id], n_bits)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), names[by_id][order]


@settings(deadline=None, max_examples=150)
@given(problems(), st.one_of(st.integers(1, 20), st.sampled_from([300, 1500, 2000])))
def test_nearest_are_those_of_a_stable_sort(problem, k):
    codes, queries, ids, n_bits = problem
    got = HammingIndex(codes, n_bits, ids=ids).search(queries, k)
    distances, names = ranked(codes, queries, ids, n_bits)
    n_found = min(k, len(codes))
    assert got.distances.shape == got.ids.shape == (len(queries), k)
    assert (got.distances.dtype, got.ids.dtype) == (np.int32, np.int64)
    assert (got.distances[:, :n_found] == distances[:, :k]).all()
    assert (got.ids[:, :n_found] == names[:, :k]).all()
    assert (got.distances[:, n_found:] == MISSING_DISTANCE).all()
    assert (got.ids[:, n_found:] == MISSING_ID).all()


@settings(deadline=None, max_examples=60)
@given(problems(), st.sampled_from([1, 3, 300]))
def test_one_query_by_itself_is_answered_as_among_others(problem, k):
    codes, queries, ids, n_bits = problem
    index = HammingIndex(codes, n_bits, ids=ids)
    index.remove(index.ids[::7])
    together = index.search(queries, k)
    backwards = queries[:, ::-1].copy()[:, ::-1]  # the same values, not contiguous
    backwards.flags.writeable = False
    for place in range(len(queries)):
        alone = index.search(queries[place : place + 1], k)
        assert (alone.distances == together.distances[place]).all()
        assert (alone.ids == together.ids[place]).all()
        assert (alone.distances.dtype, alone.ids.dtype) == (np.int32, np.int64)
        strided = index.search(backwards[place : place + 1], np.int64(k), method="scan")
        assert (strided.ids == alone.ids).all()


@settings(deadline=None, max_examples=60)
@given(problems(), st.booleans())
def test_a_ranking_is_a_stable_sort_of_all_that_is_left(problem, with_removals):
    codes, queries, ids, n_bits = problem
    index = HammingIndex(codes, n_bits, ids=ids)
    distances, names = ranked(codes, queries, ids, n_bits)
    gone = index.ids[3::70] if with_removals else index.ids[:0]
    index.remove(gone)
    got = index.rank(queries)
    kept = ~np.isin(names, gone)
    assert got.ids.shape == (len(queries), index.n_items)
    assert (got.ids.ravel() == names[kept]).all()
    assert (got.distances.ravel() == distances[kept]).all()


@pytest.mark.parametrize(
    ("query", "k", "method", "message"),
    [
        (np.array([[16]], np.uint8), 1, "auto", "queries must be zero in the last 4 padding bits"),
        (np.array([[1]], np.int8), 1, "auto", "queries must be packed codes"),
        (np.array([1], np.uint8), 1, "auto", "queries must be packed codes"),
        (np.array([[1]], np.uint8), 0, "auto", "k must be an int >= 1. Got 0"),
        (np.array([[1]], np.uint8), True, "auto", "k must be an int >= 1. Got True"),
        (np.array([[1]], np.uint8), 1, "scna", "method must be one of .* Did you mean 'scan'"),
        (np.array([[1]], np.uint8), 1, "multi-index", "build_tables was not called"),
    ],
)
def test_one_wrong_query_by_itself_is_refused(query, k, method, message):
    index = HammingIndex(np.array([[1], [2]], np.uint8), 4)
    with pytest.raises(InputError, match=message):
        index.search(query, k, method=method)


@settings(deadline=None, max_examples=100)
@given(problems(), st.one_of(st.integers(0, 12), st.sampled_from([50, 500, 5000])))
def test_a_ball_holds_all_within_the_radius_in_order(problem, radius):
    codes, queries, ids, n_bits = problem
    balls = HammingIndex(codes, n_bits, ids=ids).radius_search(queries, radius)
    distances, names = ranked(codes, queries, ids, n_bits)
    assert len(balls) == len(queries)
    assert (balls.counts == (distances <= radius).sum(axis=1)).all()
    for query in range(len(queries)):
        inside = distances[query] <= radius
        assert (balls[query].distances[0] == distances[query, inside]).all()
        assert (balls[query].ids[0] == names[query, inside]).all()


@settings(deadline=None, max_examples=100)
@given(problems(), st.booleans())
def test_histograms_count_every_item_but_the_excluded(problem, with_exclude):
    codes, queries, ids, n_bits = problem
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, (len(queries), len(codes)), dtype=np.uint8)
    exclude = rng.integers(-1, max(len(codes), 1), len(queries)) if with_exclude else None
    exclude = np.full(len(queries), -1) if with_exclude and not len(codes) else exclude
    index = HammingIndex(codes, n_bits, ids=ids)
    got = index.histograms(queries, lambda a, b: marks[a:b], exclude=exclude)
    distances = hamming(queries, codes if ids is None else codes[np.argsort(ids)], n_bits)
    assert got.total.shape == got.relevant.shape == (len(queries), n_bits + 1)
    for query in range(len(queries)):
        counted = np.ones(len(codes), bool)
        if exclude is not None and exclude[query] >= 0:
            counted[exclude[query]] = False
        for count, kept in ((got.total, counted), (got.relevant, counted & (marks[query] == 1))):
            wanted = np.bincount(distances[query, kept], minlength=n_bits + 1)
            assert (count[query] == wanted).all()


@settings(deadline=None, max_examples=40)
@given(problems(), st.booleans())
def test_labels_are_compared_as_a_relevance_is_asked(problem, with_exclude):
    codes, queries, ids, n_bits = problem
    rng = np.random.default_rng(0)
    labels = SameLabel(*(rng.integers(0, 3, n, np.uint8) for n in (len(queries), len(codes))))
    exclude = rng.integers(0, len(codes), len(queries)) if with_exclude and len(codes) else None
    index = HammingIndex(codes, n_bits, ids=ids)
    got = index.histograms(queries, labels, exclude=exclude)
    wanted = index.histograms(queries, lambda a, b: labels(a, b), exclude=exclude)
    assert (got.total == wanted.total).all()
    assert (got.relevant == wanted.relevant).all()


@pytest.mark.parametrize("n_queries", [1, 3, 50])
@pytest.mark.parametrize("n_bits", [12, 64, 200])
def test_threads_and_steps_change_no_answer(monkeypatch, n_bits, n_queries):
    codes = codes_of("clustered", 3000, n_bits, 1)
    queries = codes_of("clustered", n_queries, n_bits, 2)
    marks = np.random.default_rng(3).integers(0, 2, (n_queries, 3000), dtype=np.uint8)

    def answers(threads: int) -> list[np.ndarray]:
        index = HammingIndex(codes, n_bits, threads=threads)
        near, balls = index.search(queries, 25), index.radius_search(queries, 5)
        counts = index.histograms(queries, lambda a, b: marks[a:b])
        arrays = [near.distances, near.ids, balls.offsets, balls.distances, balls.ids]
        return [*arrays, counts.total, counts.relevant]

    alone = answers(1)
    monkeypatch.setattr(threads_module, "_WORDS_PER_THREAD", 1)
    monkeypatch.setattr(scan, "_SCRATCH_BYTES", 10_000)
    monkeypatch.setattr("hashlens.neighbors._RELEVANCE_BYTES", 20_000)
    for threads in (2, 5):
        for one, several in zip(alone, answers(threads), strict=True):
            assert (one == several).all()


def test_a_range_smaller_than_k_still_merges(monkeypatch):
    monkeypatch.setattr(threads_module, "_WORDS_PER_THREAD", 1)
    codes = codes_of("random", 20, 64, 0)
    got = HammingIndex(codes, 64, threads=6).search(codes[:1], 15)
    distances, names = ranked(codes, codes[:1], None, 64)
    assert (got.distances == distances[:, :15]).all()
    assert (got.ids == names[:, :15]).all()


def test_one_query_one_row_and_sizes():
    index = HammingIndex(np.zeros((5, 2), np.uint8), 12)
    assert (len(index), index.n_items, index.n_bits) == (5, 5, 12)
    assert index.search(np.zeros((1, 2), np.uint8), 3).ids.tolist() == [[0, 1, 2]]
    assert index.ids.tolist() == [0, 1, 2, 3, 4]


def test_codes_are_copied_and_never_changed():
    codes = codes_of("random", 50, 64, 0)
    kept = codes.copy()
    index = HammingIndex(codes, 64)
    index.search(codes, 3)
    assert (codes == kept).all()
    codes[:] = 0
    assert index.search(kept[7:8], 1).distances[0, 0] == 0


def test_available_cpus_respects_the_quota(monkeypatch, tmp_path):
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(cpus, "_CGROUP_QUOTA", quota)
    monkeypatch.setattr(cpus.os, "sched_getaffinity", lambda _: range(8), raising=False)
    found = []
    for text in ("max 100000", "300000 100000", "50000 100000", "nonsense"):
        quota.write_text(text)
        found.append(cpus.available_cpus())
    assert found == [8, 3, 1, 8]


CODES = codes_of("random", 4, 12, 0)
INDEX = HammingIndex(CODES, 12)


def marks_of(start: int, stop: int) -> np.ndarray:
    return np.ones((stop - start, 4), np.uint8)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: HammingIndex(CODES, 16 + 1), "codes"),
        (lambda: HammingIndex(CODES.astype(float), 12), "codes"),
        (lambda: HammingIndex(np.zeros((4, 3), np.uint8), 12), "codes"),
        (lambda: HammingIndex(CODES[0], 12), "codes"),
        (lambda: HammingIndex(CODES | 0x80, 12), "codes"),
        (lambda: HammingIndex(CODES, 0), "n_bits"),
        (lambda: HammingIndex(CODES, 4097), "n_bits"),
        (lambda: HammingIndex(CODES, 12.0), "n_bits"),
        (lambda: HammingIndex(CODES, 12, threads=0), "threads"),
        (lambda: HammingIndex(CODES, 12, ids=[1, 2, 3]), "ids"),
        (lambda: HammingIndex(CODES, 12, ids=[1, 2, 3, 3]), "ids"),
        (lambda: HammingIndex(CODES, 12, ids=[1, 2, 3, -1]), "ids"),
        (lambda: HammingIndex(CODES, 12, ids=[1.0, 2.0, 3.0, 4.0]), "ids"),
        (lambda: HammingIndex(CODES, 12, ids=np.array([1, 2, 3, 2**63], np.uint64)), "ids"),
        (lambda: INDEX.search(CODES, 0), "k"),
        (lambda: INDEX.search(CODES, True), "k"),
        (lambda: INDEX.search(CODES, 2.0), "k"),
        (lambda: INDEX.search(CODES[:, :1], 1), "queries"),
        (lambda: INDEX.search(CODES[0], 1), "queries"),
        (lambda: INDEX.search(CODES / 1, 1), "queries"),
        (lambda: INDEX.search(CODES | 0x80, 1), "queries"),
        (lambda: INDEX.radius_search(CODES, -1), "radius"),
        (lambda: INDEX.radius_search(CODES.astype(int), 1), "queries"),
        (lambda: INDEX.histograms(CODES[:, :1], marks_of), "queries"),
        (lambda: INDEX.histograms(CODES, lambda a, b: marks_of(a, b).astype(int)), "relevance"),
        (lambda: INDEX.histograms(CODES, lambda a, b: marks_of(a, b)[:, 1:]), "relevance"),
        (lambda: INDEX.histograms(CODES, lambda a, b: 3 * marks_of(a, b)), "relevance"),
        (lambda: INDEX.histograms(CODES, marks_of, exclude=[0, 1]), "exclude"),
        (lambda: INDEX.histograms(CODES, marks_of, exclude=[0, 1, 2, 4]), "exclude"),
        (lambda: INDEX.histograms(CODES, marks_of, exclude=[0, 1, 2, -2]), "exclude"),
        (lambda: INDEX.histograms(CODES, marks_of, exclude=[0.0, 1.0, 2.0, 3.0]), "exclude"),
    ],
)
def test_wrong_input_is_refused(call, name):
    with pytest.raises(InputError, match=rf"^{name} must be .+\. Got .+"):
        call()
