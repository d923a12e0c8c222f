"""Searching a collection, against a scan in plain numpy."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hashlens.codes import hamming
from hashlens.collection import Collection, Hit
from hashlens.data import ArrayImages
from hashlens.errors import ImageError, InputError
from hashlens.model import Model
from hashlens.vectors import unit_rows


@pytest.fixture
def queries() -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def files_of(collection: Collection) -> list[str]:
    return [collection.item(i).path for i in range(1, len(collection) + 1)]


def distances_to_all(collection: Collection, query: NDArray[np.uint8]) -> NDArray[np.int32]:
    model = collection.model
    return hamming(model.encode(query), model.encode(files_of(collection)), model.n_bits)[0]


def test_by_code_it_is_the_ranking_of_a_scan(made: Collection, queries: NDArray[np.uint8]) -> None:
    for query in queries:
        distances = distances_to_all(made, query)
        order = np.lexsort((np.arange(30), distances))[:7]
        hits = made.search(query, 7, rerank=False)
        assert hits.ids.tolist() == (order + 1).tolist()
        assert hits.distances.tolist() == distances[order].tolist()
        assert not hits.reranked


def test_reranked_it_is_the_order_of_the_features(
    made: Collection, queries: NDArray[np.uint8]
) -> None:
    features = unit_rows(made.model.embed(files_of(made)).features)
    for query in queries:
        cosines = features @ unit_rows(made.model.embed(query).features)[0]
        hits = made.search(query, 5)
        assert hits.reranked
        assert hits.similarities is not None
        assert hits.ids.tolist() == (np.argsort(-cosines)[:5] + 1).tolist()
        np.testing.assert_allclose(hits.similarities, np.sort(cosines)[::-1][:5], atol=2e-3)
        assert hits.distances.tolist() == distances_to_all(made, query)[hits.ids - 1].tolist()


def test_rerank_looks_only_at_the_nearest_codes(
    made: Collection, queries: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.ranking.Ask.n_candidates", 8)
    nearest = set(made.search(queries[0], 8, rerank=False).ids)
    assert set(made.search(queries[0], 8, rerank=True).ids) == nearest


@pytest.mark.parametrize("rerank", [True, False])
def test_a_radius_bounds_the_distance(
    made: Collection, queries: NDArray[np.uint8], rerank: bool
) -> None:
    distances = distances_to_all(made, queries[0])
    radius = int(np.sort(distances)[4])
    hits = made.search(queries[0], 30, radius=radius, rerank=rerank)
    assert set(hits.ids) == set(np.flatnonzero(distances <= radius) + 1)
    assert len(made.search(queries[0], 2, radius=radius, rerank=rerank)) == 2
    assert len(made.search(queries[0], 2, radius=0, rerank=rerank)) == (distances == 0).sum()


@pytest.mark.parametrize("rerank", [True, False])
def test_an_item_finds_itself_first_and_can_be_left_out(made: Collection, rerank: bool) -> None:
    for item_id in (1, 17, 30):
        file = Path(made.item(item_id).path)
        for query in (item_id, np.int64(item_id), file, str(file), file.read_bytes()):
            hits = made.search(query, 3, rerank=rerank)
            assert (hits.ids[0], hits.distances[0]) == (item_id, 0)
        others = made.search(item_id, 3, rerank=rerank, exclude_self=True)
        assert others.ids.tolist() == made.search(item_id, 4, rerank=rerank).ids[1:].tolist()


def test_what_is_known_needs_no_model(made: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    reopened = Collection.open(made.path)
    monkeypatch.setattr(Model, "load", lambda path: pytest.fail(f"loaded {path}"))
    assert reopened.search(3, 1).ids[0] == 3
    assert reopened.search(made.item(4).path, 1).ids[0] == 4


def test_several_queries_are_as_one_after_another(
    made: Collection, queries: NDArray[np.uint8]
) -> None:
    asked = [queries[0], 7, made.item(3).path, queries[1]]
    together = made.search_many(asked, 4)
    for query, hits in zip(asked, together, strict=True):
        alone = made.search(query, 4)
        assert hits.ids.tolist() == alone.ids.tolist()
        assert hits.distances.tolist() == alone.distances.tolist()
    assert made.search_many([]) == []


def test_hits_are_arrays_and_iterate(made: Collection) -> None:
    hits = made.search(5, 3)
    assert hits.ids.shape == hits.distances.shape == hits.paths.shape == hits.labels.shape == (3,)
    first = next(iter(hits))
    item = made.item(5)
    assert first == Hit(5, 0, first.similarity, item.label, item.path, {})
    assert first.similarity == pytest.approx(1, abs=1e-3)
    assert len(list(hits)) == len(hits) == 3


def test_fewer_than_k_are_all(made: Collection, tmp_path: Path, model: Model) -> None:
    assert len(made.search(1, 1000)) == 30
    empty = Collection.create(tmp_path / "empty.hl", model)
    assert len(empty) == len(empty.search(np.zeros((8, 8, 3), np.uint8), 3)) == 0


def test_without_features_the_code_decides(tmp_path: Path, photos: Path, model: Model) -> None:
    bare = Collection.create(tmp_path / "bare.hl", model, store_features=False)
    bare.add(photos)
    assert not (bare.path / "features-1.f16").exists()
    hits = bare.search(2, 3)
    assert hits.similarities is None
    assert not hits.reranked
    assert next(iter(hits)).similarity is None
    with pytest.raises(InputError, match="rerank must be False for a collection that stores no"):
        bare.search(2, rerank=True)


def test_another_reader_sees_what_is_added(made: Collection, queries: NDArray[np.uint8]) -> None:
    reader = Collection.open(made.path)
    assert len(reader.search(1, 100)) == 30
    made.add(ArrayImages(queries[:3], "later"))
    assert len(reader.search(1, 100)) == 33


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be an int >= 1. Got 0"),
        ({"k": True}, "k must be"),
        ({"radius": -1}, "radius must be an int from 0 to 24. Got -1"),
        ({"radius": 25}, "radius must be an int from 0 to 24. Got 25"),
        ({"query": 31}, "item id must be the id of an item of the collection. Got 31"),
        ({"query": -1}, "item id must be an int >= 0"),
        ({"query": True}, "item id must be"),
        ({"query": None}, "images must be paths, bytes"),
        ({"query": np.zeros((8, 8))}, "must be"),
        ({"query": np.zeros((2, 8, 8, 3), np.uint8)}, "query must be one image"),
        ({"query": b"", "exclude_self": True}, "exclude_self must be False where the query is not"),
    ],
)
def test_wrong_arguments_are_refused(
    made: Collection, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        made.search(**{"query": 1, **arguments})  # type: ignore[arg-type]


def test_a_query_that_is_no_image_is_named(made: Collection, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ImageError, match=r"text\.jpg: is not an image of a known format"):
        made.search(tmp_path / "text.jpg")
    with pytest.raises(ImageError, match=r"gone\.jpg: cannot be read"):
        made.search(tmp_path / "gone.jpg")
    with pytest.raises(InputError, match="item id must be"):
        made.item(99)
