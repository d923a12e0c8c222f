"""Every verb of a collection, in a folder and on a real Milvus: all answers are the same."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashlens import Code
from hashlens.collection import Collection, Hits, Item
from hashlens.errors import HashlensError, InputError
from small_collections import small_model, write_photos

pytestmark = pytest.mark.servers

ROWS = [
    {"id": 1, "year": 2019, "place": "Tring", "seen": True},
    {"id": 2, "year": 2021, "place": "Ulm"},
    {"id": 3, "year": 2021.5, "place": "Tring's end"},
    {"id": 5, "label": "dog", "year": -3},
    {"id": 8, "label": None, "place": ""},
]
WHERE = (
    "label = 'owl'",
    "label <> 'owl'",
    "label IS NULL",
    "label IN ('cat', 'dog') AND id > 4",
    "year >= 2020",
    "NOT year >= 2020",
    "year BETWEEN 2019 AND 2021 OR place = 'Tring''s end'",
    "year IS NULL AND NOT (label = 'cat')",
    "seen",
    "seen = TRUE",
    "year + 1 > 2021",
    "place + 1 > 0",
    "name = '0007.png'",
    "path <> 'nowhere'",
    "id % 3 = 1",
    "id IN (2, 3, 999)",
)


class Both:
    """The same collection in a folder and on Milvus; what is asked of both must be the same."""

    def __init__(self, places: Sequence[str], n_bits: int = 24, **keeping: bool) -> None:
        self.each = [Collection.create(place, small_model(n_bits), **keeping) for place in places]

    def same(self, ask: Callable[[Collection], Any]) -> Any:
        """Ask both; give what they answer, which may be an error."""
        folder, milvus = (_answer(ask, collection) for collection in self.each)
        assert _plain(milvus) == _plain(folder)
        return folder


def _answer(ask: Callable[[Collection], Any], collection: Collection) -> Any:
    try:
        return ask(collection)
    except HashlensError as error:
        return type(error), str(error).replace(collection.place, "PLACE")


def _plain(found: Any) -> Any:
    """Turn an answer into values that can be compared; not the revision, which each has its own."""
    if isinstance(found, Hits):
        values = {field.name: getattr(found, field.name) for field in fields(found)}
        return {name: _plain(value) for name, value in values.items() if name != "revision"}
    if isinstance(found, Item):
        return found._replace(added=None)
    if isinstance(found, np.ndarray):
        return found.dtype.str, found.tolist()
    if isinstance(found, list | tuple) and not hasattr(found, "_fields"):
        return [_plain(each) for each in found]
    return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("contract") / "photos", 40)


@pytest.fixture(scope="module")
def known(photos: Path, milvus: str) -> Both:
    """Forty pictures with labels and metadata, that no test changes."""
    both = Both([str(photos.parent / "known.hl"), f"{milvus}/contract_known"])
    both.same(lambda c: asdict(c.add(photos)) | {"seconds": 0})
    both.same(lambda c: c.update(ROWS))
    return both


@pytest.fixture
def both(tmp_path: Path, fresh: Callable[[], str]) -> Both:
    """An empty one."""
    return Both([str(tmp_path / "c.hl"), fresh()])


def queries(photos: Path) -> list[object]:
    pixels = np.random.default_rng(9).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = photos / "owl" / "0002.png"
    return [3, file, file.read_bytes(), pixels, Code.from_hex("0f0f0f", 24)]


@pytest.mark.parametrize("k", [1, 7, 40, 100])
@pytest.mark.parametrize("rerank", [None, False])
def test_searches_find_the_same(known: Both, photos: Path, k: int, rerank: bool | None) -> None:
    for query in queries(photos):
        found = known.same(lambda c, q=query: c.search(q, k, rerank=rerank))
        assert len(found) == min(k, 40)
        assert not found.partial
    many = known.same(lambda c: c.search_many(queries(photos), k, rerank=rerank))
    assert len(many) == 5
    known.same(lambda c: c.search_together(queries(photos)[:4], k, rerank=rerank))


def test_searches_within_a_radius_and_without_the_item_itself(known: Both) -> None:
    for radius in (0, 4, 9, 24):
        known.same(lambda c, r=radius: c.search(4, 40, radius=r))
        known.same(lambda c, r=radius: c.search(4, 5, radius=r, exclude_self=True))
    assert 4 not in known.same(lambda c: c.search(4, 5, exclude_self=True)).ids


@pytest.mark.parametrize("where", WHERE)
def test_filters_choose_the_same(known: Both, where: str) -> None:
    chosen = known.same(lambda c: c.select(where))
    assert 0 < len(chosen) < 41
    found = known.same(lambda c: c.search(2, 6, where=where))
    assert set(found.ids) <= set(chosen)
    known.same(lambda c: c.items(where, first=1, n=3))


@pytest.mark.parametrize(
    "where", ["label LIKE 'OW%'", "lower(label) = 'owl'", "place || 1 > '0'", "2100 / year = 1"]
)
def test_what_cannot_be_asked_of_milvus_is_refused(known: Both, where: str) -> None:
    folder, milvus = known.each
    assert len(folder.select(where))
    with pytest.raises(InputError, match=r"where must be .*Milvus"):
        milvus.select(where)


@pytest.mark.parametrize(
    "where", ["label =", "label = 'owl", "label = 'owl' AND", "(id = 1", "x y"]
)
def test_what_is_no_expression_is_refused_by_both(known: Both, where: str) -> None:
    for collection in known.each:
        with pytest.raises(InputError, match="where must be one SQL expression over columns"):
            collection.select(where)


def test_items_are_shown_alike(known: Both) -> None:
    assert len(known.same(lambda c: c.items(n=100))) == 40
    known.same(lambda c: c.items(first=38, n=5))
    known.same(lambda c: c.items(n=0))
    known.same(lambda c: c.look_up([3, 99, 1, 3]))
    known.same(lambda c: c.with_content(c.item(6).content_hash))
    known.same(lambda c: c.picture(6))
    known.same(len)
    known.same(lambda c: (c.n_bits, c.stores_features, c.card, c.sample_codes()))
    counts = known.same(lambda c: {k: v for k, v in asdict(c.stats()).items() if k in COUNTED})
    assert counts["labels"] == {"cat": 18, "dog": 1, "owl": 20}


COUNTED = ("n_items", "n_bits", "n_features", "n_pictures", "labels", "metadata")


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.item(99),
        lambda c: c.search(99),
        lambda c: c.search(-1),
        lambda c: c.search(1, 0),
        lambda c: c.search(1, radius=25),
        lambda c: c.search(Code.from_hex("ff", 8)),
        lambda c: c.search(__file__),
        lambda c: c.search(Code.from_hex("0f0f0f", 24), rerank=True),
        lambda c: c.search(1, precision=0.9),
        lambda c: c.select("colour = 'red'"),
        lambda c: c.select(""),
        lambda c: c.remove([1, 99]),
        lambda c: c.remove(),
        lambda c: c.remove([1], where="id = 1"),
        lambda c: c.update([{"id": 1, "name": "x"}]),
        lambda c: c.update([{"id": 1, "note": "x" * 60_000}]),
        lambda c: c.items(first=-1),
        lambda c: c.with_content("00" * 32),
    ],
)
def test_what_is_wrong_is_refused_in_the_same_words(
    known: Both, ask: Callable[[Collection], Any]
) -> None:
    known.same(ask)
    known.same(len)


def test_adding_again_changed_moved_and_gone(both: Both, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", 12)

    def add(**how: Any) -> dict[str, Any]:
        return both.same(lambda c: asdict(c.add(folder, **how)) | {"seconds": 0})

    assert add()["added"] == 12
    assert add()["already"] == 12
    pictures = sorted(folder.rglob("*.png"))
    shutil.copy(pictures[0], folder / "copy.png")
    pictures[1].write_bytes(_other(tmp_path))
    pictures[2].rename(folder / "moved.png")
    pictures[3].unlink()
    (folder / "broken.png").write_bytes(b"no picture")
    report = add(prune=True)
    counts = [report[name] for name in ("added", "changed", "moved", "pruned", "already")]
    assert counts == [1, 1, 1, 1, 9]
    assert len(report["skipped"]) == 1
    both.same(lambda c: c.items())
    both.same(lambda c: c.search(2, 20))


def _other(folder: Path) -> bytes:
    return (write_photos(folder / "other", 30) / "cat" / "0029.png").read_bytes()


def test_removed_items_are_gone_and_their_ids_stay_unused(both: Both, photos: Path) -> None:
    both.same(lambda c: asdict(c.add(photos)) | {"seconds": 0})
    assert both.same(lambda c: c.remove([40, 3])) == 2
    assert both.same(lambda c: c.remove(where="label = 'owl'")) == 19
    both.same(lambda c: c.search(2, 40))
    both.same(lambda c: c.item(3))
    again = both.same(lambda c: asdict(c.add(photos)) | {"seconds": 0})
    assert (again["added"], again["already"]) == (21, 19)
    assert both.same(lambda c: c.items(n=100))[-1].id == 61


def test_metadata_is_written_and_taken_away(both: Both, photos: Path) -> None:
    table = [{"path": "owl/0000.png", "label": "barn owl", "n": 1}, {"path": "gone.png", "n": 2}]
    from hashlens.collection import Metadata

    said = Metadata.of(table, photos)
    both.same(lambda c: asdict(c.add(photos, metadata=said)) | {"seconds": 0})
    both.same(lambda c: c.update(said))
    both.same(lambda c: c.update([{"id": 2, "n": [1, {"deep": None}]}, {"id": 1, "n": None}]))
    both.same(lambda c: c.update([{"id": 2, "n": 5}, {"id": 2, "n": 6, "label": None}]))
    both.same(lambda c: c.items(n=3))
    both.same(lambda c: c.select("n = 6"))


def test_images_without_a_file_keep_a_picture(both: Both) -> None:
    both.same(lambda c: asdict(c.add("digits")) | {"seconds": 0})
    picture = both.same(lambda c: c.picture(7))
    assert isinstance(picture, bytes)
    assert picture[:4] == b"\x89PNG"
    found = both.same(lambda c: c.search(picture, 30))
    assert found.distances[0] == 0
    both.same(lambda c: c.search(7, 30, rerank=False))


@pytest.mark.parametrize("n_bits", [1, 12, 100])
def test_codes_of_any_length_with_many_ties(
    tmp_path: Path, fresh: Callable[[], str], photos: Path, n_bits: int
) -> None:
    both = Both([str(tmp_path / "c.hl"), fresh()], n_bits, store_features=False)
    both.same(lambda c: asdict(c.add(photos)) | {"seconds": 0})
    for k in (1, 5, 39):
        both.same(lambda c, k=k: c.search(11, k))
    assert not both.each[1].stores_features
