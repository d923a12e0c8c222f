"""Searching under a filter, by codes, and by several queries as one question."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from hashlens import Code
from hashlens.codes import hamming
from hashlens.collection import Collection, Queries
from hashlens.collection.folder.filters import Masks
from hashlens.errors import InputError
from hashlens.model import Model

YEARS = [{"id": i, "year": 2000 + i} for i in range(1, 31) if i % 3]


@pytest.fixture
def own(made: Collection) -> Collection:
    """A collection with a year for two items of three, to be changed."""
    made.update(YEARS)
    return made


@pytest.fixture(scope="module")
def known(
    tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path], model: Model
) -> Collection:
    """The same, which no test changes."""
    folder = tmp_path_factory.mktemp("known")
    collection = Collection.create(folder / "c.hl", model)
    collection.add(make_photos(folder / "photos", 30))
    collection.update(YEARS)
    return collection


@pytest.fixture
def queries() -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)


def scan(collection: Collection, query: object) -> NDArray[np.int32]:
    """Distances of a query to all items, in plain numpy."""
    codes, _ = collection.stored_codes()
    return hamming(collection.encode([query]).codes, codes, collection.n_bits)[0]


@pytest.mark.parametrize("where", ["label = 'owl'", "year > 2010", "id = 7", "0"])
@pytest.mark.parametrize("radius", [None, 11])
def test_a_filter_is_applied_inside_the_scan(
    known: Collection, queries: NDArray[np.uint8], where: str, radius: int | None
) -> None:
    chosen = known.select(where)
    for query in queries:
        distances = scan(known, query)[chosen - 1]
        order = np.lexsort((chosen, distances))
        if radius is not None:
            order = order[distances[order] <= radius]
        hits = known.search(query, 5, where=where, radius=radius, rerank=False)
        assert hits.ids.tolist() == chosen[order][:5].tolist()
        assert hits.distances.tolist() == distances[order][:5].tolist()


def test_reranking_takes_its_candidates_from_what_the_filter_leaves(
    known: Collection, queries: NDArray[np.uint8]
) -> None:
    chosen = set(known.select("year > 2015").tolist())
    everything = known.search(queries[0], 30)
    hits = known.search(queries[0], 30, where="year > 2015")
    assert hits.reranked
    assert hits.ids.tolist() == [i for i in everything.ids.tolist() if i in chosen]


def test_hits_bring_their_metadata(known: Collection) -> None:
    hits = known.search(4, 3)
    assert [dict(m) for m in hits.metadata] == [
        {"year": 2000 + i} if i % 3 else {} for i in hits.ids.tolist()
    ]
    assert next(iter(hits)).metadata == {"year": 2004}


def test_a_filter_sees_the_last_commit(own: Collection) -> None:
    reader = Collection.open(own.path)
    for _ in range(2):
        assert reader.search(1, 40, where="year > 2025").ids.size == 3
    own.update([{"id": 3, "year": 2030}])
    own.remove([29])
    assert sorted(reader.search(1, 40, where="year > 2025").ids) == [3, 26, 28]
    with pytest.raises(InputError, match=r"no column yaer\. Did you mean 'year'"):
        reader.search(1, where="yaer > 2025")
    with pytest.raises(InputError, match="where must be an SQL expression, or be left out"):
        reader.search(1, where="")


def test_masks_are_kept_for_one_commit_and_not_where_time_counts(
    known: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = Masks()
    with known._store.seen() as (db, snapshot):
        first = masks.mask(db, snapshot, "year > 2010")
        assert masks.mask(db, snapshot, "year > 2010") is first
        clock = "added <= datetime('now', '+1 day')"
        assert masks.mask(db, snapshot, clock) is not masks.mask(db, snapshot, clock)
        for i in range(40):
            masks.mask(db, snapshot, f"id = {i}")
        assert len(masks._known) == 16
        monkeypatch.setattr(
            "hashlens.collection.folder.filters.select_ids", lambda *_: pytest.fail("asked again")
        )
        assert masks.mask(db, snapshot, "id = 39").sum() == 0


def test_filter_and_hits_are_of_one_commit_whatever_is_written_meanwhile(
    own: Collection,
) -> None:
    reader = Collection.open(own.path)
    done = Event()

    def ask() -> int:
        n_asked = 0
        while not done.is_set() or n_asked < 3:
            hits = reader.search(Code(24, b"abc"), 30, where="turn = 1")
            assert all(m["turn"] == 1 for m in hits.metadata)
            assert (np.diff(hits.distances) >= 0).all()
            n_asked += 1
        return n_asked

    own.update([{"id": i, "turn": i % 2} for i in range(1, 31)])
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for turn in range(6):
            own.update([{"id": i, "turn": (i + turn) % 2} for i in range(1, 31)])
            own.remove([turn + 1])
        done.set()
        assert all(each.result() >= 3 for each in asking)


def test_a_code_finds_as_its_item_does(known: Collection) -> None:
    codes, _ = known.stored_codes()
    code = Code(24, codes[6].tobytes())
    assert code == Code.from_hex(codes[6].tobytes().hex())
    hits = known.search(code, 5)
    by_item = known.search(7, 5, rerank=False)
    assert hits.ids.tolist() == by_item.ids.tolist()
    assert hits.distances.tolist() == by_item.distances.tolist()
    assert hits.similarities is None
    assert not hits.reranked
    image, alone = known.search_many([7, code], 5)
    assert (image.reranked, alone.reranked) == (True, False)
    assert image.ids.tolist() == known.search(7, 5).ids.tolist()
    assert alone.ids.tolist() == hits.ids.tolist()
    with pytest.raises(InputError, match="rerank must be False where a query is a code"):
        known.search(code, rerank=True)
    with pytest.raises(InputError, match="code must be of 24 bits, as those of the collection"):
        known.search(Code(16, b"ab"))


@pytest.mark.parametrize("rerank", [True, False])
@pytest.mark.parametrize("radius", [None, 12])
def test_together_an_item_is_as_near_as_to_its_nearest_query(
    known: Collection, queries: NDArray[np.uint8], rerank: bool, radius: int | None
) -> None:
    asked = [*queries, 9]
    each = known.search_many(asked, 30, rerank=rerank)
    distances = np.min([hits.distances[np.argsort(hits.ids)] for hits in each], axis=0)
    similar = np.max([hits.similarities[np.argsort(hits.ids)] for hits in each], axis=0)  # type: ignore[index]
    ids = np.arange(1, 31)
    order = np.lexsort((ids, distances, -similar)) if rerank else np.lexsort((ids, distances))
    if radius is not None:
        order = order[distances[order] <= radius]
    hits = known.search_together(asked, 8, rerank=rerank, radius=radius)
    assert hits.ids.tolist() == ids[order][:8].tolist()
    assert hits.distances.tolist() == distances[order][:8].tolist()
    np.testing.assert_allclose(hits.similarities, similar[order][:8], atol=1e-5)  # type: ignore[arg-type]
    assert hits.reranked is rerank


def test_together_with_a_code_the_codes_decide(known: Collection) -> None:
    code = Code(24, known.stored_codes()[0][3].tobytes())
    hits = known.search_together([7, code], 4)
    assert not hits.reranked
    assert set(hits.ids[:2]) == {4, 7}
    assert known.search_together([code], 4).similarities is None
    with pytest.raises(InputError, match=r"queries must be at least one\. Got 0"):
        known.search_together([])


def test_together_the_items_that_ask_can_be_left_out(known: Collection) -> None:
    with_them = known.search_together([1, 2, 3], 30).ids.tolist()
    without = known.search_together([1, 2, 3], 4, exclude_self=True)
    assert without.ids.tolist() == [i for i in with_them if i > 3][:4]
    one = known.search_together([5], 6, where="label = 'owl'")
    assert one.ids.tolist() == known.search(5, 6, where="label = 'owl'").ids.tolist()


def test_encoded_queries_find_the_same(
    known: Collection, queries: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [queries[0], 7, Code(24, b"abc")]
    direct = known.search_many(asked, 6, where="id > 2")
    encoded = known.encode(asked)
    assert encoded.with_features.tolist() == [True, True, False]
    assert encoded.items is not None
    assert encoded.items.tolist() == [-1, 7, -1]
    monkeypatch.setattr(Model, "embed_pixels", lambda *_: pytest.fail("encoded again"))
    for before, after in zip(direct, known.search_encoded(encoded, 6, where="id > 2"), strict=True):
        assert before.ids.tolist() == after.ids.tolist()
        assert before.reranked == after.reranked
    plain = Queries(encoded.codes[:2], encoded.vectors[:2])  # type: ignore[index]
    assert [len(hits) for hits in known.search_encoded(plain, 3)] == [3, 3]
    (together,) = known.search_encoded(plain, 3, together=True)
    assert together.ids[0] == 7
    with pytest.raises(InputError, match="exclude_self must be False where the query is not an"):
        known.search_encoded(plain, exclude_self=True)
    assert known.search_encoded(known.encode([7]), 1, exclude_self=True)[0].ids[0] != 7
    assert known.search_encoded(known.encode([])) == []


def test_without_stored_features_everything_goes_by_code(
    tmp_path: Path, photos: Path, model: Model, queries: NDArray[np.uint8]
) -> None:
    bare = Collection.create(tmp_path / "bare.hl", model, store_features=False)
    bare.add(photos)
    encoded = bare.encode([queries[0], 3])
    assert encoded.vectors is None
    together = bare.search_together([queries[0], 3], 5)
    assert together.similarities is None
    assert together.ids[0] == 3


def test_an_empty_collection_finds_nothing(tmp_path: Path, model: Model) -> None:
    empty = Collection.create(tmp_path / "empty.hl", model)
    code = Code(24, b"abc")
    assert len(empty.search(code, 3)) == 0
    assert len(empty.search_together([code, np.zeros((8, 8, 3), np.uint8)], 3)) == 0
    assert empty.select("label = 'owl'").tolist() == []
    assert len(empty.search(code, 3, where="id > 0")) == 0


def test_a_k_beyond_the_collection_costs_nothing(known: Collection) -> None:
    assert len(known.search(1, 10**12)) == 30
    assert len(known.search_together([1, 2], 10**12)) == 30
