"""Removing: by id and by filter, all or none; pruning what is gone; moved files keep their ids."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.folder.lock import writer_lock
from hashlens.collection.sorting import is_gone
from hashlens.data import ArrayImages
from hashlens.errors import BusyError, InputError
from hashlens.model import Model


def test_what_is_removed_is_found_no_more(made: Collection) -> None:
    code = made.search(3, 1).ids
    assert made.remove(3) == 1
    assert code == [3]
    assert len(made) == 29
    assert 3 not in made.search(4, 30).ids
    assert made.stats().n_removed == 1
    for wrong in (made.item, made.picture, made.search, made.remove):
        with pytest.raises(InputError, match="item id must be the id of an item of the collection"):
            wrong(3)
    assert 3 not in [item.id for item in made.items()]
    codes, labels = made.stored_codes()
    assert len(codes) == len(labels) == 29


@pytest.mark.parametrize(
    "ids", [[1, 2, 2], (2, 1), {1, 2}, np.array([1, 2], np.int32), range(1, 3)], ids=str
)
def test_ids_may_come_in_any_sequence(made: Collection, ids: object) -> None:
    assert made.remove(ids) == 2  # type: ignore[arg-type]
    assert [item.id for item in made.items(n=2)] == [3, 4]


def test_where_chooses_what_is_removed(made: Collection) -> None:
    assert made.remove(where="label = 'owl'") == 15
    assert made.stats().labels == {"cat": 15}
    assert made.remove(where="label = 'owl'") == made.remove([]) == 0


@pytest.mark.parametrize(
    ("ids", "where", "message"),
    [
        (None, None, "ids must be given, or else where. Got neither"),
        ([1], "id = 2", "ids must be given, or else where. Got both"),
        ([1, 31], None, "item id must be the id of an item of the collection. Got 31"),
        ([1, 2**70], None, "item id must be the id of an item of the collection"),
        ([1, -2], None, "item id must be an int >= 0. Got -2"),
        ([1, "2"], None, "item id must be an int >= 0. Got '2'"),
        ("12", None, "item id must be an int >= 0. Got '12'"),
        ([1, True], None, "item id must be an int >= 0. Got True"),
        (np.eye(2, dtype=int), None, "ids must be the id of an item, or a sequence of them"),
        (None, "nonsense(", "where must be"),
    ],
    ids=str,
)
def test_nothing_is_removed_where_something_is_wrong(
    made: Collection, ids: object, where: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        made.remove(ids, where=where)  # type: ignore[arg-type]
    assert len(made) == 30


def test_a_removed_image_comes_back_under_a_new_id_and_is_not_encoded(
    made: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made.item(30).path
    made.remove([30, 29])
    monkeypatch.setattr(Model, "embed_pixels", None)
    assert made.add(path).added == 1
    assert made.search(Path(path), 1).ids.tolist() == [31]
    assert made.add(photos).added == 1
    assert made.stats().n_rows == 30


def test_only_one_writes(made: Collection) -> None:
    with writer_lock(made.path):
        for write in (made.compact, lambda: made.remove(1)):
            with pytest.raises(BusyError):
                write()
    assert made.remove(1) == 1


def test_a_moved_file_keeps_its_id_and_what_is_said_of_it(
    made: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = made.item(5)
    new = photos / "owl" / "elsewhere.png"
    shutil.move(old.path, new)
    monkeypatch.setattr(Model, "embed_pixels", None)
    report = made.add(photos, prune=True)
    assert (report.moved, report.added, report.already, report.pruned) == (1, 0, 29, 0)
    assert (old.label, made.item(5).label) == ("cat", "owl")
    assert made.item(5) == old._replace(path=str(new), label="owl")
    assert made.search(new, 1).ids == [5]
    assert made.add(photos).already == 30


def test_a_copy_is_not_moved_and_of_two_the_name_decides(
    tmp_path: Path, model: Model, make_photos: Callable[..., Path]
) -> None:
    photos = make_photos(tmp_path / "photos", 1, ("a",))
    one = photos / "a" / "0000.png"
    two = Path(shutil.copy(one, photos / "a" / "two.png"))
    collection = Collection.create(tmp_path / "c.hl", model)
    assert collection.add(photos).added == 2
    copy = Path(shutil.copy(one, photos / "copy.png"))
    assert collection.add([copy]).added == 1
    (photos / "b").mkdir()
    moved = [Path(shutil.move(file, photos / "b")) for file in (two, one)]
    report = collection.add(moved)
    assert (report.moved, report.added) == (2, 0)
    assert [Path(item.path).name for item in collection.items()] == [
        "0000.png",
        "two.png",
        "copy.png",
    ]
    one_more = [Path(shutil.copy(copy, photos / f"{i}.png")) for i in range(3)]
    moved[0].unlink()
    report = collection.add(one_more)
    assert (report.moved, report.added) == (1, 2)


def test_prune_removes_what_is_gone_below_the_folder_alone(
    made: Collection, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = photos.parent / "photos-2"
    beside.mkdir()
    odd = photos / "owl" / "caf\udce9.png"
    Image.new("RGB", (8, 8), "blue").save(odd)
    Image.new("RGB", (8, 8), "red").save(beside / "red.png")
    made.add(photos)
    made.add(beside)
    made.add(ArrayImages(np.full((1, 8, 8, 3), 9, np.uint8), f"{photos}/owl/array"))
    for file in (odd, beside / "red.png", photos / "owl" / "0000.png", photos / "cat" / "0001.png"):
        file.unlink()
    assert made.add(photos / "owl", prune=True).pruned == 2
    assert made.add(photos / "owl", prune=True).pruned == 0
    assert made.add(photos).pruned == 0
    monkeypatch.chdir(tmp_path)
    assert made.add("photos", prune=True).pruned == 1
    assert len(made) == 33 - 3
    assert str(beside / "red.png") in made.search(3, 50).paths


def test_what_cannot_be_looked_at_is_not_pruned(
    made: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    file = photos / "owl" / "0000.png"
    file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("hashlens.collection.sorting.os.stat", refused)
        assert not is_gone(str(file))
    assert is_gone(str(file))
    assert made.add(photos, prune=True).pruned == 1


@pytest.mark.parametrize("source", ["file", "list", "gone"])
def test_only_a_folder_is_pruned(made: Collection, photos: Path, source: str) -> None:
    file = photos / "owl" / "0000.png"
    sources = {"file": file, "list": [file], "gone": photos / "gone"}
    with pytest.raises(InputError, match="prune must be False where source is not a folder"):
        made.add(sources[source], prune=True)  # type: ignore[arg-type]
