"""Compacting: what is dropped, what stays, and who goes on reading meanwhile."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.folder import catalogue
from hashlens.data import BytesImages
from hashlens.errors import FormatError
from hashlens.model import Model
from whole_collections import Counted, Stop, check_whole, shown


def files(collection: Collection) -> list[str]:
    return sorted(file.name for file in collection.path.glob("*-[0-9].*"))


def test_rows_of_removed_and_changed_items_go_and_ids_stay(made: Collection, photos: Path) -> None:
    codes: dict[str, bytes] = {}
    made.remove(where="id <= 10")
    file = Path(made.item(20).path)
    Image.new("RGB", (8, 8), "red").save(file)
    assert made.add(photos / "cat").changed + made.add(photos / "owl").changed == 1
    before = check_whole(made, codes)
    wanted = [made.search(i, 5) for i in before]
    watcher = Counted()
    size = made.stats().size_bytes
    report = made.compact(watcher)
    n = len(before)
    stats = made.stats()
    assert report.n_items_dropped == 10
    assert report.n_rows_dropped == 31 - n
    assert report.freed_bytes == size - stats.size_bytes > 0
    assert (stats.n_items, stats.n_rows, stats.n_removed) == (n, n, 0)
    assert (watcher.done, watcher.total) == (n, n)
    assert files(made) == ["codes-2.u8", "features-2.f16"]
    assert (made.path / "codes-2.u8").stat().st_size == 3 * n
    for collection in (made, Collection.open(made.path)):
        assert check_whole(collection, codes) == before
        for hits, old in zip((collection.search(i, 5) for i in before), wanted, strict=True):
            assert hits.ids.tolist() == old.ids.tolist()
            assert hits.similarities == pytest.approx(old.similarities)
    next_id = max(before) + 1
    assert made.add(BytesImages([b"P5 1 1 255 A"])).added == 1
    assert made.item(next_id).path == "image[0]"


def test_the_last_id_is_not_given_again_after_its_item_is_dropped(made: Collection) -> None:
    made.remove(range(20, 31))
    made.compact()
    made.add(BytesImages([b"P5 1 1 255 A"]))
    assert max(shown(made)) == 31


def test_nothing_to_drop_touches_nothing(made: Collection, tmp_path: Path, model: Model) -> None:
    empty = Collection.create(tmp_path / "empty.hl", model)
    for collection in (made, empty):
        report = collection.compact()
        assert (report.n_items_dropped, report.n_rows_dropped, report.freed_bytes) == (0, 0, 0)
        assert files(collection) == ["codes-1.u8", "features-1.f16"]


def test_a_collection_may_become_empty(made: Collection, photos: Path) -> None:
    made.remove(where="true")
    assert made.compact().n_rows_dropped == 30
    assert len(made) == made.stats().n_rows == 0
    assert len(made.search(np.zeros((8, 8, 3), np.uint8))) == 0
    assert made.add(photos).added == 30
    check_whole(made, {})


def test_items_that_share_a_row_keep_it(made: Collection, photos: Path) -> None:
    copy = photos / "copy.png"
    copy.write_bytes(Path(made.item(1).path).read_bytes())
    made.add([copy])
    made.remove([1, 2])
    assert made.compact().n_rows_dropped == 1
    check_whole(made, {})


def test_without_features(tmp_path: Path, model: Model, photos: Path) -> None:
    collection = Collection.create(tmp_path / "c.hl", model, store_features=False)
    collection.add(photos)
    collection.remove(range(1, 8))
    codes: dict[str, bytes] = {}
    before = check_whole(collection, codes)
    collection.compact()
    assert files(collection) == ["codes-2.u8"]
    assert check_whole(collection, codes) == before


def test_readers_of_the_old_files_go_on_and_see_the_new_ones_next(made: Collection) -> None:
    reader = Collection.open(made.path)
    with reader._store.seen() as (db, snapshot):
        made.remove([1, 2, 3])
        made.compact()
        assert files(made) == ["codes-2.u8", "features-2.f16"]
        assert len(snapshot.ids) == db.execute("SELECT COUNT(*) FROM items").fetchone()[0] == 30
        codes = snapshot.codes[snapshot.rows]
        assert snapshot.index.search(codes, 1).distances.max() == 0
    assert len(reader.stored_codes()[0]) == 27
    check_whole(reader, {})


@pytest.mark.parametrize("late", ["open", "search", "picture"])
def test_a_reader_that_comes_between_the_commit_and_the_files_looks_again(
    made: Collection, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """The catalogue is read, then compaction swaps the files, then they are opened."""
    made.add(BytesImages([b"P5 1 1 255 A"], ["a"]))
    made.remove(1)
    reader = Collection.open(made.path)
    other = Collection.open(made.path)
    read_meta, calls = catalogue.read_meta, []

    def read_then_compact(*words: object) -> catalogue.Meta:
        meta = read_meta(*words)  # type: ignore[arg-type]
        if not calls:
            calls.append(meta)
            other.compact()
        return meta

    monkeypatch.setattr(catalogue, "read_meta", read_then_compact)
    if late == "open":
        assert len(Collection.open(made.path)) == 30
    elif late == "search":
        assert reader.search(5, 1).ids.tolist() == [5]
    else:
        assert reader.picture(31) == b"P5 1 1 255 A"
    assert calls


@pytest.mark.parametrize("name", ["codes-1.u8", "features-1.f16", "pictures-1.bin"])
def test_damage_is_not_copied(made: Collection, name: str) -> None:
    made.add(BytesImages([b"P5 1 1 255 A"], ["a"]))
    made.remove(1)
    before = shown(made)
    file = made.path / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(FormatError, match=f"{name} must be undamaged"):
        made.compact()
    assert len(shown(made)) == len(before)
    assert files(made) == ["codes-1.u8", "features-1.f16", "pictures-1.bin"]


def test_files_of_a_compaction_that_was_killed_are_cleared_away(made: Collection) -> None:
    for name in ("codes-2.u8", "features-0.f16", "pictures-7.bin"):
        (made.path / name).write_bytes(b"left over")
    (made.path / "codes-notes.txt").write_text("not ours")
    made.remove(1)
    assert files(made) == ["codes-1.u8", "features-1.f16"]
    assert (made.path / "codes-notes.txt").exists()


def test_an_interrupted_compaction_leaves_the_collection_as_it_was(made: Collection) -> None:
    made.remove(1)
    before = shown(made)
    with pytest.raises(KeyboardInterrupt):
        made.compact(Stop(1))
    assert shown(made) == before
    assert files(made) == ["codes-1.u8", "features-1.f16"]
    assert made.compact().n_items_dropped == 1


def test_the_catalogue_shrinks_too(made: Collection) -> None:
    made.add(BytesImages([b"P5 1 1 255 %c" % i for i in range(200)]))
    size = (made.path / "catalogue.db").stat().st_size
    made.remove(where="id > 30")
    made.compact()
    assert (made.path / "catalogue.db").stat().st_size < size
    check_whole(made, {})
