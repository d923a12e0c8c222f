"""Tables beside the scan: the same answers, and the faster of the two chosen."""

from unittest.mock import MagicMock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hashlens.search.multi.tabled as tabled_module
from hashlens.codes import pack
from hashlens.errors import InputError
from hashlens.search import HammingIndex


def codes_of(kind: str, n: int, n_bits: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "random":
        return pack(rng.random((n, n_bits)) < 0.5)
    centres = np.random.default_rng(n_bits).random((5, n_bits)) < 0.5
    return pack(centres[rng.integers(0, 5, n)] ^ (rng.random((n, n_bits)) < 0.05))


def same(one, other) -> bool:
    return (one.ids == other.ids).all() and (one.distances == other.distances).all()


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(["random", "clustered"]),
    st.sampled_from([1, 8, 20, 48, 64, 100]),
    st.sampled_from([0, 1, 64, 500]),
    st.integers(0, 100),
    st.sampled_from(["auto", "multi-index"]),
    st.integers(0, 9),
)
def test_every_method_gives_the_answer_of_the_scan(kind, n_bits, n, n_added, method, seed):
    index = HammingIndex(codes_of(kind, n, n_bits, seed), n_bits, threads=2)
    index.build_tables()
    if n_added:
        index.add(codes_of(kind, n_added, n_bits, seed + 1))
    index.remove(index.ids[::7])
    queries = codes_of(kind, 40, n_bits, seed + 2)
    for where in (None, np.arange(index.n_items) % 3 == 0):
        for k in (1, 10, 700):
            wanted = index.search(queries, k, where=where, method="scan")
            assert same(index.search(queries, k, where=where, method=method), wanted)
        for radius in (0, 3, n_bits):
            wanted = index.radius_search(queries, radius, where=where, method="scan")
            got = index.radius_search(queries, radius, where=where, method=method)
            assert same(got, wanted)
            assert (got.offsets == wanted.offsets).all()


def test_queries_that_give_up_are_scanned(monkeypatch):
    """However the costs are seen, the answer stays; here every query is given up at once."""
    index = HammingIndex(codes_of("random", 3000, 64, 0), 64)
    index.build_tables()
    queries = codes_of("random", 50, 64, 1)
    wanted = index.search(queries, 10, method="scan")
    balls = index.radius_search(queries, 20, method="scan")
    monkeypatch.setattr(tabled_module.Tabled, "_patience", lambda *_: tabled_module.Budget(0))
    assert same(index.search(queries, 10), wanted)
    assert same(index.radius_search(queries, 20), balls)


def test_near_neighbours_go_to_the_tables_and_far_ones_to_the_scan():
    queries = codes_of("clustered", 4, 64, 9)
    codes = np.random.default_rng(0).integers(0, 256, (1 << 20, 8), dtype=np.uint8)
    near = HammingIndex(codes, 64)
    near.build_tables()
    plan = near.explain(queries, radius=0)
    assert plan.method == "multi-index"
    assert plan.table_seconds < plan.scan_seconds
    assert "4 queries" in plan.reason
    far = HammingIndex(codes_of("random", 20_000, 64, 1), 64)
    far.build_tables()
    assert far.explain(queries, k=1000).method == "scan"
    assert far.explain(queries, radius=40).method == "scan"


def test_single_queries_that_are_best_scanned_pass_the_tables_by_but_for_some(monkeypatch):
    index = HammingIndex(codes_of("random", 20_000, 64, 1), 64, threads=1)
    index.build_tables()
    the_long_way = MagicMock(side_effect=index._tabled.nearest)
    monkeypatch.setattr(index._tabled, "nearest", the_long_way)
    n_before = []
    for query in codes_of("random", 150, 64, 2):
        n_before.append(the_long_way.call_count)
        found = index.search(query[None], 1000)
        assert same(found, index.search(query[None], 1000, method="scan"))
    # The first settles it; the others see whether that still holds.
    assert np.flatnonzero(np.diff(n_before)).tolist() == [0, 63, 127]


def test_tables_are_saved_and_used_again(tmp_path):
    codes = codes_of("clustered", 3000, 48, 0)
    index = HammingIndex(codes, 48)
    index.save(tmp_path / "codes.index")
    index.build_tables()
    index.add(codes[:5])
    index.save()
    again = HammingIndex.load(tmp_path / "codes.index")
    assert again.table_bytes == index.table_bytes > 0
    queries = codes_of("clustered", 5, 48, 1)
    assert same(again.search(queries, 9, method="multi-index"), index.search(queries, 9))
    again.add(codes[:1], [0 + again.ids[-1] + 5])
    found = again.search(codes[:1], 3000, method="multi-index")
    assert found.ids[0, :3].tolist() == [0, 3000, 3009]
    again.remove(again.ids[:10])
    again.save(tmp_path / "other.index")
    assert again.table_bytes == 0


INDEX = HammingIndex(np.zeros((4, 2), np.uint8), 12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: INDEX.search(np.zeros((1, 2), np.uint8), 1, method="hash"), "method"),
        (lambda: INDEX.search(np.zeros((1, 2), np.uint8), 1, method="multi-index"), "method"),
        (lambda: INDEX.radius_search(np.zeros((1, 2), np.uint8), 1, method="tables"), "method"),
        (lambda: INDEX.explain(np.zeros((1, 2), np.uint8)), "k and radius"),
        (lambda: INDEX.explain(np.zeros((1, 2), np.uint8), 1, 1), "k and radius"),
        (lambda: INDEX.explain(np.zeros((1, 2), np.uint8), 0), "k"),
        (lambda: INDEX.build_tables(0), "n_tables"),
        (lambda: INDEX.build_tables(13), "n_tables"),
    ],
)
def test_wrong_input_is_refused(call, name):
    with pytest.raises(InputError, match=rf"^{name} must be .+\. Got .+"):
        call()
