"""Copies of collections, folder to folder: the same in everything, however often it is tried."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copied_collections import BLOB, PIXELS, check_same, everything, ids_of, rich_collection
from hashlens.collection import Collection
from hashlens.collection.folder.store import FolderStore
from hashlens.collection.folder.transfer import FolderReceiver
from hashlens.collection.folder.view import FolderView
from hashlens.collection.opened import open_store
from hashlens.collection.store import Store
from hashlens.data import ArrayImages, BytesImages
from hashlens.errors import BusyError, FormatError, HashlensError, InputError
from hashlens.model import Model
from hashlens.watcher import Watcher
from whole_collections import Counted, Stop, copies_of_kills


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlens.collection.copying.BATCH", 4)
    monkeypatch.setattr("hashlens.collection.folder.transfer.BATCH", 3)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return rich_collection(tmp_path_factory.mktemp("original"))


@pytest.fixture
def rich(original: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(original.path, tmp_path / "rich.hl")
    return Collection.open(tmp_path / "rich.hl")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "copy.hl"


def test_a_copy_is_the_same_in_everything(rich: Collection, place: Path) -> None:
    watcher = Counted()
    report = rich.copy_to(place, watcher=watcher)
    assert (report.written, report.changed, report.already, report.pruned) == (14, 0, 0, 0)
    assert (report.n_items, report.n_pictures, report.place) == (14, 4, str(place))
    assert watcher.done == watcher.total == 14
    copied = check_same(rich, place)
    assert copied._store.next_id == rich._store.next_id > ids_of(rich)[-1] + 1
    assert copied.stats().n_rows == 12  # those of equal bytes share theirs
    assert copied.stats().metadata == rich.stats().metadata


def test_an_empty_collection_is_copied_with_its_next_id(
    tmp_path: Path, model: Model, place: Path
) -> None:
    source = Collection.create(tmp_path / "c.hl", model)
    assert source.copy_to(place).n_items == 0
    source.add(BytesImages([BLOB], ["a"]))
    source.remove(1)
    assert source.copy_to(place).n_items == 0
    copied = check_same(source, place)
    copied.add(BytesImages([BLOB], ["b"]))
    assert ids_of(copied) == [2]
    assert copied.verify().problems == ()


@pytest.mark.parametrize(("features", "pictures"), [(False, True), (True, False)])
def test_settings_go_with_the_copy(
    tmp_path: Path, model: Model, place: Path, features: bool, pictures: bool
) -> None:
    source = Collection.create(
        tmp_path / "c.hl", model, store_features=features, keep_pictures=pictures
    )
    source.add(BytesImages([BLOB], ["a"]))
    assert source.copy_to(place).n_pictures == int(pictures)
    assert everything(Collection.open(place)) == everything(source)
    assert Collection.open(place).stores_features is features


def test_the_model_is_copied_byte_for_byte(
    rich: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved anew it may differ, as where a newer version writes more into it."""
    monkeypatch.setattr(Model, "save", None)
    rich.copy_to(place)
    check_same(rich, place)


def test_what_is_added_to_a_copy_gets_new_ids(
    rich: Collection, place: Path, original: Collection
) -> None:
    rich.copy_to(place)
    copied = Collection.open(place)
    known = copied.add(original.path.parent / "photos")
    assert (known.already, known.added) == (9, 1)  # item 4 was removed
    ids = ids_of(copied)
    assert ids[-1] == rich._store.next_id > max(ids_of(rich))
    assert copied.verify().problems == ()


def test_a_copy_is_brought_up_to_date(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    rich.update([{"id": 1, "x": [1, True], "label": None}])
    rich.update([{"id": 3, "n": 1.0}])
    rich.add(BytesImages([b"P6 2 1 255 abcdef"], ["new"]))
    report = rich.copy_to(place)
    assert (report.written, report.changed, report.already) == (1, 2, 12)
    rich.update([{"id": 3, "n": 1}])  # equal in Python, and another value in JSON
    assert rich.copy_to(place).changed == 1
    assert rich.copy_to(place).already == 15
    check_same(rich, place)


@pytest.mark.parametrize("apart", [1, 7])
def test_items_that_swapped_their_paths(rich: Collection, place: Path, apart: int) -> None:
    """In one batch, and in two: at each moment a path is that of one item."""
    rich.copy_to(place)
    one, other = (Path(rich.item(i).path) for i in (1, 1 + apart))
    contents = one.read_bytes(), other.read_bytes()
    rich.remove([1, 1 + apart])
    with open_store(rich.place).receiving() as receiver:  # as no verb of a user does
        for records in open_store(place).records():
            for i, item in enumerate(records.items):
                if item.id in (1, 1 + apart):
                    path = str(other if item.id == 1 else one)
                    codes, vectors = records.codes[i : i + 1], records.vectors
                    assert vectors is not None
                    part = records._replace(codes=codes, vectors=vectors[i : i + 1])
                    receiver.put(part._replace(items=[item._replace(path=path)]), [])
    assert rich.item(1).path == str(other)
    report = rich.copy_to(place)
    assert (report.written, report.changed) == (0, 2)
    check_same(rich, place)
    assert (one.read_bytes(), other.read_bytes()) == contents


def test_other_code_or_features_of_the_same_bytes(rich: Collection, place: Path) -> None:
    """Each is stored as it is, and what was there before stays where it is used."""
    rich.copy_to(place)
    with open_store(place).receiving() as receiver:
        for records in open_store(rich.place).records():
            if records.items[0].id == 1:
                assert records.vectors is not None
                first = [0, 1]
                codes, vectors = records.codes[first].copy(), records.vectors[first].copy()
                codes[0] ^= 1
                vectors[1] = vectors[1][::-1]
                receiver.put(type(records)(records.items[:2], codes, vectors), [])
    assert rich.copy_to(place).changed == 2
    check_same(rich, place)
    assert rich.copy_to(place).already == 14


def test_a_lost_picture_is_brought_back(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    nameless = [item.id for item in rich.items() if item.path in ("a", "b")]
    copied = Collection.open(place)
    copied.remove(nameless)
    copied.compact()
    report = rich.copy_to(place)
    assert (report.written, report.n_pictures) == (2, 1)
    check_same(rich, place)
    assert copied.picture(nameless[0]) == BLOB


def test_pictures_are_written_in_small_parts(
    rich: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.copying.PICTURE_BYTES", 1)
    rich.copy_to(place)
    check_same(rich, place)
    assert (
        Collection.open(place).revision == 8
    )  # 2 of files, 4 that end with a picture, the rest, the next id


def test_an_interrupted_copy_goes_on(rich: Collection, place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        rich.copy_to(place, watcher=_StopIn("copying", 8))
    assert len(Collection.open(place)) == 8
    report = rich.copy_to(place)
    assert (report.written, report.already) == (6, 8)
    check_same(rich, place)


class _StopIn(Stop):
    """Interrupts one stage."""

    def __init__(self, stage: str, after: int) -> None:
        super().__init__(after)
        self.wanted, self.is_there = stage, False

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        self.is_there = name.startswith(self.wanted)

    def advance(self, done: int, total: int, note: str = "") -> None:
        if self.is_there:
            super().advance(done, total, note)


def test_killed_at_each_step_the_copy_is_whole_and_goes_on(
    rich: Collection, place: Path, tmp_path: Path
) -> None:
    """A copy of another state is there; the kills are those of bringing it up to date."""
    rich.copy_to(place)
    copied = Collection.open(place)
    before = copied.items(n=99)
    rich.remove([1, 7])
    rich.update([{"id": 3, "label": "other"}])
    rich.add(ArrayImages(PIXELS[::-1], "more"))
    kills = copies_of_kills(copied, lambda: rich.copy_to(place, prune=True), tmp_path)
    assert len(kills) > 8
    wanted = everything(rich)
    for left, _ in kills:
        found = Collection.open(left)
        assert {item.id for item in found.items(n=99)} >= {item.id for item in before} - {1, 7}
        assert found.verify().problems == ()
        rich.copy_to(left, prune=True)
        assert everything(found) == wanted


def test_prune_removes_what_the_source_has_not(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    copied = Collection.open(place)
    gone = [item.id for item in rich.items() if item.path == "array[0]"]
    rich.remove([1, 2, *gone])
    before = copied.revision
    with pytest.raises(InputError, match=r"3 other items, such as 1, .*0001\.png") as error:
        rich.copy_to(place)
    assert "prune takes other items away" in str(error.value)
    assert copied.revision == before
    report = rich.copy_to(place, prune=True)
    assert (report.pruned, report.already) == (3, 11)
    check_same(rich, place)


def test_a_path_of_no_unicode_is_shown(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    rich.remove([item.id for item in rich.items() if "\udcff" in item.path])
    with pytest.raises(InputError, match=r"cat/\?\.png"):
        rich.copy_to(place)


@pytest.mark.parametrize(
    ("seed", "settings", "message"),
    [
        (1, {}, "a collection another model"),
        (0, {"store_features": False}, "a collection without features"),
        (0, {"keep_pictures": False}, "a collection that keeps no pictures"),
    ],
)
def test_what_is_no_copy_is_refused(
    rich: Collection,
    place: Path,
    make_model: Callable[..., Model],
    seed: int,
    settings: dict[str, bool],
    message: str,
) -> None:
    other = Collection.create(place, make_model(24, seed), **settings)
    with pytest.raises(InputError, match=f"destination must be new, or a copy of .*{message}"):
        rich.copy_to(place, prune=True)
    assert (len(other), other.revision) == (0, 0)


def test_a_place_that_is_taken_is_refused(rich: Collection, place: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.hl"
    link.symlink_to(rich.path)
    for same in rich.path, link:
        with pytest.raises(InputError, match="another place than the collection itself"):
            rich.copy_to(same, prune=True)
    place.write_text("a file")
    with pytest.raises(InputError, match="a new folder"):
        rich.copy_to(place)
    with pytest.raises(HashlensError, match="catalogue"):
        rich.copy_to(tmp_path)
    assert len(rich) == 14


def test_a_copy_that_is_written_to_is_busy(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    with open_store(place).receiving(), pytest.raises(BusyError):
        rich.copy_to(place)


def test_a_damaged_collection_is_not_copied(rich: Collection, place: Path) -> None:
    """In the copy, what a damaged row says would have a checksum of its own."""
    file = rich.path / "codes-1.u8"
    content = bytearray(file.read_bytes())
    content[4] ^= 1
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"undamaged to be copied.*codes-1\.u8"):
        rich.copy_to(place)
    assert not place.exists()


def test_a_damaged_copy_gets_other_rows(rich: Collection, place: Path) -> None:
    rich.copy_to(place)
    file = place / "codes-1.u8"
    content = bytearray(file.read_bytes())
    content[4] ^= 1
    file.write_bytes(content)
    assert rich.copy_to(place).changed >= 1
    assert everything(Collection.open(place)) == everything(rich)


class _Meanwhile(Watcher):
    """Does something as soon as a stage begins."""

    def __init__(self, stage: str, act: Callable[[], object]) -> None:
        self.wanted, self.act = stage, act

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        if name.startswith(self.wanted):
            self.act()


def test_one_commit_is_copied_while_others_write(rich: Collection, place: Path) -> None:
    wanted = everything(rich)

    def write() -> None:
        other = Collection.open(rich.path)
        other.add(BytesImages([b"P5 1 1 255 Z"], ["later"]))
        other.update([{"id": 1, "label": "later"}])
        other.remove([2])
        other.compact()

    rich.copy_to(place, watcher=_Meanwhile("copying", write))
    assert everything(Collection.open(place)) == wanted
    assert everything(rich) != wanted


def test_a_picture_that_is_dropped_meanwhile_is_told(rich: Collection, place: Path) -> None:
    def write() -> None:
        other = Collection.open(rich.path)
        other.remove(where="name = 'a' or name = 'b'")
        other.compact()

    with pytest.raises(HashlensError, match=r"keep its pictures .* the same command again"):
        rich.copy_to(place, watcher=_Meanwhile("copying", write))
    assert rich.copy_to(place, prune=True).n_items == 12
    check_same(rich, place)


def test_what_differs_at_the_end_is_told(
    rich: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an engine keeps something otherwise than it was given."""
    put = FolderReceiver.put

    def badly(self: FolderReceiver, records: Any, pictures: Any) -> None:
        items = [item._replace(label="x" if item.id == 3 else item.label) for item in records.items]
        put(self, records._replace(items=items), pictures)

    monkeypatch.setattr(FolderReceiver, "put", badly)
    with pytest.raises(HashlensError, match=r"must hold what .* Got item 3 with another label"):
        rich.copy_to(place)
    monkeypatch.setattr(FolderReceiver, "put", put)
    assert rich.copy_to(place).changed == 1


def test_nothing_is_pruned_while_a_part_is_out_of_reach(
    rich: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a cluster that has lost a machine: it lists too few items, without an error."""
    rich.copy_to(place)
    rich.remove([1, 2])
    with monkeypatch.context() as away:
        away.setattr(FolderView, "is_whole", lambda _: False)
        with pytest.raises(HashlensError, match=r"must answer with all of its items"):
            rich.copy_to(place, prune=True)
    assert len(Collection.open(place)) == 14
    assert rich.copy_to(place, prune=True).pruned == 2


def test_a_source_that_changes_under_the_copy_is_told(
    rich: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine without commits is read as it is at each moment."""
    monkeypatch.setattr(FolderStore, "reading", Store.reading)
    write = _Meanwhile("comparing", lambda: Collection.open(rich.path).update([{"id": 3, "n": 3}]))
    with pytest.raises(HashlensError, match=r"stay as it is .* the same command again"):
        rich.copy_to(place, watcher=write)
    assert rich.copy_to(place).changed == 1
